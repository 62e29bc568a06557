"""Up to where the changes of a table are known. Pure.

A transaction takes its number or its time when it writes, and others see what it wrote when it commits. So below the
highest value that a read meets, rows may still appear; they do no more once every transaction that was open then has
ended. Until that long after, a read begins below what it met.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Self

from muster.model.values import Attribute, Type, Value, instant_text, parse_instant


@dataclass(frozen=True, slots=True)
class Position:
    """Every change up to `settled` was seen (None: from the beginning). `met` was the highest at the instant `at`, in
    seconds; None when there was none."""

    settled: Value
    met: Value
    at: float

    @classmethod
    def first(cls, met: Value, before: Value, attribute: Attribute, now: float, overlap: float) -> Self:
        """After a read of everything. `before`: a value some way below, for what no time can be taken from."""
        if isinstance(met, str) and attribute.type is Type.DATETIME:
            return cls(instant_text(parse_instant(met) - timedelta(seconds=overlap)), met, now)
        return cls(before, met, now)

    def after(self, met: Value, now: float, overlap: float) -> Position:
        """After a read of everything above `settled`, which met this highest value."""
        if now - self.at < overlap:
            return self
        return Position(self.met, self.met if met is None else met, now)

    def document(self) -> dict[str, Any]:
        """As a watermark holds it."""
        return asdict(self)


def position_of(document: object) -> Position | None:
    """The position that a watermark holds; None when that is none."""
    if not isinstance(document, Mapping) or set(document) != {"settled", "met", "at"}:
        return None
    return Position(document["settled"], document["met"], document["at"])
