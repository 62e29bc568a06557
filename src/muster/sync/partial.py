"""A document that knows what it does not know."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
