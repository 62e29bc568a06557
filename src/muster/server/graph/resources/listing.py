"""The routes of a list that goes out from an object: all of it, its number, and one kind of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from muster.directory.objects import Entry
from muster.directory.schema.kinds import SCHEMAS, Kind
from muster.server.graph.call import Call, Handler, Route
from muster.server.graph.referring import Listing, count_objects, list_objects, list_references

Finder = Callable[[Call], Entry]


def listed(
    path: str, find: Finder, name: str, listing: Listing, permissions: Sequence[str], *casts: Kind
) -> list[Route]:
    """`path/name`, `path/name/$count`, and both for each kind: `path/name/microsoft.graph.user`."""
    routes: list[Route] = [
        Route("GET", f"{path}/{name}/$ref", lambda call: list_references(call, find(call), listing), permissions)
    ]
    for kind in (None, *casts):
        cast = "" if kind is None else f"/graph.{SCHEMAS[kind].name}"
        show, number = _handlers(find, listing, kind)
        routes.append(Route("GET", f"{path}/{name}{cast}", show, permissions))
        routes.append(Route("GET", f"{path}/{name}{cast}/$count", number, permissions))
    return routes


def _handlers(find: Finder, listing: Listing, kind: Kind | None) -> tuple[Handler, Handler]:
    return (
        lambda call: list_objects(call, find(call), listing, kind),
        lambda call: count_objects(call, find(call), listing, kind),
    )
