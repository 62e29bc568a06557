"""`$search` → a condition: `"displayName:ada" AND "mail:ada@"`."""

from __future__ import annotations

import re
from typing import Final

from muster.directory.filters import Both, Condition, Either, Words
from muster.server.graph.errors import GraphError, bad_request
from muster.server.graph.odata.filter import Naming

_PIECE: Final = re.compile(r'\s*(?:"(?P<clause>(?:[^"\\]|\\.)*)"|(?P<word>AND|OR)\b|(?P<sign>[()]))')
_MOST: Final = 20
_DEEPEST: Final = 20
_LONGEST: Final = 2_000


def parse_search(text: str, naming: Naming) -> Condition:
    """The condition of a `$search`. Raises `GraphError`."""
    if len(text) > _LONGEST:
        raise bad_request(f"Syntax error: $search is longer than {_LONGEST} characters.")
    pieces: list[tuple[str, str]] = []
    place = 0
    end = len(text.rstrip())
    while place < end:
        match = _PIECE.match(text, place)
        if match is None or match.lastgroup is None:
            raise _wrong(text)
        pieces.append((match.lastgroup, match.group(match.lastgroup)))
        place = match.end()
    if sum(1 for kind, _ in pieces if kind == "clause") > _MOST:
        raise bad_request(f"Syntax error: $search has more than {_MOST} clauses.")
    if sum(1 for piece in pieces if piece == ("sign", "(")) > _DEEPEST:
        raise bad_request(f"Syntax error: $search has more than {_DEEPEST} parentheses.")
    found, rest = _either(pieces, text, naming)
    if rest:
        raise _wrong(text)
    return found


Pieces = list[tuple[str, str]]


def _either(pieces: Pieces, text: str, naming: Naming) -> tuple[Condition, Pieces]:
    first, rest = _both(pieces, text, naming)
    found = [first]
    while rest and rest[0] == ("word", "OR"):
        more, rest = _both(rest[1:], text, naming)
        found.append(more)
    return found[0] if len(found) == 1 else Either(tuple(found)), rest


def _both(pieces: Pieces, text: str, naming: Naming) -> tuple[Condition, Pieces]:
    first, rest = _clause(pieces, text, naming)
    found = [first]
    while rest and (rest[0] == ("word", "AND") or rest[0][0] == "clause"):
        more, rest = _clause(rest[1:] if rest[0][0] == "word" else rest, text, naming)
        found.append(more)
    return found[0] if len(found) == 1 else Both(tuple(found)), rest


def _clause(pieces: Pieces, text: str, naming: Naming) -> tuple[Condition, Pieces]:
    if not pieces:
        raise _wrong(text)
    kind, value = pieces[0]
    if (kind, value) == ("sign", "("):
        found, rest = _either(pieces[1:], text, naming)
        if not rest or rest[0] != ("sign", ")"):
            raise _wrong(text)
        return found, rest[1:]
    if kind != "clause":
        raise _wrong(text)
    name, colon, wanted = re.sub(r"\\(.)", r"\1", value).partition(":")
    if not colon or not wanted.strip():
        raise _wrong(text)
    return Words(naming((name.strip(),)), wanted.strip()), pieces[1:]


def _wrong(text: str) -> GraphError:
    shown = text if len(text) <= 200 else text[:200] + "…"
    return bad_request(
        f"Syntax error in $search '{shown}': expected clauses such as \"displayName:ada\", joined by AND or OR."
    )
