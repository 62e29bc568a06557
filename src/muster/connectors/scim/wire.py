"""SCIM resources, patches and filters ↔ Muster's objects and changes: pure, tested without a server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from muster.connectors.scim.names import Place, Resource, literal, place_of
from muster.model.changes import Change
from muster.model.objects import ConnectorObject, EdgePage, ReadProblem
from muster.model.schema import ENABLED, ObjectSchema
from muster.model.values import Attribute, Document, Scalar, Value, WrongType, convert, items

Operation: TypeAlias = dict[str, Any]

PATCH_OP: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
EDGES: Final = 5_000
"""Values in one `EdgePage`."""

_ACTIVE: Final = Place("", "active")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a service provider departs from RFC 7644 in what it takes."""

    text_booleans: bool = False
    removal_by_values: bool = False


@dataclass(frozen=True, slots=True)
class ScimType:
    """One object type: its schema, where it is served, and where each attribute name points.

    `unique`: the attributes by which an object that is already there is found. `on_request`: the paths of what is shown
    only when it is asked for by name. `fixed`: extension and name of what the server alone writes.
    """

    name: str
    schema: ObjectSchema
    endpoint: str
    core: str
    places: Mapping[str, Place]
    unique: tuple[str, ...] = ()
    on_request: frozenset[str] = frozenset()
    fixed: frozenset[tuple[str, str]] = frozenset()
    dialect: Dialect = Dialect()

    def place(self, name: str) -> Place:
        """Where a name points. Raises `WrongType` when the resource type has no such attribute."""
        if name == ENABLED and self.schema.can_enable:
            return _ACTIVE
        found = self.places.get(name)
        if found is None:
            other = place_of(name)
            if other is None or not any(
                (one.extension, one.attribute) == (other.extension, other.attribute) for one in self.places.values()
            ):
                raise WrongType(f"there is no attribute {name!r}")
            found = other
        return found

    @property
    def large(self) -> str | None:
        """The large reference of the type (a group's members), if it has one."""
        return next((name for name, one in self.schema.attributes.items() if one.large), None)


# --- reading


def selection(kind: ScimType, wanted: Iterable[str] | None, with_large: bool) -> dict[str, str]:
    """The parameters that say which attributes are shown (RFC 7644 section 3.9); `wanted` None: all.

    The large reference is left out unless it is asked for.
    """
    if kind.on_request:
        names = (name for name in kind.places if name != kind.large) if wanted is None else wanted
        roots = {kind.places[name].root for name in names if name in kind.places}
        roots |= {kind.large} if with_large and kind.large is not None else set()
        if roots & kind.on_request:
            return {"attributes": ",".join(sorted(roots - {"id"}))}
    return {"excludedAttributes": kind.large} if kind.large is not None and not with_large else {}


def value_at(resource: Mapping[str, Any], place: Place, many: bool) -> object:
    """What the resource holds at a place; None when there is nothing."""
    holder = resource.get(place.extension) if place.extension else resource
    found = holder.get(place.attribute) if isinstance(holder, dict) else None
    if place.key is not None:
        found = next((item for item in found or () if place.is_item(item)), None)
    elif isinstance(found, list):
        return [one for one in (_inside(item, place.part) for item in found) if one is not None] if many else None
    return _inside(found, place.part)


def _inside(item: object, part: str | None) -> object:
    if part is None:
        return item
    if isinstance(item, dict):
        return item.get(part)
    return item if part == "value" else None


def read(
    kind: ScimType, resource: Mapping[str, Any], wanted: Iterable[str]
) -> tuple[ConnectorObject | None, list[EdgePage], ReadProblem | None]:
    """One resource: its object and the pages of its large attributes, or what is wrong with it."""
    anchor = resource.get("id")
    if not isinstance(anchor, str) or not anchor:
        return None, [], ReadProblem(kind.name, None, "the server shows an object without `id`.", kind.endpoint)
    values: Document = {}
    edges: list[EdgePage] = []
    for name in wanted:
        try:
            place = kind.place(name)
        except WrongType:
            continue
        attribute = kind.schema.attribute(name)
        listed = name in kind.places or name == ENABLED
        found = value_at(resource, place, attribute.many or not listed)
        if isinstance(found, list) and not listed:
            attribute = replace(attribute, many=True)
        if attribute.large:
            edges.extend(_pages(kind, anchor, name, found))
            continue
        try:
            value = convert(found, attribute)
        except WrongType as error:
            return (
                None,
                [],
                ReadProblem(kind.name, anchor, f"{name}: {error}. Correct it there.", f"{kind.endpoint}/{anchor}"),
            )
        if value is not None:
            values[name] = value
    return ConnectorObject(kind.name, anchor, values, where=f"{kind.endpoint}/{anchor}"), edges, None


