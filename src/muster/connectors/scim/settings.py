"""What a system file may say about a SCIM service provider."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator

from muster.connectors.kit.contract import Settings
from muster.model.secrets import Secret


class Patch(StrEnum):
    """How an object is changed."""

    AUTO = "auto"
    RFC = "rfc"
    NONE = "none"


class ScimSettings(Settings):
    """One service provider and the token that Muster uses there."""

    tuning: ClassVar = frozenset({"timeout", "page_size", "concurrency", "patch"})

    url: str = Field(description="The base URL, below which /Users is: https://app.example/scim/v2.")
    token: Secret | None = Field(None, description="The bearer token (RFC 6750), as ${secret:NAME}.")
    ca: Path | None = Field(None, description="PEM file of the authorities to trust; default: those of the machine.")
    timeout: float = Field(30.0, gt=0, description="Seconds to wait for an answer before the server counts as gone.")
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


class ScimObject(Settings):
    """One object type."""

    resource: str = Field(description="The resource type's name in /ResourceTypes, such as User or Group.")
    attributes: tuple[str, ...] = Field(
        (), description='More attribute names than are listed by themselves, such as emails[type eq "billing"].value.'
    )
