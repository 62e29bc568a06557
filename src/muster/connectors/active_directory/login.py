"""From the settings of a domain to a session with one of its controllers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import ldap

from muster.connectors.active_directory import errors, kerberos, ntlm
from muster.connectors.active_directory.settings import ActiveDirectorySettings, DomainSettings, Login
from muster.connectors.ldap.controls import Request
from muster.connectors.ldap.session import Session, connected, encrypted, not_connected
from muster.connectors.ldap.settings import LdapSettings
from muster.model.errors import AuthFailed, MusterError, Unreachable
from muster.model.secrets import Secret

DOMAIN_SCOPE: Final = "1.2.840.113556.1.4.1339"
"""Do not answer with references to the other naming contexts."""

_ALWAYS: Final = (Request(DOMAIN_SCOPE),)
_PATIENCE: Final = 10.0
"""Seconds until a controller that does not answer a connection is passed over."""


def opened(system: str, common: ActiveDirectorySettings, settings: DomainSettings, folder: Path) -> Session:
    """A session with the first controller that answers. Raises `Unreachable` or `AuthFailed`.

    A controller that refuses the login ends it: to ask the next would count as another wrong password.
    """
    troubles: list[MusterError] = []
    for url in settings.urls:
        try:
            return _opened(system, common, settings, url, folder)
        except Unreachable as error:
            troubles.append(error)
    if len(troubles) == 1:
        raise troubles[0]
    prefix = f"{system}: "
    each = " ".join(one.message.removeprefix(prefix) for one in troubles)
    raise Unreachable(f"{system}: none of the domain controllers can be used. {each}")


def _opened(system: str, common: ActiveDirectorySettings, settings: DomainSettings, url: str, folder: Path) -> Session:
    wire = LdapSettings(
        url=url,
        start_tls=bool(settings.start_tls),
        ca=settings.ca,
        bind_dn=None,
        password=None,
        base="",
        timeout=common.timeout,
        page_size=common.page_size,
        window=common.window,
    )
    connection = connected(system, wire, folder, min(common.timeout, _PATIENCE))
    try:
        # The first request, so that a connection that does not come about is not taken for a refused login.
        connection.search_ext_s("", ldap.SCOPE_BASE, "(objectClass=*)", ["1.1"])
    except ldap.LDAPError as error:
        raise not_connected(system, wire, folder, error) from None
    _log_in(connection, system, settings, url, folder, encrypted(wire))
    return Session(system, wire, connection, _ALWAYS)


def _log_in(connection: Any, system: str, settings: DomainSettings, url: str, folder: Path, over_tls: bool) -> None:
    if settings.login is Login.KERBEROS:
        try:
            kerberos.bind(connection, system, settings, folder, over_tls)
        except ldap.LDAPError as error:
            raise errors.kerberos(system, url, error) from None
        return
    user, password = settings.user or "", settings.password or Secret("")
    if not password.reveal():
        # RFC 4513 section 5.1.2: a login with a name and no password succeeds and is anonymous.
        raise AuthFailed(f"{system}: the password of {user} is empty. Give its secret a value.")
    try:
        if settings.login is Login.NTLM:
            ntlm.bind(connection, url, user, password)
        else:
            connection.simple_bind_s(user, password.reveal())
    except ldap.LDAPError as error:
        raise errors.logging_in(system, url, user, error) from None


def told(troubles: Sequence[MusterError]) -> MusterError:
    """The one of several troubles that a person can do something about first."""
    return next((one for one in troubles if isinstance(one, AuthFailed)), troubles[0])
