"""What all formats have in common: lines become rows, rows become text again."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from muster.model.errors import IncompleteRead
from muster.model.values import Scalar

Cells: TypeAlias = list[str]
"""A row of a format with columns: one text a column."""

Record: TypeAlias = dict[str, "Scalar | list[Scalar] | list[str | bytes] | None"]
"""A row of a format whose rows name their own attributes."""

Row: TypeAlias = Cells | Record


class Refused(ValueError):
    """A row that cannot be written as it is asked; the message says why."""


@dataclass(slots=True)
class Parsed:
    """A file's columns (None where each row names its own) and its rows with the line each begins on."""

    names: list[str] | None
    rows: Iterator[tuple[int, Row]]


class Layout(ABC):
    """One format. `shown` names the file in messages."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.flaws: dict[int, dict[str, str]] = {}
        """What was found wrong with single rows while they were parsed: the row's line → attribute → what."""

    @abstractmethod
    def parse(self, lines: Iterable[str]) -> Parsed:
        """Read the heading, and then the rows lazily. Raises `IncompleteRead` naming the line."""

    @abstractmethod
    def heading(self, names: Sequence[str], ending: str) -> str:
        """The text at the top of a new file: enough to say that the file is complete and empty."""

    @abstractmethod
    def text(self, row: Row, ending: str) -> str:
        """One row as it stands in the file, its line ending with it. Raises `Refused`."""

    def contradiction(self, row: Row) -> str | None:  # noqa: ARG002 - most formats have no such thing
        """What a row says of itself in two ways, in words; None where it does not."""
        return None

    def broken(self, line: int, what: str, next_step: str) -> IncompleteRead:
        """The error that says that this file cannot be read to its end."""
        return IncompleteRead(f"{self.shown}:{line}: {what} Nothing was taken from this file. {next_step}")


def number(count: int, one: str) -> str:
    """`1 field`, `2 fields`."""
    return f"{count:,} {one}" if count == 1 else f"{count:,} {one}s"


class Tape:
    """Lines that can be had a second time."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._taken: list[str] = []
        self._first = 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._taken.append(line)
        return line

    def take(self, line: int | None = None) -> tuple[str, str]:
        """The text read since the last time: what stands before the line of that number, and the rest."""
        at = 0 if line is None else line - self._first
        before, rest = "".join(self._taken[:at]), "".join(self._taken[at:])
        self._first += len(self._taken)
        self._taken.clear()
        return before, rest


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint at the name that was probably meant, or at all names."""
    listed = list(names)
    by_low = {known.casefold(): known for known in listed}
    near = difflib.get_close_matches(name.casefold(), by_low, 1)
    if near:
        return f"Did you mean {by_low[near[0]]!r}?"
    return f"Known: {', '.join(listed[:30])}." if listed else ""
