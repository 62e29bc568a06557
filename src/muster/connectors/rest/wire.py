"""Records ↔ Muster's objects and values: pure, tested without a server."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from muster.connectors.rest.picks import Pick, pick, quoted
from muster.connectors.rest.settings import Nulls, RestAttribute, RestObject, Writable
from muster.model.objects import ConnectorObject, EdgePage, ReadProblem
from muster.model.schema import ENABLED, ENABLED_ATTRIBUTE, ObjectSchema
from muster.model.values import Attribute, Document, Type, Value, WrongType, convert, same, shown

Record: TypeAlias = dict[str, Any]

EDGES = 5_000
"""Values in one `EdgePage`."""


@dataclass(frozen=True, slots=True)
class RestType:
    """One object type: its schema, its requests, and where each attribute is in a record."""

    name: str
    spec: RestObject
    schema: ObjectSchema
    places: Mapping[str, Pick]

    @property
    def small(self) -> list[str]:
        """Every attribute that comes with a record, `enabled` among them."""
        names = [name for name, one in self.schema.attributes.items() if not one.large]
        return [*names, ENABLED] if self.schema.can_enable else names

    def attribute(self, name: str) -> Attribute:
        """The attribute. Raises `WrongType` when the system file has none of that name."""
        if not self.schema.has(name):
            raise WrongType(f"there is no attribute {name!r} among `attributes`")
        return self.schema.attribute(name)


def rest_type(name: str, spec: RestObject) -> RestType:
    """The type as the system file declares it."""
    attributes: dict[str, Attribute] = {}
    places: dict[str, Pick] = {}
    creates, updates = spec.create is not None, spec.update is not None
    for one, given in spec.attributes.items():
        said = given if isinstance(given, RestAttribute) else RestAttribute(type=given)
        place = places[one] = pick(said.at or quoted(one))
        writable = said.writable if place.writable else Writable.NEVER
        if one == spec.anchor and spec.assigned:
            writable = Writable.NEVER
        elif not updates or one == spec.anchor:
            writable = Writable.CREATE if creates and writable is not Writable.NEVER else Writable.NEVER
        many = isinstance(said.type, list)
        kind = said.type[0] if isinstance(said.type, list) else said.type
        attributes[one] = Attribute(one, kind, many, said.required, said.exact, str(writable))
    for one, members in spec.members.items():
        writable = Writable.ALWAYS if members.add or members.remove else Writable.NEVER
        places.setdefault(one, pick(quoted(one)))
        attributes[one] = Attribute(one, Type.REFERENCE, many=True, large=True, writable=str(writable))
    schema = ObjectSchema(
        name,
        spec.anchor,
        attributes,
        assigned=spec.assigned,
        can_enable=spec.enabled is not None,
        naming=spec.name,
        writable=creates or updates or spec.delete is not None,
        called="the system file's `objects`",
    )
    return RestType(name, spec, schema, places)


def anchor_of(kind: RestType, record: object) -> str | None:
    """The anchor that a record shows, as text; None without one."""
    found = kind.places[kind.spec.anchor](record)
    if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
        return None
    return str(found)


def value_of(kind: RestType, record: object, name: str) -> Value:
    """One attribute of a record, in its own form. Raises `WrongType`."""
    if name == ENABLED and kind.spec.enabled is not None:
        return kind.spec.enabled.read(kind.places[kind.spec.enabled.column](record))
    return convert(kind.places[name](record), kind.schema.attribute(name))


def read(kind: RestType, record: object, wanted: Iterable[str]) -> ConnectorObject | ReadProblem:
    """The object of a record, or what is wrong with it."""
    anchor = anchor_of(kind, record)
    if anchor is None:
        message = f"the application shows a record without {kind.spec.anchor!r}. Correct `at` of that attribute."
        return ReadProblem(kind.name, None, message, kind.spec.read.path)
    values: Document = {}
    for name in wanted:
        if not kind.schema.has(name) or kind.schema.attribute(name).large:
            continue
        try:
            value = value_of(kind, record, name)
        except WrongType as error:
            return ReadProblem(kind.name, anchor, f"{name}: {error}. Correct it there, or its `type`.")
        if value is not None:
            values[name] = value
    return ConnectorObject(kind.name, anchor, values)


def edges(kind: RestType, anchor: str, name: str, found: Iterable[object]) -> list[EdgePage]:
    """All values of a large attribute as pages."""
    texts = list(dict.fromkeys(str(one) for one in found if one is not None))
    return [
        EdgePage(kind.name, anchor, name, texts[at : at + EDGES], whole=True, last=at + EDGES >= len(texts))
        for at in range(0, len(texts), EDGES) or range(1)
    ]


def members_in(kind: RestType, record: object, name: str) -> list[object]:
    """The values of a large attribute that come inside a record."""
    found = kind.places[name](record)
    value = pick(kind.spec.members[name].value)
    listed = found if isinstance(found, list) else []
    return [value(one) if isinstance(one, dict) else one for one in listed]


def document(kind: RestType, values: Mapping[str, Value], *, clearing: bool, into: Record | None = None) -> Record:
    """The record that holds these values, or `into` with them. `clearing`: NULL is written too. Raises `WrongType`."""
    record: Record = copy.deepcopy(into) if into is not None else {}
    for name, value in values.items():
        attribute = kind.attribute(name)
        if name == ENABLED and kind.spec.enabled is not None:
            place = kind.places[kind.spec.enabled.column]
            found: Value = None if value is None else kind.spec.enabled.write(value)
        elif attribute.large:
            continue
        else:
            place, found = kind.places[name], convert(value, attribute)
        if place.writable is None:
            raise WrongType(f"{name} is at {place.text!r}, which can be read only")
        if found is not None:
            _put(record, place.writable, found)
        elif clearing:
            _clear(record, place.writable, attribute, kind.spec.nulls)
    return record


def _put(record: Record, steps: tuple[str, ...], value: object) -> None:
    for step in steps[:-1]:
        inner = record.get(step)
        if not isinstance(inner, dict):
            inner = record[step] = {}
        record = inner
    record[steps[-1]] = value


def _clear(record: Record, steps: tuple[str, ...], attribute: Attribute, nulls: Nulls) -> None:
    if nulls is Nulls.OMIT:
        for step in steps[:-1]:
            inner = record.get(step)
            if not isinstance(inner, dict):
                return
            record = inner
        record.pop(steps[-1], None)
        return
    empty: object = [] if attribute.many else ""
    _put(record, steps, empty if nulls is Nulls.EMPTY or attribute.many else None)


def wire_values(kind: RestType, values: Mapping[str, Value]) -> dict[str, Value]:
    """The values as holes of a template take them, `enabled` in the application's words. Raises `WrongType`."""
    found: dict[str, Value] = {}
    for name, value in values.items():
        attribute = kind.attribute(name)
        if name == ENABLED and kind.spec.enabled is not None:
            found[kind.spec.enabled.column] = None if value is None else kind.spec.enabled.write(value)
        elif not attribute.large:
            found[name] = convert(value, attribute)
    return found


def differs(kind: RestType, record: object, expected: Mapping[str, Value]) -> str:
    """The first expected value that a record does not show, in words; empty when it shows all."""
    for name, value in expected.items():
        attribute = ENABLED_ATTRIBUTE if name == ENABLED else kind.attribute(name)
        has = value_of(kind, record, name)
        if not same(has, value, attribute):
            return f"{name} is {shown(has)}, expected {shown(value)}"
    return ""


def has(found: ConnectorObject, kind: RestType, name: str, value: Value) -> bool:
    """Whether an object has a value; of a many-valued attribute, among others."""
    attribute = kind.schema.attribute(name)
    shows = found.values.get(name)
    if attribute.many and isinstance(shows, list):
        single = Attribute(name, attribute.type, exact=attribute.exact)
        wanted = value if isinstance(value, list) else [value]
        return all(any(same(one, each, single) for one in shows) for each in wanted)
    return same(shows, value, attribute)
