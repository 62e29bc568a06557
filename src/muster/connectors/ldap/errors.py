"""What an LDAP result code means for Muster, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import ldap

from muster.model.changes import Result
from muster.model.errors import AuthFailed, IncompleteRead, MusterError, Unreachable, WatermarkExpired

SYNC_REFRESH_REQUIRED: Final = 4096
"""e-syncRefreshRequired (RFC 4533 section 2.6)."""

_GONE_AWAY: Final = (ldap.SERVER_DOWN, ldap.CONNECT_ERROR, ldap.TIMEOUT, ldap.UNAVAILABLE, ldap.BUSY)
_CREDENTIALS: Final = (ldap.INVALID_CREDENTIALS, ldap.INAPPROPRIATE_AUTH, ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX)
_ENCRYPTION: Final = (ldap.CONFIDENTIALITY_REQUIRED, ldap.STRONG_AUTH_REQUIRED)
_LIMITS: Final = (ldap.SIZELIMIT_EXCEEDED, ldap.TIMELIMIT_EXCEEDED, ldap.ADMINLIMIT_EXCEEDED)
_LATER: Final = (ldap.BUSY, ldap.UNAVAILABLE, ldap.TIMELIMIT_EXCEEDED, ldap.ADMINLIMIT_EXCEEDED, ldap.OTHER)


def details(error: ldap.LDAPError) -> Mapping[str, Any]:
    """What python-ldap tells about an error: desc, info, matched, msgid, result."""
    found = error.args[0] if error.args else None
    return found if isinstance(found, Mapping) else {}


def said(error: ldap.LDAPError) -> str:
    """The server's own words: the name of the result code, and its diagnostic message."""
    found = details(error)
    name = found.get("desc") or type(error).__name__
    info = str(found.get("info") or "").strip()
    return f"{name} ({info})" if info else str(name)


def connecting(
    system: str, url: str, encrypted: bool, error: ldap.LDAPError, distrust: str | None = None
) -> MusterError:
    """Why no connection came about; `distrust`: what is wrong with the server's certificate."""
    words = distrust or said(error)
    info = str(details(error).get("info") or "").lower()
    if distrust or (
        encrypted and any(hint in info for hint in ("cert", "tls", "ssl", "unknown error code", "handshake"))
    ):
        return Unreachable(
            f"{system}: no encrypted connection to {url}: {words}. The server's certificate must be issued by an "
            "authority in `ca` (or one the machine trusts), be in date, and name the host as the url does."
        )
    if isinstance(error, ldap.PROTOCOL_ERROR | ldap.UNAVAILABLE_CRITICAL_EXTENSION | ldap.OPERATIONS_ERROR):
        return Unreachable(
            f"{system}: {url} cannot do StartTLS: {words}. Give the server a certificate, or use ldaps://."
        )
    return Unreachable(
        f"{system}: {url} does not answer: {words}. Look whether the server runs, and at host, port and firewall."
    )


def logging_in(system: str, url: str, bind_dn: str | None, error: ldap.LDAPError) -> MusterError:
    """Why the login did not come about."""
    who = bind_dn or "the anonymous user"
    if isinstance(error, _CREDENTIALS):
        return AuthFailed(
            f"{system}: {url} refuses {who}: {said(error)}. Check bind_dn and password, and whether the account is "
            "locked."
        )
    if isinstance(error, _ENCRYPTION):
        return AuthFailed(
            f"{system}: {url} takes no password over an open connection: {said(error)}. "
            "Use ldaps:// or start_tls: true."
        )
    if isinstance(error, _GONE_AWAY):
        return connecting(system, url, False, error)
    return AuthFailed(f"{system}: {url} does not let {who} in: {said(error)}.")


def reading(system: str, url: str, base: str, error: ldap.LDAPError) -> MusterError:
    """Why a search came to no good end."""
    words = said(error)
    if isinstance(error, _GONE_AWAY):
        return Unreachable(f"{system}: {url} stopped answering while {base!r} was read: {words}.")
    if isinstance(error, _LIMITS):
        return IncompleteRead(
            f"{system}: the server shows only part of {base!r}: {words}. Raise its limits for this login "
            "(OpenLDAP: olcLimits size=unlimited time=unlimited; 389 DS: nsSizeLimit, nsLookThroughLimit: -1)."
        )
    if isinstance(error, ldap.NO_SUCH_OBJECT):
        return IncompleteRead(
            f"{system}: there is no {base!r} (or it may not be seen with this login). Create it, or correct `base`."
        )
    if isinstance(error, ldap.INSUFFICIENT_ACCESS):
        return AuthFailed(f"{system}: {base!r} may not be read with this login: {words}. Grant read access.")
    if details(error).get("result") == SYNC_REFRESH_REQUIRED:
        return WatermarkExpired(f"{system}: the server no longer knows the changes since the last read of {base!r}.")
    return IncompleteRead(f"{system}: reading {base!r} failed: {words}.")


def writing(system: str, url: str, error: ldap.LDAPError) -> MusterError:
    """Why a connection broke while writes were under way."""
    return Unreachable(
        f"{system}: {url} stopped answering while changes were written: {said(error)}. Whether the last of them were "
        "done shows at the next read."
    )


def result_of(error: ldap.LDAPError) -> Result:
    """How a write that the server refused ends."""
    if isinstance(error, _LATER):
        return Result.RETRY
    if isinstance(error, ldap.ALREADY_EXISTS):
        return Result.EXISTS
    if isinstance(error, ldap.NO_SUCH_OBJECT):
        return Result.GONE
    if isinstance(error, ldap.ASSERTION_FAILED):
        return Result.CONFLICT
    return Result.REJECTED


def refusal(error: ldap.LDAPError, dn: str) -> str:
    """Why the server refused a write, and what to do about it."""
    words = f"{dn}: {said(error)}"
    advice = next((text for kind, text in _ADVICE.items() if isinstance(error, kind)), "")
    return f"{words}. {advice}" if advice else words


_ADVICE: Final[Mapping[type[BaseException], str]] = {
    ldap.INSUFFICIENT_ACCESS: "Grant this login the right to write there.",
    ldap.REFERRAL: "This server is a read-only copy: let `url` name the one that takes writes.",
    ldap.NOT_ALLOWED_ON_NONLEAF: "It still has objects below it: delete or move those first.",
    ldap.NOT_ALLOWED_ON_RDN: "The value is part of its name: write the new name as dn.",
    ldap.OBJECT_CLASS_VIOLATION: "Flow a value to what is missing, or add the object class to `classes`.",
    ldap.UNDEFINED_TYPE: "Add the object class that has this attribute to `classes`.",
    ldap.BUSY: "The server is busy.",
}
