"""Which permissions each kind of request needs: one of them is enough, the least first, as Graph's pages say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from muster.directory.schema.kinds import Kind

_READ: Final = ("Directory.Read.All", "Directory.ReadWrite.All")
_WRITE: Final = ("Directory.ReadWrite.All",)

READ_USERS: Final = ("User.Read.All", "User.ReadWrite.All", *_READ)
WRITE_USERS: Final = ("User.ReadWrite.All", *_WRITE)
REVOKE: Final = ("User.RevokeSessions.All", *WRITE_USERS)
READ_GROUPS: Final = (
    "GroupMember.Read.All",
    "Group.Read.All",
    "GroupMember.ReadWrite.All",
    "Group.ReadWrite.All",
    *_READ,
)
CREATE_GROUPS: Final = ("Group.Create", "Group.ReadWrite.All", *_WRITE)
WRITE_GROUPS: Final = ("Group.ReadWrite.All", *_WRITE)
WRITE_MEMBERS: Final = ("GroupMember.ReadWrite.All", "Group.ReadWrite.All", *_WRITE)
READ_DEVICES: Final = ("Device.Read.All", "Device.ReadWrite.All", *_READ)
WRITE_DEVICES: Final = ("Device.ReadWrite.All", *_WRITE)
READ_CONTACTS: Final = ("OrgContact.Read.All", *_READ)
WRITE_CONTACTS: Final = ("OnPremDirectorySynchronization.ReadWrite.All",)
READ_ALL: Final = _READ
READ: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.USER: READ_USERS,
    Kind.GROUP: READ_GROUPS,
    Kind.DEVICE: READ_DEVICES,
    Kind.CONTACT: READ_CONTACTS,
}
"""By kind of object."""
READ_SOME: Final = tuple(dict.fromkeys(one for permissions in READ.values() for one in permissions))
READ_MEMBERSHIP: Final = tuple(dict.fromkeys((*READ_USERS, *READ_GROUPS)))
"""The groups of a user: those who may read users see which, those who may read groups see them whole."""
INVITE: Final = ("User.Invite.All", *WRITE_USERS)
LICENSE: Final = ("LicenseAssignment.ReadWrite.All", *WRITE_USERS)
READ_PASSES: Final = ("UserAuthenticationMethod.Read.All", "UserAuthenticationMethod.ReadWrite.All")
WRITE_PASSES: Final = ("UserAuthenticationMethod.ReadWrite.All",)
READ_TEAMS: Final = ("Team.ReadBasic.All", "TeamSettings.Read.All", "TeamSettings.ReadWrite.All", "Group.Read.All",
                     "Group.ReadWrite.All", *_READ)  # fmt: skip
CREATE_TEAMS: Final = ("Team.Create", "Group.ReadWrite.All", *_WRITE)
WRITE_TEAMS: Final = ("TeamSettings.ReadWrite.All", "Group.ReadWrite.All", *_WRITE)
READ_TEAM_MEMBERS: Final = ("TeamMember.Read.All", "TeamMember.ReadWrite.All", *READ_GROUPS)
WRITE_TEAM_MEMBERS: Final = ("TeamMember.ReadWrite.All", "Group.ReadWrite.All", *_WRITE)
READ_APPLICATIONS: Final = ("Application.Read.All", "Application.ReadWrite.All", *_READ)
WRITE_APPLICATIONS: Final = ("Application.ReadWrite.All", *_WRITE)
READ_ORGANIZATION: Final = ("Organization.Read.All", "LicenseAssignment.ReadWrite.All", *_READ)
