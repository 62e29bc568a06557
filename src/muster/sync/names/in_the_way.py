"""Objects of nobody that have a value which a create is to give, where only one object may have it.

The system would refuse the create; the plan says so instead, and which object it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from muster.model.changes import Action
from muster.model.values import Document, Value, items, same, shown
from muster.store.codec import decode
from muster.store.database import Session
from muster.sync.rules.ruleset import CompiledMapping, Rules

Change = tuple[Any, ...]
"""A change as the queue holds it, without its id."""


@dataclass(frozen=True, slots=True)
class InTheWay:
    """A create, and the object (id) that has a value of it, in words: `userPrincipalName ada@acme.example`."""

    change: Change
    object: int
    value: str


def find_in_the_way(session: Session, rules: Rules, changes: Sequence[Change]) -> list[InTheWay]:
    """The creates that cannot be made because of objects of nobody, each with the first such object."""
    found: dict[int, InTheWay] = {}
    by_space: dict[int, list[tuple[Change, Document]]] = {}
    for change in changes:
        if change[5] == Action.CREATE and change[6] is None and change[1] in rules.alone:
            by_space.setdefault(change[1], []).append((change, orjson.loads(change[9])["values"]))
    for space, creates in by_space.items():
        for one in rules.alone[space]:
            wanted: dict[str, tuple[Change, Value]] = {}
            for change, values in creates:
                for value in items(values.get(one.attribute)):
                    key = one.key(value)
                    if key is not None:
                        wanted.setdefault(key, (change, value))
            for key, number in session.rows(
                "SELECT k.key, o.id FROM object_key k JOIN object o ON o.id = k.object "
                "WHERE k.sig = ? AND k.key IN ?t AND o.gone = 0 AND o.identity IS NULL ORDER BY o.id",
                one.sig,
                sorted(wanted),
            ):
                change, has = wanted[key]
                found.setdefault(id(change), InTheWay(change, number, f"{one.attribute} {has}"))
    return list(found.values())


def difference(mapping: CompiledMapping, document: Document, identity: Document) -> tuple[str, Value, Value] | None:
    """Why the join rules do not tie an object to an identity: attribute, what it has, and what theirs is.

    None where that takes more than one comparison.
    """
    for join in mapping.joins:
        for name, located in join.line.pairs.items():
            if len(located.expression.reads) != 1:
                continue
            attribute = min(located.expression.reads)
            has, theirs = document.get(attribute), identity.get(name)
            if has is not None and theirs is not None and not same(has, theirs, mapping.schema.attribute(attribute)):
                return attribute, has, theirs
    return None


def if_accepted(session: Session, number: int, mapping: CompiledMapping, identity: int) -> str:
    """What becomes of an object if it is said to be an identity's, as the end of a sentence about it."""
    shown_data = session.value("SELECT doc FROM object WHERE id = ?", number)
    data = session.value("SELECT doc FROM identity WHERE id = ?", identity)
    found = difference(mapping, decode(shown_data), decode(data)) if shown_data and data else None
    then = "what differs is written to it, and no other is made"
    if found is None:
        return then
    attribute, has, theirs = found
    return f"{then}; its {attribute} {_becomes(mapping, attribute, has, theirs)}"


def _becomes(mapping: CompiledMapping, attribute: str, has: Value, theirs: Value) -> str:
    flows: Mapping[str, str] = {flow.flow.attribute: flow.flow.enforce for flow in mapping.outbound}
    if flows.get(attribute) == "always":
        return f"becomes {shown(theirs)} instead of {shown(has)}"
    return f"stays {shown(has)}, though theirs is {shown(theirs)}"
