"""What a file's first bytes say it is, when that is not what its settings say."""

from __future__ import annotations

import codecs
from typing import Final

_WIDE: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OTHER: Final = (
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"SQLite format 3\x00", "a SQLite database"),
)
_LOOKED_AT: Final = 400


def wide_encoding(head: bytes) -> str | None:
    """The encoding of a text with more than one byte a letter: by its mark, or by where its NUL bytes stand."""
    for mark, name in _WIDE:
        if head.startswith(mark):
            return name
    part = head[:_LOOKED_AT]
    even, odd = part[0::2], part[1::2]
    for first, second, name in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if len(first) > 3 and first.count(0) * 2 > len(first) and second.count(0) * 10 < len(second):
            return name
    return None


def no_text(head: bytes) -> str | None:
    """What the file is, when it is a well-known kind that is no text."""
    return next((name for mark, name in _OTHER if head.startswith(mark)), None)
