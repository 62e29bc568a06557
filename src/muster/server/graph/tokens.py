"""Tokens that clients bring back: where a page ended, where they stand in the changes. Opaque to them, and not secret.

A token says nothing that its bearer could not ask for anyway, so it is not signed; what comes back is checked like any
other input.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final, TypeVar

import msgspec

from muster.directory.delta import Mark
from muster.directory.pages import Position
from muster.directory.schema.kinds import Kind
from muster.server.graph.errors import GraphError

_LONGEST: Final = 8_192
_LARGEST: Final = 1 << 62
T = TypeVar("T")


class SkipToken(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """Where a page ended."""

    id: int
    key: str | int | None = None


class DeltaToken(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """Where a client stands in the changes of one kind, and what it asked for at the beginning."""

    kind: int
    since: int
    until: int
    after: int
    of: int
    part: int
    at: int
    select: list[str] | None = None
    only: list[str] | None = None


def skip_token(position: Position) -> str:
    """The token of a position."""
    return _packed(SkipToken(position.id, position.key))


def read_skip_token(text: str) -> Position:
    """The position of a token. Raises `GraphError`."""
    found = _read(text, SkipToken)
    if found is None or not 0 <= found.id < _LARGEST:
        raise GraphError(
            400,
            "Directory_ExpiredPageToken",
            "The specified page token value has expired and can no longer be included in your request.",
        )
    return Position(found.id, found.key)


def delta_token(mark: Mark, select: list[str] | None, only: list[str] | None) -> str:
    """The token of a place in the changes."""
    return _packed(
        DeltaToken(*(int(mark.kind), mark.since, mark.until, mark.after, mark.of, mark.part, mark.at), select, only)
    )


def read_delta_token(text: str, kind: Kind) -> tuple[Mark, list[str] | None, list[str] | None]:
    """The place in the changes, and what was asked for. Raises `GraphError`."""
    found = _read(text, DeltaToken)
    if found is None or found.kind != kind:
        raise GraphError(400, "Request_BadRequest", "The delta token is not one of this collection.")
    numbers = (found.since, found.until, found.after, found.of, found.part, found.at)
    if not all(0 <= number < _LARGEST for number in numbers):
        raise GraphError(400, "Request_BadRequest", "The delta token is not one of this collection.")
    return Mark(kind, *numbers), found.select, found.only


def _packed(token: msgspec.Struct) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(token)).decode().rstrip("=")


def _read(text: str, kind: type[T]) -> T | None:
    if len(text) > _LONGEST:
        return None
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(data, type=kind)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None
