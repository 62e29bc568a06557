"""What a system file may say about an LDAP directory."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from muster.connectors.kit.contract import Settings
from muster.model.secrets import Secret


class Delta(StrEnum):
    """How changes since the last read are found."""

    AUTO = "auto"
    SYNCREPL = "syncrepl"
    CHANGELOG = "changelog"
    ACCESSLOG = "accesslog"
    TIMESTAMP = "timestamp"
    NONE = "none"


class LdapSettings(Settings):
    """One directory and the account that Muster uses there."""

    tuning: ClassVar = frozenset({"base", "timeout", "page_size", "window", "delta", "accesslog", "refint"})

    url: str = Field(description="Where the server listens: ldap://host:389 or ldaps://host:636.")
    start_tls: bool = Field(False, description="Encrypt an ldap:// connection with StartTLS before logging in.")
    ca: Path | None = Field(None, description="PEM file of the authorities to trust; default: those of the machine.")
    bind_dn: str | None = Field(None, description="The DN to log in with; without it the connection is anonymous.")
    password: Secret | None = Field(None, description="The password of bind_dn, as ${secret:NAME}.")
    base: str = Field(description="The DN below which this system's objects are.")
    timeout: float = Field(30.0, gt=0, description="Seconds to wait for an answer before the server counts as gone.")
    page_size: int = Field(1_000, ge=1, le=100_000, description="Objects in one page of a read (RFC 2696).")
    window: int = Field(256, ge=1, le=4_096, description="Write requests sent ahead of their answers.")
    delta: Delta = Field(
        Delta.AUTO,
        description="How changes are found: syncrepl, changelog, accesslog, timestamp (sees no deletions) or none; "
        "auto takes syncrepl or changelog when the server offers it.",
    )
    accesslog: str = Field(
        "cn=accesslog",
        description="For `delta: accesslog`: the DN of the log (OpenLDAP: the suffix of olcAccessLogDB).",
    )
    refint: bool = Field(
        False,
        description="The server itself mends references after a rename (OpenLDAP: overlay refint; 389 DS: "
        "Referential Integrity plug-in).",
    )

    def unencrypted(self) -> tuple[str, ...]:
        """Its address, unless TLS or StartTLS encrypts."""
        return () if self.start_tls else super().unencrypted()

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        if not url.startswith(("ldap://", "ldaps://")):
            raise ValueError("expected ldap://host:port or ldaps://host:port")
        return url

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if (self.bind_dn is None) != (self.password is None):
            raise ValueError("bind_dn and password go together: give both, or neither for an anonymous connection")
        if self.start_tls and self.url.startswith("ldaps://"):
            raise ValueError("start_tls is for ldap:// addresses; ldaps:// is encrypted from the start")
        return self


class Switch(Settings):
    """Which attribute switches an account on and off, and the two values; null stands for "no value"."""

    attribute: str = Field(description="The attribute's name.")
    on: str | None = Field("TRUE", description="Its value while the account is on; null: the attribute is absent.")
    off: str | None = Field("FALSE", description="Its value while the account is off; null: the attribute is absent.")

    @model_validator(mode="after")
    def _differs(self) -> Self:
        if self.on == self.off:
            raise ValueError("on and off are the same value")
        return self


class LdapObject(Settings):
    """One object type."""

    model_config = ConfigDict(populate_by_name=True)

    object_class: str = Field(alias="class", description="The structural object class, such as inetOrgPerson.")
    classes: tuple[str, ...] = Field((), description="More object classes (auxiliary) that new objects get.")
    base: str | None = Field(None, description="The DN below which these objects are; default: the system's base.")
    filter: str | None = Field(None, description="An LDAP filter (RFC 4515) that these objects must match, too.")
    rdn: str | None = Field(
        None, description="The attribute that names an object in its DN; default: uid, ou or cn, as the class has it."
    )
    anchor: str | None = Field(
        None, description="The attribute that never changes; default: entryUUID, on 389 DS nsUniqueId."
    )
    enabled: Switch | None = Field(
        None,
        description="The attribute behind `enabled`: a name (nsAccountLock, pwdAccountLockedTime or a TRUE/FALSE "
        "attribute), or {attribute, on, off}.",
    )
    placeholder_member: str | None = Field(
        None,
        description="A DN that stands in groups that must not be empty (groupOfNames); written first, never shown.",
    )

    @field_validator("enabled", mode="before")
    @classmethod
    def _named_switch(cls, value: object) -> object:
        if isinstance(value, str):
            return _KNOWN_SWITCHES.get(value.lower()) or {"attribute": value}
        return value

    @field_validator("filter")
    @classmethod
    def _in_parentheses(cls, value: str | None) -> str | None:
        if value is not None and not (value.startswith("(") and value.endswith(")")):
            raise ValueError("expected a filter in parentheses, such as (employeeType=staff)")
        return value


_KNOWN_SWITCHES: dict[str, dict[str, str | None]] = {
    "nsaccountlock": {"attribute": "nsAccountLock", "on": None, "off": "TRUE"},
    "pwdaccountlockedtime": {"attribute": "pwdAccountLockedTime", "on": None, "off": "000001010000Z"},
}
