"""/devices (https://learn.microsoft.com/graph/api/resources/device)."""

from __future__ import annotations

from typing import Final

from muster.directory.devices import add_people, create_device, remove_person, update_device
from muster.directory.edges import Relation
from muster.directory.objects import Entry, find, find_by
from muster.directory.schema.kinds import SCHEMAS, Kind
from muster.server.graph.call import Answer, Call, Route, done
from muster.server.graph.referring import MEMBER_OF, TRANSITIVE_MEMBER_OF, forward, reference
from muster.server.graph.resources.collection import collection
from muster.server.graph.resources.listing import listed
from muster.server.graph.resources.rights import READ_DEVICES, WRITE_DEVICES

DEVICE: Final = SCHEMAS[Kind.DEVICE]
_PATH: Final = "devices/{}"


def device(call: Call) -> Entry:
    """The device that the path names, by id or `deviceId='…'`. Raises `NotFound`."""
    if call.key.lower().startswith("deviceid="):
        return find_by(call.work, DEVICE, "deviceId", call.key.partition("=")[2])
    return find(call.work, call.key, (Kind.DEVICE,))


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
    *collection(
        "devices",
        Kind.DEVICE,
        device,
        make=lambda call: create_device(call.work, call.document()),
        change=lambda call, entry: update_device(call.work, entry, call.document()),
        read=READ_DEVICES,
        write=WRITE_DEVICES,
    ),
    *_people("registeredOwners", Relation.REGISTERED_OWNERS),
    *_people("registeredUsers", Relation.REGISTERED_USERS),
    *listed(_PATH, device, "memberOf", MEMBER_OF, READ_DEVICES, Kind.GROUP),
    *listed(_PATH, device, "transitiveMemberOf", TRANSITIVE_MEMBER_OF, READ_DEVICES, Kind.GROUP),
)
