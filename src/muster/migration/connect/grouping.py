"""Brackets around comparisons, so that expressions mean here what they mean on the server.

The documentation gives all operators of Connect's language one priority, and Muster takes it at its word; the default
rules (`IsPresent([a]) = False || [b] = "x" || …`) only make sense where a comparison binds closer than `||` and `&&`.
"""

from __future__ import annotations

import re
from typing import Final

_PIECE: Final = re.compile(
    r'"(?:[^"]|"")*"|\[(?:[^\[\]]|\[[^\[\]]*\])+\]'
    r'|&&|\|\||<=|>=|<>|[=<>(),]|\s+|[^\s"\[\]&|<>=(),]+|.'
)
_LOGICAL: Final = frozenset({"&&", "||"})
_COMPARING: Final = frozenset({"=", "<>", "<", ">", "<=", ">="})


def grouped(expression: str) -> str:
    """The expression, with brackets around each comparison that stands beside `&&` or `||` without them."""
    pieces = _PIECE.findall(expression)
    text, _ = _level(pieces, 0)
    return text


def _level(pieces: list[str], at: int) -> tuple[str, int]:
    """What stands up to the bracket that closes this level, and where that is."""
    out: list[str] = []
    parts: list[str] = [""]
    signs: list[str] = []
    compares = [False]

    def close() -> None:
        if signs:
            wrapped = [_wrapped(part) if compared else part for part, compared in zip(parts, compares, strict=True)]
            out.append(wrapped[0] + "".join(sign + part for sign, part in zip(signs, wrapped[1:], strict=True)))
        else:
            out.append(parts[0])
        parts[:], signs[:], compares[:] = [""], [], [False]

    while at < len(pieces) and pieces[at] != ")":
        piece = pieces[at]
        at += 1
        if piece == "(":
            inner, at = _level(pieces, at)
            parts[-1] += f"({inner}{pieces[at] if at < len(pieces) else ''}"
            at += 1
        elif piece == ",":
            close()
            out.append(",")
        elif piece in _LOGICAL:
            signs.append(piece)
            parts.append("")
            compares.append(False)
        else:
            compares[-1] = compares[-1] or piece in _COMPARING
            parts[-1] += piece
    close()
    return "".join(out), at


def _wrapped(part: str) -> str:
    """The part in brackets; the spaces around it stay outside."""
    inner = part.strip()
    before = part[: len(part) - len(part.lstrip())]
    return f"{before}({inner}){part[len(part.rstrip()) :]}"
