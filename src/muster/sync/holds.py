"""Holds: what workflows, reviewers and operators ask of an identity, and the engine makes so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from muster.model.values import Value
from muster.store.codec import decode, encode
from muster.store.database import Session


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold. `kind`: "absent", "disabled" (of one mapping, or of all when `mapping` is None) or "value"."""

    id: int
    identity: int
    mapping: str | None
    kind: str
    attribute: str | None
    value: Value
    by: str
    why: str
    until: int | None
    condition: str | None


@dataclass(slots=True)
class Holds:
    """The holds in force for a batch of identities."""

    by_identity: dict[int, list[Hold]] = field(default_factory=dict)
    overrides: dict[int, dict[str, Value]] = field(default_factory=dict)
    due: dict[int, int] = field(default_factory=dict)


def load_holds(session: Session, identities: Sequence[int], now: int) -> Holds:
    """The holds of these identities that have not run out at `now`, and when the next of them does."""
    found = Holds()
    for number, identity, mapping, kind, attribute, value, by, why, until, condition in session.rows(
        "SELECT id, identity, mapping, kind, attribute, value, set_by, why, until, condition FROM hold "
        "WHERE identity IN ?i ORDER BY id",
        list(identities),
    ):
        if until is not None:
            if until <= now:
                continue
            found.due[identity] = min(until, found.due.get(identity, until))
        hold = Hold(
            number, identity, mapping, kind, attribute, decode(value) if value else None, by, why, until, condition
        )
        found.by_identity.setdefault(identity, []).append(hold)
        if kind == "value" and attribute is not None:
            found.overrides.setdefault(identity, {})[attribute] = hold.value
    return found


def set_hold(
    session: Session,
    identity: int,
    kind: str,
    *,
    by: str,
    why: str,
    mapping: str | None = None,
    attribute: str | None = None,
    value: Value = None,
    until: int | None = None,
    condition: str | None = None,
) -> None:
    """Put a hold on an identity; the next run makes it so."""
    session.run(
        "INSERT INTO hold (identity, mapping, kind, attribute, value, set_by, why, until, condition) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        identity,
        mapping,
        kind,
        attribute,
        encode(value),
        by,
        why,
        until,
        condition,
    )
    session.run("UPDATE identity SET dirty = dirty | 3 WHERE id = ?", identity)


def drop_hold(session: Session, number: int) -> None:
    """Take a hold away; the next run works the identity out without it."""
    row = session.one("SELECT identity FROM hold WHERE id = ?", number)
    if row is not None:
        session.run("DELETE FROM hold WHERE id = ?", number)
        session.run("UPDATE identity SET dirty = dirty | 3 WHERE id = ?", row[0])
