"""Tokens that clients bring back: where a page ended, where they stand in the changes. Opaque to them, and not secret.

A token is sealed with the directory's key and what it was given for: it leads on in that list and in no other, and one
of another directory, whose changes have other numbers, is not taken for one of ours.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final, TypeVar

import msgspec

from muster.directory.delta import Mark
from muster.directory.errors import Expired
from muster.directory.pages import Position
from muster.directory.schema.kinds import Kind
from muster.server.graph.errors import GraphError

_LONGEST: Final = 8_192
_SEAL: Final = 12
_CHANGES: Final = "delta"
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


def skip_token(key: bytes, listing: str, position: Position) -> str:
    """The token of a position in a list."""
    return _packed(key, listing, SkipToken(position.id, position.key))


def read_skip_token(key: bytes, listing: str, text: str) -> Position:
    """The position that a token of this list stands for. Raises `GraphError`."""
    found, sealed = _read(key, listing, text, SkipToken)
    if found is None or not sealed:
        raise GraphError(
            400,
            "Directory_ExpiredPageToken",
            "The specified page token value has expired and can no longer be included in your request.",
        )
    return Position(found.id, found.key)


def delta_token(key: bytes, mark: Mark, select: list[str] | None, only: list[str] | None) -> str:
    """The token of a place in the changes."""
    numbers = (int(mark.kind), mark.since, mark.until, mark.after, mark.of, mark.part, mark.at)
    return _packed(key, _CHANGES, DeltaToken(*numbers, select, only))


def read_delta_token(key: bytes, text: str, kind: Kind) -> tuple[Mark, list[str] | None, list[str] | None]:
    """The place in the changes, and what was asked for.

    Raises `GraphError` for what is no token of this collection, `Expired` for one that this directory has not given:
    who brings one of the directory that was here before must start again.
    """
    found, sealed = _read(key, _CHANGES, text, DeltaToken)
    if found is None or found.kind != kind:
        raise GraphError(400, "Request_BadRequest", "The delta token is not one of this collection.")
    if not sealed:
        raise Expired("The delta token is not one of this directory: start again with everything.")
    numbers = (found.since, found.until, found.after, found.of, found.part, found.at)
    return Mark(kind, *numbers), found.select, found.only


def _packed(key: bytes, of: str, token: msgspec.Struct) -> str:
    data = msgspec.json.encode(token)
    return base64.urlsafe_b64encode(_seal(key, of, data) + data).decode().rstrip("=")


def _read(key: bytes, of: str, text: str, kind: type[T]) -> tuple[T | None, bool]:
    """What a token says, None where it says nothing; and whether it is ours."""
    if len(text) > _LONGEST:
        return None, False
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        seal, said = data[:_SEAL], data[_SEAL:]
        return msgspec.json.decode(said, type=kind), hmac.compare_digest(seal, _seal(key, of, said))
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None, False


def _seal(key: bytes, of: str, data: bytes) -> bytes:
    return hashlib.blake2b(of.encode() + b"\0" + data, digest_size=_SEAL, key=key).digest()
