"""What a security descriptor grants a login (MS-DTYP section 2.4, MS-ADTS section 5.1.3). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

READ_PROPERTY: Final = 0x10
CONTROL_ACCESS: Final = 0x100

RESET_PASSWORD: Final = UUID("00299570-246d-11d0-a768-00aa006e0529").bytes_le

_ALLOWED: Final = (0x00, 0x05)
_DENIED: Final = (0x01, 0x06)
_OF_OBJECT: Final = (0x05, 0x06)
_INHERIT_ONLY: Final = 0x08
_GENERIC: Final = {0x1000_0000: 0xFFFF_FFFF, 0x8000_0000: 0x2_0094, 0x4000_0000: 0x2_0028}
"""GENERIC_ALL, GENERIC_READ and GENERIC_WRITE, as what they mean for a directory object."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an access control list that is about the object itself. `about`: the GUID of what it covers."""

    allows: bool
    mask: int
    about: bytes | None
    sid: bytes


def granted(descriptor: bytes, sids: Collection[bytes], right: int, about: Collection[bytes] = ()) -> bool:
    """Whether whoever has these SIDs has the right; `about`: GUIDs, of which an entry may name one.

    A descriptor that cannot be read grants nothing; one without a list grants everything.
    """
    try:
        entries = list(_entries(descriptor))
    except (IndexError, ValueError):
        return False
    for entry in entries:
        if entry.sid in sids and entry.mask & right and (entry.about is None or entry.about in about):
            return entry.allows
    return _without_list(descriptor)


def _without_list(descriptor: bytes) -> bool:
    return len(descriptor) >= 20 and not int.from_bytes(descriptor[16:20], "little")


def _entries(descriptor: bytes) -> Iterator[Entry]:
    start = int.from_bytes(descriptor[16:20], "little")
    if not start:
        return
    count = int.from_bytes(descriptor[start + 4 : start + 6], "little")
    at = start + 8
    for _ in range(count):
        kind, flags = descriptor[at], descriptor[at + 1]
        size = int.from_bytes(descriptor[at + 2 : at + 4], "little")
        if size < 8 or at + size > len(descriptor):
            raise ValueError("an entry that does not end")
        if kind in (*_ALLOWED, *_DENIED) and not flags & _INHERIT_ONLY:
            yield _entry(kind, descriptor[at : at + size])
        at += size


def _entry(kind: int, data: bytes) -> Entry:
    mask = int.from_bytes(data[4:8], "little")
    for generic, meant in _GENERIC.items():
        if mask & generic:
            mask |= meant
    about: bytes | None = None
    at = 8
    if kind in _OF_OBJECT:
        present = int.from_bytes(data[8:12], "little")
        at = 12
        if present & 0x1:
            about = data[at : at + 16]
            at += 16
        if present & 0x2:
            at += 16
    length = 8 + 4 * data[at + 1]
    return Entry(kind in _ALLOWED, mask, about, data[at : at + length])
