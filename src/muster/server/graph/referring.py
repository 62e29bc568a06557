"""Lists of what an object refers to, and of what refers to it; and the references themselves (`$ref`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from muster.directory.edges import Relation
from muster.directory.neighbours import (
    all_members,
    by_number,
    count_all_members,
    count_members,
    count_owners,
    groups_around,
    members,
    owners,
)
from muster.directory.objects import Entry
from muster.directory.pages import Page, Position
from muster.directory.schema.kinds import SCHEMAS, Kind
from muster.directory.values import is_guid
from muster.directory.work import Work
from muster.server.graph.call import Answer, Call, context
from muster.server.graph.errors import GraphError, bad_request
from muster.server.graph.limited import shown_to
from muster.server.graph.reading import PAGE, after, counted, need_eventual, page_answer
from muster.server.graph.show import ALL, selected

_REFERENCE: Final = re.compile(
    r"(?:https?://[^/]+/(?:v1\.0|beta)/)?/?(?:directoryObjects|users|groups|devices|contacts)/?\(?'?(?P<id>[^/()']+)'?\)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that goes out from an object: how a page of it is read, and how it is counted."""

    page: Callable[[Work, Entry, int, Position | None, Kind | None], Page]
    count: Callable[[Work, Entry, Kind | None], int]


def forward(relation: Relation) -> Listing:
    """What the object refers to."""
    return Listing(
        lambda work, entry, limit, start, kind: members(work, relation, entry, limit, start, kind),
        lambda work, entry, kind: count_members(work, relation, entry, kind),
    )


def backward(relation: Relation) -> Listing:
    """What refers to the object: always of one kind."""
    return Listing(
        lambda work, entry, limit, start, _: owners(work, relation, entry, limit, start),
        lambda work, entry, _: count_owners(work, relation, entry),
    )


def _groups_around(work: Work, entry: Entry, limit: int, start: Position | None, _: Kind | None) -> Page:
    numbers = [number for number in groups_around(work, entry) if number > (start.id if start else 0)]
    found = by_number(work, numbers[:limit])
    return Page(found, Position(numbers[limit - 1]) if len(numbers) > limit else None)


MEMBER_OF: Final = backward(Relation.MEMBERS)
TRANSITIVE_MEMBER_OF: Final = Listing(_groups_around, lambda work, entry, _: len(groups_around(work, entry)))
TRANSITIVE_MEMBERS: Final = Listing(all_members, count_all_members)


def list_objects(call: Call, entry: Entry, listing: Listing, kind: Kind | None = None) -> Answer:
    """A page of the list; only objects of one kind, where the path says so (`/members/microsoft.graph.user`)."""
    options = call.options
    for name in ("filter", "search", "orderby", "expand"):
        if name in options.raw:
            raise GraphError(
                400, "Request_UnsupportedQuery", f"${name} is not supported here; ask the collection of that kind."
            )
    schemas = [SCHEMAS[kind]] if kind is not None else ALL
    names = selected(schemas, options.select)
    found = listing.page(call.work, entry, options.top or PAGE, after(call), kind)
    what = SCHEMAS[kind].collection if kind is not None else "directoryObjects"
    body: dict[str, Any] = {"@odata.context": context(call, what, names)}
    if counted(call):
        body["@odata.count"] = listing.count(call.work, entry, kind)
    return page_answer(call, body, found, [shown_to(call, one, names, typed=kind is None) for one in found.entries])


def count_objects(call: Call, entry: Entry, listing: Listing, kind: Kind | None = None) -> Answer:
    """How many there are, as plain text."""
    need_eventual(call)
    return Answer(200, str(listing.count(call.work, entry, kind)))


def list_references(call: Call, entry: Entry, listing: Listing) -> Answer:
    """The addresses of the objects of the list."""
    found = listing.page(call.work, entry, call.options.top or PAGE, after(call), None)
    body = {"@odata.context": f"{call.base}/$metadata#Collection($ref)"}
    return page_answer(
        call, body, found, [{"@odata.id": f"{call.base}/directoryObjects/{one.guid}"} for one in found.entries]
    )


# --- references that clients send


def reference(call: Call) -> str:
    """The id in `{"@odata.id": "https://…/directoryObjects/{id}"}`. Raises `GraphError`."""
    return reference_id(call.document().get("@odata.id"), "@odata.id")


def reference_id(value: Any, name: str) -> str:
    """The id that an address ends with. Raises `GraphError`."""
    match = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    if match is None or not is_guid(match["id"]):
        raise bad_request(
            f"Invalid URL format specified in '{name}': expected https://graph.microsoft.com/v1.0/directoryObjects/{{id}}."
        )
    return match["id"].lower()


def bound(body: dict[str, Any], name: str) -> list[str]:
    """The ids of `name@odata.bind`, which is taken out of the body. Raises `GraphError`."""
    key = f"{name}@odata.bind"
    if key not in body:
        return []
    values = body.pop(key)
    if not isinstance(values, list):
        values = [values]
    return list(_ids(values, key))


def _ids(values: Sequence[Any], key: str) -> Sequence[str]:
    return [reference_id(value, key) for value in values]
