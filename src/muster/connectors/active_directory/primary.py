"""Primary groups: a membership that stands as a number in the account, and in no group's `member`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import ldap

from muster.connectors.active_directory.domain import Domain
from muster.connectors.active_directory.forms import sid_octets, sid_text

NUMBER: Final = "primaryGroupID"
SID: Final = "objectSid"


class PrimaryGroups:
    """The primary groups of one domain; what was found out is kept for one read."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._groups: dict[int, str | None] = {}
        self._used: frozenset[int] | None = None
        self._sid = ""

    def used(self) -> frozenset[int]:
        """The numbers that are the primary group of anybody; mostly there are a handful."""
        if self._used is None:
            known: list[int] = []
            while (found := self._another(known)) is not None:
                known.append(found)
            self._used = frozenset(known)
        return self._used

    def members(self, sid: bytes) -> Iterator[list[str]]:
        """The DNs of everybody whose primary group has the SID, in pages."""
        number = number_of(sid)
        if number not in self.used():
            return
        session, base = self._domain.session, self._domain.root.base
        for page in session.pages(base, f"({NUMBER}={number})", ["1.1"]):
            yield [dn for dn, _ in page if dn is not None]

    def group(self, number: int) -> str | None:
        """The DN of the group with that number."""
        if number not in self._groups:
            sid = sid_octets(f"{self._domain_sid()}-{number}")
            asked = "".join(f"\\{octet:02x}" for octet in sid)
            found = self._domain.session.search(self._domain.root.base, ldap.SCOPE_SUBTREE, f"({SID}={asked})", ["1.1"])
            self._groups[number] = found[0][0] if found else None
        return self._groups[number]

    def _another(self, known: list[int]) -> int | None:
        others = "".join(f"(!({NUMBER}={number}))" for number in known)
        found = self._domain.session.first(self._domain.root.base, f"(&({NUMBER}=*){others})", [NUMBER])
        return None if found is None else int(found[1][NUMBER][0])

    def _domain_sid(self) -> str:
        if not self._sid:
            entries = self._domain.session.search(self._domain.root.base, ldap.SCOPE_BASE, "(objectClass=*)", [SID])
            self._sid = sid_text(entries[0][1][SID][0])
        return self._sid


def number_of(sid: bytes) -> int:
    """The number that accounts know the group by: the last part of its SID."""
    return int.from_bytes(sid[-4:], "little")
