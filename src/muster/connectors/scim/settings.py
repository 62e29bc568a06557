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
    NONE = "none"


class ScimSettings(Settings):
    """One service provider, and who Muster is to it."""

    tuning: ClassVar = frozenset({"timeout", "whole", "largest", "page_size", "concurrency", "patch"})

    url: str = Field(description="The base URL, below which /Users is: https://app.example/scim/v2.")
    token: Secret | None = Field(None, description="The bearer token (RFC 6750), as ${secret:NAME}.")
    ca: Path | None = Field(None, description="PEM file of the authorities to trust; default: those of the machine.")
    login: Login | None = Field(None, description="Instead of `token`: basic, oauth2, or an API key.")
    certificate: Path | None = Field(
        None, description="PEM file with the certificate and private key that Muster shows to the server (mutual TLS)."
    )
    timeout: float = Field(30.0, gt=0, description="Seconds without a byte after which the server counts as gone.")
    whole: float = Field(120.0, gt=0, description="Seconds within which one answer must be there to its end.")
    largest: int = Field(268_435_456, ge=1024, description="Bytes of one answer, unpacked; more is not read.")
    page_size: int = Field(100, ge=2, le=10_000, description="Objects in one page of a read; a server may give fewer.")
    concurrency: int = Field(8, ge=1, le=64, description="Write requests under way at once.")
    patch: Patch = Field(
        Patch.AUTO,
        description="rfc: change objects by PATCH (RFC 7644 section 3.5.2); none: by GET and PUT; auto: as the "
        "server's /ServiceProviderConfig says.",
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
