"""Exported files as text: what PowerShell writes begins with a mark, what Graph answers does not."""

from __future__ import annotations

from typing import Final

from muster.model.errors import ProjectError

_MARKS: Final = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


def decoded(data: bytes, file: str) -> str:
    """The text of an exported file, whichever encoding its first bytes say. ProjectError when it is none."""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ProjectError(f"{file} is no {encoding} text: {error.reason} at byte {error.start}.") from None
