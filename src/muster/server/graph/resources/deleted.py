"""/directory/deletedItems: what was deleted less than 30 days ago, and can be restored."""

from __future__ import annotations

from typing import Final

from muster.directory.lifecycle import purge, restore
from muster.directory.objects import Entry, State, find
from muster.directory.schema.kinds import SCHEMAS, Kind, Schema
from muster.server.graph.call import Answer, Call, Route, context, done
from muster.server.graph.errors import GraphError
from muster.server.graph.reading import count_objects, list_objects
from muster.server.graph.resources.rights import READ_ALL, READ_GROUPS, READ_USERS, WRITE_GROUPS, WRITE_USERS
from muster.server.graph.show import ALL, selected, shown

_PATH: Final = "directory/deletedItems"
_READ: Final = tuple(dict.fromkeys((*READ_ALL, *READ_USERS, *READ_GROUPS)))
_WRITE: Final = tuple(dict.fromkeys((*WRITE_USERS, *WRITE_GROUPS)))
_RIGHTS: Final = {Kind.USER: (READ_USERS, WRITE_USERS), Kind.GROUP: (READ_GROUPS, WRITE_GROUPS)}


def _item(call: Call, *, write: bool) -> Entry:
    """The deleted object that the path names. Raises `NotFound`; `GraphError` where the kind is not the caller's."""
    entry = find(call.work, call.key, state=State.DELETED)
    call.need(_RIGHTS[entry.kind][1 if write else 0])
    return entry


def _get(call: Call) -> Answer:
    entry = _item(call, write=False)
    names = selected(ALL, call.options.select)
    body = {"@odata.context": context(call, "directoryObjects", names, entity=True)}
    return Answer(200, {**body, **shown(entry, names or (*entry.schema.shown, "deletedDateTime"), typed=True)})


def _purge(call: Call) -> Answer:
    purge(call.work, _item(call, write=True))
    return done()


def _restore(call: Call) -> Answer:
    entry = _item(call, write=True)
    body = call.optional_document()
    name = body.get("newUserPrincipalName")
    if name is not None and (not isinstance(name, str) or entry.kind is not Kind.USER):
        raise GraphError(400, "Request_BadRequest", "'newUserPrincipalName' is a name for a user.")
    back = restore(call.work, entry, name=name, lose_addresses=body.get("autoReconcileProxyConflict") is True)
    return Answer(
        200,
        {"@odata.context": context(call, "directoryObjects", entity=True), **shown(back, None, typed=True)},
    )


def _listed(schema: Schema) -> list[Route]:
    permissions = _RIGHTS[schema.kind][0]
    path = f"{_PATH}/graph.{schema.name}"
    return [
        Route("GET", path, lambda call: list_objects(call, schema, deleted=True), permissions),
        Route("GET", f"{path}/$count", lambda call: count_objects(call, schema, deleted=True), permissions),
    ]


ROUTES: Final = (
    *_listed(SCHEMAS[Kind.USER]),
    *_listed(SCHEMAS[Kind.GROUP]),
    Route("GET", f"{_PATH}/{{}}", _get, _READ),
    Route("DELETE", f"{_PATH}/{{}}", _purge, _WRITE),
    Route("POST", f"{_PATH}/{{}}/restore", _restore, _WRITE),
)
