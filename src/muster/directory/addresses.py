"""Mail addresses and sign-in names: their forms, and how `mail` and `proxyAddresses` follow each other. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from muster.directory.errors import Invalid
from muster.directory.keys import fold
from muster.directory.work import Tenant

_LOCAL: Final = re.compile(r"[A-Za-z0-9'.\-_!#^~]{1,64}")
_DOMAIN: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")
_MAIL: Final = re.compile(r"[^\s@\"(),:;<>\[\]\\]+@[^\s@\"(),:;<>\[\]\\]+")
_PROXY: Final = re.compile(r"[A-Za-z0-9]{1,16}:\S.*")
_LONGEST_DOMAIN: Final = 48
_NICKNAME: Final = re.compile(r"[^@()/\[\]';:<>, \x80-\U0010ffff\x00-\x1f]+")


def check_sign_in_name(name: str, tenant: Tenant) -> None:
    """Raises `Invalid` for what cannot be a userPrincipalName."""
    local, at, domain = name.partition("@")
    if not at or not _LOCAL.fullmatch(local) or local.startswith(".") or local.endswith("."):
        raise Invalid(
            "Invalid value specified for property 'userPrincipalName' of resource 'User'. It has the form "
            "name@domain; the name has at most 64 characters, of them letters, digits and ' . - _ ! # ^ ~.",
            "userPrincipalName",
        )
    if len(domain) > _LONGEST_DOMAIN or not _DOMAIN.fullmatch(domain):
        raise Invalid("The domain portion of the userPrincipalName property is invalid.", "userPrincipalName")
    if tenant.domains and fold(domain) not in {fold(one) for one in tenant.domains}:
        raise Invalid(
            "The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain "
            f"names in your organization: {', '.join(tenant.domains)}.",
            "userPrincipalName",
        )


def check_mail(address: str, name: str) -> None:
    """Raises `Invalid` for what is no mail address."""
    if not address.isascii() or not _MAIL.fullmatch(address):
        raise Invalid(f"Invalid value specified for property '{name}': expected a mail address.", name)


def check_nickname(nickname: str, resource: str) -> None:
    """Raises `Invalid` for what is no mail alias."""
    if not _NICKNAME.fullmatch(nickname):
        raise Invalid(
            f"Invalid value specified for property 'mailNickname' of resource '{resource}': a mail alias is ASCII and "
            "has none of @ () / [] ' ; : <> , and no space.",
            "mailNickname",
        )


def check_proxies(addresses: list[str]) -> None:
    """Raises `Invalid` for an address without its kind, or two primary ones of one kind."""
    primary: set[str] = set()
    for address in addresses:
        if not _PROXY.fullmatch(address):
            raise Invalid(
                f"Invalid value specified for property 'proxyAddresses': {address!r} does not have the form "
                "smtp:somebody@example.com.",
                "proxyAddresses",
            )
        kind = address.partition(":")[0]
        if kind == "SMTP":
            check_mail(address[5:], "proxyAddresses")
        if kind.isupper():
            if kind in primary:
                raise Invalid(
                    f"Invalid value specified for property 'proxyAddresses': two primary addresses ({kind}:).",
                    "proxyAddresses",
                )
            primary.add(kind)


def follow(doc: dict[str, Any], old: Mapping[str, Any]) -> None:
    """`mail` and `proxyAddresses` in step: who changes one changes the other. Raises `Invalid`."""
    mail, proxies = doc.get("mail"), list(doc.get("proxyAddresses") or ())
    if proxies != list(old.get("proxyAddresses") or ()):
        check_proxies(proxies)
        primary = next((one[5:] for one in proxies if one.startswith("SMTP:")), None)
        if mail == old.get("mail") and primary is not None:
            mail = doc["mail"] = primary
    if mail != old.get("mail"):
        if mail is not None:
            check_mail(mail, "mail")
            doc["proxyAddresses"] = _with_primary(proxies, mail)
        elif old.get("mail") is not None:
            rest = [one for one in proxies if fold(one) != fold(f"smtp:{old['mail']}")]
            doc["proxyAddresses"] = rest
    if not doc.get("proxyAddresses"):
        doc.pop("proxyAddresses", None)


def _with_primary(proxies: list[str], mail: str) -> list[str]:
    """The addresses with this one as the primary; the one that was so before is kept beside it."""
    wanted = f"SMTP:{mail}"
    others = [f"smtp:{one[5:]}" if one.startswith("SMTP:") else one for one in proxies if fold(one) != fold(wanted)]
    return [wanted, *others]
