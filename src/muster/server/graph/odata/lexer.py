"""Words of a `$filter`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from muster.server.graph.errors import GraphError, bad_request

LONGEST: Final = 16_384
"""Characters of a filter."""


class Word(Enum):
    """Kinds of word."""

    TEXT = "a text"
    INSTANT = "a date"
    GUID = "a GUID"
    NUMBER = "a number"
    NAME = "a name"
    SIGN = "a sign"
    END = "the end"


@dataclass(frozen=True, slots=True)
class Token:
    """One word and where it stands, counted from 0."""

    kind: Word
    text: str
    place: int


_WORDS: Final = re.compile(
    r"""\s*(?:
    (?P<TEXT>'(?:[^']|'')*')
    |(?P<GUID>[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![\w-]))
    |(?P<INSTANT>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?(?![\w:]))
    |(?P<NUMBER>-?\d+(?![\w.-]))
    |(?P<NAME>[$A-Za-z_][\w.$]*(?:/[$A-Za-z_][\w.$]*)*)
    |(?P<SIGN>[():,])
    )""",
    re.VERBOSE,
)


def tokens(text: str) -> list[Token]:
    """The words of a filter, the end as the last. Raises `GraphError`."""
    if len(text) > LONGEST:
        raise bad_request(f"Invalid filter clause: it is longer than {LONGEST} characters.")
    found: list[Token] = []
    place = 0
    end = len(text.rstrip())
    while place < end:
        match = _WORDS.match(text, place)
        if match is None or match.lastgroup is None:
            raise syntax_error(text, place + len(text[place:]) - len(text[place:].lstrip()))
        start = match.start(match.lastgroup)
        found.append(Token(Word[match.lastgroup], match.group(match.lastgroup), start))
        place = match.end()
    found.append(Token(Word.END, "", end))
    return found


def syntax_error(text: str, place: int, wanted: str | None = None) -> GraphError:
    """What is wrong and where."""
    told = f": expected {wanted}" if wanted else ""
    shown = text if len(text) <= 200 else text[:200] + "…"
    return bad_request(f"Invalid filter clause: Syntax error at position {place} in '{shown}'{told}.")
