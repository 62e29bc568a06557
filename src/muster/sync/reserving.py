"""Unique values: who holds which, and which are free.

Values are given out in one serial step, identity by identity in the order of their ids (which is the order of
precedence, then anchor). A value is free when no other identity has reserved it and no object of another hand shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from muster.model.values import key_text
from muster.store.database import CHUNK, Session
from muster.sync.changes import SENT
from muster.sync.rules import Rules
from muster.sync.unique import Reservation

_COLUMNS: Final = ("scope", "key", "identity", "value", "firm")


class Reservations:
    """The reservations that one batch looks at and makes, in memory until `save`."""

    def __init__(self, rules: Rules, session: Session) -> None:
        self.rules = rules
        self.session = session
        self._holders: dict[tuple[str, str], set[int]] = {}
        self._asked: set[tuple[str, str]] = set()
        self._new: dict[tuple[str, str], tuple[int, str]] = {}
        self._released: set[tuple[str, str]] = set()
        self._had: dict[int, dict[str, list[Reservation]]] = {}

    def load(self, identities: Sequence[int]) -> None:
        """Fetch what these identities hold."""
        for start in range(0, len(identities), CHUNK):
            part = list(identities[start : start + CHUNK])
            for number in part:
                self._had.setdefault(number, {})
            for scope, identity, value, firm in self.session.rows(
                "SELECT scope, identity, value, firm FROM reserved WHERE identity IN ?i ORDER BY scope, key", part
            ):
                self._had[identity].setdefault(scope, []).append(Reservation(value, bool(firm)))

    def of(self, identity: int) -> dict[str, list[Reservation]]:
        """What the identity holds, by scope."""
        if identity not in self._had:
            self.load([identity])
        return self._had[identity]

    def prefetch(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Look up in one go who holds these (scope, value) pairs."""
        by_scope: dict[str, set[str]] = {}
        for scope, value in wanted:
            key = key_text((value,))
            if key is not None and (scope, key) not in self._asked:
                by_scope.setdefault(scope, set()).add(key)
        for scope, keys in sorted(by_scope.items()):
            self._fetch(scope, sorted(keys))

    def _fetch(self, scope: str, keys: list[str]) -> None:
        for start in range(0, len(keys), CHUNK):
            part = keys[start : start + CHUNK]
            self._asked.update((scope, key) for key in part)
            for key, identity in self.session.rows(
                "SELECT key, identity FROM reserved WHERE scope = ? AND key IN ?t", scope, part
            ):
                self._holders.setdefault((scope, key), set()).add(identity)
            for sig in self.rules.scope_sigs.get(scope, ()):
                for key, identity in self.session.rows(
                    "SELECT k.key, o.identity FROM object_key k JOIN object o ON o.id = k.object "
                    "WHERE k.sig = ? AND k.key IN ?t AND o.gone = 0",
                    sig,
                    part,
                ):
                    self._holders.setdefault((scope, key), set()).add(identity or 0)

    def allocate(self, identity: int, scope: str, candidates: Sequence[str]) -> str | None:
        """The first free candidate, now reserved for the identity; None when all are taken."""
        self.prefetch((scope, value) for value in candidates)
        for value in candidates:
            key = key_text((value,))
            if key is None:
                continue
            place = (scope, key)
            if self._holders.get(place, set()) - {identity}:
                continue
            own = self.of(identity).get(scope, [])
            for had in own:
                if not had.firm:
                    self._release(scope, had.value)
            firm = [had for had in own if had.firm]
            self._holders.setdefault(place, set()).add(identity)
            self._new[place] = (identity, value)
            if all(key_text((had.value,)) != key for had in firm):
                firm.append(Reservation(value, False))
            self.of(identity)[scope] = firm
            return value
        return None

    def _release(self, scope: str, value: str) -> None:
        key = key_text((value,)) or ""
        self._holders.pop((scope, key), None)
        if self._new.pop((scope, key), None) is None:
            self._released.add((scope, key))

    def save(self) -> None:
        """Write what changed."""
        self.session.delete("reserved", ("scope", "key"), sorted(self._released - self._new.keys()))
        self.session.upsert(
            "reserved",
            _COLUMNS,
            ("scope", "key"),
            [(scope, key, identity, value, 0) for (scope, key), (identity, value) in sorted(self._new.items())],
            ("firm",),
        )
        self._new.clear()
        self._released.clear()


def release_taken(session: Session, rules: Rules, keys: Sequence[tuple[int, str, int]]) -> None:
    """Objects show these values (index, key, object): who had one of them in mind, and wrote nothing yet, gets another.

    Its own object may be among them; it then gets the same value again. What was sent before an interruption may be
    what shows now: that is settled first.
    """
    for scope, sigs in rules.scope_sigs.items():
        shown = sorted({key for sig, key, _ in keys if sig in sigs})
        rows = (
            session.rows(
                "SELECT key, identity FROM reserved r WHERE scope = ? AND key IN ?t AND firm = 0 AND NOT EXISTS "
                f"(SELECT 1 FROM change c WHERE c.identity = r.identity AND c.state = {SENT})",
                scope,
                shown,
            )
            if shown
            else ()
        )
        if rows:
            session.delete("reserved", ("scope", "key"), [(scope, key) for key, _ in rows])
            session.run("UPDATE identity SET dirty = dirty | 3 WHERE id IN ?i", [identity for _, identity in rows])


def make_firm(session: Session, identities: Sequence[int]) -> None:
    """Something was written with these identities' unique values: they are theirs for good."""
    session.run("UPDATE reserved SET firm = 1 WHERE firm = 0 AND identity IN ?i", list(identities))
