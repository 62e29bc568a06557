"""Resources of Graph ↔ Muster's objects: pure, tested without a server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from muster.connectors.graph.resources import ANCHOR, MANAGER, GraphType, Place
from muster.model.objects import ConnectorObject, EdgePage, ReadProblem
from muster.model.values import Document, Scalar, Value, WrongType, convert, items

Body: TypeAlias = dict[str, Any]

_MAKES: Final[Mapping[str, Body]] = {"alternativeSecurityIds": {"type": 2}}
"""What else an item has that Muster makes; 2 is the only type of these that clients may write."""
_TYPE: Final = "type"


# --- reading


def value_at(resource: Mapping[str, Any], place: Place, many: bool) -> object:
    """What a resource holds at a place; None when there is nothing."""
    found = resource.get(place.root)
    if place.part is None:
        return found
    if not place.listed:
        if isinstance(found, list):  # of words: whether it is one of them
            return place.part in found
        return found.get(place.part) if isinstance(found, dict) else None
    values = [
        item[place.part]
        for item in (found if isinstance(found, list) else ())
        if isinstance(item, dict) and _meant(item, place) and item.get(place.part) is not None
    ]
    return values if many else (values[0] if values else None)


def _meant(item: Mapping[str, Any], place: Place) -> bool:
    return not place.key or item.get(_TYPE) == place.key


def read(kind: GraphType, resource: Mapping[str, Any], wanted: Iterable[str]) -> ConnectorObject | ReadProblem:
    """One resource with the attributes wanted, or what is wrong with it. A manager is there where it is expanded."""
    anchor = resource.get(ANCHOR)
    if not isinstance(anchor, str) or not anchor:
        return ReadProblem(kind.name, None, "Graph shows an object without `id`.", kind.path())
    where = kind.path(anchor)
    values: Document = {}
    for name in wanted:
        if name in kind.relations:
            continue
        try:
            value = convert(shown_at(kind, resource, name), kind.attribute(name))
        except WrongType as error:
            return ReadProblem(kind.name, anchor, f"{name}: {error}. Correct it there.", where)
        if value is not None:
            values[name] = value
    return ConnectorObject(kind.name, anchor, values, where=where)


def shown_at(kind: GraphType, resource: Mapping[str, Any], name: str) -> object:
    """What a resource holds of an attribute. Raises `WrongType` when there is none of that name."""
    if name == MANAGER:
        return manager_of(resource)
    return value_at(resource, kind.place(name), kind.attribute(name).many)


def manager_of(resource: Mapping[str, Any]) -> str | None:
    """The id of an expanded manager."""
    found = resource.get(MANAGER)
    return str(found[ANCHOR]) if isinstance(found, dict) and found.get(ANCHOR) else None


def changed_edges(kind: GraphType, resource: Mapping[str, Any], wanted: Iterable[str]) -> Iterator[EdgePage]:
    """The references that a delta query says were added and removed."""
    for relation in kind.relations:
        told = resource.get(f"{relation}@delta")
        if relation in wanted and isinstance(told, list):
            # Somebody who left and came again stands twice: the last word counts.
            last = {str(one[ANCHOR]): "@removed" in one for one in told if isinstance(one, dict) and one.get(ANCHOR)}
            added = [target for target, removed in last.items() if not removed]
            removed = [target for target, gone in last.items() if gone]
            yield EdgePage(kind.name, str(resource[ANCHOR]), relation, added, removed)


def changed_manager(resource: Mapping[str, Any]) -> str | None:
    """The manager that a delta query says somebody got; None when it does not say who it is now."""
    told = resource.get(f"{MANAGER}@delta")
    there = [one for one in told if isinstance(one, dict) and "@removed" not in one] if isinstance(told, list) else []
    return str(there[0][ANCHOR]) if len(there) == 1 and there[0].get(ANCHOR) else None


# --- writing


def put(body: Body, kind: GraphType, name: str, value: Value, shown: Mapping[str, Any]) -> None:
    """Write an attribute into the body of a POST or PATCH; NULL as null. Raises `WrongType`.

    `shown`: the resource as it is, from which the other items of a list are taken.
    """
    if value and name in kind.plain and type(value) is str:
        body[name] = value
        return
    place, attribute = kind.place(name), kind.attribute(name)
    converted = convert(value, attribute)
    if place.listed:
        body[place.root] = _items(body.get(place.root, shown.get(place.root)), place, converted)
    elif place.part is not None:
        body.setdefault(place.root, {})[place.part] = converted
    else:
        body[place.root] = [] if attribute.many and converted is None else converted


def _items(have: object, place: Place, value: Value) -> list[Body]:
    listed = [dict(item) for item in have if isinstance(item, dict)] if isinstance(have, list) else []
    part = str(place.part)
    if place.root in _MAKES:
        return [{**_MAKES[place.root], part: one} for one in items(value)]
    if place.key:
        others = [item for item in listed if not _meant(item, place)]
        return [*others, *({_TYPE: place.key, part: one} for one in items(value))]
    first = listed[0] if listed else {}
    first[part] = value
    return [first, *listed[1:]]


def merged(
    kind: GraphType, name: str, shown: Mapping[str, Any], add: Iterable[Scalar], remove: Iterable[Scalar]
) -> Value:
    """The values of a many-valued attribute after some came and some went. Raises `WrongType`."""
    attribute = kind.attribute(name)
    have = items(convert(value_at(shown, kind.place(name), many=True), attribute))
    gone, more = items(convert(list(remove), attribute)), items(convert(list(add), attribute))
    kept = [one for one in have if one not in gone]
    return [*kept, *(one for one in more if one not in kept)]
