"""Memory systems of a million objects that take no memory: rows are worked out when they are read.

With them, what a process holds is what Muster holds. A process may go on with the store that another one filled: the
systems are then as that other process left them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from typing import Final

from bench.company import worker
from muster.connectors.kit.memory_system import MemorySystem, Stored
from muster.model.values import Document

_LATER: Final = 1_000_000_000
"""More than the changes that any process makes: the position from which another one goes on."""


class Thin(MemorySystem):
    """A system whose watermarks another process knows, too."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self._epoch = "thin"

    def go_on(self) -> None:
        """The process that filled the store is another one: whatever it did came before what is done now."""
        self._sequence = _LATER


class Workers(Thin):
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


class Numbers(MutableMapping[str, None]):
    """A set of anchors that are numbers, a byte each."""

    def __init__(self, count: int = 0) -> None:
        self._there = bytearray(b"\1") * count

    def __contains__(self, anchor: object) -> bool:
        return isinstance(anchor, str) and int(anchor) < len(self._there) and bool(self._there[int(anchor)])

    def __getitem__(self, anchor: str) -> None:
        if anchor not in self:
            raise KeyError(anchor)

    def __setitem__(self, anchor: str, value: None) -> None:
        number = int(anchor)
        if number >= len(self._there):
            self._there.extend(bytes(max(number + 1 - len(self._there), 10_000)))
        self._there[number] = 1

    def __delitem__(self, anchor: str) -> None:
        self._there[int(anchor)] = 0

    def __iter__(self) -> Iterator[str]:
        return (f"{number:07d}" for number, there in enumerate(self._there) if there)

    def __len__(self) -> int:
        return sum(self._there)


class Crowd(Stored):
    """A group that is as large as anybody likes."""

    def targets(self, attribute: str) -> Iterator[str]:
        """One after the other."""
        return iter(self.edges.get(attribute, ()))


class Teams(Thin):
    """A source with one team, `everybody`."""

    def fill(self, count: int) -> None:
        """Put so many people in."""
        self._objects["team"]["everybody"] = Crowd(
            {"name": "everybody"}, self._sequence + 1, {"members": Numbers(count)}
        )
        self._touch("team", "everybody")


class Accounts(Thin):
    """The target: it remembers which anchors and which members there are, and nothing of what was written.

    A read of it is a delta in which nobody else changed anything. Objects of other types than `account` are kept as
    any memory system keeps them, but for their members.
    """

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self.accounts = Numbers()

    def get(self, kind: str, anchor: str) -> Stored | None:
        """The object; an account without values."""
        if kind != "account":
            return super().get(kind, anchor)
        return Stored({}) if anchor in self.accounts else None

    def put(self, kind: str, anchor: str, values: Document) -> Stored:
        """Note that it is there."""
        if kind != "account":
            return self._objects[kind].setdefault(anchor, Crowd(values))
        self.accounts[anchor] = None
        return Stored(values)

    def put_edges(self, kind: str, anchor: str, attribute: str, add: Iterable[str], remove: Iterable[str] = ()) -> None:
        """Note who is in."""
        members = self._objects[kind][anchor].edges.setdefault(attribute, Numbers())
        for target in add:
            members[target] = None
        for target in remove:
            del members[target]

    def count(self, kind: str | None = None) -> int:
        """How many there are."""
        return super().count(kind) if kind not in (None, "account") else len(self.accounts)

    def listed(self, kind: str, after: int | None) -> Iterator[tuple[str, Stored | None]]:  # noqa: ARG002 - empty
        """Nothing."""
        yield from ()
