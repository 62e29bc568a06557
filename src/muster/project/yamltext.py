"""Where a character of a YAML text stands in its file: escapes, folding and indentation undone."""

from __future__ import annotations

import re
from typing import Final

from muster.project.yamltree import Scalar

_PROPERTIES: Final = re.compile(r"(?:[&!][^\s]*[ \t\r\n]+)*")
_FOLD: Final = re.compile(r"[ \t]*\r?\n[ \t\r\n]*")
_HEADER: Final = re.compile(r"[|>][-+0-9]*[ \t]*(?:#[^\n]*)?\r?\n")
_BREAKS: Final = re.compile(r"[ \t]*(?:\r?\n[ \t]*)+")
_ESCAPES: Final = {"x": 4, "u": 6, "U": 10}


def position(source: str, scalar: Scalar, offset: int) -> tuple[int, int]:
    """Line and column (from 1) of the character `offset` of the scalar's text; its end for an offset beyond it."""
    text = str(scalar.value)
    offset = max(0, min(offset, len(text)))
    found = _PROPERTIES.match(source, scalar.start)
    start = found.end() if found else scalar.start
    index = (
        _in_block(source, start, text, offset)
        if scalar.style in ("|", ">")
        else _in_flow(source, start, scalar.style, offset)
    )
    line = source.count("\n", 0, index) + 1
    column = index - (source.rfind("\n", 0, index) + 1) + 1
    if line == 1 and source.startswith("\ufeff"):
        column -= 1
    return line, column


def offset_of(text: str, line: int, column: int) -> int:
    """The index in a text of several lines that a line and column (from 1) name."""
    index = 0
    for _ in range(line - 1):
        after = text.find("\n", index)
        if after < 0:
            break
        index = after + 1
    return min(index + max(column, 1) - 1, len(text))


def _in_flow(source: str, index: int, style: str, offset: int) -> int:
    """Plain, single quoted and double quoted: a line break in the source is a space, n of them n - 1 breaks."""
    index += 1 if style else 0
    done = 0
    while done < offset and index < len(source):
        fold = _FOLD.match(source, index)
        if fold:
            breaks = fold.group().count("\n")
            done += 1 if breaks == 1 else breaks - 1
            index = fold.end()
        elif style == '"' and source[index] == "\\":
            if joined := re.compile(r"\\\r?\n[ \t]*").match(source, index):
                index = joined.end()
            else:
                index += _ESCAPES.get(source[index + 1 : index + 2], 2)
                done += 1
        else:
            index += 2 if style == "'" and source.startswith("''", index) else 1
            done += 1
    return index


def _in_block(source: str, index: int, text: str, offset: int) -> int:
    """Literal and folded: each line is indented; a run of breaks in the source is a space or a run of breaks."""
    header = _HEADER.match(source, index)
    index = header.end() if header else index
    stripped = text.lstrip("\n")
    own = len(stripped) - len(stripped.lstrip(" "))
    first = re.compile(r"(?:[ \t]*\r?\n)*( *)").match(source, index)
    indent = max(0, len(first.group(1)) - own) if first else 0
    index = (first.start(1) + indent) if first else index
    done = len(text) - len(stripped)
    while done < offset and index < len(source):
        run = _BREAKS.match(source, index) if text[done] in " \n" else None
        if run and (text[done] == "\n" or source[index] in "\r\n"):
            breaks = len(text[done:]) - len(text[done:].lstrip("\n"))
            done += breaks or 1
            index = source.rfind("\n", index, run.end()) + 1 + indent
        else:
            index += 1
            done += 1
    return index
