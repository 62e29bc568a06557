"""The little of BER (X.690) that the controls need; definite lengths only, as LDAP demands (RFC 4511 section 5.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
OCTETS: Final = 0x04
ENUMERATED: Final = 0x0A
SEQUENCE: Final = 0x30


class MalformedBer(ValueError):
    """Bytes that are no BER, or end too early."""


def encoded(tag: int, content: bytes) -> bytes:
    """One element: tag, length, content."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements that stand one after the other in `data`, each as its tag and its content.

    Raises `MalformedBer`.
    """
    at, end = 0, len(data)
    while at < end:
        if at + 2 > end:
            raise MalformedBer("an element without a length")
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            count = size & 0x7F
            if count == 0 or at + count > end:
                raise MalformedBer("a length that cannot be read")
            size = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + size > end:
            raise MalformedBer(f"an element of {size} bytes where {end - at} are left")
        yield tag, data[at : at + size]
        at += size


def content(data: bytes) -> bytes:
    """The content of the first element of `data`. Raises `MalformedBer`."""
    for _, inner in elements(data):
        return inner
    raise MalformedBer("no element")
