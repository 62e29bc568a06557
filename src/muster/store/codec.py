"""Documents as bytes, and the digest that tells whether one changed."""

from __future__ import annotations

from typing import Any, Final

import orjson
from xxhash import xxh3_64_intdigest

_SORTED: Final = orjson.OPT_SORT_KEYS
_HALF: Final = 1 << 63


def encode(document: Any) -> bytes:
    """JSON bytes with sorted keys: equal documents give equal bytes."""
    return orjson.dumps(document, option=_SORTED)


def decode(data: bytes | memoryview | None) -> Any:
    """The document of some bytes; an empty one for NULL."""
    return orjson.loads(data) if data else {}


def digest(data: bytes) -> int:
    """64 bits that differ when the bytes do, as a signed number that both databases store."""
    return xxh3_64_intdigest(data) - _HALF


def text_digest(text: str) -> int:
    """The digest of one value of a set; a set's digest is their sum (order does not matter)."""
    return xxh3_64_intdigest(text.encode())


def folded(total: int) -> int:
    """A sum of digests as a signed 64-bit number."""
    return (total % (1 << 64)) - _HALF
