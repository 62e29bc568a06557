"""The LDAP connector: one session, put together from the files beside this one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, Final

import ldap
from ldap.filter import escape_filter_chars

from muster.connectors.kit.contract import Capabilities, ConnectorSpec, Health
from muster.connectors.kit.session import SessionConnector
from muster.connectors.ldap import controls, delta, errors, requests
from muster.connectors.ldap import dn as dns
from muster.connectors.ldap.reading import everything
from muster.connectors.ldap.session import Session, opened
from muster.connectors.ldap.settings import Delta, LdapObject, LdapSettings
from muster.connectors.ldap.wire import LdapType, Reader
from muster.connectors.ldap.writing import Writer
from muster.model.changes import Change, Outcome, Result
from muster.model.objects import ConnectorObject, EdgePage, Page
from muster.model.schema import ENABLED, SystemSchema
from muster.model.secrets import Secret
from muster.model.values import Value, WrongType

_TOGETHER: Final = 100
"""So many values are looked for by one search."""


class LdapConnector(SessionConnector[LdapSettings, LdapObject, Session]):
    """A directory that speaks LDAP version 3."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        name="ldap",
        settings=LdapSettings,
        object_settings=LdapObject,
        capabilities=Capabilities(reads_changes=True, finds=True, sets_passwords=True, concurrent=True),
        summary="LDAP directories: OpenLDAP, 389 Directory Server and their kin.",
    )

    def _connected(self) -> Session:
        return opened(self.system, self._settings, self._folder)

    def check(self) -> Health:
        """What answers, whether the bases and anchors can be read, and how changes will be found."""
        session = self._session
        missing: list[str] = []
        for name, kind in self._types.items():
            if not session.exists(kind.base):
                missing.append(f"{name}: there is no {kind.base!r}, or this login may not see it")
                continue
            sample = session.first(kind.base, kind.filter, [kind.anchor])
            if sample is not None and not sample[1]:
                missing.append(f"{name}: {sample[0]} shows this login no {kind.anchor}; allow it to read that")
        if controls.PAGED not in session.offers.controls:
            missing.append("paged results (RFC 2696): a read must fit into the server's size limit")
        if not missing:
            missing.extend(self._delta_missing())
        vendor = session.offers.vendor or "an LDAP server"
        how = delta.way(session)
        found = f"{vendor} at {self._settings.url}; changes are found by {how}"
        if how is Delta.TIMESTAMP:
            found += (
                ", which shows no deletions: a full read finds them, once a day unless `read: {all: …}` says otherwise"
            )
        return Health(not missing, found, tuple(missing))

    def schema(self) -> SystemSchema:
        """The object types of the system file, as the server's subschema declares them (RFC 4512 section 4.2)."""
        return SystemSchema({name: kind.schema for name, kind in self._types.items()})

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        """Every object, or what changed after the watermark."""
        session, types = self._session, self._types
        if since is not None:
            yield from delta.changes(session, types, wanted, since)
            return
        yield from everything(session, types, wanted, delta.watermark(session, types, wanted))

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """One outcome a change; many are under way at once."""
        return Writer(self._session, self._types).write(changes)

    def get(self, object_type: str, anchor: str) -> ConnectorObject | None:
        """The object with that anchor, or None."""
        kind = self._types[object_type]
        asked = f"(&{kind.filter}({kind.anchor}={escape_filter_chars(anchor)}))"
        return next(self._found(kind, kind.base, ldap.SCOPE_SUBTREE, asked), None)

    def find(self, object_type: str, equal: Mapping[str, Value]) -> Iterator[ConnectorObject]:
        """The objects that have these values, under the server's own rules; a value of another type matches nothing."""
        kind = self._types[object_type]
        base, scope = kind.base, ldap.SCOPE_SUBTREE
        parts: list[str] = []
        try:
            for name, value in equal.items():
                if name != "dn":
                    parts.append(requests.equality(kind, name, value))
                elif not isinstance(value, str) or not dns.below(value, kind.base):
                    return
                else:
                    base, scope = value, ldap.SCOPE_BASE
        except (WrongType, dns.MalformedDn):
            return
        if scope == ldap.SCOPE_BASE and not self._session.exists(base):
            return
        yield from self._found(kind, base, scope, f"(&{kind.filter}{''.join(parts)})")

    def find_any(self, object_type: str, attribute: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
        """The objects that have one of these values, some hundred values a search."""
        kind = self._types[object_type]
        if attribute == "dn":
            for value in values:
                yield from self.find(object_type, {attribute: value})
            return
        parts: list[str] = []
        for value in values:
            try:
                parts.append(requests.equality(kind, attribute, value))
            except WrongType:
                continue
        seen: set[str] = set()
        for start in range(0, len(parts), _TOGETHER):
            asked = "".join(parts[start : start + _TOGETHER])
            for one in self._found(kind, kind.base, ldap.SCOPE_SUBTREE, f"(&{kind.filter}(|{asked}))"):
                if one.anchor not in seen:
                    seen.add(one.anchor)
                    yield one

    def references(self, object_type: str, anchor: str, attribute: str) -> Iterator[EdgePage]:
        """The values of one entry, read without the entry's other attributes."""
        kind = self._types[object_type]
        reader = Reader(kind, [attribute])
        asked = f"(&{kind.filter}({kind.anchor}={escape_filter_chars(anchor)}))"
        for dn, entry in self._session.search(kind.base, ldap.SCOPE_SUBTREE, asked, reader.request):
            yield from reader.read(dn, entry)[1]

    def set_password(self, object_type: str, anchor: str, password: Secret, must_change: bool) -> Outcome:
        """Set by the Password Modify operation (RFC 3062); by userPassword on 389 DS and where that is not offered.

        `must_change` sets pwdReset where the schema has it.
        """
        session, kind = self._session, self._types[object_type]
        found = self.get(object_type, anchor)
        if found is None:
            return Outcome(0, Result.GONE, anchor, reason=f"no object below {kind.base!r} has this {kind.anchor}.")
        dn = str(found.values["dn"])
        try:
            if session.offers.modifies_passwords:
                session.connection.passwd_s(dn, None, password.reveal())
            else:
                session.connection.modify_s(dn, [(ldap.MOD_REPLACE, "userPassword", [password.reveal().encode()])])
            if must_change and "pwdReset" in kind.schema.attributes:
                session.connection.modify_s(dn, [(ldap.MOD_REPLACE, "pwdReset", [b"TRUE"])])
        except (ldap.SERVER_DOWN, ldap.CONNECT_ERROR, ldap.TIMEOUT) as error:
            raise errors.writing(self.system, self._settings.url, error) from None
        except ldap.LDAPError as error:
            return Outcome(0, errors.result_of(error), anchor, reason=errors.refusal(error, dn))
        return Outcome(0, Result.DONE, anchor)

    @property
    def _types(self) -> dict[str, LdapType]:
        return self._session.types(self._objects)

    def _found(self, kind: LdapType, base: str, scope: int, asked: str) -> Iterator[ConnectorObject]:
        names = [name for name, one in kind.schema.attributes.items() if not one.large]
        reader = Reader(kind, [*names, ENABLED])
        for dn, entry in self._session.search(base, scope, asked, reader.request):
            found, _, _ = reader.read(dn, entry)
            if found is not None:
                yield found

    def _delta_missing(self) -> Iterator[str]:
        session = self._session
        how = delta.way(session)
        if how is Delta.NONE and self._settings.delta is Delta.AUTO:
            yield "no way to find changes with their deletions: every read is a full one (see the connector's README)"
        elif how is Delta.ACCESSLOG and not session.exists(self._settings.accesslog):
            yield (
                f"the log {self._settings.accesslog!r}, or the right to read it: every read is a full one (see the "
                "connector's README)"
            )
        elif how is Delta.SYNCREPL and delta.watermark(session, self._types, dict.fromkeys(self._types, ())) is None:
            yield "content synchronisation (RFC 4533) for this part of the tree: every read is a full one"
