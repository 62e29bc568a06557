"""What the application may do, and what it lacks: Graph's application permissions, the least that serve first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from muster.connectors.graph.session import SYNCHRONISES
from muster.connectors.graph.settings import Resource

_READ_ALL: Final = ("Directory.Read.All", "Directory.ReadWrite.All")
_WRITE_ALL: Final = ("Directory.ReadWrite.All",)


@dataclass(frozen=True, slots=True)
class Right:
    """One of `permissions` is needed for what `purpose` says; the first is the least."""

    purpose: str
    permissions: tuple[str, ...]

    def lacking(self, roles: frozenset[str]) -> bool:
        """Whether none of them is there."""
        return roles.isdisjoint(self.permissions)

    def words(self, name: str) -> str:
        """What is missing, for which object type, and what to do."""
        return f"{name}: {self.purpose} needs {self.permissions[0]}: grant it to the application, and consent to it"


READS: Final[Mapping[Resource, Right]] = {
    Resource.USER: Right("reading", ("User.Read.All", "User.ReadWrite.All", *_READ_ALL)),
    Resource.GROUP: Right(
        "reading",
        ("GroupMember.Read.All", "Group.Read.All", "GroupMember.ReadWrite.All", "Group.ReadWrite.All", *_READ_ALL),
    ),
    Resource.DEVICE: Right("reading", ("Device.Read.All", "Device.ReadWrite.All", *_READ_ALL)),
    Resource.CONTACT: Right("reading", ("OrgContact.Read.All", *_READ_ALL)),
}
WRITES: Final[Mapping[Resource, tuple[Right, ...]]] = {
    Resource.USER: (
        Right("writing", ("User.ReadWrite.All", *_WRITE_ALL)),
        Right("inviting guests", ("User.Invite.All", "User.ReadWrite.All", *_WRITE_ALL)),
        Right("ending sign-in sessions", ("User.RevokeSessions.All", "User.ReadWrite.All", *_WRITE_ALL)),
        Right("assigning licences", ("LicenseAssignment.ReadWrite.All", "User.ReadWrite.All", *_WRITE_ALL)),
        Right("temporary access passes", ("UserAuthenticationMethod.ReadWrite.All",)),
    ),
    Resource.GROUP: (
        Right("writing", ("Group.ReadWrite.All", *_WRITE_ALL)),
        Right("changing members", ("GroupMember.ReadWrite.All", "Group.ReadWrite.All", *_WRITE_ALL)),
    ),
    Resource.DEVICE: (Right("writing", ("Device.ReadWrite.All", *_WRITE_ALL)),),
    Resource.CONTACT: (),
}
_PASSWORDS: Final = Right("setting passwords", ("User-PasswordProfile.ReadWrite.All", *_WRITE_ALL))
_CONTACTS: Final = Right("writing", (SYNCHRONISES,))


def unreadable(types: Mapping[str, Resource], roles: frozenset[str]) -> list[str]:
    """The object types that cannot be read, and why."""
    return [READS[one].words(name) for name, one in types.items() if READS[one].lacking(roles)]


def unwritable(types: Mapping[str, Resource], roles: frozenset[str], *, own: bool) -> list[str]:
    """What cannot be written, and why. `own`: the directory is not Microsoft's."""
    return [right.words(name) for name, one in types.items() for right in _writes(one, own=own) if right.lacking(roles)]


def _writes(resource: Resource, *, own: bool) -> Iterable[Right]:
    yield from WRITES[resource]
    if resource is Resource.USER and not own:
        yield _PASSWORDS
    if resource is Resource.CONTACT and own:
        yield _CONTACTS
