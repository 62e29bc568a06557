"""The parts of `muster.yaml` about `muster serve`: where it listens, and the directory it serves."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import Field, PlainValidator, StrictInt, StringConstraints, WithJsonSchema

from muster.project.files.base import FileModel, Text, shown

LISTEN: Final = "127.0.0.1:8443"
_LISTEN: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):(?P<port>\d{1,5})")
_DOMAIN: Final = r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$"
_ADDRESS: Final = r"^https://[^\s/?#]+$"


def parse_listen(value: object) -> tuple[str, int]:
    """The host and port of `127.0.0.1:8443` or `[::1]:8443`."""
    match = _LISTEN.fullmatch(value) if isinstance(value, str) else None
    if match is None or not 1 <= int(match["port"]) <= 65_535:
        raise ValueError(f"expected an address and a port such as {LISTEN}, found {shown(value)}")
    return match["host"].strip("[]"), int(match["port"])


Listen = Annotated[
    tuple[str, int],
    PlainValidator(parse_listen),
    WithJsonSchema({"type": "string", "pattern": r"^(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):\d{1,5}$", "default": LISTEN}),
]
Domain = Annotated[str, StringConstraints(max_length=48, pattern=_DOMAIN)]
Address = Annotated[str, StringConstraints(pattern=_ADDRESS)]
Rate = Annotated[StrictInt, Field(ge=1)]


class ServerFile(FileModel):
    """Where `muster serve` listens. Without a certificate it makes one that signs itself."""

    listen: Listen = Field(("127.0.0.1", 8443), description="Address and port: 127.0.0.1:8443.")
    certificate: Text | None = Field(None, description="The file with its TLS certificate and those above it (PEM).")
    key: Text | None = Field(None, description="The file with the certificate's private key (PEM).")
    address: Address | None = Field(
        None, description="How clients reach it, behind a proxy: https://muster.acme.example."
    )
    rate: Rate | None = Field(None, description="Requests that one application may make in a second; no limit.")


class DirectoryFile(FileModel):
    """The embedded directory that `muster serve` shows as Microsoft Graph."""

    name: Text | None = Field(None, description="The organisation's name; the project's, unless it is said.")
    domains: list[Domain] = Field(
        default_factory=list, description="Domains that user names may end in, the first for names it makes; any."
    )
