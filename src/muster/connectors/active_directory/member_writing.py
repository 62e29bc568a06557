"""Writing members: what is there already, or gone already, does no harm, even where the server minds it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

import ldap
from ldap.filter import escape_filter_chars

from muster.connectors.active_directory import errors
from muster.connectors.active_directory.domain import Domain
from muster.connectors.active_directory.primary import NUMBER, SID, number_of
from muster.connectors.active_directory.schema import MEMBER
from muster.connectors.ldap import controls
from muster.connectors.ldap import dn as dns
from muster.connectors.ldap.modifying import Part
from muster.connectors.ldap.pipeline import Reply, Send
from muster.connectors.ldap.requests import Modification
from muster.connectors.ldap.wire import LdapType
from muster.connectors.ldap.writing import Writer

_PRIMARY: Final = 0x55E
_THERE_ALREADY: Final = (ldap.TYPE_OR_VALUE_EXISTS, ldap.ALREADY_EXISTS)
_GONE_ALREADY: Final = (ldap.NO_SUCH_ATTRIBUTE, ldap.UNWILLING_TO_PERFORM)
_ONE_IS_BAD: Final = (
    *(ldap.INVALID_SYNTAX, ldap.CONSTRAINT_VIOLATION, ldap.INVALID_DN_SYNTAX, ldap.NO_SUCH_OBJECT),
    *(ldap.UNWILLING_TO_PERFORM, ldap.OTHER),
)


class MemberWriter(Writer):
    """Writes over the session of one domain; of its own it knows how values of attributes come and go."""

    def __init__(self, domain: Domain) -> None:
        super().__init__(domain.session, domain.types)
        self._domain = domain

    def _single(self, kind: LdapType, dn: str, single: list[Modification]) -> Part:
        reply = yield lambda connection: connection.modify_ext(dn, single, [controls.TOLERANT])
        if not isinstance(reply.error, (*_THERE_ALREADY, ldap.NO_SUCH_ATTRIBUTE)):
            return reply.error
        for how, name, values in single:
            problem = yield from self._values(kind, dn, how, name, values or [])
            if problem is not None:
                return problem
        return None

    def _values(self, kind: LdapType, dn: str, how: int, name: str, values: list[bytes]) -> Part:
        """Add or remove values. Those already there, or already gone, do no harm: the rest is halved until found."""
        reply = yield lambda connection: connection.modify_ext(dn, [(how, name, values)], [controls.TOLERANT])
        error = reply.error
        if error is None:
            return None
        if isinstance(error, ldap.NO_SUCH_OBJECT) and (yield from self._entry(dn, ["1.1"])) is None:
            return error
        harmless = isinstance(error, _THERE_ALREADY if how == ldap.MOD_ADD else _GONE_ALREADY)
        if harmless and how == ldap.MOD_DELETE and self._domain.types[kind.name].primary_group:
            stay = yield from self._primary_of(dn, values)
            if stay:
                rest = [one for one in values if dns.key(one.decode()) not in stay]
                problem = (yield from self._values(kind, dn, how, name, rest)) if rest else None
                told = f"the group is the primary group of {', '.join(stay.values())}: give them another one first"
                return problem if isinstance(problem, ldap.LDAPError) else "; ".join(filter(None, (told, problem)))
        if len(values) == 1:
            text = values[0].decode("utf-8", "replace")
            if how == ldap.MOD_DELETE and errors.code(error) == _PRIMARY:
                return f"the group is the primary group of {text}: give it another one first"
            if harmless or (how == ldap.MOD_DELETE and isinstance(error, ldap.NO_SUCH_OBJECT)):
                stuck = how == ldap.MOD_DELETE and name == MEMBER and (yield from self._left(dn, how, values))
                return f"{name} {errors.refusal(error, text)}" if stuck else None
            if isinstance(error, ldap.NO_SUCH_OBJECT) and not self._domain.holds(text):
                return f"{name} {text} is in another forest, and a group has members of its own forest only"
            return f"{name} {errors.refusal(error, text)}" if isinstance(error, _ONE_IS_BAD) else error
        if not harmless and not isinstance(error, _ONE_IS_BAD):
            return error
        if harmless and name == MEMBER:
            left = yield from self._left(dn, how, values)
            if len(left) < len(values):
                return (yield from self._values(kind, dn, how, name, left)) if left else None
        return (yield from self._halved(kind, dn, how, name, values))

    def _left(self, dn: str, how: int, values: list[bytes]) -> Generator[Send, Reply, list[bytes]]:
        """The members that are still to be added or removed, as far as this domain tells."""
        there = yield from self._among(values, f"(memberOf={escape_filter_chars(dn)})")
        if there is None:
            return values
        return [one for one in values if (dns.key(one.decode()) in there) is (how == ldap.MOD_DELETE)]

    def _primary_of(self, dn: str, values: list[bytes]) -> Generator[Send, Reply, dict[dns.Key, str]]:
        """Whose primary group it is: their DNs."""
        entry = yield from self._entry(dn, [SID])
        if not entry:
            return {}
        return (yield from self._among(values, f"({NUMBER}={number_of(entry[SID][0])})")) or {}

    def _among(self, values: list[bytes], asked: str) -> Generator[Send, Reply, dict[dns.Key, str] | None]:
        """The DNs among the values whose objects the filter finds; None when that cannot be told."""
        names = "".join(f"(distinguishedName={escape_filter_chars(one.decode())})" for one in values)
        base = self._domain.root.base
        reply = yield lambda connection: connection.search_ext(
            base, ldap.SCOPE_SUBTREE, f"(&{asked}(|{names}))", ["1.1"]
        )
        return None if reply.error is not None else {dns.key(found): found for found, _ in reply.entries}
