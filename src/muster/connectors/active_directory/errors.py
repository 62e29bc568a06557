"""What Active Directory's refusals mean, in words. The reason stands in the diagnostic message as a Windows code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import ldap

from muster.connectors.ldap import errors as ldap_errors
from muster.connectors.ldap.errors import details, said
from muster.model.changes import Result
from muster.model.errors import AuthFailed, MusterError, Unreachable

_GONE_AWAY: Final = (ldap.SERVER_DOWN, ldap.CONNECT_ERROR, ldap.TIMEOUT, ldap.UNAVAILABLE, ldap.BUSY)
_LATER: Final = (ldap.BUSY, ldap.UNAVAILABLE, ldap.TIMELIMIT_EXCEEDED, ldap.ADMINLIMIT_EXCEEDED)
_DATA: Final = re.compile(r"\bdata ([0-9a-f]+)\b", re.IGNORECASE)
_CODE: Final = re.compile(r"^\s*([0-9A-F]{8}):")

_LOGIN: Final[Mapping[str, str]] = {
    "490": "the user name or the password is wrong",
    "525": "there is no such account",
    "52e": "the user name or the password is wrong",
    "52f": "account restrictions (an empty password?) forbid it",
    "530": "the account may not log in at this hour",
    "531": "the account may not log in from this machine",
    "532": "the password has expired; set a new one, and `password never expires` for a service account",
    "533": "the account is disabled; enable it",
    "568": "the account is in too many groups",
    "701": "the account has expired; give it a later date",
    "773": "the password must be changed before the first login; set it anew without that",
    "775": "the account is locked out; unlock it, and look what tries wrong passwords",
    "80090346": "the controller wants channel bindings that this connection does not give",
}
"""MS-ADTS section 5.1.1.1: Windows codes in an answer to a bind, as hexadecimal numbers."""

_CODES: Final[Mapping[int, str]] = {
    0x5: "Grant this login the right to write there.",
    0x1F: "A password can be set only over an encrypted connection.",
    0x52D: "The password does not satisfy the domain's policy (length, complexity, history, minimum age), or an "
    "enabled account has none: `password: generate` in the mapping gives one.",
    0x523: "sAMAccountName holds a character that is not allowed, or is too long.",
    0x524: "sAMAccountName is taken.",
    0x525: "One of the objects that it refers to does not exist in this domain.",
    0x57: "One of the values is not possible there.",
    0x20B5: "One of the objects that it refers to does not exist in this domain.",
    0x2015: "It still has objects below it: delete or move those first.",
    0x2030: "There is no such object.",
    0x2071: "Another object has one of these names.",
    0x2082: "One of the values is too long.",
    0x200B: "One of the values is too long, or not in the form that the attribute takes.",
    0x21C7: "Another object in the forest has one of these service principal names.",
    0x21C8: "Another account in the forest has this userPrincipalName.",
}
"""Windows codes at the start of the diagnostic message."""

_ADVICE: Final[Mapping[type[BaseException], str]] = {
    ldap.INSUFFICIENT_ACCESS: "Grant this login the right to write there; objects in administrators' groups "
    "(adminCount 1) and those protected from accidental deletion take none from their OU.",
    ldap.REFERRAL: "It lies in another domain, or this controller is read-only: let `urls` name one that takes writes.",
    ldap.NOT_ALLOWED_ON_NONLEAF: "It still has objects below it: delete or move those first.",
    ldap.NOT_ALLOWED_ON_RDN: "The value is part of its name: write the new name as dn.",
    ldap.NAMING_VIOLATION: "An object of this class cannot be there, or its name has the wrong attribute (CN=, OU=).",
    ldap.BUSY: "The controller is busy.",
}

_OLD_KEY: Final = "the keytab's key is not the account's: its password was changed. Export it anew."
_NO_GSSAPI: Final = "this machine's SASL has no GSSAPI. Debian: install libsasl2-modules-gssapi-mit."
_KERBEROS: Final[tuple[tuple[str, str], ...]] = (
    (
        "clock skew",
        "this machine's clock and the controller's are more than five minutes apart. Let both follow a time server.",
    ),
    (
        "cannot find kdc",
        "no Kerberos server is known for the realm. Correct the realm of the keytab's principal, or name its kdc in "
        "krb5.conf (`krb5_config`).",
    ),
    ("cannot contact any kdc", "the realm's Kerberos server does not answer. Look at its address, and at port 88."),
    (
        "client not found",
        "the realm does not know the principal. Correct the keytab (wrong realm or account), or the ccache.",
    ),
    (
        "not found in kerberos database",
        "the realm does not know one of the two names. Look at the realm of the keytab's principal, and let `urls` "
        "name the controller as its service principal name (ldap/HOST) does.",
    ),
    ("preauthentication failed", _OLD_KEY),
    ("decrypt integrity check failed", _OLD_KEY),
    ("expired", "the ticket has expired. Renew the ccache, or give a keytab, from which new ones are fetched."),
    ("no kerberos credentials", "there is no ticket. Give a keytab, or a ccache that kinit has filled."),
    ("no credentials were supplied", "there is no ticket. Give a keytab, or a ccache that kinit has filled."),
    ("unknown authentication method", _NO_GSSAPI),
    ("no worthy mechs found", _NO_GSSAPI),
)


def logging_in(system: str, url: str, user: str | None, error: ldap.LDAPError) -> MusterError:
    """Why a login with a password did not come about."""
    who = user or "this login"
    data = _DATA.search(str(details(error).get("info") or ""))
    reason = _LOGIN.get(data[1].lower()) if data else None
    if reason is not None:
        return AuthFailed(f"{system}: {url} refuses {who}: {reason} ({said(error)}).")
    if isinstance(error, ldap.STRONG_AUTH_REQUIRED | ldap.CONFIDENTIALITY_REQUIRED):
        return AuthFailed(
            f"{system}: {url} takes no password over this connection: {said(error)}. Use ldaps:// or start_tls: true."
        )
    if isinstance(error, _GONE_AWAY):
        return Unreachable(f"{system}: {url} does not answer: {said(error)}.")
    return AuthFailed(f"{system}: {url} refuses {who}: {said(error)}.")


def kerberos(system: str, url: str, error: ldap.LDAPError) -> MusterError:
    """Why a login by Kerberos did not come about."""
    words = said(error)
    if isinstance(error, _GONE_AWAY):
        return Unreachable(f"{system}: {url} does not answer: {words}.")
    low = words.lower()
    reason = next((text for hint, text in _KERBEROS if hint in low), "the login was refused.")
    return AuthFailed(f"{system}: Kerberos at {url}: {reason} ({words})")


def code(error: ldap.LDAPError) -> int | None:
    """The Windows code in the diagnostic message."""
    found = _CODE.match(str(details(error).get("info") or ""))
    return int(found[1], 16) if found else None


def result_of(error: ldap.LDAPError, *, creating: bool = False) -> Result:
    """How a write that the controller refused ends; that something has the name already is EXISTS for creates only."""
    if isinstance(error, _LATER):
        return Result.RETRY
    if isinstance(error, ldap.ALREADY_EXISTS):
        return Result.EXISTS if creating else Result.REJECTED
    if isinstance(error, ldap.OTHER):
        return Result.REJECTED
    return ldap_errors.result_of(error)


def refusal(error: ldap.LDAPError, dn: str) -> str:
    """Why the controller refused a write, and what to do about it."""
    words = f"{dn}: {said(error)}"
    found = code(error)
    advice = next((text for kind, text in _ADVICE.items() if isinstance(error, kind)), "")
    advice = advice or (_CODES.get(found, "") if found is not None else "")
    return f"{words}. {advice}" if advice else words
