"""Where in the project the objects of a mapping live."""

from __future__ import annotations

from dataclasses import dataclass

from muster.migration.surroundings import ObjectShape, SystemShape


@dataclass(frozen=True, slots=True)
class Place:
    """Where the objects of a mapping live in the project; `source` None: they come from the metaverse alone.

    `taken`: the precedences that the source's mapping must leave to others.
    """

    target: SystemShape
    object: ObjectShape
    source: SystemShape | None
    source_object: ObjectShape | None
    taken: frozenset[int] = frozenset()
