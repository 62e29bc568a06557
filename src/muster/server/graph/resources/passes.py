"""/users/{id}/authentication: temporary access passes.

https://learn.microsoft.com/graph/api/resources/temporaryaccesspassauthenticationmethod
"""

from __future__ import annotations

from typing import Any, Final

from muster.directory.passes import Pass, create_pass, delete_pass, find_pass, passes
from muster.directory.work import instant
from muster.server.graph.call import Answer, Call, Route, created, done
from muster.server.graph.resources.rights import READ_PASSES, WRITE_PASSES
from muster.server.graph.resources.users import user

_TYPE: Final = "#microsoft.graph.temporaryAccessPassAuthenticationMethod"
_PATH: Final = "users/{}/authentication"
_NAME: Final = "temporaryAccessPassMethods"


def _shown(one: Pass, now: int, says: str | None = None) -> dict[str, Any]:
    return {
        "id": one.id,
        "temporaryAccessPass": says,
        "createdDateTime": instant(one.created),
        "startDateTime": instant(one.starts),
        "lifetimeInMinutes": one.minutes,
        "isUsableOnce": one.once,
        "isUsable": one.usable(now),
        "methodUsabilityReason": one.reason(now),
    }


def _context(call: Call, guid: str, *, entity: bool) -> str:
    tail = "/$entity" if entity else ""
    return f"{call.base}/$metadata#users('{guid}')/authentication/{_NAME}{tail}"


def _list(call: Call) -> Answer:
    entry = user(call)
    values = [_shown(one, call.work.now) for one in passes(call.work, entry)]
    return Answer(200, {"@odata.context": _context(call, entry.guid, entity=False), "value": values})


def _methods(call: Call) -> Answer:
    entry = user(call)
    values = [{"@odata.type": _TYPE, **_shown(one, call.work.now)} for one in passes(call.work, entry)]
    what = f"{call.base}/$metadata#users('{entry.guid}')/authentication/methods"
    return Answer(200, {"@odata.context": what, "value": values})


def _create(call: Call) -> Answer:
    entry = user(call)
    made, says = create_pass(call.work, entry, call.optional_document())
    return created(
        call,
        {"@odata.context": _context(call, entry.guid, entity=True), **_shown(made, call.work.now, says)},
    )


def _get(call: Call) -> Answer:
    entry = user(call)
    found = find_pass(call.work, entry, call.keys[1])
    return Answer(200, {"@odata.context": _context(call, entry.guid, entity=True), **_shown(found, call.work.now)})


def _delete(call: Call) -> Answer:
    delete_pass(call.work, user(call), call.keys[1])
    return done()


ROUTES: Final = (
    Route("GET", f"{_PATH}/methods", _methods, READ_PASSES),
    Route("GET", f"{_PATH}/{_NAME}", _list, READ_PASSES),
    Route("POST", f"{_PATH}/{_NAME}", _create, WRITE_PASSES),
    Route("GET", f"{_PATH}/{_NAME}/{{}}", _get, READ_PASSES),
    Route("DELETE", f"{_PATH}/{_NAME}/{{}}", _delete, WRITE_PASSES),
)
