"""Conditions on objects, as data. `server/graph` reads them from `$filter`; `conditions` makes SQL of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Literal: TypeAlias = "str | bool | int | None"
"""What a value is compared with. Instants and GUIDs are texts."""
Path: TypeAlias = tuple[str, ...]
"""A property, and a part of it: ("onPremisesExtensionAttributes", "extensionAttribute1")."""


@dataclass(frozen=True, slots=True)
class Compare:
    """`operator`: eq, ne, gt, ge, lt, le."""

    path: Path
    operator: str
    value: Literal


@dataclass(frozen=True, slots=True)
class Among:
    """The value is one of these."""

    path: Path
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """`function`: startsWith, endsWith."""

    path: Path
    function: str
    text: str


@dataclass(frozen=True, slots=True)
class Counted:
    """How many values a list has."""

    path: Path
    operator: str
    number: int


@dataclass(frozen=True, slots=True)
class Quantified:
    """`any` or `all` values of a list meet a condition; in it, the path () is the value, (part,) a part of it.

    Without a condition: there is a value.
    """

    path: Path
    every: bool
    condition: Condition | None


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Both:
    """All of them."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one of them."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """`$search`: a name with words that begin so (`path` displayName or description), or a value that does."""

    path: Path
    text: str


Condition: TypeAlias = Compare | Among | Match | Counted | Quantified | Not | Both | Either | Words
