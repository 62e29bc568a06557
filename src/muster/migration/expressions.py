"""Texts of expressions as they come from another product, and as they stand in a mapping file."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_ENTRA: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\[((?:[^\[\]]|\[[^\[\]]*\])+)\]|\s+', re.DOTALL)
_CONNECT: Final = re.compile(r'"(?:[^"]|"")*"|\[((?:[^\[\]]|\[[^\[\]]*\])+)\]|\s+', re.DOTALL)
_LITERAL: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null', re.IGNORECASE)


def rewritten(text: str, dialect: str, term: Callable[[str], str] = "[{}]".format) -> str:
    """The expression on one line, each `[attribute]` as `term` writes it; what stands in quotes is left alone."""

    def replace(match: re.Match[str]) -> str:
        found = match.group()
        if match[1] is not None:
            return term(match[1].strip())
        return " " if found.isspace() else found

    return (_CONNECT if dialect == "connect" else _ENTRA).sub(replace, text.strip())


def attributes_of(text: str, dialect: str) -> list[str]:
    """The attributes an expression names, in order of appearance, each once."""
    found = (_CONNECT if dialect == "connect" else _ENTRA).finditer(text)
    return list(dict.fromkeys(match[1].strip() for match in found if match[1] is not None))


def quoted(text: str, dialect: str) -> str:
    """A text as a literal of the dialect."""
    inner = text.replace('"', '""') if dialect == "connect" else text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"'


def literal(value: str, kind: str, dialect: str) -> str:
    """A constant of the old configuration, which is always text there, as a literal of the attribute's kind."""
    if kind == "Boolean" and value.lower() in {"true", "false"}:
        return value.capitalize()
    if kind == "Integer" and re.fullmatch(r"-?\d+", value):
        return value
    return quoted(value, dialect)


def is_literal(text: str) -> bool:
    """Whether an expression is nothing but a constant."""
    return _LITERAL.fullmatch(text.strip()) is not None


def both(parts: list[str]) -> str:
    """All of the conditions, in the dialect `entra`; none of them is `true`."""
    kept = [part for part in parts if part]
    if len(kept) < 2:
        return kept[0] if kept else "true"
    return " and ".join(f"({part})" if re.search(r"\bor\b|\|\|", part, re.IGNORECASE) else part for part in kept)
