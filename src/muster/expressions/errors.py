"""What can go wrong with an expression: once when it is compiled, or each time it is evaluated."""

import difflib
from collections.abc import Iterable


class ExpressionError(Exception):
    """The text is not an expression of its dialect. Raised when it is compiled, never when it is evaluated.

    `line` and `column` count from 1 within the expression's own text; `suggestion` is the nearest name that would
    have been valid, or None.
    """

    def __init__(self, message: str, line: int = 1, column: int = 1, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.suggestion = suggestion

    def __str__(self) -> str:
        hint = f"; did you mean {self.suggestion}?" if self.suggestion else ""
        return f"{self.line}:{self.column}: {self.message}{hint}"


class EvaluationFault(Exception):
    """A value that a function cannot work with, said for the person who must act.

    Raised inside an evaluation only; whoever evaluates sees it as a `Fault` in place of the value. A scope, which has
    no place for one, raises it from `matches`.
    """


class UnknownValue(Exception):
    """An attribute that has never been read. Raised by the attributes' own `get`; the flow's result is `UNKNOWN`."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, whatever the case, or None when nothing is near."""
    by_lower = {each.lower(): each for each in known}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def shown(value: object, most: int = 60) -> str:
    """The value as an error text may show it: quoted, and cut so that no text ever carries more than `most` of it."""
    text = value if isinstance(value, str) else repr(value)
    return f"«{text[:most]}…»" if len(text) > most else f"«{text}»"
