"""Teams: Microsoft 365 groups that people work together in. Members and owners are the group's."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from muster.directory.edges import Relation, connect, count, disconnect, has
from muster.directory.errors import Invalid, NotFound, no_such
from muster.directory.filters import Compare, Quantified
from muster.directory.groups import create_group, is_unified
from muster.directory.keys import fold
from muster.directory.neighbours import by_number
from muster.directory.objects import Entry, change, find, find_named
from muster.directory.pages import Page, Position, Query, page
from muster.directory.schema.kinds import SCHEMAS, Kind
from muster.directory.values import kept
from muster.directory.work import Work

TEAM: Final = "Team"
DATA: Final = "team"
"""Where a group's document keeps what belongs to its team alone."""
_GROUP: Final = SCHEMAS[Kind.GROUP]
SETTINGS: Final = ("memberSettings", "guestSettings", "messagingSettings", "funSettings", "specialization")
_SEPARATOR: Final = "##"
_LONGEST: Final = 64


@dataclass(frozen=True, slots=True)
class TeamMember:
    """Somebody in a team."""

    user: Entry
    owner: bool


def is_team(group: Entry) -> bool:
    """Whether a group has a team."""
    return TEAM in (group.doc.get("resourceProvisioningOptions") or ())


def find_team(work: Work, guid: str) -> Entry:
    """The group of a team. Raises `NotFound`."""
    group = find(work, guid, (Kind.GROUP,))
    if not is_team(group):
        raise NotFound(f"No team found with Group Id {guid}")
    return group


def teams(work: Work, limit: int, after: Position | None) -> Page:
    """A page of the groups that have a team."""
    condition = Quantified(("resourceProvisioningOptions",), False, Compare((), "eq", TEAM))
    return page(work, Query(_GROUP, condition), limit, after)


def make_team(work: Work, group: Entry, body: Mapping[str, Any]) -> Entry:
    """Give a Microsoft 365 group a team. Raises `Invalid`."""
    if not is_unified(group):
        raise Invalid("Only a Microsoft 365 group can have a team.", "group")
    if is_team(group):
        raise Invalid(f"Group {group.guid} has a team already.", "group")
    doc = {
        **group.doc,
        "resourceProvisioningOptions": [*(group.doc.get("resourceProvisioningOptions") or ()), TEAM],
        DATA: {"createdDateTime": work.instant, "isArchived": False, **_settings(body)},
    }
    return change(work, group, doc)


def create_team(work: Work, body: Mapping[str, Any], members: Sequence[tuple[str, bool]]) -> Entry:
    """A new team with its group. `members`: ids or names of users, and whether each is an owner. Raises `Invalid`."""
    name = kept(body.get("displayName"), _GROUP.properties["displayName"])
    if name is None:
        raise Invalid("A value is required for property 'displayName' of resource 'Team'.", "displayName")
    people = [(find_named(work, SCHEMAS[Kind.USER], who), owner) for who, owner in members]
    if not any(owner for _, owner in people):
        raise Invalid("A team must have an owner: send one in `members`.", "members")
    alias = "".join(one for one in name if one.isascii() and (one.isalnum() or one in "._-")) or "team"
    group = create_group(
        work,
        {
            "displayName": name,
            **({"description": body["description"]} if body.get("description") is not None else {}),
            "groupTypes": ["Unified"],
            "mailEnabled": True,
            "securityEnabled": False,
            "mailNickname": _free_alias(work, alias[:50]),
            "visibility": "Public" if body.get("visibility") is None else body["visibility"],
        },
        [],
        [],
    )
    for user, owner in people:
        _join(work, group, user, owner)
    return make_team(work, find(work, group.guid), body)


def _free_alias(work: Work, alias: str) -> str:
    """The alias, or the first with a number after it that no group has."""
    taken = {
        row[0]
        for row in work.session.rows(
            "SELECT key FROM dir_key WHERE code = ? AND key >= ? AND key < ?",
            *(_GROUP.code(8), fold(alias), fold(alias) + "\U0010ffff"),
        )
    }
    found = alias
    number = 1
    while fold(found) in taken:
        number += 1
        found = f"{alias}{number}"
    return found


def update_team(work: Work, group: Entry, body: Mapping[str, Any]) -> Entry:
    """The team with these settings; name, description and visibility are the group's."""
    doc = dict(group.doc)
    for name in ("displayName", "description"):
        if name in body:
            value = kept(body[name], _GROUP.properties[name])
            if value is None and name == "displayName":
                raise Invalid("A value is required for property 'displayName' of resource 'Team'.", name)
            doc.pop(name, None)
            if value is not None:
                doc[name] = value
    data = dict(doc[DATA])
    for name, value in _settings(body).items():
        before = data.get(name)
        data[name] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
    doc[DATA] = data
    return change(work, group, doc)