def _pages(kind: ScimType, anchor: str, name: str, found: object) -> Iterator[EdgePage]:
    texts = list(dict.fromkeys(str(one) for one in found)) if isinstance(found, list) else []
    for start in range(0, len(texts), EDGES) or range(1):
        last = start + EDGES >= len(texts)
        yield EdgePage(kind.name, anchor, name, texts[start : start + EDGES], whole=True, last=last)


# --- writing whole resources


def _sent(kind: ScimType, value: Value) -> Value:
    """A value as the service provider takes it."""
    if not kind.dialect.text_booleans:
        return value
    if isinstance(value, list):
        return [str(one) if isinstance(one, bool) else one for one in value]
    return str(value) if isinstance(value, bool) else value


def put_value(resource: Resource, kind: ScimType, name: str, value: Value) -> None:
    """Write one attribute into a resource; NULL takes it out. Raises `WrongType`."""
    place = kind.place(name)
    attribute = kind.schema.attribute(name)
    converted = _sent(kind, convert(value, attribute))
    holder = resource
    if place.extension:
        if converted is None and place.extension not in resource:
            return
        holder = resource.setdefault(place.extension, {})
    if place.key is not None:
        _put_item(holder, place, converted)
    elif isinstance(converted, list):
        holder[place.attribute] = [one if place.part is None else {place.part: one} for one in converted]
    elif place.part is None:
        _set(holder, place.attribute, converted)
    else:
        inner = holder.get(place.attribute)
        inner = dict(inner) if isinstance(inner, dict) else {}
        _set(inner, place.part, converted)
        _set(holder, place.attribute, inner or None)


def _put_item(holder: Resource, place: Place, value: Value) -> None:
    listed = [item for item in holder.get(place.attribute) or () if isinstance(item, dict)]
    item = next((one for one in listed if place.is_item(one)), None)
    if item is None:
        if value is None:
            return
        item = {str(place.key): place.value}
        listed.append(item)
    if value is None and place.part in (None, "value"):
        listed.remove(item)
    else:
        _set(item, str(place.part), value)
    holder[place.attribute] = listed


def _set(holder: Resource, name: str, value: object) -> None:
    if value is None:
        holder.pop(name, None)
    else:
        holder[name] = value


def new_resource(kind: ScimType, change: Change, members: Iterable[str]) -> Resource:
    """The body of a POST. Raises `WrongType`."""
    resource: Resource = {}
    for name, value in change.values.items():
        if value is not None and kind.schema.attribute(name).writable != "never":
            put_value(resource, kind, name, value)
    for name, more in change.add.items():
        have = value_at(resource, kind.place(name), many=True)
        put_value(resource, kind, name, [*(have if isinstance(have, list) else []), *more])
    listed = list(members)
    if listed and kind.large is not None:
        resource[kind.large] = [{"value": one} for one in listed]
    if change.password is not None:
        resource["password"] = change.password.reveal()
    extensions = sorted({place.extension for place in kind.places.values() if place.extension in resource})
    return {"schemas": [kind.core, *(one for one in extensions if one)], **resource}


def merged(kind: ScimType, resource: Resource, change: Change) -> Resource:
    """The body of a PUT: the resource as it is, with the change in it. Raises `WrongType`.

    What the server alone writes is left out: some take it all the same, and it may be old.
    """
    body = {name: value for name, value in resource.items() if name != "meta" and ("", name) not in kind.fixed}
    for name, value in change.values.items():
        put_value(body, kind, name, value)
    for name in {*change.add, *change.remove}:
        attribute = kind.schema.attribute(name)
        have = items(convert(value_at(body, kind.place(name), many=True), attribute))
        gone = set(change.remove.get(name, ()))
        wanted = [one for one in have if one not in gone]
        wanted += [one for one in change.add.get(name, ()) if one not in wanted]
        put_value(body, kind, name, list(wanted))
    if change.password is not None:
        body["password"] = change.password.reveal()
    used = [place.extension for place in kind.places.values() if place.extension and body.get(place.extension)]
    body["schemas"] = list(dict.fromkeys([*(body.get("schemas") or [kind.core]), *used]))
    return body


