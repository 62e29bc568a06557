"""What people decided about joins, as matching asks for it. A later decision about the same thing wins."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from muster.store.database import Session

JOIN: Final = "join"
REFUSE: Final = "refuse"
ALONE: Final = "new"
"""`kind` of a decision: the object is this identity's; it is not this identity's; it is nobody's whom we know."""

OURSELVES: Final = "muster"
"""`made_by` of what no person decided."""


@dataclass(slots=True)
class Decisions:
    """The decisions about a batch of objects, by object. `joins`: the identity and its type."""

    joins: dict[int, tuple[int, str]] = field(default_factory=dict)
    refused: dict[int, set[int]] = field(default_factory=dict)
    alone: set[int] = field(default_factory=set)

    def apart(self, session: Session, identities: Collection[int]) -> set[tuple[int, int]]:
        """The pairs among these identities that somebody decided are not one, both ways round."""
        if not identities:
            return set()
        found = session.rows(
            "SELECT o.identity, d.identity FROM decision d JOIN object o ON o.id = d.object "
            f"WHERE o.identity IN ?i AND d.kind IN ('{REFUSE}', '{ALONE}') AND d.identity IS NOT NULL",
            sorted(identities),
        )
        return {pair for own, other in found for pair in ((own, other), (other, own))}


def load_decisions(session: Session, objects: Sequence[int]) -> Decisions:
    """The decisions about these objects; to join somebody who is no more is none."""
    found = Decisions()
    rows = session.rows(
        "SELECT d.object, d.kind, d.identity, i.type FROM decision d LEFT JOIN identity i ON i.id = d.identity "
        "WHERE d.object IN ?i ORDER BY d.id",
        list(objects),
    )
    for number, kind, identity, type_name in rows:
        if kind == JOIN:
            if type_name is not None:
                found.alone.discard(number)
                found.joins[number] = (identity, type_name)
                found.refused.get(number, set()).discard(identity)
        elif kind == ALONE:
            found.joins.pop(number, None)
            found.alone.add(number)
        else:
            if found.joins.get(number, (None, ""))[0] == identity:
                del found.joins[number]
            found.refused.setdefault(number, set()).add(identity)
    return found


def remember_parting(session: Session, objects: Sequence[tuple[int, int]], at: int) -> None:
    """Objects (id, identity) left scope: when they come back they are that identity's again, while it is there."""
    if not objects:
        return
    session.run("DELETE FROM decision WHERE made_by = ? AND object IN ?i", OURSELVES, [number for number, _ in objects])
    session.insert(
        "decision",
        ("kind", "object", "identity", "made_by", "at"),
        [(JOIN, number, identity, OURSELVES, at) for number, identity in objects],
    )
