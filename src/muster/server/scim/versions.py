"""Versions of resources (RFC 7644 section 3.14): a digest of what the system shows."""

from __future__ import annotations

from collections.abc import Mapping

from muster.model.objects import ConnectorObject
from muster.server.scim.errors import ScimError
from muster.store.codec import digest, encode


def version(found: ConnectorObject) -> str:
    """The state of an object. Large references, as members of groups may be, do not count."""
    return f'W/"{digest(encode(found.values)) & 0xFFFFFFFFFFFFFFFF:016x}"'


def expects(headers: Mapping[str, str]) -> bool:
    """Whether the client writes only over the state that it knows."""
    return headers.get("if-match", "*").strip() != "*"


def check(headers: Mapping[str, str], found: ConnectorObject) -> None:
    """Raises `ScimError` when the client means another state of the resource than it has now."""
    wanted = headers.get("if-match")
    if wanted is not None and wanted.strip() != "*" and not _names(wanted, version(found)):
        raise ScimError(412, "The resource is no longer what it was when it was read: read it again.")


def unchanged(headers: Mapping[str, str], found: ConnectorObject) -> bool:
    """Whether the client has this state of the resource already."""
    wanted = headers.get("if-none-match")
    return wanted is not None and (wanted.strip() == "*" or _names(wanted, version(found)))


def _names(listed: str, one: str) -> bool:
    """Weakly: with or without `W/` (RFC 9110 section 8.8.3.2)."""
    return one.removeprefix("W/") in [each.strip().removeprefix("W/") for each in listed.split(",")]
