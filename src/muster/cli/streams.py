"""Standard output and standard error: colours on a terminal only, the same text every time in a pipe."""

from __future__ import annotations

import io
import json
import sys
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Final

import orjson
from rich.console import Console
from rich.theme import Theme

from muster.model.values import instant_text

_WIDE: Final = 10_000
"""Columns of what is no terminal: lines are never broken there."""

THEME: Final = Theme(
    {
        "create": "green",
        "update": "yellow",
        "disable": "magenta",
        "delete": "bold red",
        "drift": "bold yellow",
        "wrong": "bold red",
        "held": "bold magenta",
        "aside": "dim",
        "title": "bold",
    }
)


class Streams:
    """The two streams of one call."""

    def __init__(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A name that the terminal cannot show must not end the command.
                encoding = stream.encoding if stream.isatty() else "utf-8"
                stream.reconfigure(encoding=encoding, errors="backslashreplace")
        self.out = _console(stderr=False)
        self.err = _console(stderr=True)

    def document(self, document: Any) -> None:
        """One JSON document on standard output."""
        try:
            text = orjson.dumps(document, default=_plain, option=orjson.OPT_INDENT_2).decode()
        except orjson.JSONEncodeError:  # half a character (PEP 383) from a broken file, or a very large number
            text = json.dumps(document, ensure_ascii=False, indent=2, default=_plain)
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def flush(self) -> None:
        """Let what was printed come before what is said next on the other stream."""
        self.out.file.flush()


def _console(*, stderr: bool) -> Console:
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(
        stderr=stderr,
        theme=THEME,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=True,
        force_terminal=terminal,
        width=None if terminal else _WIDE,
    )


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Path | Enum):
        return str(value.value if isinstance(value, Enum) else value)
    if isinstance(value, set | frozenset | tuple):
        return sorted(value) if not isinstance(value, tuple) else list(value)
    raise TypeError(f"not to be written as JSON: {type(value).__name__}")
