"""Whose a join key is, where references name people by it: of several who have it, of who had it first.

A second person with somebody's number is mostly a typo, and what refers to that number must not change because of it.
"Before" is counted in inbound steps that came to their end, not by what was read first in one; a step that was killed
and is done again is the same one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from muster.store.database import Session

KEY: Final = ("sig", "key", "identity")
_STEP: Final = "inbound"
_SHARED: Final = ("sig", "key")


def next_since(session: Session) -> int:
    """The number of the inbound step that is at work or is the next one: keys that come now are of that one."""
    return int(session.value("SELECT next FROM counter WHERE name = ?", _STEP) or 0) + 1


def end_since(session: Session) -> None:
    """The inbound step came to its end: keys that come afterwards came later."""
    session.reserve(_STEP, 1)


def add_keys(session: Session, rows: Sequence[tuple[int, str, int, int]]) -> None:
    """Identities get join keys (sig, key, identity, since); who has one already has it since before."""
    session.upsert("identity_key", (*KEY, "since"), KEY, rows, ("since",))


def key_owners(session: Session, sig: int, keys: Sequence[str]) -> dict[str, int]:
    """The identity that each key names: the only one that has it, or had it before all others. Keys that several have
    are remembered, for `shared_keys`."""
    found: dict[str, list[tuple[int, int]]] = {}
    for key, identity, since in session.rows(
        "SELECT key, identity, since FROM identity_key WHERE sig = ? AND key IN ?t", sig, list(keys)
    ):
        found.setdefault(key, []).append((since, identity))
    shared = sorted((sig, key) for key, hits in found.items() if len(hits) > 1)
    session.upsert("shared_key", _SHARED, _SHARED, shared)
    owners: dict[str, int] = {}
    for key, hits in found.items():
        hits.sort()
        if len(hits) == 1 or hits[0][0] < hits[1][0]:
            owners[key] = hits[0][1]
    return owners


def forget_shared(session: Session, pairs: Sequence[tuple[int, str]]) -> None:
    """Who has these keys is looked up anew."""
    if pairs and session.one("SELECT sig FROM shared_key LIMIT 1") is not None:
        session.delete("shared_key", _SHARED, sorted(set(pairs)))


def shared_keys(session: Session, sigs: Sequence[int], most: int) -> list[tuple[int, str, int, list[int]]]:
    """Keys (sig, key) that several identities have and by which references lead to the one that had it first: that
    one, and the others. At most so many."""
    found: list[tuple[int, str, int, list[int]]] = []
    for sig, key, owner in session.rows(
        "SELECT s.sig, s.key, (SELECT min(e.target) FROM edge e WHERE e.how = s.sig AND e.key = s.key) AS owner "
        "FROM shared_key s WHERE s.sig IN ?i ORDER BY s.sig, s.key LIMIT ?",
        list(sigs),
        most,
    ):
        if owner is not None:
            others = session.rows(
                "SELECT identity FROM identity_key WHERE sig = ? AND key = ? AND identity <> ? ORDER BY identity",
                sig,
                key,
                owner,
            )
            found.append((sig, key, owner, [row[0] for row in others]))
    return found
