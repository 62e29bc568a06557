"""What every kind of object has in common when it is read: lists, counts, single objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, urlencode

from muster.directory.capabilities import Checker
from muster.directory.filters import Both, Condition, Path
from muster.directory.objects import Entry
from muster.directory.pages import Page, Position, Query, count, page
from muster.directory.schema.kinds import Schema
from muster.server.graph.call import Answer, Call, context, etag
from muster.server.graph.errors import GraphError
from muster.server.graph.expanding import expanded
from muster.server.graph.odata.filter import parse_filter
from muster.server.graph.odata.search import parse_search
from muster.server.graph.show import selected, shown
from muster.server.graph.tokens import read_skip_token, skip_token

PAGE: Final = 100
"""Objects of a page when the client does not say how many."""

# --- lists


def list_objects(call: Call, schema: Schema, *, deleted: bool = False) -> Answer:
    """A page of all objects of a kind."""
    query = query_of(call, schema, deleted=deleted)
    names = selected([schema], call.options.select)
    found = page(call.work, query, call.options.top or PAGE, after(call))
    body: dict[str, Any] = {"@odata.context": context(call, schema.collection, names)}
    if counted(call):
        body["@odata.count"] = count(call.work, query)
    return page_answer(call, body, found, [expanded(call, one, shown(one, names)) for one in found.entries])


def count_objects(call: Call, schema: Schema, *, deleted: bool = False) -> Answer:
    """How many objects of a kind there are, as plain text."""
    need_eventual(call)
    return Answer(200, str(count(call.work, query_of(call, schema, deleted=deleted))))


def get_object(call: Call, entry: Entry) -> Answer:
    """One object."""
    if call.unchanged(entry):
        return Answer(304, headers={"ETag": etag(entry)})
    schema = entry.schema
    names = selected([schema], call.options.select)
    body = {"@odata.context": context(call, schema.collection, names, entity=True)}
    return Answer(200, expanded(call, entry, {**body, **shown(entry, names)}, single=True), {"ETag": etag(entry)})


def query_of(call: Call, schema: Schema, *, deleted: bool = False) -> Query:
    """The query that `$filter`, `$search` and `$orderby` make. Raises `GraphError`, `Unsupported`."""
    options = call.options
    naming = naming_of(call, schema)
    checker = Checker(schema, call.work.extensions(schema.kind), advanced=call.advanced)
    parts: list[Condition] = []
    if options.filter is not None:
        condition = parse_filter(options.filter, naming)
        checker.check(condition)
        parts.append(condition)
    if options.search is not None:
        if call.request.headers.get("consistencylevel", "").lower() != "eventual":
            raise GraphError(
                400,
                "Request_UnsupportedQuery",
                "Request with $search query parameter only works through MSGraph with a special request header: "
                "'ConsistencyLevel: eventual'",
            )
        condition = parse_search(options.search, naming)
        checker.check(condition)
        parts.append(condition)
    order = None
    if options.order is not None:
        order = naming((options.order,))[0]
        checker.order(order, filtered=bool(parts), deleted=deleted)
    whole = None if not parts else parts[0] if len(parts) == 1 else Both(tuple(parts))
    return Query(schema, whole, order, options.descending, deleted)


def naming_of(call: Call, schema: Schema) -> Callable[[Path], Path]:
    """Names as clients write them → as the schema does."""
    extensions = call.work.extensions(schema.kind)

    def name(path: Path) -> Path:
        head = schema.canonical(path[0])
        one = schema.properties.get(head) if head else extensions.get(path[0])
        if one is None or len(path) == 1:
            return (head or path[0], *path[1:])
        known = {part.lower(): part for part in one.part}
        return (head or path[0], *(known.get(part.lower(), part) for part in path[1:]))

    return name


def counted(call: Call) -> bool:
    """Whether the answer says how many objects there are; without the header, `$count` is ignored, as Graph does."""
    return call.options.count and call.request.headers.get("consistencylevel", "").lower() == "eventual"


def need_eventual(call: Call) -> None:
    """Raises `GraphError` when `/$count` is asked without the header that it needs."""
    if call.request.headers.get("consistencylevel", "").lower() != "eventual":
        raise GraphError(400, "Request_BadRequest", "$count is not currently supported.")


# --- pages


def after(call: Call) -> Position | None:
    """Where the page before ended. Raises `GraphError` for a token of another list."""
    token = call.options.skip_token
    return None if token is None else read_skip_token(call.work.tenant.key, _listing(call), token)


def _listing(call: Call) -> str:
    """Which list is read, and in which order: all by which a place in it is a place."""
    raw = call.options.raw
    return "\n".join((call.request.path.strip("/"), *(raw.get(name, "") for name in ("filter", "search", "orderby"))))


def page_answer(call: Call, body: dict[str, Any], found: Page, values: list[dict[str, Any]]) -> Answer:
    """A page, and the link to the next."""
    if found.next is not None:
        token = skip_token(call.work.tenant.key, _listing(call), found.next)
        body["@odata.nextLink"] = link(call, {"skiptoken": token}, keep=True)
    body["value"] = values
    return Answer(200, body)


def link(call: Call, options: dict[str, str], *, keep: bool) -> str:
    """The address of this call with other options; with `keep`, beside those that it has."""
    wanted = {**(call.options.raw if keep else {}), **options}
    query = urlencode({f"${name}": value for name, value in wanted.items()}, safe="$,()'", quote_via=quote)
    return f"{call.base}/{call.request.path.strip('/')}?{query}"
