"""One connection to one directory: logging in, what the server offers, its schema, searches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import ldap
import ldap.schema
from ldap.controls.libldap import SimplePagedResultsControl

from muster.connectors.ldap import certificate, controls, errors
from muster.connectors.ldap import dn as dns
from muster.connectors.ldap.settings import LdapObject, LdapSettings
from muster.connectors.ldap.subschema import ldap_type
from muster.connectors.ldap.wire import Entry, LdapType
from muster.model.errors import AuthFailed, IncompleteRead, MusterError, ProjectError

_PATIENCE: Final = 5.0
"""Seconds to look at the certificate of a server to which no connection came about."""

_SCHEMA: Final = ["attributeTypes", "objectClasses", "ldapSyntaxes", "matchingRules"]


@dataclass(frozen=True, slots=True)
class Offers:
    """What the root DSE says that the server can do (RFC 4512 section 5.1)."""

    controls: frozenset[str]
    extensions: frozenset[str]
    vendor: str
    subschema: str
    contexts: tuple[str, ...] = ()
    changelog: str | None = None
    first_change: int = 0
    last_change: int = 0

    @property
    def is_389(self) -> bool:
        """Whether it is 389 Directory Server or a close relative."""
        return "389" in self.vendor or "Red Hat" in self.vendor

    def context_of(self, base: str) -> str | None:
        """The naming context that `base` lies in; None when the server does not tell."""
        inside = [one for one in self.contexts if dns.below(base, one)]
        return max(inside, key=lambda one: len(dns.key(one)), default=None)

    @property
    def modifies_passwords(self) -> bool:
        """Whether passwords are set by the operation made for it (RFC 3062).

        389 DS does it on encrypted connections only, and does the same for a new userPassword: policy and hash.
        """
        return controls.RFC_3062 in self.extensions and not self.is_389


class Session:
    """An open connection. Every method raises what ends the session in words.

    `always`: controls that go with every search.
    """

    def __init__(self, system: str, settings: LdapSettings, connection: Any, always: Sequence[Any] = ()) -> None:
        self.system = system
        self.settings = settings
        self.connection = connection
        self._always = list(always)
        self._offers: Offers | None = None
        self._types: dict[str, LdapType] | None = None

    def close(self) -> None:
        """Disconnect; never raises."""
        try:
            self.connection.unbind_s()
        except ldap.LDAPError:
            return

    @property
    def offers(self) -> Offers:
        """What the server can do, read once."""
        if self._offers is None:
            self._offers = self._root()
        return self._offers

    def fresh_offers(self) -> Offers:
        """What the server can do, and how far its changelog goes, read now."""
        self._offers = self._root()
        return self._offers

    def types(self, objects: Mapping[str, LdapObject]) -> dict[str, LdapType]:
        """The object types of the system file, by name, as the server's schema has them; read once.

        Raises `ProjectError` where the system file names what the server does not have.
        """
        if self._types is None:
            subschema = self._subschema()
            anchor = "nsUniqueId" if self.offers.is_389 else "entryUUID"
            self._types = {
                name: ldap_type(self.system, name, one, self.settings.base, subschema, anchor, self.settings.refint)
                for name, one in objects.items()
            }
        return self._types

    def search(
        self, base: str, scope: int, filter: str, attributes: Sequence[str], more: Sequence[Any] = ()
    ) -> list[tuple[str, Entry]]:
        """All entries of one unpaged search, references to other servers left out; `more`: controls to send."""
        sent = [*self._always, *more] or None
        try:
            found = self.connection.search_ext_s(
                base, scope, filter, list(attributes), serverctrls=sent, timeout=self.settings.timeout
            )
        except ldap.LDAPError as error:
            raise errors.reading(self.system, self.settings.url, base, error) from None
        return [(dn, entry) for dn, entry in found if dn is not None]

    def first(self, base: str, filter: str, attributes: Sequence[str]) -> tuple[str, Entry] | None:
        """Some entry below `base` that the filter finds, or None; the others are not waited for."""
        connection = self.connection
        try:
            number = connection.search_ext(
                base, ldap.SCOPE_SUBTREE, filter, list(attributes), serverctrls=self._always or None, sizelimit=1
            )
            kind, found, _, _ = connection.result3(number, 0, self.settings.timeout)
            connection.abandon(number)
        except ldap.LDAPError as error:
            raise errors.reading(self.system, self.settings.url, base, error) from None
        return found[0] if kind == ldap.RES_SEARCH_ENTRY else None

    def exists(self, base: str) -> bool:
        """Whether there is an entry of that DN that this login may see."""
        try:
            return bool(self.connection.search_ext_s(base, ldap.SCOPE_BASE, "(objectClass=*)", ["1.1"]))
        except ldap.NO_SUCH_OBJECT:
            return False
        except ldap.LDAPError as error:
            raise errors.reading(self.system, self.settings.url, base, error) from None

    def pages(
        self, base: str, filter: str, attributes: Sequence[str], more: Sequence[Any] = ()
    ) -> Iterator[list[tuple[str | None, Entry]]]:
        """The entries below `base` in pages (RFC 2696); the next page is on its way while one is worked on.

        A pair whose DN is None is a reference to another server. `more`: controls to send.
        """
        size = self.settings.page_size if controls.PAGED in self.offers.controls else 0
        connection = self.connection
        names = list(attributes)

        def ask(cookie: bytes) -> int:
            paged = [SimplePagedResultsControl(True, size, cookie)] if size else []
            sent = [*self._always, *more, *paged] or None
            number: int = connection.search_ext(base, ldap.SCOPE_SUBTREE, filter, names, serverctrls=sent)
            return number

        try:
            number = ask(b"")
            while True:
                _, found, _, answered = connection.result3(number, 1, self.settings.timeout)
                cookie = next((one.cookie for one in answered if one.controlType == controls.PAGED), b"")
                if cookie:
                    number = ask(cookie)
                yield found
                if not cookie:
                    return
        except ldap.LDAPError as error:
            raise errors.reading(self.system, self.settings.url, base, error) from None

    def _root(self) -> Offers:
        wanted = ["supportedControl", "supportedExtension", "vendorName", "vendorVersion", "subschemaSubentry"]
        wanted += ["namingContexts", "changelog", "firstchangenumber", "lastchangenumber"]
        entries = self.search("", ldap.SCOPE_BASE, "(objectClass=*)", wanted)
        if not entries:
            raise IncompleteRead(
                f"{self.system}: {self.settings.url} does not show its root DSE. Let every login read the empty DN."
            )
        root = {
            name.lower(): [one.decode("utf-8", "replace") for one in values] for name, values in entries[0][1].items()
        }

        def one(name: str) -> str:
            return next(iter(root.get(name, ())), "")

        return Offers(
            controls=frozenset(root.get("supportedcontrol", ())),
            extensions=frozenset(root.get("supportedextension", ())),
            vendor=f"{one('vendorname')} {one('vendorversion')}".strip(),
            subschema=one("subschemasubentry") or "cn=Subschema",
            contexts=tuple(name for name in root.get("namingcontexts", ()) if name),
            changelog=one("changelog") or None,
            first_change=int(one("firstchangenumber") or 0),
            last_change=int(one("lastchangenumber") or 0),
        )

    def _subschema(self) -> ldap.schema.SubSchema:
        where = self.offers.subschema
        entries = self.search(where, ldap.SCOPE_BASE, "(objectClass=*)", _SCHEMA)
        if not entries:
            raise IncompleteRead(f"{self.system}: the schema {where!r} may not be read with this login. Allow it.")
        return ldap.schema.SubSchema(entries[0][1], check_uniqueness=0)


def opened(system: str, settings: LdapSettings, folder: Path) -> Session:
    """Connect, encrypt and log in. Raises `Unreachable` or `AuthFailed`."""
    if settings.password is not None and not settings.password.reveal():
        # RFC 4513 section 5.1.2: a login with a name and no password succeeds and is anonymous.
        raise AuthFailed(f"{system}: the password of {settings.bind_dn} is empty. Give its secret a value.")
    url = settings.url
    connection = connected(system, settings, folder)
    password = settings.password.reveal() if settings.password is not None else ""
    try:
        connection.simple_bind_s(settings.bind_dn or "", password)
    except (ldap.SERVER_DOWN, ldap.CONNECT_ERROR, ldap.TIMEOUT) as error:
        raise not_connected(system, settings, folder, error) from None
    except ldap.LDAPError as error:
        raise errors.logging_in(system, url, settings.bind_dn, error) from None
    return Session(system, settings, connection)


def encrypted(settings: LdapSettings) -> bool:
    """Whether TLS is used."""
    return settings.start_tls or settings.url.startswith("ldaps://")


def connected(system: str, settings: LdapSettings, folder: Path, patience: float | None = None) -> Any:
    """A connection, encrypted where the settings say so, that nobody has logged in on. Raises `Unreachable`.

    `patience`: seconds to wait for the connection itself; default: the timeout.
    """
    url = settings.url
    try:
        connection = ldap.initialize(url)
        connection.set_option(ldap.OPT_REFERRALS, 0)
        connection.set_option(ldap.OPT_NETWORK_TIMEOUT, patience or settings.timeout)
        connection.set_option(ldap.OPT_TIMEOUT, settings.timeout)
        if encrypted(settings):
            _trust(system, connection, settings, folder)
        if settings.start_tls:
            connection.start_tls_s()
    except ldap.LDAPError as error:
        raise not_connected(system, settings, folder, error) from None
    return connection


def not_connected(system: str, settings: LdapSettings, folder: Path, error: ldap.LDAPError) -> MusterError:
    """Why no connection came about."""
    distrust = None
    if encrypted(settings):
        ca = None if settings.ca is None else folder / settings.ca
        distrust = certificate.distrust(settings.url, settings.start_tls, ca, _PATIENCE)
    return errors.connecting(system, settings.url, encrypted(settings), error, distrust)


def _trust(system: str, connection: Any, settings: LdapSettings, folder: Path) -> None:
    connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
    if settings.ca is not None:
        path = folder / settings.ca
        if not path.is_file():
            raise ProjectError(f"{system}: `ca` names {path}, which is no file that can be read. Correct the path.")
        connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(path))
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
