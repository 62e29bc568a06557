"""What large references show once changes were made: the values of each change, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from muster.store.codec import folded, text_digest
from muster.store.database import Database, Session
from muster.store.pacing import Paced
from muster.sync.showing import count_shown

Place = tuple[int, str, int]
"""Where a value stands among those of its change: attribute, text, target."""
START: Final[Place] = (0, "", -1)
_SHOWN: Final = ("object", "attribute", "text")


def values_after(session: Session, change: int, place: Place, most: int) -> list[tuple[int, str, int, int]]:
    """The next values of a change: attribute, text, target, and whether it goes."""
    return session.rows(
        "SELECT attribute, text, target, remove FROM edge_change WHERE change = ? "
        "AND (attribute, text, target) > (?, ?, ?) ORDER BY attribute, text, target LIMIT ?",
        change,
        *place,
        most,
    )


def many_values(session: Session, changes: Sequence[int]) -> bool:
    """Whether these changes have more values than one transaction is to work through."""
    some = "SELECT COUNT(*) FROM (SELECT 1 FROM edge_change WHERE change IN ?i LIMIT ?) counted"
    return bool(changes) and session.value(some, list(changes), session.most_edges + 1) > session.most_edges


@dataclass(slots=True)
class Made:
    """A change that was made. `object`: the object whose large references it wrote; `clears`: it took somebody out."""

    change: int
    object: int
    clears: bool


@dataclass(slots=True)
class _Tally:
    """How many values of one reference a change wrote, and which."""

    add: int = 0
    remove: int = 0
    marks: int = 0


class EdgeOutcomes(Paced):
    """Takes what changes wrote for what the objects show."""

    def __init__(self, database: Database | None) -> None:
        super().__init__(database)
        self._tallies: dict[int, dict[int, _Tally]] = {}

    def steps(self, changes: Sequence[Made]) -> Iterator[int]:
        """Change by change, page by page."""
        for made in changes:
            self._tallies[made.change] = {}
            place = START
            while rows := values_after(self.session, made.change, place, self.left):
                place = rows[-1][:3]
                for attribute in sorted({row[0] for row in rows}):
                    added = {text for one, text, _, remove in rows if one == attribute and not remove and text}
                    removed = {text for one, text, _, remove in rows if one == attribute and remove and text}
                    self._show(made, attribute, added, removed)
                yield len(rows)

    def notes(self, change: int) -> dict[int, dict[str, Any]]:
        """How many values a change wrote and which, by attribute; they stand beside their change."""
        return {
            attribute: {"add": tally.add, "remove": tally.remove, "digest": folded(tally.marks)}
            for attribute, tally in self._tallies.get(change, {}).items()
        }

    def _show(self, made: Made, attribute: int, added: set[str], removed: set[str]) -> None:
        session, number = self.session, made.object
        gone = [(number, attribute, text) for text in sorted(removed)]
        session.upsert("shown", (*_SHOWN, "wrote"), _SHOWN, [(number, attribute, text, 1) for text in sorted(added)])
        session.delete("shown", _SHOWN, gone)
        count_shown(session, number, attribute, added, removed)
        if made.clears:
            session.upsert("shown_dirty", _SHOWN, _SHOWN, gone)
        tally = self._tallies[made.change].setdefault(attribute, _Tally())
        tally.add += len(added)
        tally.remove += len(removed)
        tally.marks += sum(text_digest(f"+{text}") for text in added) + sum(text_digest(f"-{text}") for text in removed)


@dataclass(frozen=True, slots=True)
class EdgesTaken:
    """What very large references show, taken in before their changes count as done, and what seals their values."""

    outcomes: EdgeOutcomes
    seals: dict[int, bytes]
