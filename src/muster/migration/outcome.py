"""What an import of configuration gives: mappings as they will be written, names to declare, and what is left over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class NotCarried:
    """One thing of the old configuration that the files do not say: what, why, and what to do about it."""

    what: str
    why: str
    do: str


@dataclass(slots=True)
class Draft:
    """A mapping file before it is text. `content` has the shape of the file, `notes` a comment for a key, its
    steps joined by `/`.
    """

    name: str
    head: str
    content: dict[str, Any]
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """Where it stands in the project."""
        return f"mappings/{self.name}.yaml"


@dataclass(slots=True)
class Imported:
    """What was made. `attributes` and `computed` are what metaverse.yaml must have, by identity type."""

    drafts: list[Draft] = field(default_factory=list)
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    computed: dict[str, dict[str, Any]] = field(default_factory=dict)
    left: list[NotCarried] = field(default_factory=list)

    def grouped(self) -> list[NotCarried]:
        """What is left, an entry for each cause: things that have the same one stand together."""
        causes: dict[tuple[str, str], list[str]] = {}
        for one in self.left:
            causes.setdefault((one.why, one.do), []).append(one.what)
        return [NotCarried("; ".join(whats), why, do) for (why, do), whats in causes.items()]

    def leave(self, what: str, why: str, do: str) -> None:
        """Say that something does not come along; said twice, it is kept once."""
        found = NotCarried(what, why, do)
        if found not in self.left:
            self.left.append(found)

    def leave_each(self, whats: Iterable[str], why: str, do: str) -> None:
        """The same for several things of one cause, in one entry."""
        names = sorted(set(whats), key=str.lower)
        if names:
            self.leave(", ".join(names), why, do)
