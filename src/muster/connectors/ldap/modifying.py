"""Requests that change the values of one entry: replaced ones, single ones, and long lists in parts."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, Final, TypeAlias

import ldap

from muster.connectors.ldap import controls, errors
from muster.connectors.ldap.pipeline import Reply, Send
from muster.connectors.ldap.requests import Modification
from muster.connectors.ldap.wire import LdapType
from muster.model.changes import EdgeChange

CHUNK: Final = 1_000
"""Values of a large attribute in one request."""

_TOLERATED: Final = (ldap.TYPE_OR_VALUE_EXISTS, ldap.NO_SUCH_ATTRIBUTE)
_ONE_IS_BAD: Final = (ldap.INVALID_SYNTAX, ldap.CONSTRAINT_VIOLATION, ldap.INVALID_DN_SYNTAX)

Part: TypeAlias = Generator[Send, Reply, "str | ldap.LDAPError | None"]
"""Part of a change: None when it went well, else the refusal, or in words what was left out."""


def chunks(edges: Iterator[EdgeChange] | None) -> Iterator[EdgeChange]:
    """The edges in requests of at most `CHUNK` values."""
    for part in edges or ():
        size = max(len(part.add), len(part.remove))
        for at in range(0, size, CHUNK):
            yield EdgeChange(part.attribute, part.add[at : at + CHUNK], part.remove[at : at + CHUNK])


class ValueWriter:
    """The parts of a change that write values."""

    def _modify(
        self, kind: LdapType, dn: str, replaced: list[Modification], single: list[Modification], condition: list[Any]
    ) -> Part:
        mods = [*replaced, *single]
        sent = [*condition, controls.TOLERANT] if single else condition
        reply = yield lambda connection: connection.modify_ext(dn, mods, sent or None)
        if not isinstance(reply.error, _TOLERATED) or not single:
            if isinstance(reply.error, ldap.OBJECT_CLASS_VIOLATION) and single and kind.placeholder is not None:
                return (yield from self._with_placeholder(kind, dn, mods))
            return reply.error
        if replaced:
            reply = yield lambda connection: connection.modify_ext(dn, replaced, condition or None)
            if reply.error is not None:
                return reply.error
        for how, name, values in single:
            problem = yield from self._values(kind, dn, how, name, values or [])
            if problem is not None:
                return problem
        return None

    def _edges(self, kind: LdapType, dn: str, edges: Iterator[EdgeChange]) -> Part:
        left_out: list[str] = []
        for part in edges:
            name = kind.aliases.get(part.attribute.lower())
            if name is None:
                return f"the class {kind.classes[-1]} has no attribute {part.attribute!r}"
            for how, texts in ((ldap.MOD_ADD, part.add), (ldap.MOD_DELETE, part.remove)):
                if texts:
                    problem = yield from self._values(kind, dn, how, name, [text.encode() for text in texts])
                    if isinstance(problem, ldap.LDAPError):
                        return problem
                    if problem is not None:
                        left_out.append(problem)
        return "; ".join(left_out[:5]) if left_out else None

    def _values(self, kind: LdapType, dn: str, how: int, name: str, values: list[bytes]) -> Part:
        """Add or remove values. Those already there, or already gone, do no harm: the rest is halved until found."""
        reply = yield lambda connection: connection.modify_ext(dn, [(how, name, values)], [controls.TOLERANT])
        error = reply.error
        if error is None or (isinstance(error, _TOLERATED) and len(values) == 1):
            return None
        if isinstance(error, ldap.OBJECT_CLASS_VIOLATION) and how == ldap.MOD_DELETE:
            if kind.placeholder is None:
                return (
                    f"{errors.said(error)}: a {kind.classes[-1]} cannot be without {name}. Give this object a "
                    "`placeholder_member` in the system file."
                )
            return (yield from self._with_placeholder(kind, dn, [(how, name, values)]))
        if isinstance(error, _ONE_IS_BAD) and len(values) == 1:
            return f"{name} {values[0].decode('utf-8', 'replace')} was refused: {errors.said(error)}"
        if not isinstance(error, (*_TOLERATED, *_ONE_IS_BAD)):
            return error
        return (yield from self._halved(kind, dn, how, name, values))

    def _halved(self, kind: LdapType, dn: str, how: int, name: str, values: list[bytes]) -> Part:
        """One half of the values, then the other: so what is wrong with one of them is found out."""
        half = len(values) // 2
        first = yield from self._values(kind, dn, how, name, values[:half])
        if isinstance(first, ldap.LDAPError):
            return first
        second = yield from self._values(kind, dn, how, name, values[half:])
        if isinstance(second, ldap.LDAPError):
            return second
        return "; ".join(text for text in (first, second) if text) or None

    def _with_placeholder(self, kind: LdapType, dn: str, mods: list[Modification]) -> Part:
        """The same once more, with the member that keeps the group from being empty."""
        large = next((name for _, name, _ in mods if kind.schema.attributes[name].large), None)
        placeholder = (kind.placeholder or "").encode()
        more = [*mods, (ldap.MOD_ADD, large, [placeholder])] if large is not None else mods
        reply = yield lambda connection: connection.modify_ext(dn, more, [controls.TOLERANT])
        return reply.error
