"""Logging in by Kerberos: SASL GSSAPI (RFC 4752), with the credentials that the system file names."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import ldap

from muster.connectors.active_directory.settings import DomainSettings
from muster.model.errors import ProjectError

# MIT Kerberos takes its credentials from the environment, which is the whole process's.
_ENVIRONMENT: Final = threading.Lock()


def bind(connection: Any, system: str, settings: DomainSettings, folder: Path, encrypted: bool) -> None:
    """Log in. Raises `ldap.LDAPError`.

    Over TLS without a layer of its own, which Active Directory does not allow there; else SASL encrypts.
    """
    connection.set_option(ldap.OPT_X_SASL_NOCANON, ldap.OPT_ON)
    connection.set_option(ldap.OPT_X_SASL_SECPROPS, "maxssf=0" if encrypted else "minssf=56")
    with _credentials(_variables(system, settings, folder)):
        connection.sasl_non_interactive_bind_s("GSSAPI")


def _variables(system: str, settings: DomainSettings, folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    if settings.krb5_config is not None:
        found["KRB5_CONFIG"] = str(_file(system, "krb5_config", folder / settings.krb5_config))
    if settings.keytab is not None:
        keytab = _file(system, "keytab", folder / settings.keytab)
        found["KRB5_CLIENT_KTNAME"] = f"FILE:{keytab}"
        # Tickets are fetched as they are needed and kept in memory; a new keytab begins a new cache.
        found["KRB5CCNAME"] = f"MEMORY:muster:{keytab}:{keytab.stat().st_mtime_ns}"
    elif settings.ccache is not None:
        cache = settings.ccache
        found["KRB5CCNAME"] = cache if ":" in cache else f"FILE:{folder / cache}"
    return found


def _file(system: str, setting: str, path: Path) -> Path:
    if not path.is_file():
        raise ProjectError(f"{system}: `{setting}` names {path}, which is no file that can be read. Correct the path.")
    return path


@contextmanager
def _credentials(variables: Mapping[str, str]) -> Iterator[None]:
    with _ENVIRONMENT:
        before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
