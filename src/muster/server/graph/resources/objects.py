"""/directoryObjects, and what can be asked of any object: which groups it is in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Final

from muster.directory.lifecycle import delete
from muster.directory.neighbours import by_number, groups_around
from muster.directory.objects import Entry, find, find_present
from muster.directory.schema.kinds import BY_NAME, Kind
from muster.directory.values import is_guid
from muster.server.graph.call import Answer, Call, Route, context, done
from muster.server.graph.errors import GraphError, bad_request
from muster.server.graph.resources.contacts import contact
from muster.server.graph.resources.devices import device
from muster.server.graph.resources.groups import group
from muster.server.graph.resources.rights import (
    READ,
    READ_ALL,
    READ_CONTACTS,
    READ_DEVICES,
    READ_GROUPS,
    READ_SOME,
    READ_USERS,
    WRITE_CONTACTS,
    WRITE_DEVICES,
    WRITE_GROUPS,
    WRITE_USERS,
)
from muster.server.graph.resources.users import user
from muster.server.graph.show import ALL, selected, shown

_MOST_IDS: Final = 1000
_MOST_CHECKED: Final = 20


def _any(call: Call) -> Entry:
    return find(call.work, call.key)


def _get(call: Call) -> Answer:
    names = selected(ALL, call.options.select)
    body = {"@odata.context": context(call, "directoryObjects", names, entity=True)}
    return Answer(200, {**body, **shown(_any(call), names, typed=True)})


_DELETE: Final = {
    Kind.USER: WRITE_USERS,
    Kind.GROUP: WRITE_GROUPS,
    Kind.DEVICE: WRITE_DEVICES,
    Kind.CONTACT: WRITE_CONTACTS,
}


def _delete(call: Call) -> Answer:
    entry = _any(call)
    call.need(_DELETE[entry.kind])
    call.expect(entry)
    delete(call.work, entry)
    return done()


def _ids(body: dict[str, Any], name: str, most: int) -> list[str]:
    values = body.get(name)
    if not isinstance(values, list) or not all(isinstance(one, str) and is_guid(one) for one in values):
        raise bad_request(f"'{name}' must be a list of ids.")
    if len(values) > most:
        raise GraphError(400, "Request_BadRequest", f"'{name}' has {len(values)} ids; at most {most} are allowed.")
    return [one.lower() for one in values]


def _by_ids(call: Call) -> Answer:
    body = call.document()
    types = body.get("types") or []
    if not isinstance(types, list) or not all(isinstance(one, str) for one in types):
        raise bad_request("'types' must be a list of names.")
    kinds = [BY_NAME[one].kind for one in types if one in BY_NAME] if types else list(Kind)
    if "directoryObject" in types:
        kinds = list(Kind)
    ids = _ids(body, "ids", _MOST_IDS)
    values = [shown(one, None, typed=True) for one in find_present(call.work, ids) if one.kind in kinds]
    return Answer(200, {"@odata.context": context(call, "directoryObjects"), "value": values})


def _strings(call: Call, values: list[str]) -> Answer:
    return Answer(200, {"@odata.context": f"{call.base}/$metadata#Collection(Edm.String)", "value": values})


def _memberships(path: str, of: Callable[[Call], Entry], read: Sequence[str]) -> list[Route]:
    """What a caller needs is the right to read objects of that kind; for `…MemberGroups` also that to read groups."""

    def around(call: Call) -> list[Entry]:
        if call.path.endswith("Groups"):
            call.need(READ_GROUPS)
        entry = of(call)
        call.need(READ[entry.kind])
        return by_number(call.work, groups_around(call.work, entry))

    def get(call: Call) -> Answer:
        only_security = call.document().get("securityEnabledOnly")
        if not isinstance(only_security, bool):
            raise bad_request("'securityEnabledOnly' must be true or false.")
        return _strings(call, [one.guid for one in around(call) if not only_security or one.doc.get("securityEnabled")])

    def check(name: str) -> Callable[[Call], Answer]:
        def checked(call: Call) -> Answer:
            wanted = _ids(call.document(), name, _MOST_CHECKED)
            inside = {one.guid for one in around(call)}
            return _strings(call, [one for one in dict.fromkeys(wanted) if one in inside])

        return checked

    return [
        Route("POST", f"{path}/getMemberGroups", get, read, reads=True),
        Route("POST", f"{path}/getMemberObjects", get, read, reads=True),
        Route("POST", f"{path}/checkMemberGroups", check("groupIds"), read, reads=True),
        Route("POST", f"{path}/checkMemberObjects", check("ids"), read, reads=True),
    ]


ROUTES: Final = (
    Route("GET", "directoryObjects/{}", _get, READ_ALL),
    Route("DELETE", "directoryObjects/{}", _delete, tuple(dict.fromkeys(chain(*_DELETE.values())))),
    Route("POST", "directoryObjects/getByIds", _by_ids, READ_ALL, reads=True),
    *_memberships("users/{}", user, READ_USERS),
    *_memberships("groups/{}", group, READ_GROUPS),
    *_memberships("devices/{}", device, READ_DEVICES),
    *_memberships("contacts/{}", contact, READ_CONTACTS),
    *_memberships("directoryObjects/{}", _any, READ_SOME),
)
