"""Memory systems of a million objects that take no memory: rows are worked out when they are read.

With them, what a process holds is what Muster holds.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.company import worker
from muster.connectors.kit.memory_system import MemorySystem, Stored
from muster.model.values import Document


class Workers(MemorySystem):
    """The HR system: `people` rows that follow from their number; rows put later stand beside them."""

    people = 0

    def get(self, kind: str, anchor: str) -> Stored | None:
        """The row, put or worked out."""
        return super().get(kind, anchor) or (Stored(worker(int(anchor))) if int(anchor) < self.people else None)

    def count(self, kind: str | None = None) -> int:  # noqa: ARG002 - there is one type
        """All rows."""
        return self.people

    def listed(self, kind: str, after: int | None) -> Iterator[tuple[str, Stored | None]]:
        """Every row, worked out as it is asked for; or those put after a position."""
        if after is not None:
            yield from super().listed(kind, after)
            return
        for number in range(self.people):
            anchor = f"{number:07d}"
            yield anchor, self.get(kind, anchor)


class Accounts(MemorySystem):
    """The target: it remembers which anchors there are, and nothing of what was written."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self._there = bytearray(2_000_000)

    def get(self, kind: str, anchor: str) -> Stored | None:  # noqa: ARG002 - there is one type
        """An object without values, when there is one."""
        return Stored({}) if self._there[int(anchor)] else None

    def put(self, kind: str, anchor: str, values: Document) -> Stored:  # noqa: ARG002 - there is one type
        """Note that it is there."""
        self._there[int(anchor)] = 1
        return Stored(values)

    def count(self, kind: str | None = None) -> int:  # noqa: ARG002 - there is one type
        """How many there are."""
        return sum(self._there)

    def listed(self, kind: str, after: int | None) -> Iterator[tuple[str, Stored | None]]:  # noqa: ARG002 - empty
        """Nothing: a read of this system is a delta in which nobody else changed anything."""
        yield from ()
