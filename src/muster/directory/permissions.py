"""What an application may do: Microsoft Graph's application permissions, as far as the directory knows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SYNCHRONISE: Final = "OnPremDirectorySynchronization.ReadWrite.All"
"""May write what on premises decides: the attributes that Graph calls read-only because Entra Connect writes them."""

PERMISSIONS: Final[Mapping[str, str]] = {
    "Application.Read.All": "read applications and directory extensions",
    "Application.ReadWrite.All": "register directory extensions",
    "Device.Read.All": "read devices",
    "Device.ReadWrite.All": "read and write devices",
    "Directory.Read.All": "read everything",
    "Directory.ReadWrite.All": "read everything; write users, groups, contacts and their references",
    "Group.Create": "create groups",
    "Group.Read.All": "read groups and their members",
    "Group.ReadWrite.All": "read and write groups and their members",
    "GroupMember.Read.All": "read groups and their members",
    "GroupMember.ReadWrite.All": "add and remove members of groups",
    "LicenseAssignment.ReadWrite.All": "assign licences",
    SYNCHRONISE: "write what on premises decides",
    "OrgContact.Read.All": "read organisational contacts",
    "Organization.Read.All": "read the organisation and its licences",
    "Team.Create": "create teams",
    "Team.ReadBasic.All": "read names of teams",
    "TeamMember.Read.All": "read members of teams",
    "TeamMember.ReadWrite.All": "add and remove members of teams",
    "TeamSettings.Read.All": "read settings of teams",
    "TeamSettings.ReadWrite.All": "change settings of teams",
    "User.Invite.All": "invite guests",
    "User.Read.All": "read users",
    "User.ReadWrite.All": "read and write users",
    "User.RevokeSessions.All": "end sign-in sessions",
    "UserAuthenticationMethod.Read.All": "see temporary access passes",
    "UserAuthenticationMethod.ReadWrite.All": "give and take back temporary access passes",
}
"""Permission → what it allows here."""

ALL: Final = tuple(sorted(PERMISSIONS))
READ_ALL: Final = ("Directory.Read.All", "TeamMember.Read.All", "TeamSettings.Read.All")
"""For an application that only looks."""
