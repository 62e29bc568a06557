"""What a system file may say about a directory that speaks Microsoft Graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Final, Self

import httpx
from pydantic import Field, field_validator, model_validator

from muster.connectors.kit.contract import Settings
from muster.model.secrets import Secret

VERSION: Final = "/v1.0"


class Cloud(StrEnum):
    """One of Microsoft's clouds (https://learn.microsoft.com/graph/deployments)."""

    GLOBAL = "global"
    USGOV = "usgov"
    USGOV_DOD = "usgov-dod"
    CHINA = "china"


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where a cloud gives tokens, and where its Graph is, each without a path."""

    login: str
    graph: str


CLOUDS: Final[Mapping[Cloud, Hosts]] = {
    Cloud.GLOBAL: Hosts("https://login.microsoftonline.com", "https://graph.microsoft.com"),
    Cloud.USGOV: Hosts("https://login.microsoftonline.us", "https://graph.microsoft.us"),
    Cloud.USGOV_DOD: Hosts("https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
    Cloud.CHINA: Hosts("https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"),
}


class Resource(StrEnum):
    """The kinds of object."""

    USER = "user"
    GROUP = "group"
    DEVICE = "device"
    CONTACT = "contact"


class GraphSettings(Settings):
    """One tenant, and the application that Muster is there."""

    tuning: ClassVar = frozenset(
        {"timeout", "page_size", "concurrency", "invitation_redirect", "invitation_mail", "restore"}
    )

    cloud: Cloud | None = Field(
        None, description="Microsoft's cloud: global, usgov (GCC High), usgov-dod or china; default: global."
    )
    url: str | None = Field(
        None,
        description="Instead of cloud, a directory of your own: what muster directory app add calls graph, "
        "https://directory.example:8443/v1.0.",
    )
    login_url: str | None = Field(
        None, description="Where its tokens are given, without the tenant; default: the host of url."
    )
    tenant: str = Field(description="The tenant's id, or one of its domains.", min_length=1)
    client_id: str = Field(description="The application's (client) id.", min_length=1)
    secret: Secret | None = Field(None, description="A client secret of the application, as ${secret:NAME}.")
    certificate: Path | None = Field(
        None, description="Instead of a secret: PEM file with the application's certificate and its private key."
    )
    ca: Path | None = Field(None, description="PEM file of the authorities to trust; default: those of the machine.")
    proxy: str | None = Field(None, description="The proxy to go through: http://proxy.example:3128.")
    timeout: float = Field(60.0, gt=0, description="Seconds to wait for an answer before the server counts as gone.")
    page_size: int = Field(999, ge=1, le=999, description="Objects in one page of a read.")
    concurrency: int = Field(4, ge=1, le=32, description="Batches of 20 write requests under way at once.")
    invitation_redirect: str = Field(
        "https://myapplications.microsoft.com", description="Where guests are led once they have accepted."
    )
    invitation_mail: bool = Field(False, description="Have Microsoft send each guest the invitation by mail.")
    restore: bool = Field(
        True,
        description="Restore a deleted user or group that has the onPremisesImmutableId of a new one, "
        "instead of making another.",
    )

    def unencrypted(self) -> tuple[str, ...]:
        """Of its two addresses, those without TLS; a proxy only carries what is encrypted."""
        return tuple(one for one in (self.url, self.login_url) if one is not None and one.startswith("http://"))

    @field_validator("url", "login_url")
    @classmethod
    def _known_scheme(cls, url: str | None) -> str | None:
        if url is None:
            return None
        if not url.startswith(("http://", "https://")) or not httpx.URL(url).host:
            raise ValueError("expected https://host")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.cloud is not None and self.url is not None:
            raise ValueError("give either cloud, for one of Microsoft's, or url, for a directory of your own")
        if self.login_url is not None and self.url is None:
            raise ValueError("login_url goes with url; a cloud has its own")
        if (self.secret is None) == (self.certificate is None):
            raise ValueError("give either secret or certificate, by which the application proves itself")
        return self

    @property
    def own(self) -> bool:
        """Whether the directory is one of the organisation's own, not Microsoft's."""
        return self.url is not None

    @property
    def graph(self) -> str:
        """The address below which /users is."""
        if self.url is None:
            return CLOUDS[self.cloud or Cloud.GLOBAL].graph + VERSION
        return self.url if self.url.endswith(VERSION) else self.url + VERSION

    @property
    def login(self) -> str:
        """The address below which the tenant's token endpoint is."""
        if self.url is None:
            return CLOUDS[self.cloud or Cloud.GLOBAL].login
        return self.login_url or self.graph.removesuffix(VERSION)


class GraphObject(Settings):
    """One object type."""

    resource: Resource = Field(description="user, group, device or contact (an organisational contact).")
