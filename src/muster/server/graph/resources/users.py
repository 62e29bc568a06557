"""/users (https://learn.microsoft.com/graph/api/resources/user)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from muster.directory.edges import Relation
from muster.directory.errors import no_such
from muster.directory.licences import assign, skus
from muster.directory.neighbours import members
from muster.directory.objects import Entry, find_named
from muster.directory.pages import Position
from muster.directory.schema.kinds import SCHEMAS, Kind
from muster.directory.schema.property import Property, Type
from muster.directory.teams import is_team
from muster.directory.users import create_users, revoke_sessions, set_manager, update_user
from muster.directory.values import kept
from muster.server.graph.call import Answer, Call, Route, context, done
from muster.server.graph.errors import bad_request
from muster.server.graph.odata.options import MOST
from muster.server.graph.referring import MEMBER_OF, TRANSITIVE_MEMBER_OF, backward, bound, reference
from muster.server.graph.resources.collection import collection
from muster.server.graph.resources.listing import listed
from muster.server.graph.resources.rights import (
    LICENSE,
    READ_GROUPS,
    READ_MEMBERSHIP,
    READ_USERS,
    REVOKE,
    WRITE_USERS,
)
from muster.server.graph.show import ALL, selected, shown

USER: Final = SCHEMAS[Kind.USER]
_PATH: Final = "users/{}"
_SKU: Final = Property("skuId", Type.GUID)
_PLANS: Final = Property("disabledPlans", Type.GUID, many=True)


def user(call: Call) -> Entry:
    """The user that the path names. Raises `NotFound`."""
    name = call.key
    if name.lower().startswith("userprincipalname="):
        name = name.partition("=")[2]
    return find_named(call.work, USER, name)


def _make(call: Call) -> Entry:
    return _make_all([call])[0]


def _make_all(calls: Sequence[Call]) -> list[Entry]:
    work = calls[0].work
    bodies = [dict(call.document()) for call in calls]
    managers = [bound(body, "manager") for body in bodies]
    made = create_users(work, bodies)
    for one, manager in zip(made, managers, strict=True):
        if manager:
            set_manager(work, one, manager[0])
    return made


def _change(call: Call, entry: Entry) -> None:
    body = dict(call.document())
    manager = bound(body, "manager")
    changed = update_user(call.work, entry, body)
    if manager:
        set_manager(call.work, changed, manager[0])


def _manager(call: Call) -> Answer:
    found = members(call.work, Relation.MANAGER, user(call), 1).entries
    if not found:
        raise no_such("manager")
    names = selected(ALL, call.options.select)
    body = {"@odata.context": context(call, "directoryObjects", names, entity=True)}
    return Answer(200, {**body, **shown(found[0], names, typed=True)})


def _manager_reference(call: Call) -> Answer:
    found = members(call.work, Relation.MANAGER, user(call), 1).entries
    if not found:
        raise no_such("manager")
    address = f"{call.base}/directoryObjects/{found[0].guid}"
    return Answer(200, {"@odata.context": f"{call.base}/$metadata#$ref", "@odata.id": address})


def _set_manager(call: Call) -> Answer:
    set_manager(call.work, user(call), reference(call))
    return done()


def _no_manager(call: Call) -> Answer:
    entry = user(call)
    if not members(call.work, Relation.MANAGER, entry, 1).entries:
        raise no_such("manager")
    set_manager(call.work, entry, None)
    return done()


def _revoke(call: Call) -> Answer:
    revoke_sessions(call.work, user(call))
    return Answer(200, {"@odata.context": f"{call.base}/$metadata#Edm.Boolean", "value": True})


def _assign(call: Call) -> Answer:
    body = call.document()
    add, remove = body.get("addLicenses"), body.get("removeLicenses")
    if not isinstance(add, list) or not isinstance(remove, list):
        raise bad_request("addLicenses and removeLicenses must be there, as lists.")
    if not all(isinstance(one, dict) and one.get("skuId") is not None for one in add):
        raise bad_request("Each of addLicenses needs a skuId.")
    wanted = [
        {"skuId": kept(one["skuId"], _SKU), "disabledPlans": kept(one.get("disabledPlans"), _PLANS) or []}
        for one in add
    ]
    entry = assign(call.work, user(call), wanted, [str(kept(one, _SKU)) for one in remove])
    return Answer(200, {"@odata.context": context(call, "users", entity=True), **shown(entry, USER.shown)})


def _licences(call: Call) -> Answer:
    entry = user(call)
    known = {one.id: one for one in skus(call.work)}
    values: list[dict[str, Any]] = []
    for held in entry.doc.get("assignedLicenses") or ():
        sku = known[held["skuId"]]
        disabled = held.get("disabledPlans") or ()
        plans = [
            {
                "servicePlanId": number,
                "servicePlanName": name,
                "provisioningStatus": "Disabled" if number in disabled else "Success",
                "appliesTo": "User",
            }
            for number, name in sku.plans.items()
        ]
        values.append({"id": sku.id, "skuId": sku.id, "skuPartNumber": sku.part, "servicePlans": plans})
    what = f"users('{entry.guid}')/licenseDetails"
    return Answer(200, {"@odata.context": context(call, what), "value": values})


def _joined_teams(call: Call) -> Answer:
    entry, found = user(call), list[Entry]()
    position: Position | None = Position(0)
    while position is not None:
        page = MEMBER_OF.page(call.work, entry, MOST, position, None)
        found += page.entries
        position = page.next
    values = [
        {
            "id": one.guid,
            "displayName": one.doc["displayName"],
            "description": one.doc.get("description"),
            "visibility": (one.doc.get("visibility") or "Public").lower(),
        }
        for one in found
        if is_team(one)
    ]
    return Answer(200, {"@odata.context": context(call, "teams"), "value": values})


ROUTES: Final = (
    *collection(
        "users",
        Kind.USER,
        user,
        make=_make,
        make_all=_make_all,
        change=_change,
        read=READ_USERS,
        write=WRITE_USERS,
        relations=(Relation.MANAGER,),
        shows=USER.shown,
    ),
    Route("GET", f"{_PATH}/manager", _manager, READ_USERS),
    Route("GET", f"{_PATH}/manager/$ref", _manager_reference, READ_USERS),
    Route("PUT", f"{_PATH}/manager/$ref", _set_manager, WRITE_USERS),
    Route("DELETE", f"{_PATH}/manager/$ref", _no_manager, WRITE_USERS),
    *listed(_PATH, user, "directReports", backward(Relation.MANAGER), READ_USERS, Kind.USER),
    *listed(_PATH, user, "memberOf", MEMBER_OF, READ_MEMBERSHIP, Kind.GROUP),
    *listed(_PATH, user, "transitiveMemberOf", TRANSITIVE_MEMBER_OF, READ_MEMBERSHIP, Kind.GROUP),
    *listed(_PATH, user, "ownedObjects", backward(Relation.OWNERS), READ_USERS, Kind.GROUP),
    *listed(_PATH, user, "ownedDevices", backward(Relation.REGISTERED_OWNERS), READ_USERS, Kind.DEVICE),
    *listed(_PATH, user, "registeredDevices", backward(Relation.REGISTERED_USERS), READ_USERS, Kind.DEVICE),
    Route("POST", f"{_PATH}/revokeSignInSessions", _revoke, REVOKE),
    Route("POST", f"{_PATH}/assignLicense", _assign, LICENSE),
    Route("GET", f"{_PATH}/licenseDetails", _licences, READ_USERS),
    Route("GET", f"{_PATH}/joinedTeams", _joined_teams, READ_GROUPS),
)
