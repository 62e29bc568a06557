"""`$filter` → a condition (OData 4.01 URL conventions, section 5.1.1, as far as Graph goes with directory objects)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from muster.directory.filters import (
    Among,
    Both,
    Compare,
    Condition,
    Counted,
    Either,
    Literal,
    Match,
    Not,
    Path,
    Quantified,
)
from muster.server.graph.errors import GraphError, bad_request
from muster.server.graph.odata.lexer import Token, Word, syntax_error, tokens

_COMPARISONS: Final = ("eq", "ne", "gt", "ge", "lt", "le")
_FUNCTIONS: Final = {"startswith": "startsWith", "endswith": "endsWith"}
_DEEPEST: Final = 40
_MOST: Final = 1000

Naming = Callable[[Path], Path]
"""A path as a client writes it → as the schema does; names do not heed case."""


def parse_filter(text: str, naming: Naming) -> Condition:
    """The condition of a `$filter`. Raises `GraphError` with the place of what is wrong."""
    parser = _Parser(text, naming)
    found = parser.either()
    parser.expect_end()
    return found


class _Parser:
    """Goes through the words once, from left to right."""

    def __init__(self, text: str, naming: Naming) -> None:
        self._text = text
        self._naming = naming
        self._words = tokens(text)
        self._at = 0
        self._depth = 0
        self._item: str | None = None
        self._owner: Path = ()

    # --- words

    @property
    def _next(self) -> Token:
        return self._words[self._at]

    def _take(self) -> Token:
        found = self._words[self._at]
        if found.kind is not Word.END:
            self._at += 1
        return found

    def _keyword(self, *wanted: str) -> str | None:
        """The keyword that comes next, if it is one of these; it is taken."""
        word = self._next
        if word.kind is Word.NAME and word.text.lower() in wanted:
            self._take()
            return word.text.lower()
        return None

    def _sign(self, sign: str) -> bool:
        if self._next.kind is Word.SIGN and self._next.text == sign:
            self._take()
            return True
        return False

    def _need(self, sign: str) -> None:
        if not self._sign(sign):
            raise self._wrong(f"'{sign}'")

    def _wrong(self, wanted: str) -> GraphError:
        return syntax_error(self._text, self._next.place, wanted)

    def expect_end(self) -> None:
        """Nothing is left."""
        if self._next.kind is not Word.END:
            raise self._wrong("the end, 'and' or 'or'")

    # --- conditions

    def either(self) -> Condition:
        """Conditions joined by `or`."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise bad_request(f"Invalid filter clause: it is nested more than {_DEEPEST} deep.")
        found = [self._both()]
        while self._keyword("or"):
            found.append(self._both())
        self._depth -= 1
        return found[0] if len(found) == 1 else Either(tuple(found))

    def _both(self) -> Condition:
        found = [self._single()]
        while self._keyword("and"):
            found.append(self._single())
        return found[0] if len(found) == 1 else Both(tuple(found))

    def _single(self) -> Condition:
        if self._keyword("not"):
            self._depth += 1
            if self._depth > _DEEPEST:
                raise bad_request(f"Invalid filter clause: it is nested more than {_DEEPEST} deep.")
            inner = self._single()
            self._depth -= 1
            return Not(inner)
        if self._sign("("):
            inner = self.either()
            self._need(")")
            return inner
        word = self._take()
        if word.kind is not Word.NAME:
            self._at -= word.kind is not Word.END
            raise self._wrong("a property, a function or '('")
        if self._next.kind is Word.SIGN and self._next.text == "(":
            return self._called(word)
        return self._compared(word)

    def _called(self, word: Token) -> Condition:
        """A function, or `any` and `all` of a list."""
        *path, last = word.text.split("/")
        if path and last.lower() in ("any", "all"):
            return self._quantified(tuple(path), last.lower() == "all")
        function = _FUNCTIONS.get(word.text.lower())
        if function is None:
            raise bad_request(f"Invalid filter clause: function '{word.text}' is not supported.")
        self._need("(")
        named = self._path(self._take_name())
        self._need(",")
        text = self._take()
        if text.kind is not Word.TEXT:
            self._at -= text.kind is not Word.END
            raise self._wrong("a text in single quotes")
        self._need(")")
        # `startsWith(name,'x') eq true` says the same.
        if self._keyword("eq") and not self._keyword("true"):
            raise self._wrong("true")
        return Match(named, function, _unquoted(text.text))

    def _quantified(self, path: Path, every: bool) -> Condition:
        if self._item is not None:
            raise bad_request("Invalid filter clause: any and all cannot be nested.")
        self._need("(")
        named = self._naming(path)
        if self._sign(")"):
            if every:
                raise self._wrong("a variable")
            return Quantified(named, every, None)
        self._item = self._take_name().text
        self._need(":")
        self._owner = named
        inner = self.either()
        self._item, self._owner = None, ()
        self._need(")")
        return Quantified(named, every, inner)

    def _compared(self, word: Token) -> Condition:
        if word.text.lower().endswith("/$count"):
            return self._counted(self._naming(tuple(word.text.split("/")[:-1])))
        path = self._path(word)
        if self._keyword("in"):
            return Among(path, self._list())
        operator = self._keyword(*_COMPARISONS)
        if operator is None:
            raise self._wrong("eq, ne, gt, ge, lt, le or in")
        return Compare(path, operator, self._literal())

    def _counted(self, path: Path) -> Condition:
        operator = self._keyword(*_COMPARISONS)
        if operator is None:
            raise self._wrong("eq or ne")
        number = self._literal()
        if isinstance(number, bool) or not isinstance(number, int):
            raise bad_request("Invalid filter clause: $count is compared with a number.")
        return Counted(path, operator, number)

    # --- names and values

    def _take_name(self) -> Token:
        word = self._take()
        if word.kind is not Word.NAME:
            self._at -= word.kind is not Word.END
            raise self._wrong("a name")
        return word

    def _path(self, word: Token) -> Path:
        """The property that a word names; inside `any` and `all`, the value or a part of it."""
        parts = tuple(word.text.split("/"))
        if self._item is None:
            return self._naming(parts)
        if parts[0] != self._item:
            raise bad_request(f"Invalid filter clause: inside any and all, names begin with '{self._item}'.")
        return self._naming((*self._owner, *parts[1:]))[len(self._owner) :]

    def _list(self) -> tuple[Literal, ...]:
        self._need("(")
        found = [self._literal()]
        while self._sign(","):
            if len(found) >= _MOST:
                raise bad_request(f"Invalid filter clause: 'in' takes at most {_MOST} values.")
            found.append(self._literal())
        self._need(")")
        return tuple(found)

    def _literal(self) -> Literal:
        word = self._take()
        match word.kind:
            case Word.TEXT:
                return _unquoted(word.text)
            case Word.GUID | Word.INSTANT:
                return word.text
            case Word.NUMBER if len(word.text) < 20:
                return int(word.text)
            case Word.NAME if word.text.lower() in ("true", "false"):
                return word.text.lower() == "true"
            case Word.NAME if word.text.lower() == "null":
                return None
        self._at -= word.kind is not Word.END
        raise self._wrong("a value: a text stands in single quotes")


def _unquoted(text: str) -> str:
    return text[1:-1].replace("''", "'")
