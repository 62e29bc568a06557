"""What a person decides about joins. A decision is kept, and the next run obeys it.

Accept: the object is this identity's. Refuse: it is not. New: it is nobody's whom we know, and becomes an identity of
its own. Split: the object leaves the identity it is joined to and does not come back. Merge: all objects of one
identity go to another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from muster.model.errors import ProjectError
from muster.store.database import Session
from muster.sync.joins.cases import wake_cases
from muster.sync.joins.decisions import ALONE, JOIN, REFUSE
from muster.sync.marks import CHANGED, IN, OUT
from muster.sync.names.reserving import release_shown
from muster.sync.references.edge_streams import forget_origin
from muster.sync.references.edges import release_targets
from muster.sync.references.naming import wake_referrers
from muster.sync.rules.ruleset import Rules

DECISIONS: Final = ("accept", "refuse", "new", "split", "merge")


@dataclass(frozen=True, slots=True)
class Decided:
    """An object that a decision is about."""

    id: int
    space: int
    anchor: str
    ref: str | None
    mapping: int | None
    identity: int | None


def object_of(session: Session, rules: Rules, system: str, kind: str | None, anchor: str) -> Decided:
    """The object of that anchor. Raises `ProjectError` when there is none, or one in several types."""
    spaces = [number for number, (name, of) in rules.spaces.items() if name == system and kind in (None, of)]
    rows = session.rows(
        "SELECT id, space, anchor, ref, mapping, identity FROM object WHERE space IN ?i AND anchor = ? AND gone = 0",
        spaces,
        anchor,
    )
    if not rows:
        of_type = f" of type {kind}" if kind else ""
        raise ProjectError(f"{system} shows no object {anchor!r}{of_type}. What waits: muster joins")
    if len(rows) > 1:
        kinds = ", ".join(sorted(rules.spaces[row[1]][1] for row in rows))
        raise ProjectError(f"{system} shows {anchor!r} as {kinds}: say which object type is meant")
    return Decided(*rows[0])


def accept(session: Session, rules: Rules, item: Decided, identity: int, *, by: str, now: int) -> None:
    """The object belongs to the identity; it moves there if it is joined to another one."""
    if item.identity == identity:
        raise ProjectError(
            f"{_name(rules, item)} is joined to {_uid(session, identity)} already: there is nothing to accept. "
            "What waits: muster joins"
        )
    mapping = rules.mappings.get(item.mapping) if item.mapping is not None else None
    if mapping is not None:
        kind = session.value("SELECT type FROM identity WHERE id = ?", identity)
        if kind != mapping.rules.identity:
            raise ProjectError(
                f"{_name(rules, item)} is a {mapping.rules.identity}; {_uid(session, identity)} is a {kind}. "
                f"Name a {mapping.rules.identity}"
            )
        _refuse_taken(session, rules, [item], identity)
    session.run("DELETE FROM decision WHERE object = ? AND kind <> ?", item.id, REFUSE)
    session.run("DELETE FROM decision WHERE object = ? AND identity = ?", item.id, identity)
    _decide(session, JOIN, [item], identity, by, now)
    if item.identity is not None:
        release_shown(session, rules, {item.id: item.identity})
    _loosen(session, rules, [item])


def refuse(session: Session, rules: Rules, item: Decided, identities: Sequence[int], *, by: str, now: int) -> None:
    """The object does not belong to these identities. What matches its own identity from there is looked at again."""
    if item.identity in identities:
        raise ProjectError(
            f"{_name(rules, item)} is joined to {_uid(session, item.identity or 0)}: split it off instead"
        )
    for identity in identities:
        session.run("DELETE FROM decision WHERE object = ? AND identity = ?", item.id, identity)
        _decide(session, REFUSE, [item], identity, by, now)
    session.run(f"UPDATE object SET dirty = {CHANGED} WHERE id = ?", item.id)
    if item.identity is not None:
        session.run(
            f"UPDATE object SET dirty = {CHANGED} WHERE gone = 0 AND id IN "
            "(SELECT object FROM case_identity WHERE identity = ?)",
            item.identity,
        )


def new(session: Session, rules: Rules, item: Decided, *, by: str, now: int) -> None:
    """The object belongs to nobody whom we know; the next run makes an identity of it."""
    name = _name(rules, item)
    if item.identity is not None:
        raise ProjectError(
            f"{name} is joined to {_uid(session, item.identity)}. Split it off if it is somebody else's, or refuse "
            "the identities that it matches too"
        )
    mapping = rules.mappings.get(item.mapping) if item.mapping is not None else None
    if mapping is None:
        raise ProjectError(f"{name} is in the scope of no mapping, so no identity can be made of it")
    if not mapping.rules.project:
        raise ProjectError(
            f"Mapping {mapping.name} makes no identities (it has no `project: true`). To leave {name} to nobody, "
            "refuse it"
        )
    session.run("DELETE FROM decision WHERE object = ?", item.id)
    _decide(session, ALONE, [item], None, by, now)
    session.run(f"UPDATE object SET dirty = {CHANGED} WHERE id = ?", item.id)


def split(session: Session, rules: Rules, item: Decided, *, by: str, now: int) -> None:
    """The object leaves its identity, and is looked at as if nobody matched it."""
    if item.identity is None:
        raise ProjectError(
            f"{_name(rules, item)} is joined to nobody: there is nothing to split. What waits: muster joins"
        )
    session.run("DELETE FROM decision WHERE object = ?", item.id)
    _decide(session, ALONE, [item], item.identity, by, now)
    release_shown(session, rules, {item.id: item.identity})
    _loosen(session, rules, [item])


def merge(session: Session, rules: Rules, source: int, into: int, *, by: str, now: int) -> None:
    """All objects of one identity belong to another, with the unique values and the holds; nothing is left of it."""
    if source == into:
        raise ProjectError("These are one identity already: name two different ones")
    kinds: dict[int, str] = dict(session.rows("SELECT id, type FROM identity WHERE id IN ?i", [source, into]))
    if kinds.get(source) != kinds.get(into):
        raise ProjectError(f"A {kinds.get(source)} cannot be merged into a {kinds.get(into)}: name two of one type")
    items = [
        Decided(*row)
        for row in session.rows(
            "SELECT id, space, anchor, ref, mapping, identity FROM object WHERE identity = ? AND gone = 0 "
            "ORDER BY space, anchor",
            source,
        )
    ]
    _refuse_taken(session, rules, items, into)
    for number, other in ((source, into), (into, source)):
        session.run(
            "DELETE FROM decision WHERE identity = ? AND object IN (SELECT id FROM object WHERE identity = ?)",
            other,
            number,
        )
    _decide(session, JOIN, items, into, by, now)
    session.run("UPDATE reserved SET identity = ? WHERE identity = ?", into, source)
    session.run("UPDATE hold SET identity = ? WHERE identity = ?", into, source)
    _loosen(session, rules, items)
    session.run(f"UPDATE identity SET dirty = dirty | {IN | OUT} WHERE id IN ?i", [source, into])


def _refuse_taken(session: Session, rules: Rules, items: Sequence[Decided], identity: int) -> None:
    """One object a mapping: the places must be free."""
    single = {m.id: m.name for m in rules.mappings.values() if not m.rules.several}
    taken = {
        row[0]: row[1]
        for row in session.rows("SELECT mapping, anchor FROM object WHERE identity = ? AND gone = 0", identity)
        if row[0] in single
    }
    for item in items:
        if item.mapping is not None and item.mapping in taken:
            raise ProjectError(
                f"{_uid(session, identity)} has {taken[item.mapping]} through mapping "
                f"{single[item.mapping]} already, so {_name(rules, item)} cannot be theirs too. "
                f"Split {taken[item.mapping]} off first, or let the mapping have `several: true`"
            )


def _decide(session: Session, kind: str, items: Sequence[Decided], identity: int | None, by: str, now: int) -> None:
    session.insert(
        "decision",
        ("kind", "object", "identity", "made_by", "at"),
        [(kind, item.id, identity, by, now) for item in items],
    )


def _loosen(session: Session, rules: Rules, items: Sequence[Decided]) -> None:
    """The objects are joined to nobody until the next run looks at them."""
    joined = [item for item in items if item.identity is not None]
    release_targets(session, rules, [(item.id, item.space, item.anchor, item.ref) for item in joined])
    forget_origin(session, rules, [item.id for item in joined])
    wake_cases(session, {(item.identity, item.mapping) for item in joined if item.identity and item.mapping})
    session.run(f"UPDATE object SET identity = NULL, dirty = {CHANGED} WHERE id IN ?i", [item.id for item in items])
    owners = sorted({item.identity for item in joined if item.identity is not None})
    wake_referrers(session, rules, owners)
    session.run(f"UPDATE identity SET dirty = dirty | {IN | OUT} WHERE id IN ?i", owners)


def _name(rules: Rules, item: Decided) -> str:
    system, kind = rules.spaces[item.space]
    return f"{system}/{kind} {item.anchor}"


def _uid(session: Session, identity: int) -> str:
    return str(session.value("SELECT uid FROM identity WHERE id = ?", identity))
