"""Holds: what workflows, reviewers and operators ask of an identity, and the engine makes so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from muster.expressions import Context, Expression, compile_expression
from muster.model.values import Value
from muster.store.codec import decode, encode
from muster.store.database import Session


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold, in force until `until` and while `condition` (an expression over the identity) is true.

    `kind`: "absent", "disabled" (of one mapping's object, or of all when `mapping` is None) or "value" (of an attribute
    of the mapping's object, or of the identity when `mapping` is None).
    """

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

    @property
    def reason(self) -> str:
        """Who asks for it, and why, as a change says it."""
        return f"hold by {self.by}: {self.why}"

    def holds(self, document: Mapping[str, Value], context: Context, parameters: Mapping[str, str]) -> bool:
        """Whether it is in force over these values. A condition that fails keeps it so, as does one not known yet."""
        if self.condition is None:
            return True
        result = condition_of(self.condition, tuple(sorted(parameters.items()))).evaluate(document, context)
        return not (result is False or result is None)


@dataclass(slots=True)
class Holds:
    """The holds of a batch of identities that have not run out, and when the next of them does."""

    by_identity: dict[int, list[Hold]] = field(default_factory=dict)
    due: dict[int, int] = field(default_factory=dict)

    def in_force(
        self, identity: int, document: Mapping[str, Value], context: Context, parameters: Mapping[str, str]
    ) -> list[Hold]:
        """The identity's holds that its values leave in force."""
        return [hold for hold in self.by_identity.get(identity, ()) if hold.holds(document, context, parameters)]


def overrides(holds: Sequence[Hold]) -> dict[str, Value]:
    """The values of the identity that these holds set; the latest wins."""
    return {
        hold.attribute: hold.value
        for hold in holds
        if hold.kind == "value" and hold.attribute is not None and hold.mapping is None
    }


@lru_cache(maxsize=1024)
def condition_of(text: str, parameters: tuple[tuple[str, str], ...] = ()) -> Expression:
    """The condition, compiled. Raises `ExpressionError` when the text is none."""
    return compile_expression(text, parameters=dict(parameters))


def load_holds(session: Session, identities: Sequence[int], now: int) -> Holds:
    """The holds of these identities that have not run out at `now`."""
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
