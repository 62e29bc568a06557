"""What a system file may say about a SCIM service provider."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator, model_validator

from muster.connectors.kit.contract import Settings
from muster.connectors.kit.login import Auth, Login
from muster.model.secrets import Secret


class Patch(StrEnum):
    """How an object is changed."""

    AUTO = "auto"
    RFC = "rfc"
    ACTIVE = "active"
    NONE = "none"


class Filters(StrEnum):
    """What an object can be looked for by."""

    AUTO = "auto"
    RFC = "rfc"
    EQUAL = "equal"
    NONE = "none"


class Bulk(StrEnum):
    """Whether requests go together."""

    AUTO = "auto"
    NONE = "none"


class Booleans(StrEnum):
    """How true and false are written."""

    JSON = "json"
    TEXT = "text"


class Removal(StrEnum):
    """How members are taken out of a group by PATCH."""

    FILTER = "filter"
    VALUES = "values"


class ScimSettings(Settings):
    """One service provider, and who Muster is to it."""

    tuning: ClassVar = frozenset(
        {"timeout", "whole", "largest", "page_size", "concurrency", "patch", "members_per_patch", "removal", "booleans"}
        | {"filters", "bulk", "bulk_size"}
    )

    url: str = Field(description="The base URL, below which /Users is: https://app.example/scim/v2.")
    token: Secret | None = Field(None, description="The bearer token (RFC 6750), as ${secret:NAME}.")
    ca: Path | None = Field(None, description="PEM file of the authorities to trust; default: those of the machine.")
    login: Login | None = Field(None, description="Instead of `token`: basic, oauth2, or an API key.")
    certificate: Path | None = Field(
        None, description="PEM file with the certificate and private key that Muster shows to the server (mutual TLS)."
    )
    timeout: float = Field(30.0, gt=0, description="Seconds without a byte after which the server counts as gone.")
    whole: float = Field(120.0, gt=0, description="Seconds within which one answer must be there to its end.")
    largest: int = Field(67_108_864, ge=1024, description="Bytes of one answer, unpacked; more is not read.")
    page_size: int = Field(100, ge=2, le=10_000, description="Objects in one page of a read; a server may give fewer.")
    concurrency: int = Field(8, ge=1, le=64, description="Write requests under way at once.")
    patch: Patch = Field(
        Patch.AUTO,
        description="rfc: objects are changed by PATCH (RFC 7644 section 3.5.2); none: by GET and PUT; active: PATCH "
        "for `active` alone, GET and PUT for the rest; auto: as the server's /ServiceProviderConfig says.",
    )
    members_per_patch: int = Field(100, ge=1, le=10_000, description="Members in one PATCH of a group.")
    removal: Removal = Field(
        Removal.FILTER,
        description='How a PATCH takes members out. filter: by path, members[value eq "…"] (RFC 7644); values: by a '
        "list of values, which a server that keeps to the RFC takes to mean ALL members.",
    )
    booleans: Booleans = Field(Booleans.JSON, description='json: true and false; text: "True" and "False".')
    filters: Filters = Field(
        Filters.AUTO,
        description="rfc: objects are looked for by filters (RFC 7644 section 3.4.2.2); equal: by one `eq` a request, "
        "without `and` and `or`; none: everything is read; auto: as the server's /ServiceProviderConfig says.",
    )
    bulk: Bulk = Field(
        Bulk.AUTO,
        description="auto: writes go together where the server's /ServiceProviderConfig says so (RFC 7644 section "
        "3.7); none: each alone.",
    )
    bulk_size: int = Field(
        20, ge=2, le=1_000, description="Writes in one bulk, answered within `timeout`; the server may allow fewer."
    )

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("expected https://host/path")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _one_way_in(self) -> ScimSettings:
        if self.token is not None and self.login is not None:
            raise ValueError("give either `token` or `login`")
        if self.certificate is not None and not self.url.startswith("https://"):
            raise ValueError("`certificate` needs an https:// address: over plain HTTP it is not shown")
        return self

    @model_validator(mode="after")
    def _one_dialect(self) -> ScimSettings:
        given = self.model_fields_set
        if self.patch in (Patch.NONE, Patch.ACTIVE):
            idle = [f"`{name}`" for name in ("members_per_patch", "removal") if name in given]
            if idle:
                words = " and ".join(idle)
                raise ValueError(
                    f"{words} say how members are patched, and `patch: {self.patch}` patches none: take out"
                )
        if self.bulk is Bulk.NONE and "bulk_size" in given:
            raise ValueError(
                "`bulk_size` says how many writes go together, and `bulk: none` sends each alone: take out"
            )
        return self

    @property
    def who(self) -> Login | None:
        """Who Muster is to the server, whichever way it is said."""
        return Login(kind=Auth.BEARER, token=self.token) if self.token is not None else self.login


class ScimObject(Settings):
    """One object type."""

    resource: str = Field(description="The resource type's name in /ResourceTypes, such as User or Group.")
    attributes: tuple[str, ...] = Field(
        (), description='More attribute names than are listed by themselves, such as emails[type eq "billing"].value.'
    )
