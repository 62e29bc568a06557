"""What is wrong with a project, each with its place; and the valid name that is nearest to a wrong one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from muster.project.configuration import Place

_PLACES: Final = 5
"""Further places of one cause that are named."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing to mend (`error`) or to think about (`hint`). `suggestion` is the nearest valid name, or None."""

    file: str
    line: int
    column: int
    message: str
    suggestion: str | None = None
    severity: Literal["error", "hint"] = "error"

    def __str__(self) -> str:
        hint = "hint: " if self.severity == "hint" else ""
        meant = f". Did you mean `{self.suggestion}`?" if self.suggestion else ""
        return f"{self.file}:{self.line}:{self.column}: {hint}{self.message}{meant}"


@dataclass(slots=True)
class Diagnostics:
    """Collects; gives them back sorted by file, line and column, each cause once."""

    found: list[Diagnostic] = field(default_factory=list)
    lacking: dict[str, list[Diagnostic]] = field(default_factory=dict)

    def error(self, place: Place, message: str, suggestion: str | None = None) -> None:
        """Something that must be mended before the project runs."""
        self.found.append(Diagnostic(place.file, place.line, place.column, message.removesuffix("."), suggestion))

    def unknown(self, place: Place, message: str, suggestion: str | None = None) -> None:
        """A name that does not exist. One that resembles no other is lacking, and that is told once for all places."""
        self.error(place, message, suggestion)
        if suggestion is None:
            self.lacking.setdefault(message, []).append(self.found.pop())

    def hint(self, place: Place, message: str, suggestion: str | None = None) -> None:
        """Something that is allowed and probably not meant."""
        self.found.append(Diagnostic(place.file, place.line, place.column, message, suggestion, "hint"))

    @property
    def failed(self) -> bool:
        """Whether there is an error among them."""
        return bool(self.lacking) or any(d.severity == "error" for d in self.found)

    def sorted(self) -> list[Diagnostic]:
        """By place, then message; without doubles."""
        once = [_once(sorted(set(found), key=_order)) for found in self.lacking.values()]
        return sorted({*self.found, *once}, key=_order)


def _order(one: Diagnostic) -> tuple[str, int, int, str, str]:
    return one.file, one.line, one.column, one.severity, one.message


def _once(found: Sequence[Diagnostic]) -> Diagnostic:
    """The first of them, which names the places of the others."""
    first, *others = found
    if not others:
        return first
    places = ", ".join(f"{one.file}:{one.line}" for one in others[:_PLACES])
    more = f" and {len(others) - _PLACES} more places" if len(others) > _PLACES else ""
    return replace(first, message=f"{first.message} (also in {places}{more})")


def _folded(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """The valid name that was probably meant: the same but for case and punctuation first, then the most alike."""
    names = sorted(set(valid) - {name})
    folded: dict[str, str] = {}
    for candidate in names:
        folded.setdefault(_folded(candidate), candidate)
    if (same := folded.get(_folded(name))) is not None:
        return same
    alike = difflib.get_close_matches(_folded(name), list(folded), n=1, cutoff=0.6 if len(name) > 3 else 0.5)
    return folded[alike[0]] if alike else None


def listed(names: Iterable[str], most: int = 8) -> str:
    """The names as a sentence part: sorted, cut after some."""
    known = sorted(names)
    if not known:
        return "none"
    shown = ", ".join(f"`{name}`" for name in known[:most])
    return shown if len(known) <= most else f"{shown} and {len(known) - most} more"
