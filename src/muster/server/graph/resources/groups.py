"""/groups (https://learn.microsoft.com/graph/api/resources/group)."""

from __future__ import annotations

from typing import Final

from muster.directory.edges import Relation
from muster.directory.groups import (
    add_members,
    add_owners,
    add_references,
    create_group,
    remove_member,
    remove_owner,
    update_group,
)
from muster.directory.objects import Entry, find, find_by
from muster.directory.schema.kinds import SCHEMAS, Kind
from muster.server.graph.call import Answer, Call, Route, done
from muster.server.graph.referring import (
    MEMBER_OF,
    TRANSITIVE_MEMBER_OF,
    TRANSITIVE_MEMBERS,
    bound,
    forward,
    reference,
)
from muster.server.graph.resources.collection import collection
from muster.server.graph.resources.listing import listed
from muster.server.graph.resources.rights import (
    CREATE_GROUPS,
    READ_GROUPS,
    WRITE_GROUPS,
    WRITE_MEMBERS,
)

GROUP: Final = SCHEMAS[Kind.GROUP]
_PATH: Final = "groups/{}"
_KINDS: Final = (Kind.USER, Kind.GROUP, Kind.DEVICE, Kind.CONTACT)


def group(call: Call) -> Entry:
    """The group that the path names. Raises `NotFound`."""
    if call.key.lower().startswith("uniquename="):
        return find_by(call.work, GROUP, "uniqueName", call.key.partition("=")[2])
    return find(call.work, call.key, (Kind.GROUP,))


def _make(call: Call) -> Entry:
    body = dict(call.document())
    members, owners = bound(body, "members"), bound(body, "owners")
    return find(call.work, create_group(call.work, body, members, owners).guid)


def _change(call: Call, entry: Entry) -> None:
    body = dict(call.document())
    members, owners = bound(body, "members"), bound(body, "owners")
    if body or owners:
        call.need(WRITE_GROUPS)
    if body:
        entry = update_group(call.work, entry, body)
    add_references(call.work, entry, members, owners)


def _add_member(call: Call) -> Answer:
    add_members(call.work, group(call), [reference(call)])
    return done()


def _remove_member(call: Call) -> Answer:
    remove_member(call.work, group(call), call.keys[1])
    return done()


def _add_owner(call: Call) -> Answer:
    add_owners(call.work, group(call), [reference(call)])
    return done()


def _remove_owner(call: Call) -> Answer:
    remove_owner(call.work, group(call), call.keys[1])
    return done()


ROUTES: Final = (
    *collection(
        "groups",
        Kind.GROUP,
        group,
        make=_make,
        change=_change,
        read=READ_GROUPS,
        write=WRITE_GROUPS,
        creates=CREATE_GROUPS,
        updates=WRITE_MEMBERS,
        relations=(Relation.MEMBERS, Relation.OWNERS),
    ),
    *listed(_PATH, group, "members", forward(Relation.MEMBERS), READ_GROUPS, *_KINDS),
    *listed(_PATH, group, "owners", forward(Relation.OWNERS), READ_GROUPS, Kind.USER),
    *listed(_PATH, group, "transitiveMembers", TRANSITIVE_MEMBERS, READ_GROUPS, *_KINDS),
    *listed(_PATH, group, "memberOf", MEMBER_OF, READ_GROUPS, Kind.GROUP),
    *listed(_PATH, group, "transitiveMemberOf", TRANSITIVE_MEMBER_OF, READ_GROUPS, Kind.GROUP),
    Route("POST", f"{_PATH}/members/$ref", _add_member, WRITE_MEMBERS),
    Route("DELETE", f"{_PATH}/members/{{}}/$ref", _remove_member, WRITE_MEMBERS),
    Route("POST", f"{_PATH}/owners/$ref", _add_owner, WRITE_GROUPS),
    Route("DELETE", f"{_PATH}/owners/{{}}/$ref", _remove_owner, WRITE_GROUPS),
)