# --- patches (RFC 7644 section 3.5.2)


def patch(kind: ScimType, change: Change, shown: Resource | None = None) -> list[Operation]:
    """The operations of an update. Raises `WrongType`.

    A value inside an item (`emails[type eq "work"].value`) is replaced as if the item were there; with `shown`, the
    resource as it is, an item that is missing is added, and nothing is removed from it.
    """
    operations: list[Operation] = []
    items_to_add: dict[str, tuple[Place, Resource]] = {}
    for name, value in change.values.items():
        place, attribute = kind.place(name), kind.schema.attribute(name)
        converted = _sent(kind, convert(value, attribute))
        if place.key is not None and shown is not None and value_at(shown, _whole(place), False) is None:
            if converted is not None:
                _, item = items_to_add.setdefault(place.item, (place, {place.key: place.value}))
                item[str(place.part)] = converted
        elif converted is None:
            item_goes = place.key is not None and place.part in (None, "value")
            whole = item_goes or (attribute.many and place.part is not None) or _is_reference(kind, name, place)
            operations.append({"op": "remove", "path": place.item if whole else place.path})
        elif isinstance(converted, list) and place.part is not None:
            operations.append({"op": "replace", "path": place.root, "value": [{place.part: one} for one in converted]})
        elif _is_reference(kind, name, place):
            operations.append({"op": "replace", "path": place.root, "value": {"value": converted}})
        else:
            operations.append({"op": "replace", "path": place.path, "value": converted})
    for place, item in items_to_add.values():
        operations.append({"op": "add", "path": place.root, "value": [item]})
    for name, more in change.add.items():
        operations.append(addition(kind, name, items(convert(list(more), _many(kind, name)))))
    for name, more in change.remove.items():
        going = items(convert(list(more), _many(kind, name)))
        if shown is not None:
            has = items(convert(value_at(shown, kind.place(name), many=True), _many(kind, name)))
            going = [one for one in going if one in has]
        operations.extend(removals(kind, name, going))
    if change.password is not None:
        operations.append({"op": "replace", "path": "password", "value": change.password.reveal()})
    return operations


def _whole(place: Place) -> Place:
    return Place(place.extension, place.attribute, place.key, place.value)


def _is_reference(kind: ScimType, name: str, place: Place) -> bool:
    """Whether a name stands for the `value` of a complex attribute that is not many-valued (a manager)."""
    return place.part == "value" and place.key is None and not kind.schema.attribute(name).many


def _many(kind: ScimType, name: str) -> Attribute:
    kind.place(name)
    attribute = kind.schema.attribute(name)
    return Attribute(name, attribute.type, many=True, exact=attribute.exact)


def addition(kind: ScimType, name: str, values: Iterable[Scalar]) -> Operation:
    """Add values to a many-valued attribute."""
    place = kind.place(name)
    return {"op": "add", "path": place.root, "value": [{place.part: one} if place.part else one for one in values]}


def removals(kind: ScimType, name: str, values: Iterable[Scalar]) -> list[Operation]:
    """Remove values from a many-valued attribute: each by a path of its own, or in the dialect all by one list."""
    place = kind.place(name)
    if kind.dialect.removal_by_values:
        listed = [{place.part: one} if place.part else one for one in values]
        return [{"op": "remove", "path": place.root, "value": listed}] if listed else []
    return [{"op": "remove", "path": f"{place.root}[{place.part or 'value'} eq {literal(one)}]"} for one in values]


# --- filters (RFC 7644 section 3.4.2.2)


def equality(kind: ScimType, name: str, value: Value) -> str:
    """The filter for resources whose attribute has the value (all of a list; none for NULL). Raises `WrongType`."""
    place, attribute = kind.place(name), kind.schema.attribute(name)
    if value is None:
        return f"not ({place.path} pr)"
    wanted = items(_sent(kind, convert(value, _many(kind, name) if attribute.many else attribute)))
    return " and ".join(_equals(place, one) for one in wanted)


def _equals(place: Place, value: Scalar) -> str:
    if place.key is None or place.value is None:
        return f"{place.path} eq {literal(value)}"
    return f"{place.root}[{place.key} eq {literal(place.value)} and {place.part or 'value'} eq {literal(value)}]"
