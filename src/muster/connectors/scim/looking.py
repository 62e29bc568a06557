"""Looking objects up: by their id, by their values, and the members of one group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from muster.connectors.scim import wire
from muster.connectors.scim.answers import Answer, Request
from muster.connectors.scim.names import Resource
from muster.connectors.scim.reading import Listing, page_of
from muster.connectors.scim.session import Session, Unfiltered
from muster.connectors.scim.settings import Filters
from muster.connectors.scim.wire import ScimType
from muster.model.errors import IncompleteRead
from muster.model.objects import ConnectorObject, EdgePage
from muster.model.schema import ENABLED
from muster.model.values import Value, WrongType, comparable_set, same

_TOGETHER: Final = 20
"""So many values are looked for by one request: an address has an end."""


def get(session: Session, kind: ScimType, anchor: str) -> ConnectorObject | None:
    """The object with that anchor, or None. Raises `IncompleteRead` for an answer that is neither."""
    answered = session.ask(session.resource(kind, anchor))
    if answered.gone:
        return None
    found, _, problem = wire.read(kind, _resource(session, kind, anchor, answered), _shown(kind))
    if problem is not None:
        raise IncompleteRead(f"{session.system}: {session.path(kind, anchor)}: {problem.message}")
    return found


def references(session: Session, kind: ScimType, anchor: str, attribute: str) -> Iterator[EdgePage]:
    """Every value of the large reference of one object; no page where there is no such object."""
    answered = session.ask(Request("GET", session.path(kind, anchor), params={"attributes": attribute}))
    if not answered.gone:
        _, edges, _ = wire.read(kind, _resource(session, kind, anchor, answered), [attribute])
        yield from edges


def _resource(session: Session, kind: ScimType, anchor: str, answered: Answer) -> Resource:
    where = f"{session.system}: GET {session.path(kind, anchor)} was answered"
    if not answered.good or answered.document is None:
        raise IncompleteRead(f"{where} {session.said(answered)}.")
    if answered.anchor != anchor:
        raise IncompleteRead(f"{where} with {kind.name} {answered.anchor}. Look at what answers there.")
    return answered.document


def find(session: Session, kind: ScimType, equal: Mapping[str, Value]) -> Iterator[ConnectorObject]:
    """The objects that have all these values."""
    anchor = equal.get("id")
    rest = {name: value for name, value in equal.items() if name != "id"}
    if isinstance(anchor, str):
        found = get(session, kind, anchor)
        if found is not None and all(_has(kind, found, name, value) for name, value in rest.items()):
            yield found
        return
    try:
        parts = {name: wire.equality(kind, name, value) for name, value in rest.items()}
    except WrongType:
        return
    for asked in _ways(session, kind, parts):
        try:
            found_all = list(_listed(session, kind, " and ".join(parts[name] for name in asked)))
        except Unfiltered:
            _forgo(session, kind, asked)
            continue
        for one in found_all:
            if all((_fits if name in asked else _has)(kind, one, name, value) for name, value in rest.items()):
                yield one
        return


def _ways(session: Session, kind: ScimType, parts: Mapping[str, str]) -> Iterator[list[str]]:
    """The names to filter by, the fewest objects first; in the end none, for everything to be read."""
    if session.filters is Filters.RFC:
        able = [name for name in parts if (kind.name, name) not in session.unfiltered]
        if able:
            yield able
    for name in parts:
        if session.filters is not Filters.NONE and (kind.name, name) not in session.unfiltered and _plain(parts[name]):
            yield [name]
    yield []


def _plain(asked: str) -> bool:
    """Whether a filter is a single `eq`."""
    return not asked.startswith("not ") and '" and ' not in asked and "[" not in asked


def _forgo(session: Session, kind: ScimType, asked: Sequence[str]) -> None:
    """Remember what the server cannot filter by."""
    if len(asked) > 1:
        session.filters = Filters.EQUAL
    else:
        session.unfiltered.update((kind.name, name) for name in asked)


def find_any(session: Session, kind: ScimType, attribute: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
    """The objects that have one of these values, each once."""
    seen: set[str] = set()
    able = _able(session, kind, attribute)
    found_all: Iterator[ConnectorObject]
    if attribute != "id" and not able:
        found_all = (one for one in _listed(session, kind, "") if any(_has(kind, one, attribute, v) for v in values))
    elif attribute != "id" and session.filters is Filters.RFC:
        found_all = _together(session, kind, attribute, values)
    else:
        found_all = _one_by_one(session, kind, attribute, values)
    for one in found_all:
        if one.anchor not in seen:
            seen.add(one.anchor)
            yield one


def _able(session: Session, kind: ScimType, attribute: str) -> bool:
    """Whether objects can be looked for by an attribute, as far as is known."""
    if session.filters is Filters.NONE or (kind.name, attribute) in session.unfiltered:
        return False
    try:
        return session.filters is Filters.RFC or kind.place(attribute).key is None
    except WrongType:
        return True


def _one_by_one(session: Session, kind: ScimType, attribute: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
    """A value a request; as soon as the server will not have that, all at once."""
    for place, value in enumerate(values):
        yield from find(session, kind, {attribute: value})
        if attribute != "id" and not _able(session, kind, attribute):
            yield from find_any(session, kind, attribute, values[place + 1 :])
            return


def _together(session: Session, kind: ScimType, attribute: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
    """Some values a request; as soon as the server will not have that, otherwise."""
    parts: list[tuple[Value, str]] = []
    for value in values:
        try:
            parts.append((value, wire.equality(kind, attribute, value)))
        except WrongType:
            continue
    for start in range(0, len(parts), _TOGETHER):
        some = parts[start : start + _TOGETHER]
        try:
            found_all = list(_listed(session, kind, " or ".join(asked for _, asked in some)))
            yield from (one for one in found_all if any(_fits(kind, one, attribute, value) for value, _ in some))
        except Unfiltered:
            _forgo(session, kind, [attribute] * len(some))
            yield from find_any(session, kind, attribute, [value for value, _ in parts[start:]])
            return


def _listed(session: Session, kind: ScimType, asked: str) -> Iterator[ConnectorObject]:
    listing = Listing(session, kind, filter=asked or None)
    for resources in listing.resources():
        yield from page_of(kind, resources, _shown(kind)).objects


def _shown(kind: ScimType) -> list[str]:
    return [*(name for name, one in kind.schema.attributes.items() if not one.large), ENABLED]


def _has(kind: ScimType, found: ConnectorObject, name: str, value: Value) -> bool:
    attribute = kind.schema.attribute(name)
    has = found.values.get(name)
    if attribute.many and value is not None:
        return comparable_set(value, attribute) <= comparable_set(has, attribute)
    return same(has, value, attribute)


def _fits(kind: ScimType, found: ConnectorObject, name: str, value: Value) -> bool:
    """Whether the server may have found this by that value: not what shows another; some show everybody."""
    has = found.values.get(name)
    if not isinstance(has, str) or not isinstance(value, str):
        return True
    return has.strip().casefold() == value.strip().casefold() or _has(kind, found, name, value)


def everybody_with(session: Session, kind: ScimType, name: str, value: Value) -> Iterator[ConnectorObject]:
    """The objects that have a value, all being read for it."""
    return (one for one in _listed(session, kind, "") if _has(kind, one, name, value))
