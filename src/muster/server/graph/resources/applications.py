"""/applications, to read, and the directory extensions that they register."""

from __future__ import annotations

from typing import Any, Final

from muster.directory.applications import Application, applications, find_application
from muster.directory.errors import NotFound, no_such
from muster.directory.extensions import Extension, extensions, find_extension, register, unregister
from muster.directory.work import instant
from muster.server.graph.call import Answer, Call, Route, context, created, done
from muster.server.graph.resources.rights import READ_ALL, READ_APPLICATIONS, WRITE_APPLICATIONS

_PATH: Final = "applications/{}"
_EXTENSIONS: Final = f"{_PATH}/extensionProperties"


def _application(call: Call) -> Application:
    which = call.key.partition("=")[2] if call.key.lower().startswith("appid=") else call.key
    try:
        found = find_application(call.work, which)
    except NotFound:
        raise no_such(which) from None
    if which.lower() not in (found.id, found.object):
        raise no_such(which)
    return found


def _shown(one: Application) -> dict[str, Any]:
    return {
        "id": one.object,
        "appId": one.id,
        "displayName": one.name,
        "createdDateTime": instant(one.created - one.created % 1_000_000),
        "signInAudience": "AzureADMyOrg",
    }


def _extension(one: Extension, name: str | None) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "appDisplayName": name,
        "dataType": one.data_type,
        "isMultiValued": one.many,
        "isSyncedFromOnPremises": False,
        "targetObjects": one.target_objects,
    }


def _list(call: Call) -> Answer:
    values = [_shown(one) for one in applications(call.work)]
    return Answer(200, {"@odata.context": context(call, "applications"), "value": values})


def _get(call: Call) -> Answer:
    return Answer(200, {"@odata.context": context(call, "applications", entity=True), **_shown(_application(call))})


def _list_extensions(call: Call) -> Answer:
    one = _application(call)
    what = f"applications('{one.object}')/extensionProperties"
    values = [_extension(each, one.name) for each in extensions(call.work, one)]
    return Answer(200, {"@odata.context": context(call, what), "value": values})


def _register(call: Call) -> Answer:
    one = _application(call)
    made = register(call.work, one, call.document())
    what = f"applications('{one.object}')/extensionProperties"
    return created(call, {"@odata.context": context(call, what, entity=True), **_extension(made, one.name)})


def _get_extension(call: Call) -> Answer:
    one = _application(call)
    found = find_extension(call.work, one, call.keys[1])
    what = f"applications('{one.object}')/extensionProperties"
    return Answer(200, {"@odata.context": context(call, what, entity=True), **_extension(found, one.name)})


def _unregister(call: Call) -> Answer:
    unregister(call.work, find_extension(call.work, _application(call), call.keys[1]))
    return done()


def _available(call: Call) -> Answer:
    names = {one.id: one.name for one in applications(call.work)}
    values = [_extension(one, names.get(one.application)) for one in extensions(call.work)]
    what = f"{call.base}/$metadata#Collection(microsoft.graph.extensionProperty)"
    return Answer(200, {"@odata.context": what, "value": values})


ROUTES: Final = (
    Route("GET", "applications", _list, READ_APPLICATIONS),
    Route("GET", _PATH, _get, READ_APPLICATIONS),
    Route("GET", _EXTENSIONS, _list_extensions, READ_APPLICATIONS),
    Route("POST", _EXTENSIONS, _register, WRITE_APPLICATIONS),
    Route("GET", f"{_EXTENSIONS}/{{}}", _get_extension, READ_APPLICATIONS),
    Route("DELETE", f"{_EXTENSIONS}/{{}}", _unregister, WRITE_APPLICATIONS),
    Route("POST", "directoryObjects/getAvailableExtensionProperties", _available, READ_ALL, reads=True),
)
