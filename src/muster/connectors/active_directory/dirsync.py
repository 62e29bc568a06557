"""The DirSync control (MS-ADTS section 3.1.1.3.4.1.3): what changed in a domain since a cookie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import ldap

from muster.connectors.active_directory.forms import guid_text
from muster.connectors.ldap import ber, errors
from muster.connectors.ldap.controls import Request
from muster.connectors.ldap.requests import NOTHING
from muster.connectors.ldap.session import Session
from muster.connectors.ldap.wire import Entry
from muster.model.errors import WatermarkExpired

OID: Final = "1.2.840.113556.1.4.841"

_OBJECT_SECURITY: Final = 0x1
_INCREMENTAL_VALUES: Final = -0x8000_0000
_BYTES: Final = 1 << 20
_UNKNOWN_COOKIE: Final = (
    ldap.UNAVAILABLE_CRITICAL_EXTENSION,
    ldap.UNWILLING_TO_PERFORM,
    ldap.PROTOCOL_ERROR,
    ldap.OPERATIONS_ERROR,
    ldap.INSUFFICIENT_ACCESS,
    ldap.OTHER,
)
_REMOVED: Final = ";range=0-0"
_ADDED: Final = ";range=1-1"
DELETED: Final = "isDeleted"


@dataclass(slots=True)
class Event:
    """What changed of one object. `names`: the attributes that did, in lower case; `added`, `removed`: members."""

    dn: str
    guid: str
    names: frozenset[str]
    deleted: bool
    entry: Entry
    added: list[bytes] = field(default_factory=list)
    removed: list[bytes] = field(default_factory=list)


class Answer:
    """The control in an answer: whether there is more, and the cookie to go on from."""

    controlType: ClassVar[str] = OID

    def __init__(self) -> None:
        self.criticality = False
        self.more = False
        self.cookie = b""

    def decodeControlValue(self, data: bytes) -> None:
        """What python-ldap calls with the value."""
        (_, more), _, (_, cookie) = ber.elements(ber.content(data))
        self.more = any(more)
        self.cookie = cookie


_RESPONSES: Final[dict[str, type]] = {OID: Answer}


class DirSync:
    """One domain's changes; `rights`: the login has the right Replicating Directory Changes."""

    def __init__(self, session: Session, base: str, *, rights: bool) -> None:
        self._session = session
        self._base = base
        self._flags = _INCREMENTAL_VALUES | (0 if rights else _OBJECT_SECURITY)

    def cookie(self) -> bytes:
        """Where the domain stands now. Raises `ldap.LDAPError`."""
        *_, (_, cookie) = self._answers(NOTHING, ["objectGUID"], b"")
        return cookie

    def events(self, filter: str, attributes: Sequence[str], cookie: bytes) -> Iterator[tuple[list[Event], bytes]]:
        """What changed since the cookie, some at a time, each time with the cookie after it.

        Raises `WatermarkExpired` when the controller does not take the cookie any more.
        """
        begun = False
        try:
            for found, after in self._answers(filter, attributes, cookie):
                begun = True
                yield [_event(dn, entry) for dn, entry in found if dn is not None], after
        except _UNKNOWN_COOKIE as error:
            if begun:
                raise errors.reading(self._session.system, self._session.settings.url, self._base, error) from None
            raise WatermarkExpired(
                f"{self._session.system}: {self._session.settings.url} does not know the changes since the last read: "
                f"{errors.said(error)}."
            ) from None
        except ldap.LDAPError as error:
            raise errors.reading(self._session.system, self._session.settings.url, self._base, error) from None

    def _answers(
        self, filter: str, attributes: Sequence[str], cookie: bytes
    ) -> Iterator[tuple[list[tuple[str | None, Entry]], bytes]]:
        connection: Any = self._session.connection
        while True:
            number = connection.search_ext(
                self._base, ldap.SCOPE_SUBTREE, filter, list(attributes), serverctrls=[self._request(cookie)]
            )
            _, found, _, answered, _, _ = connection.result4(
                number, 1, self._session.settings.timeout, 0, 0, 0, _RESPONSES
            )
            answer = next(one for one in answered if isinstance(one, Answer))
            cookie = answer.cookie
            yield found, cookie
            if not answer.more:
                return

    def _request(self, cookie: bytes) -> Request:
        parts = ber.encoded(ber.INTEGER, _integer(self._flags)) + ber.encoded(ber.INTEGER, _integer(_BYTES))
        return Request(OID, ber.encoded(ber.SEQUENCE, parts + ber.encoded(ber.OCTETS, cookie)), critical=True)


def _integer(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 8) // 8, "big", signed=True)


def _event(dn: str, entry: Entry) -> Event:
    lowered = {name.lower(): values for name, values in entry.items()}
    members = {
        ending: [value for name, values in lowered.items() if name.endswith(ending) for value in values]
        for ending in (_ADDED, _REMOVED)
    }
    return Event(
        dn=dn,
        guid=guid_text(lowered["objectguid"][0]),
        names=frozenset(name.partition(";")[0] for name in lowered),
        deleted=lowered.get(DELETED.lower()) == [b"TRUE"],
        entry=lowered,
        added=members[_ADDED],
        removed=members[_REMOVED],
    )
