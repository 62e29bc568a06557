"""Regular expressions as .NET writes them, run by the package `regex`.

Public specification: https://learn.microsoft.com/dotnet/standard/base-types/regular-expression-language-quick-reference.
Translated are named groups and references to them, `\\p{…}`, `\\z`, `\\Z` and options inside the pattern; what only
`regex` knows (fuzzy matches, recursion, verbs) is kept out. The subtraction of character classes is refused.

A pattern with choices inside repeats, such as `(a|a)+$`, can take for ever on one unlucky value. A match may take
`LONGEST` and is then a fault of that value, which is why this is not Python's `re`: that cannot be stopped. A whole
column of such values costs little more than a few of them: the others have only `SHORTER`, which lets good values
through. A fixed repeat takes the memory of what it repeats, written out so often: `LARGEST` bounds that.
"""

import re
import sys
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import regex

from muster.expressions.errors import EvaluationFault, shown

LONGEST: Final = 1.0
"""Seconds of this process's time that one match may take."""

SHORTER: Final = 0.002
"""The same, once a pattern had `UNLUCKY` values within a minute: thousands of times what a good value takes."""

UNLUCKY: Final = 3

LARGEST: Final = 10_000
"""Pieces of a pattern, once what it repeats a fixed number of times is written out."""

_SHORT: Final = 1_000
"""Characters."""


