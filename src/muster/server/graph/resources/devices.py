"""/devices (https://learn.microsoft.com/graph/api/resources/device)."""

from __future__ import annotations

from typing import Final

from muster.directory.devices import add_people, create_device, remove_person, update_device
from muster.directory.edges import Relation
from muster.directory.lifecycle import delete
from muster.directory.objects import Entry, find, find_by
from muster.directory.schema.kinds import SCHEMAS, Kind
from muster.server.graph.call import Answer, Call, Route, context, created, done
from muster.server.graph.changes import delta_objects
from muster.server.graph.reading import count_objects, get_object, list_objects
from muster.server.graph.referring import MEMBER_OF, TRANSITIVE_MEMBER_OF, forward, reference
from muster.server.graph.resources.listing import listed
from muster.server.graph.resources.rights import READ_DEVICES, WRITE_DEVICES
from muster.server.graph.show import shown

DEVICE: Final = SCHEMAS[Kind.DEVICE]
_PATH: Final = "devices/{}"


def device(call: Call) -> Entry:
    """The device that the path names, by id or `deviceId='…'`. Raises `NotFound`."""
    if call.key.lower().startswith("deviceid="):
        return find_by(call.work, DEVICE, "deviceId", call.key.partition("=")[2])
    return find(call.work, call.key, (Kind.DEVICE,))


def _create(call: Call) -> Answer:
    made = create_device(call.work, call.document())
    return created(call, {"@odata.context": context(call, "devices", entity=True), **shown(made, None)}, made.guid)


def _update(call: Call) -> Answer:
    entry = device(call)
    call.expect(entry)
    update_device(call.work, entry, call.document())
    return done()


def _delete(call: Call) -> Answer:
    entry = device(call)
    call.expect(entry)
    delete(call.work, entry)
    return done()


def _people(name: str, relation: Relation) -> list[Route]:
    def add(call: Call) -> Answer:
        add_people(call.work, relation, device(call), [reference(call)])
        return done()

    def remove(call: Call) -> Answer:
        remove_person(call.work, relation, device(call), call.keys[1])
        return done()

    return [
        *listed(_PATH, device, name, forward(relation), READ_DEVICES, Kind.USER),
        Route("POST", f"{_PATH}/{name}/$ref", add, WRITE_DEVICES),
        Route("DELETE", f"{_PATH}/{name}/{{}}/$ref", remove, WRITE_DEVICES),
    ]


ROUTES: Final = (
    Route("GET", "devices", lambda call: list_objects(call, DEVICE), READ_DEVICES),
    Route("POST", "devices", _create, WRITE_DEVICES),
    Route("GET", "devices/$count", lambda call: count_objects(call, DEVICE), READ_DEVICES),
    Route("GET", "devices/delta", lambda call: delta_objects(call, Kind.DEVICE, ()), READ_DEVICES),
    Route("GET", _PATH, lambda call: get_object(call, device(call)), READ_DEVICES),
    Route("PATCH", _PATH, _update, WRITE_DEVICES),
    Route("DELETE", _PATH, _delete, WRITE_DEVICES),
    *_people("registeredOwners", Relation.REGISTERED_OWNERS),
    *_people("registeredUsers", Relation.REGISTERED_USERS),
    *listed(_PATH, device, "memberOf", MEMBER_OF, READ_DEVICES, Kind.GROUP),
    *listed(_PATH, device, "transitiveMemberOf", TRANSITIVE_MEMBER_OF, READ_DEVICES, Kind.GROUP),
)
