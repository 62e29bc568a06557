"""Documents ↔ objects. Nothing here opens a file, so all of it is tested without one."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from muster.model.changes import Change
from muster.model.objects import ConnectorObject
from muster.model.schema import ENABLED, ObjectSchema
from muster.model.values import Document, Scalar, Value, WrongType, comparable, convert, items, same, shown

Card = dict[str, Any]
"""A document as its file holds it; keys that the schema does not know are in it, too."""


class Damaged(ValueError):
    """A document that nobody can read. The message says what is wrong with it."""


def card_of(text: bytes) -> Card:
    """The document. Raises `Damaged`."""
    try:
        card = json.loads(text)
    except ValueError as error:  # no JSON, or no UTF-8
        raise Damaged(f"it is no JSON: {error}") from None
    if not isinstance(card, dict):
        raise Damaged(f"expected an object in braces, found {shown(card)}")
    return card


def text_of(card: Card) -> bytes:
    """The document as a file holds it: the same content gives the same bytes."""
    return (json.dumps(card, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def values_of(schema: ObjectSchema, anchor: str, card: Card, wanted: Collection[str]) -> Document:
    """The wanted values, each in the form of its type. Raises `Damaged` for one that cannot be in that form."""
    found: Document = {}
    for name in wanted:
        value = anchor if name == schema.anchor else card.get(name, True if name == ENABLED else None)
        try:
            found[name] = convert(value, schema.attribute(name))
        except WrongType as error:
            raise Damaged(f"{name}: {error}") from None
    return {name: value for name, value in found.items() if value is not None}


def object_of(schema: ObjectSchema, anchor: str, card: Card, wanted: Collection[str], where: str) -> ConnectorObject:
    """The object that the document shows. Raises `Damaged`."""
    return ConnectorObject(schema.name, anchor, values_of(schema, anchor, card, wanted), where=where)


def merged(schema: ObjectSchema, card: Card, change: Change) -> Card:
    """The document after the change; what the change does not name stays. Raises `WrongType` for a value of no use."""
    for name in {*change.values, *change.add, *change.remove}:
        if not schema.has(name):
            raise WrongType(f"there is no attribute {name!r}; name it under `attributes` in the system file")
    after = dict(card)
    for name, value in change.values.items():
        after[name] = convert(value, schema.attribute(name))
    for name in {*change.add, *change.remove}:
        after[name] = _with_and_without(
            after.get(name), change.add.get(name, []), change.remove.get(name, []), schema, name
        )
    after.pop(schema.anchor, None)  # the file's name says it
    return {name: value for name, value in after.items() if value is not None}


def _with_and_without(
    have: Value, add: list[Scalar], remove: list[Scalar], schema: ObjectSchema, name: str
) -> list[Scalar]:
    attribute = schema.attribute(name)
    gone = {comparable(value, attribute) for value in items(convert(remove, attribute))}
    kept = {comparable(value, attribute): value for value in [*items(have), *items(convert(add, attribute))]}
    return [value for key, value in kept.items() if key not in gone]


def conflict(schema: ObjectSchema, anchor: str, card: Card, expected: Document) -> str:
    """The first value that is not as expected, in words; empty when all are. Raises `Damaged`."""
    now = values_of(schema, anchor, card, expected)
    for name, value in expected.items():
        if not same(now.get(name), value, schema.attribute(name)):
            return f"{name} is {shown(now.get(name))}, expected {shown(value)}"
    return ""


def has(schema: ObjectSchema, values: Document, name: str, value: Value) -> bool:
    """Whether the object has that value; in a list it is enough to be one of them."""
    attribute = schema.attribute(name)
    if attribute.many and value is not None and not isinstance(value, list):
        return any(same([one], [value], attribute) for one in items(values.get(name)))
    return same(values.get(name), value, attribute)


def unusable(anchor: str) -> str:
    """Why the anchor cannot name a file; empty when it can."""
    if not anchor or anchor.startswith(".") or "/" in anchor or "\0" in anchor:
        return f"{shown(anchor)} cannot be the name of a file: no slash, no dot at the start"
    if len(anchor.encode()) > 240:
        return f"{shown(anchor)} is too long for the name of a file: at most 240 bytes"
    return ""
