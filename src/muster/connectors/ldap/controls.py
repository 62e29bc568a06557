"""LDAP controls that python-ldap decodes too slowly or not at all: post-read, content sync, permissive modify."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final
from uuid import UUID

from muster.connectors.ldap import ber

PAGED: Final = "1.2.840.113556.1.4.319"
ASSERTION: Final = "1.3.6.1.1.12"
POST_READ: Final = "1.3.6.1.1.13.2"
SYNC_REQUEST: Final = "1.3.6.1.4.1.4203.1.9.1.1"
SYNC_STATE: Final = "1.3.6.1.4.1.4203.1.9.1.2"
SYNC_DONE: Final = "1.3.6.1.4.1.4203.1.9.1.3"
SYNC_INFO: Final = "1.3.6.1.4.1.4203.1.9.1.4"
PERMISSIVE_MODIFY: Final = "1.2.840.113556.1.4.1413"
RFC_3062: Final = "1.3.6.1.4.1.4203.1.11.1"
"""Password Modify (section 2): an extended operation, of which the root DSE tells as it does of controls."""


class Request:
    """A control to send, its value encoded once."""

    def __init__(self, oid: str, value: bytes | None = None, *, critical: bool = False) -> None:
        self.controlType = oid
        self.criticality = critical
        self._value = value

    def encodeControlValue(self) -> bytes | None:
        """What python-ldap calls to get the value."""
        return self._value


def post_read(*attributes: str) -> Request:
    """Ask for attributes of the entry as it is after the write (RFC 4527 section 3.2)."""
    names = b"".join(ber.encoded(ber.OCTETS, name.encode()) for name in attributes)
    return Request(POST_READ, ber.encoded(ber.SEQUENCE, names))


def sync_request(cookie: str | None) -> Request:
    """Ask for what changed since the cookie, mode refreshOnly (RFC 4533 section 2.2)."""
    value = ber.encoded(ber.ENUMERATED, b"\x01")
    if cookie is not None:
        value += ber.encoded(ber.OCTETS, cookie.encode())
    return Request(SYNC_REQUEST, ber.encoded(ber.SEQUENCE, value), critical=True)


# RFC 4511 section 4.1.11: a server that does not know a control that is not critical passes over it. OpenLDAP knows
# this one and does not announce it.
TOLERANT: Final = Request(PERMISSIVE_MODIFY)


class PostRead:
    """The entry after the write: its DN, and attribute name in lower case → values (RFC 4527 section 3.2)."""

    controlType: ClassVar[str] = POST_READ

    def __init__(self) -> None:
        self.criticality = False
        self.dn = ""
        self.entry: dict[str, list[bytes]] = {}

    def decodeControlValue(self, data: bytes) -> None:
        """What python-ldap calls with the value."""
        parts = list(ber.elements(ber.content(data)))
        self.dn = parts[0][1].decode()
        for _, attribute in ber.elements(parts[1][1]):
            (_, name), (_, values) = ber.elements(attribute)
            self.entry[name.decode().lower()] = [value for _, value in ber.elements(values)]


class SyncState:
    """What has become of one entry (RFC 4533 section 2.3)."""

    controlType: ClassVar[str] = SYNC_STATE
    PRESENT: ClassVar[int] = 0
    DELETE: ClassVar[int] = 3

    def __init__(self) -> None:
        self.criticality = False
        self.state = self.PRESENT
        self.uuid = ""

    def decodeControlValue(self, data: bytes) -> None:
        """What python-ldap calls with the value."""
        parts = list(ber.elements(ber.content(data)))
        self.state = parts[0][1][0]
        self.uuid = uuid_text(parts[1][1])


class SyncDone:
    """The end of a refresh: the new cookie, and whether deletions were sent (RFC 4533 section 2.4)."""

    controlType: ClassVar[str] = SYNC_DONE

    def __init__(self) -> None:
        self.criticality = False
        self.cookie: str | None = None
        self.refresh_deletes = False

    def decodeControlValue(self, data: bytes) -> None:
        """What python-ldap calls with the value."""
        for tag, value in ber.elements(ber.content(data)):
            if tag == ber.OCTETS:
                self.cookie = value.decode()
            elif tag == ber.BOOLEAN:
                self.refresh_deletes = value != b"\x00"


RESPONSES: Final[dict[str, type]] = {POST_READ: PostRead, SYNC_STATE: SyncState, SYNC_DONE: SyncDone}
"""The answers that are decoded; python-ldap leaves out others that are not critical."""


@dataclass(slots=True)
class SyncInfo:
    """A message between the entries (RFC 4533 section 2.5).

    `present` True: it names entries that still exist, or ends the phase that does. `deleted`: entries that do not.
    """

    present: bool = False
    deleted: list[str] = field(default_factory=list)


def sync_info(data: bytes) -> SyncInfo:
    """Decode a Sync Info message. Raises `ber.MalformedBer`."""
    for tag, value in ber.elements(data):
        if tag == 0xA2:  # refreshPresent
            return SyncInfo(present=True)
        if tag == 0xA3:  # syncIdSet
            deletes, uuids = False, list[str]()
            for inner, part in ber.elements(value):
                if inner == ber.BOOLEAN:
                    deletes = part != b"\x00"
                elif inner == 0x31:
                    uuids = [uuid_text(one) for _, one in ber.elements(part)]
            return SyncInfo(deleted=uuids) if deletes else SyncInfo(present=True)
    return SyncInfo()


def uuid_text(octets: bytes) -> str:
    """The text of a syncUUID (RFC 4530)."""
    return str(UUID(bytes=octets))
