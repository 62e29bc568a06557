"""What a system file may say about Active Directory."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from muster.connectors.kit.contract import Settings
from muster.connectors.ldap import dn as dns
from muster.model.secrets import Secret


class Login(StrEnum):
    """How Muster proves who it is."""

    SIMPLE = "simple"
    NTLM = "ntlm"
    KERBEROS = "kerberos"


class Delta(StrEnum):
    """How changes since the last read are found."""

    AUTO = "auto"
    DIRSYNC = "dirsync"
    USN = "usn"
    NONE = "none"


def _valid_dn(text: str) -> str:
    try:
        dns.key(text)
    except dns.MalformedDn as error:
        raise ValueError(str(error)) from None
    return text


class DomainSettings(Settings):
    """One domain: its controllers, and the account that Muster uses there. What is not given is as in the system."""

    urls: tuple[str, ...] = Field(
        (),
        description="The domain controllers, tried in this order: ldaps://dc1.corp.example, or ldap:// with start_tls "
        "or login: kerberos.",
    )
    start_tls: bool | None = Field(None, description="Encrypt ldap:// connections with StartTLS before logging in.")
    ca: Path | None = Field(None, description="PEM file of the authorities to trust; default: those of the machine.")
    login: Login | None = Field(None, description="simple (a password, over TLS), ntlm (over TLS) or kerberos.")
    user: str | None = Field(
        None, description="The account: muster@corp.example; simple takes a DN, too, ntlm CORP\\muster."
    )
    password: Secret | None = Field(None, description="Its password, as ${secret:NAME}; for simple and ntlm.")
    keytab: Path | None = Field(None, description="For kerberos: a keytab with the account's key.")
    ccache: str | None = Field(
        None, description="For kerberos: a credential cache that something else keeps filled; default: the machine's."
    )
    krb5_config: Path | None = Field(None, description="For kerberos: a krb5.conf; default: the machine's.")
    base: str | None = Field(
        None, description="The DN below which this domain's objects are read; default: the whole domain."
    )

    @field_validator("urls")
    @classmethod
    def _known_scheme(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            if not url.startswith(("ldap://", "ldaps://")):
                raise ValueError(f"{url!r}: expected ldaps://host or ldap://host")
        return urls

    @field_validator("base")
    @classmethod
    def _base_is_a_dn(cls, base: str | None) -> str | None:
        return None if base is None else _valid_dn(base)


class ActiveDirectorySettings(DomainSettings):
    """One domain, or several under `domains`, which take what they do not say themselves from here."""

    tuning: ClassVar = frozenset({"base", "timeout", "page_size", "window", "range_size", "delta"})

    domains: dict[str, DomainSettings] = Field(
        default_factory=dict,
        description="Several domains, of one forest or of several, by DNS name; each with its own urls.",
    )
    timeout: float = Field(30.0, gt=0, description="Seconds to wait for an answer before a controller counts as gone.")
    page_size: int = Field(1_000, ge=1, le=100_000, description="Objects in one page of a read (Windows allows 1000).")
    window: int = Field(64, ge=1, le=4_096, description="Write requests sent ahead of their answers.")
    range_size: int | None = Field(
        None,
        ge=1,
        description="Values of one attribute (members) asked for at once; default: as many as the controller gives "
        "(Windows: 1500).",
    )
    delta: Delta = Field(
        Delta.AUTO,
        description="How changes are found: dirsync, usn or none; auto takes the first that shows deletions, too.",
    )

    def unencrypted(self) -> tuple[str, ...]:
        """None: a password without encryption is refused (`_check`), and Kerberos sends none."""
        return ()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if bool(self.domains) == bool(self.urls):
            raise ValueError("give either urls, for one domain, or domains, each with its urls")
        for name, one in self.each().items():
            _check(f"domains.{name}: " if name else "", one)
        return self

    def each(self) -> dict[str, DomainSettings]:
        """The domains by name, each with everything that it takes over; one that is alone has no name."""
        common = {name: getattr(self, name) for name in DomainSettings.model_fields if name != "base"}
        if not self.domains:
            return {"": DomainSettings.model_construct(**common, base=self.base)}
        return {name: _with(one, {**common, "base": None}) for name, one in self.domains.items()}


def _with(one: DomainSettings, common: Mapping[str, Any]) -> DomainSettings:
    given = {name: value for name in DomainSettings.model_fields if (value := getattr(one, name)) not in (None, ())}
    if given.get("login") is Login.KERBEROS:
        common = {**common, "user": None, "password": None}
    return DomainSettings.model_construct(**{**common, **given})


def _check(where: str, one: DomainSettings) -> None:
    """Raises ValueError where the parts of one domain do not fit together."""
    login = one.login or Login.SIMPLE
    if not one.urls:
        raise ValueError(f"{where}urls: name at least one domain controller, such as ldaps://dc1.corp.example")
    encrypted = all(url.startswith("ldaps://") or one.start_tls for url in one.urls)
    if one.start_tls and any(url.startswith("ldaps://") for url in one.urls):
        raise ValueError(f"{where}start_tls is for ldap:// addresses; ldaps:// is encrypted from the start")
    if login is Login.KERBEROS:
        if one.password is not None:
            raise ValueError(f"{where}password: login: kerberos takes a keytab or a ccache, no password")
        return
    if one.user is None or one.password is None:
        raise ValueError(f"{where}user and password: login: {login} needs both")
    if not encrypted:
        raise ValueError(
            f"{where}urls: login: {login} needs an encrypted connection: use ldaps://, or start_tls: true "
            "(only kerberos encrypts by itself)"
        )


class AdObject(Settings):
    """One object type."""

    model_config = ConfigDict(populate_by_name=True)

    object_class: str = Field(
        alias="class", description="user, group, contact, computer, organizationalUnit or another structural class."
    )
    base: str | tuple[str, ...] | None = Field(
        None, description="The DN, or several, below which these objects are; default: each domain's base."
    )
    filter: str | None = Field(None, description="An LDAP filter (RFC 4515) that these objects must match, too.")
    primary_group: bool = Field(
        False,
        description="Show primary groups as memberships, too: in `member` of groups, in `memberOf` of accounts.",
    )
    create_containers: bool = Field(
        False, description="Make organizational units that a new or moved object's dn names and that are missing."
    )

    @field_validator("filter")
    @classmethod
    def _in_parentheses(cls, value: str | None) -> str | None:
        if value is not None and not (value.startswith("(") and value.endswith(")")):
            raise ValueError("expected a filter in parentheses, such as (employeeType=staff)")
        return value

    @field_validator("base")
    @classmethod
    def _bases_are_dns(cls, base: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        bases = base if isinstance(base, tuple) else () if base is None else (base,)
        for position, one in enumerate(bases):
            _valid_dn(one)
            for other in bases[:position]:
                if dns.below(one, other) or dns.below(other, one):
                    raise ValueError(f"{one} and {other} overlap; name the upper one only")
        return base

    @property
    def bases(self) -> tuple[str, ...]:
        """Where the objects are, as the system file says; empty: everywhere."""
        return (self.base,) if isinstance(self.base, str) else self.base or ()
