"""`clear groups`: the object of somebody who goes is taken out of every group of its system that shows it.

A group is an object of another type with a many-valued reference. Groups whose reference Muster itself enforces lose
the member as they lose any other (edge_plan.py, outbound.py); all others, managed or not, by changes that belong to the
person who goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from muster.expressions import Context
from muster.model import dn
from muster.model.values import Document, items
from muster.project.configuration import Place
from muster.store.codec import decode
from muster.store.database import Session
from muster.sync.identities.partial import PartialDocument, Unread
from muster.sync.problems import Problem
from muster.sync.provisioning.presence import protected
from muster.sync.queue.changes import PLANNED, RANK_EDGES
from muster.sync.rules.indexes import showing
from muster.sync.rules.ruleset import CompiledMapping, Rules, group_attributes

CLEARS = "deprovision: clear groups"
"""The rule that these changes give as their reason."""


@dataclass(frozen=True, slots=True)
class Clearing:
    """An identity's object through a mapping that is to be in no group, and the step that says so."""

    identity: int
    object: int
    mapping: CompiledMapping
    place: Place


@dataclass(slots=True)
class _Group:
    """One group that shows somebody: what it loses."""

    number: int
    space: int
    anchor: str
    mapping: int
    edges: list[tuple[int, str]]
    remove: dict[str, list[Any]]


@dataclass(slots=True)
class Removal:
    """A change (its columns after the id), and the values of large references that it removes (attribute, text)."""

    row: tuple[Any, ...]
    identity: int
    edges: list[tuple[int, str]]


def clear_groups(
    session: Session, rules: Rules, clearings: Sequence[Clearing], run: int, context: Context, unknown: Unread
) -> list[Removal]:
    """What takes these objects out of the groups that Muster does not keep in step by itself."""
    by_system: dict[str, list[Clearing]] = {}
    for one in clearings:
        by_system.setdefault(one.mapping.rules.system, []).append(one)
    made: list[Removal] = []
    for system, ones in by_system.items():
        names: dict[int, str] = dict(
            session.rows("SELECT id, COALESCE(ref, anchor) FROM object WHERE id IN ?i", [one.object for one in ones])
        )
        owners = {names[one.object]: one for one in ones if one.object in names}
        found: dict[tuple[str, int], _Group] = {}
        _large(session, rules, system, owners, found, context, unknown)
        _small(session, rules, system, owners, found, context, unknown)
        for (text, _), group in sorted(found.items()):
            made.append(_removal(owners[text], group, run))
    return made


def unseen_groups(rules: Rules, system: str) -> dict[str, list[str]]:
    """The object types of the system that may be groups and that no mapping reads, with what would hold members."""
    schema = rules.schemas.get(system)
    read = {mapping.rules.object for mapping in rules.mappings.values() if mapping.rules.system == system}
    found = {
        name: [one.name for one in group_attributes(kind)]
        for name, kind in (schema.types.items() if schema is not None else ())
        if name not in read
    }
    return {name: attributes for name, attributes in sorted(found.items()) if attributes}


def unseen_problems(rules: Rules, clearings: Iterable[Clearing]) -> Iterable[Problem]:
    """For each system in which somebody is to be in no group: what was not looked at for that."""
    places = {one.mapping.rules.system: one.place for one in clearings}
    for system, place in sorted(places.items()):
        for kind, attributes in unseen_groups(rules, system).items():
            yield Problem(
                "unseen-groups",
                system,
                f"{place}: `clear groups` does not look at {system}/{kind} ({', '.join(attributes)}), because no "
                "mapping reads these objects: accounts that go stay in them. Add a mapping file with "
                f"`system: {system}`, `object: {kind}` and `identity: group`",
                type=kind,
                note=True,
            )