def archive(work: Work, group: Entry, archived: bool) -> Entry:
    """Make a team read-only, or work again (https://learn.microsoft.com/graph/api/team-archive). Raises `Invalid`."""
    if archived and not count(work, Relation.OWNERS, group):
        raise Invalid("A team without an owner cannot be archived: give its group one first.", "owners")
    return change(work, group, {**group.doc, DATA: {**group.doc[DATA], "isArchived": archived}})


def _settings(body: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: body[name] for name in SETTINGS if body.get(name) is not None}
    for name, value in found.items():
        if name == "specialization":
            right = isinstance(value, str) and len(value) <= _LONGEST
        else:
            right = isinstance(value, dict) and all(
                isinstance(one, bool) or (isinstance(one, str) and len(one) <= _LONGEST) for one in value.values()
            )
        if not right:
            raise Invalid(f"Invalid value specified for property '{name}'.", name)
    return found


# --- members


def membership_id(work: Work, group: Entry, user: Entry) -> str:
    """How Graph names somebody's place in a team: an opaque text."""
    text = _SEPARATOR.join((work.tenant.id, group.guid, user.guid))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def people(work: Work, group: Entry, limit: int, after: Position | None) -> tuple[list[TeamMember], Position | None]:
    """A page of who is in the team."""
    rows = work.session.rows(
        "SELECT member, MAX(relation) FROM dir_edge WHERE owner = ? AND relation IN (1, 2) AND kind = 1 AND state = 0 "
        "AND member > ? GROUP BY member ORDER BY member LIMIT ?",
        *(group.id, after.id if after else 0, limit + 1),
    )
    more = len(rows) > limit
    roles = {number: relation == Relation.OWNERS for number, relation in rows[:limit]}
    found = [TeamMember(user, roles[user.id]) for user in by_number(work, list(roles))]
    return found, Position(rows[limit - 1][0]) if more else None


def find_member(work: Work, group: Entry, membership: str) -> TeamMember:
    """Who has this place in the team. Raises `NotFound`."""
    try:
        text = base64.urlsafe_b64decode(membership + "=" * (-len(membership) % 4)).decode()
    except (binascii.Error, ValueError):
        raise no_such(membership) from None
    tenant, _, rest = text.partition(_SEPARATOR)
    team, _, guid = rest.partition(_SEPARATOR)
    if tenant != work.tenant.id or team != group.guid:
        raise no_such(membership)
    user = find(work, guid, (Kind.USER,))
    owner = has(work, Relation.OWNERS, group, user)
    if not owner and not has(work, Relation.MEMBERS, group, user):
        raise no_such(membership)
    return TeamMember(user, owner)


def add_member(work: Work, group: Entry, who: str, owner: bool) -> TeamMember:
    """Take a user into the team, or change what they are in it. Raises `NotFound`."""
    user = find_named(work, SCHEMAS[Kind.USER], who)
    _join(work, group, user, owner)
    return TeamMember(user, owner)


def set_role(work: Work, group: Entry, member: TeamMember, owner: bool) -> TeamMember:
    """Make somebody an owner, or an owner a member. The last owner stays one. Raises `Invalid`."""
    if owner and not member.owner:
        connect(work, Relation.OWNERS, group, [member.user])
    if not owner and member.owner:
        _last_owner(work, group, member.user)
        if not has(work, Relation.MEMBERS, group, member.user):
            connect(work, Relation.MEMBERS, group, [member.user])
        disconnect(work, Relation.OWNERS, group, member.user)
    return TeamMember(member.user, owner)


def remove_member(work: Work, group: Entry, member: TeamMember) -> None:
    """Take somebody out of the team. The last owner stays. Raises `Invalid`."""
    if member.owner:
        _last_owner(work, group, member.user)
        disconnect(work, Relation.OWNERS, group, member.user)
    if has(work, Relation.MEMBERS, group, member.user):
        disconnect(work, Relation.MEMBERS, group, member.user)


def _join(work: Work, group: Entry, user: Entry, owner: bool) -> None:
    """An owner of a team is a member too, as Teams does it."""
    if not has(work, Relation.MEMBERS, group, user):
        connect(work, Relation.MEMBERS, group, [user])
    if owner and not has(work, Relation.OWNERS, group, user):
        connect(work, Relation.OWNERS, group, [user])


def _last_owner(work: Work, group: Entry, user: Entry) -> None:
    others = work.session.one(
        "SELECT 1 FROM dir_edge WHERE relation = ? AND owner = ? AND state = 0 AND member <> ? LIMIT 1",
        *(int(Relation.OWNERS), group.id, user.id),
    )
    if others is None:
        raise Invalid("The last owner of a team cannot be removed: make somebody else an owner first.", "roles")