@dataclass(slots=True)
class Patience:
    """How long one pattern may be busy with a value: `UNLUCKY` times a minute for long, and then not."""

    since: float = 0.0
    lost: int = 0

    def limit(self) -> float:
        """Seconds for the next value."""
        if self.lost and time.monotonic() - self.since > 60:
            self.lost = 0
        return LONGEST if self.lost < UNLUCKY else SHORTER

    def lose(self) -> None:
        """A value took all the time it was given."""
        if not self.lost:
            self.since = time.monotonic()
        self.lost += 1


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern, and which Python group each .NET group number is (.NET counts named groups last).

    `text`: as it was written. `choices`: how many repeats and alternatives there are in it, at the most.
    Each way to use it faults when a value keeps it busy for longer than its `patience` lets it.
    """

    compiled: regex.Pattern[str]
    numbers: tuple[int, ...]
    text: str
    choices: int
    patience: Patience = field(default_factory=Patience)

    def search(self, value: str) -> regex.Match[str] | None:
        """The first match in the value, or None."""
        try:
            return self.compiled.search(value, timeout=self._limit(value))
        except TimeoutError:
            raise self._too_long(value) from None

    def matches(self, value: str) -> list[regex.Match[str]]:
        """Every match in the value, none inside another."""
        try:
            return list(self.compiled.finditer(value, timeout=self._limit(value)))
        except TimeoutError:
            raise self._too_long(value) from None

    def replace(self, value: str, fill: Callable[[regex.Match[str]], str]) -> str:
        """The value with what `fill` makes of each match in its place."""
        try:
            return self.compiled.sub(fill, value, timeout=self._limit(value))
        except TimeoutError:
            raise self._too_long(value) from None

    def _limit(self, value: str) -> float | None:
        """One repeat with no choice in it ends soon on a short text; the clock would cost more than the match."""
        return self.patience.limit() if self.choices > 1 or len(value) > _SHORT else None

    def _too_long(self, value: str) -> EvaluationFault:
        self.patience.lose()
        found = f"the regular expression {shown(self.text)} takes too long on {shown(value)}"
        return EvaluationFault(f"{found}; have no two ways to match the same inside a repeat, as in (a|ab)+ or (a+)+")

    def group_number(self, name: str) -> int | None:
        """The Python group that .NET knows by this name or number; None when there is none."""
        if name.isdecimal():
            number = int(name)
            return self.numbers[number] if number < len(self.numbers) else None
        return self.compiled.groupindex.get(name)


@lru_cache(maxsize=1024)
def dotnet_pattern(text: str) -> Pattern:
    """The pattern ready for use. A fault that says why when it is none."""
    translated, names = _translate(text)
    size = _size(text)
    if size > LARGEST:
        raise EvaluationFault(
            f"the regular expression {shown(text)} is too large: its fixed repeats written out, it has {size} pieces; "
            f"{LARGEST} are the most. Repeat less often, or let the repeat end anywhere, as in {{0,1000}}"
        )
    try:
        compiled = regex.compile(translated, regex.VERSION0)
    except (regex.error, OverflowError, RecursionError) as problem:
        raise EvaluationFault(f"the regular expression {shown(text)} cannot be used: {problem}") from None
    named = set(compiled.groupindex.values())
    unnamed = [number for number in range(1, compiled.groups + 1) if number not in named]
    numbers = (0, *unnamed, *(compiled.groupindex[name] for name in names))
    return Pattern(compiled, numbers, text, len(_CHOICE.findall(text)))


_NAMED = re.compile(r"\(\?(?:<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')")
_REFERENCE = re.compile(r"\\k(?:<(\w+)>|'(\w+)')")
_OPTIONS = re.compile(r"\(\?([imsnx]*)(?:-([imsnx]+))?([:)])")
_CATEGORY = re.compile(r"\\([pP])\{(\w+)\}")
_QUANTIFIER = re.compile(r"\{(\d+)(?:,\d*)?\}")
_WHOLE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]?", re.DOTALL)
"""An escape, or a class of characters."""
_CHOICE = re.compile(r"[*+{|]|(?<!\()\?")
_FOREIGN = re.compile(r"\(\*|\(\?(?![:=!<>#('imsnx)-])")
"""How a group opens that .NET does not know."""


def _size(text: str) -> int:
    """How many pieces the pattern has when what it repeats at least so many times is written out."""
    totals = [0]
    last = at = 0
    while at < len(text):
        letter = text[at]
        repeat = _QUANTIFIER.match(text, at) if letter == "{" else None
        if repeat:
            times = max(1, int(repeat.group(1)))
            totals[-1] += last * (times - 1)
            last *= times
            at = repeat.end()
            continue
        if letter == "(":
            totals.append(0)
        elif letter not in "*+?":
            inner = totals.pop() if letter == ")" and len(totals) > 1 else 0
            last = inner + 1
            totals[-1] += last
        whole = _WHOLE.match(text, at)
        at = whole.end() if whole else at + 1
    return sum(totals)


def _translate(text: str) -> tuple[str, list[str]]:
    out: list[str] = []
    names: list[str] = []
    at = 0
    in_class = False
    scopes: list[list[str]] = [[]]
    """For every open group, the options that were set inside it, each a Python group of its own."""
    while at < len(text):
        step = _step(text, at, in_class, names)
        if step is not None:
            made, at = step
            out.append(made)
            if made.startswith("(") and not made.endswith(")"):
                scopes.append([])
            continue
        letter = text[at]
        options = _OPTIONS.match(text, at) if letter == "(" and not in_class else None
        if options and options.group(3) == ")":
            out.append(_flags(options.group(1), options.group(2)))
            scopes[-1].append(out[-1])
            at = options.end()
            continue
        if options:
            out.append(_flags(options.group(1), options.group(2)))
            scopes.append([])
            at = options.end()
            continue
        if in_class:
            in_class = letter != "]"
            if letter == "[" and text[at - 1] == "-":
                raise EvaluationFault(f"the regular expression {shown(text)} subtracts a character class; write it out")
            if letter in "[&~|":
                letter = "\\" + letter
        elif letter == "[":
            in_class = True
            for opening in ("[^]", "[]"):
                if text.startswith(opening, at):
                    out.append(opening[:-1] + "\\]")
                    at += len(opening)
                    break
            else:
                out.append(letter)
                at += 1
            continue
        elif letter == "{" and not _QUANTIFIER.match(text, at):
            letter = r"\{"
        elif letter == "(":
            if _FOREIGN.match(text, at):
                raise EvaluationFault(f"the regular expression {shown(text)} has the unknown group {text[at : at + 3]}")
            scopes.append([])
        elif letter == ")":
            out.append(")" * (len(scopes.pop()) if len(scopes) > 1 else 0))
        elif letter == "|":
            letter = ")" * len(scopes[-1]) + "|" + "".join(scopes[-1])
        out.append(letter)
        at += 1
    out.append(")" * sum(map(len, scopes)))
    return "".join(out), names


def _step(text: str, at: int, in_class: bool, names: list[str]) -> tuple[str, int] | None:
    letter = text[at]
    if letter == "\\":
        return _escape(text, at, in_class)
    if letter == "(" and not in_class:
        named = _NAMED.match(text, at)
        if named:
            name = named.group(1) or named.group(2)
            if name not in names:
                names.append(name)
            return f"(?P<{name}>", named.end()
    return None


def _escape(text: str, at: int, in_class: bool) -> tuple[str, int]:
    category = _CATEGORY.match(text, at)
    if category:
        return _category(category.group(2), category.group(1) == "P", in_class), category.end()
    reference = None if in_class else _REFERENCE.match(text, at)
    if reference:
        name = reference.group(1) or reference.group(2)
        return (f"\\{name}" if name.isdecimal() else f"(?P={name})"), reference.end()
    escaped = text[at + 1 : at + 2]
    known = {"z": r"\Z", "Z": r"(?=\n?\Z)", "e": r"\x1b"}
    if escaped in known and (not in_class or escaped == "e"):
        return known[escaped], at + 2
    if escaped.isascii() and escaped.isalpha() and escaped not in "AbBdDfnrsStvwWxuka":
        raise EvaluationFault(f"the regular expression {shown(text)} has the unknown escape \\{escaped}")
    return text[at : at + 2], at + 2


def _flags(on: str, off: str | None) -> str:
    wanted = "".join(flag for flag in on if flag in "imsx")
    unwanted = "".join(flag for flag in off or "" if flag in "imsx")
    return f"(?{wanted}{'-' + unwanted if unwanted else ''}:"


def _category(name: str, negated: bool, in_class: bool) -> str:
    inside = _ranges(name)
    if in_class and negated:
        raise EvaluationFault(rf"\P{{{name}}} cannot stand inside a character class; put \p{{…}} in a [^…]")
    return inside if in_class else f"[{'^' if negated else ''}{inside}]"


@lru_cache(maxsize=64)
def _ranges(name: str) -> str:
    out: list[str] = []
    start: int | None = None
    for code in range(sys.maxunicode + 2):
        inside = code <= sys.maxunicode and unicodedata.category(chr(code)).startswith(name)
        if inside and start is None:
            start = code
        elif not inside and start is not None:
            out.append(f"\\U{start:08x}-\\U{code - 1:08x}")
            start = None
    if not out:
        raise EvaluationFault(rf"\p{{{name}}} is not known; use a Unicode category such as \p{{L}} or \p{{Lu}}")
    return "".join(out)


_SUBSTITUTION = re.compile(r"\$(?:\$|&|`|'|\+|_|\{(\w+)\}|(\d{1,3}))")


def replacement(pattern: Pattern, text: str) -> Callable[[regex.Match[str]], str]:
    """What a .NET replacement text makes of a match: `$1`, `${name}`, `$$`, `$&` and the rest stand for themselves."""

    def fill(match: regex.Match[str]) -> str:
        def one(found: re.Match[str]) -> str:
            special = found.group()[1]
            if special == "$":
                return "$"
            if special == "&":
                return match.group()
            if special == "_":
                return match.string
            if special == "`":
                return match.string[: match.start()]
            if special == "'":
                return match.string[match.end() :]
            number = len(pattern.numbers) - 1 if special == "+" else None
            if number is None:
                number = pattern.group_number(found.group(1) or found.group(2))
            return found.group() if number is None else match.group(number) or ""

        return _SUBSTITUTION.sub(one, text)

    return fill
