"""How Active Directory stores GUIDs, SIDs and times, and how people write them. Pure, tested without a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from muster.model.values import Scalar, WrongType, instant_text, parse_instant, shown

NEVER: Final = 0x7FFF_FFFF_FFFF_FFFF
"""The time that never comes; so is 0."""

_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)


def guid_text(octets: bytes) -> str:
    """The GUID as Active Directory's tools show it: its first three groups are little-endian. Raises `WrongType`."""
    if len(octets) != 16:
        raise WrongType(f"expected the 16 bytes of a GUID, found {len(octets)}")
    return str(UUID(bytes_le=octets))


def sid_text(octets: bytes) -> str:
    """The SID as S-1-… (MS-DTYP section 2.4.2). Raises `WrongType`."""
    if len(octets) < 8 or len(octets) != 8 + 4 * octets[1]:
        raise WrongType(f"expected a SID, found {len(octets)} bytes that are none")
    parts = [int.from_bytes(octets[at : at + 4], "little") for at in range(8, len(octets), 4)]
    return "-".join(["S", str(octets[0]), str(int.from_bytes(octets[2:8], "big")), *map(str, parts)])


def sid_octets(text: str) -> bytes:
    """The bytes of a SID. Raises `WrongType`."""
    try:
        letter, revision, authority, *parts = text.strip().split("-")
        if letter.upper() != "S":
            raise ValueError
        head = bytes((int(revision), len(parts))) + int(authority).to_bytes(6, "big")
        return head + b"".join(int(part).to_bytes(4, "little") for part in parts)
    except (ValueError, OverflowError):
        raise WrongType(f"expected a SID such as S-1-5-21-1-2-3-500, found {shown(text)}") from None


def time_text(ticks: int) -> str | None:
    """A time counted in 100 ns since 1601, as ISO 8601 text; None for those that mean "never"."""
    if ticks <= 0 or ticks >= NEVER:
        return None
    try:
        return instant_text(_EPOCH + timedelta(microseconds=ticks // 10))
    except OverflowError:
        return None


def time_ticks(text: str) -> int:
    """ISO 8601 text as 100 ns since 1601. Raises `WrongType`."""
    since = parse_instant(text) - _EPOCH
    if since <= timedelta(0):
        raise WrongType(f"expected a time after 1601, found {shown(text)}")
    return (since.days * 86_400 + since.seconds) * 10_000_000 + since.microseconds * 10


class Guid:
    """A GUID as text."""

    def shown(self, value: bytes) -> Scalar | None:
        """Raises `WrongType`."""
        return guid_text(value)

    def stored(self, value: Scalar) -> bytes:
        """Raises `WrongType`."""
        try:
            return UUID(str(value)).bytes_le
        except ValueError:
            raise WrongType(
                f"expected a GUID such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301, found {shown(value)}"
            ) from None


class Sid:
    """A SID as text."""

    def shown(self, value: bytes) -> Scalar | None:
        """Raises `WrongType`."""
        return sid_text(value)

    def stored(self, value: Scalar) -> bytes:
        """Raises `WrongType`."""
        return sid_octets(str(value))


class FileTime:
    """A time counted in 100 ns since 1601 as an instant; 0 and the largest number are no time at all."""

    def shown(self, value: bytes) -> Scalar | None:
        """Raises `WrongType`."""
        try:
            return time_text(int(value))
        except ValueError:
            raise WrongType(f"expected a count of 100 ns since 1601, found {shown(value)}") from None

    def stored(self, value: Scalar) -> bytes:
        """Raises `WrongType`."""
        return str(time_ticks(str(value))).encode()