def wake_cleared(session: Session, rules: Rules, shown: Iterable[tuple[int, str]]) -> None:
    """Groups (space, text) show somebody anew: those who are to be in none are worked out again."""
    if not rules.clearing:
        return
    texts: dict[str, set[str]] = {}
    for space, text in shown:
        texts.setdefault(rules.system_of(space), set()).add(text)
    for number in sorted(rules.clearing):
        mapping = rules.mappings[number]
        column = "ref" if mapping.schema.naming is not None else "anchor"
        session.run(
            "UPDATE identity SET dirty = dirty | 2 WHERE id IN (SELECT o.identity FROM object o JOIN presence p "
            "ON p.identity = o.identity AND p.mapping = o.mapping WHERE p.step = 1 AND p.wanted = 0 AND o.gone = 0 "
            f"AND o.mapping = ? AND o.space = ? AND o.{column} IN ?t)",
            number,
            mapping.space,
            sorted(texts.get(mapping.rules.system, ())),
        )


def _large(
    session: Session,
    rules: Rules,
    system: str,
    owners: dict[str, Clearing],
    found: dict[tuple[str, int], _Group],
    context: Context,
    unknown: Unread,
) -> None:
    for text, attribute, wrote, number, space, anchor, mapping, data in session.rows(
        "SELECT s.text, s.attribute, s.wrote, o.id, o.space, o.anchor, o.mapping, o.doc FROM shown s "
        "JOIN object o ON o.id = s.object WHERE s.text IN ?t AND o.space IN ?i AND o.gone = 0 ORDER BY o.id",
        sorted(owners),
        rules.spaces_of(system),
    ):
        name = rules.names.text(attribute)
        group = _group(
            rules, owners[text], number, space, anchor, mapping, name, bool(wrote), decode(data), context, unknown
        )
        if group is not None:
            found.setdefault((text, number), group).edges.append((attribute, text))


def _small(
    session: Session,
    rules: Rules,
    system: str,
    owners: dict[str, Clearing],
    found: dict[tuple[str, int], _Group],
    context: Context,
    unknown: Unread,
) -> None:
    """References that stand in the objects themselves."""
    for space in rules.spaces_of(system):
        for one in rules.indexed.get(space, ()) if space in rules.by_space else ():
            if not one.reference:
                continue
            keys = {key for text in owners if (key := one.key(text)) is not None}
            for number, _, anchor, mapping, _, data in showing(session, one, sorted(keys)):
                document: Document = decode(data)
                for value in items(document.get(one.attribute)):
                    text = dn.normal(str(value)) if rules.naming.get(system) else str(value)
                    if text not in owners:
                        continue
                    name = one.attribute
                    group = _group(
                        rules, owners[text], number, space, anchor, mapping, name, True, document, context, unknown
                    )
                    if group is not None:
                        found.setdefault((text, number), group).remove.setdefault(name, []).append(value)


def _group(
    rules: Rules,
    owner: Clearing,
    number: int,
    space: int,
    anchor: str,
    mapping_id: int | None,
    attribute: str,
    wrote: bool,
    document: Document,
    context: Context,
    unknown: Unread,
) -> _Group | None:
    """The group, if it is for us to take the member out: not one that is kept in step anyway, nor a protected one."""
    schema = rules.schema_of(space)
    if space == owner.mapping.space or schema is None or space not in rules.by_space:
        return None
    if attribute not in {one.name for one in group_attributes(schema)}:
        return None
    mapping = rules.mappings.get(mapping_id) if mapping_id is not None else None
    if mapping is not None:
        rule = next((f.flow.enforce for f in mapping.outbound if f.edge and f.flow.attribute == attribute), None)
        if rule == "always" or (rule == "change" and wrote):
            return None
    known = PartialDocument(document, unknown.of(space, number))
    if any(protected(one, known, context) for one in ([mapping] if mapping else rules.by_space[space])):
        return None
    return _Group(number, space, anchor, (mapping or rules.by_space[space][0]).id, [], {})


def _removal(owner: Clearing, group: _Group, run: int) -> Removal:
    payload: dict[str, Any] = {
        "values": {},
        "was": {},
        "clears": True,
        "reason": {"mapping": owner.place.file, "line": owner.place.line, "rule": CLEARS, "source": None},
    }
    if group.remove:
        payload["remove"] = group.remove
    row = (
        (run, group.space, group.mapping, owner.identity, group.number, "update", group.anchor, RANK_EDGES, 0)
        + (orjson.dumps(payload), PLANNED)
    )  # fmt: skip
    return Removal(row, owner.identity, group.edges)
