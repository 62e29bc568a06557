"""What was never read is unknown, not NULL: which attributes that is, and a document that knows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from muster.expressions import UnknownValue
from muster.model.values import Value


class PartialDocument(dict[str, Value]):
    """A document of which some attributes are not known yet: asking for one of them raises `UnknownValue`."""

    __slots__ = ("unknown",)

    def __init__(self, values: Mapping[str, Value], unknown: Collection[str]) -> None:
        super().__init__(values)
        self.unknown = unknown

    def get(self, key: str, default: Any = None) -> Any:
        if key in self.unknown:
            raise UnknownValue(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Value:
        if key in self.unknown:
            raise UnknownValue(key)
        return super().__getitem__(key)


@dataclass(slots=True)
class Unread:
    """The attributes that no read has brought yet: of every object of a space, and of single objects besides.

    `systems`: those that were never read at all. `types`: those (system, type) that this run did not see completely.
    `asked`: objects that were asked for by themselves, and shown whole.
    """

    spaces: Mapping[int, frozenset[str]] = field(default_factory=dict)
    objects: Mapping[int, frozenset[str]] = field(default_factory=dict)
    systems: frozenset[str] = frozenset()
    types: frozenset[tuple[str, str]] = frozenset()
    asked: Collection[int] = ()

    def __bool__(self) -> bool:
        """Whether anything is unknown of the objects that there are."""
        return bool(self.spaces or self.objects)

    def of(self, space: int, number: int) -> frozenset[str]:
        """What is unknown of an object."""
        found = frozenset() if number in self.asked else self.spaces.get(space, frozenset())
        return found | self.objects[number] if number in self.objects else found
