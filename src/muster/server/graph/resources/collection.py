"""The routes that every collection of objects has: list, number, changes, and make, read, change, delete one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from muster.directory.edges import Relation
from muster.directory.lifecycle import delete
from muster.directory.objects import Entry
from muster.directory.schema.kinds import SCHEMAS, Kind
from muster.server.graph.call import Answer, Call, Route, context, created, done
from muster.server.graph.changes import delta_objects
from muster.server.graph.reading import count_objects, get_object, list_objects
from muster.server.graph.resources.listing import Finder
from muster.server.graph.show import shown


def collection(
    name: str,
    kind: Kind,
    find: Finder,
    *,
    make: Callable[[Call], Entry],
    change: Callable[[Call, Entry], object],
    read: Sequence[str],
    write: Sequence[str],
    make_all: Callable[[Sequence[Call]], list[Entry]] | None = None,
    creates: Sequence[str] | None = None,
    updates: Sequence[str] | None = None,
    relations: Sequence[Relation] = (),
    shows: Sequence[str] | None = None,
) -> list[Route]:
    """`name`, `name/$count`, `name/delta` and `name/{}`.

    `make` and `change` do what the body of the call asks for; `make_all`, what those of several do, all or none.
    `creates`, `updates`: the permissions for these, where they are not `write`. `relations`: the references that a
    delta tells. `shows`: the properties of a new object that are answered; None: all.
    """
    schema = SCHEMAS[kind]

    def told(call: Call, made: Entry) -> Answer:
        return created(call, {"@odata.context": context(call, name, entity=True), **shown(made, shows)}, made.guid)

    def post(call: Call) -> Answer:
        return told(call, make(call))

    def post_all(calls: Sequence[Call], make_all: Callable[[Sequence[Call]], list[Entry]]) -> list[Answer]:
        return [told(call, made) for call, made in zip(calls, make_all(calls), strict=True)]

    def patch(call: Call) -> Answer:
        entry = find(call)
        call.expect(entry)
        change(call, entry)
        return done()

    def remove(call: Call) -> Answer:
        entry = find(call)
        call.expect(entry)
        delete(call.work, entry)
        return done()

    one = f"{name}/{{}}"
    return [
        Route("GET", name, lambda call: list_objects(call, schema), read),
        Route("POST", name, post, creates or write, at_once=partial(post_all, make_all=make_all) if make_all else None),
        Route("GET", f"{name}/$count", lambda call: count_objects(call, schema), read),
        Route("GET", f"{name}/delta", lambda call: delta_objects(call, kind, relations), read),
        Route("GET", one, lambda call: get_object(call, find(call)), read),
        Route("PATCH", one, patch, updates or write),
        Route("DELETE", one, remove, write),
    ]
