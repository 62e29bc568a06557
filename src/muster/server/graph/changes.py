"""Delta queries: what has changed since a client last asked, in pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from muster.directory.delta import Changed, Mark, changes, latest
from muster.directory.edges import Relation
from muster.directory.errors import Expired
from muster.directory.filters import Among, Compare, Either
from muster.directory.objects import State
from muster.directory.schema.kinds import SCHEMAS, Kind, Schema
from muster.server.graph.call import Answer, Call, context
from muster.server.graph.errors import GraphError
from muster.server.graph.odata.filter import parse_filter
from muster.server.graph.reading import link, naming_of
from muster.server.graph.show import selected, shown
from muster.server.graph.tokens import delta_token, read_delta_token

PAGE: Final = 200
"""Objects of a page when the client does not say how many."""
NOW: Final = "latest"
"""What stands for a token of one who wants to know only what comes."""
_MOST_ONLY: Final = 50


def delta_objects(call: Call, kind: Kind, relations: Sequence[Relation]) -> Answer:
    """A page of what has changed, or of everything at the beginning."""
    options = call.options
    schema = SCHEMAS[kind]
    for name in ("expand", "search", "orderby", "count"):
        if name in options.raw:
            raise GraphError(400, "Request_UnsupportedQuery", f"${name} is not supported by delta queries.")
    if options.delta_token == NOW:
        mark, select, only = latest(call.work, kind), _selection(call, schema, relations), _only(call, schema)
        return _delta_answer(call, schema, [], mark, select, only, relations)
    token = options.skip_token or options.delta_token
    limit = _page_size(call)
    try:
        if token:
            mark, select, only = read_delta_token(call.work.tenant.key, token, kind)
        else:
            mark, select, only = Mark(kind, at=0), _selection(call, schema, relations), _only(call, schema)
        followed = [one for one in relations if select is None or one.property in select]
        found = changes(call.work, mark, limit, relations=followed, only=only, lasting=call.lasting)
    except Expired as error:
        again = link(call, {"deltatoken": ""}, keep=False)
        raise GraphError(410, "syncStateNotFound", error.message, headers={"Location": again}) from None
    return _delta_answer(call, schema, found.objects, found.mark, select, only, relations)


def _delta_answer(
    call: Call,
    schema: Schema,
    objects: list[Changed],
    mark: Mark,
    select: list[str] | None,
    only: list[str] | None,
    relations: Sequence[Relation],
) -> Answer:
    navigation = {one.property for one in relations}
    names = None if select is None else ("id", *(one for one in select if one not in navigation and one != "id"))
    body: dict[str, Any] = {"@odata.context": context(call, schema.collection, select)}
    token = delta_token(call.work.tenant.key, mark, select, only)
    if mark.resting:
        body["@odata.deltaLink"] = link(call, {"deltatoken": token}, keep=False)
    else:
        body["@odata.nextLink"] = link(call, {"skiptoken": token}, keep=False)
    body["value"] = [_changed(one, names) for one in objects]
    return Answer(200, body)


def _changed(one: Changed, names: Sequence[str] | None) -> dict[str, Any]:
    if one.entry.state is not State.LIVE:
        reason = "changed" if one.entry.state is State.DELETED else "deleted"
        return {"id": one.entry.guid, "@removed": {"reason": reason}}
    found = shown(one.entry, names)
    for relation, references in one.references.items():
        found[f"{relation.property}@delta"] = [
            {
                "@odata.type": SCHEMAS[reference.kind].odata_type,
                "id": reference.guid,
                **({"@removed": {"reason": "deleted"}} if reference.removed else {}),
            }
            for reference in references
        ]
    return found


def _selection(call: Call, schema: Schema, relations: Sequence[Relation]) -> list[str] | None:
    """What a client follows: properties, and references by their names."""
    wanted = call.options.select
    if wanted is None:
        return None
    known = {one.property.lower(): one.property for one in relations}
    properties = selected([schema], [name for name in wanted if name.lower() not in known]) or ()
    return [*properties, *(known[name.lower()] for name in wanted if name.lower() in known)]


def _only(call: Call, schema: Schema) -> list[str] | None:
    """The objects that a filter names by their ids: all that a delta query can be filtered by."""
    if call.options.filter is None:
        return None
    condition = parse_filter(call.options.filter, naming_of(call, schema))
    parts = condition.conditions if isinstance(condition, Either) else (condition,)
    found: list[str] = []
    for part in parts:
        match part:
            case Compare(("id",), "eq", str() as value):
                found.append(value.lower())
            case Among(("id",), values) if all(isinstance(value, str) for value in values):
                found.extend(str(value).lower() for value in values)
            case _:
                raise GraphError(
                    400, "Request_UnsupportedQuery", "Delta queries can be filtered by id only: id eq '…' or id eq '…'."
                )
    if len(found) > _MOST_ONLY:
        raise GraphError(400, "Request_UnsupportedQuery", f"A delta query follows at most {_MOST_ONLY} single objects.")
    return found


def _page_size(call: Call) -> int:
    """What the client would like (`Prefer: odata.maxpagesize`, `$top`), as far as there can be so many."""
    if call.options.top is not None:
        return call.options.top
    for part in call.request.headers.get("prefer", "").split(","):
        name, _, value = part.strip().partition("=")
        if name.lower() in ("odata.maxpagesize", "maxpagesize") and value.isascii() and value.isdigit():
            return max(1, min(int(value[:6]), 999))
    return PAGE
