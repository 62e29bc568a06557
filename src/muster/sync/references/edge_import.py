"""The pages of large references, taken into the connector space as they come.

What a page shows is there at once. What is not there any more is known when a read that shows every value has come to
its end; until then eight bytes are kept of each value.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from muster.model import dn
from muster.model.objects import EdgePage
from muster.store.codec import folded, text_digest
from muster.store.database import Database, Session
from muster.store.pacing import Paced
from muster.sync.references.vanishing import Told
from muster.sync.rules.ruleset import Rules
from muster.sync.showing import show, shown_of

_Key = tuple[str, str, str]


@dataclass(slots=True)
class _Reference:
    """One large reference of one object. `marked`: what changes in it is to be looked at (unless the object is joined
    to nobody: when it is, all of it will be). `digests`: those of all values that a whole read has shown so far."""

    object: int
    attribute: int
    marked: bool
    digests: array[int] = field(default_factory=lambda: array("Q"))


@dataclass(slots=True)
class _Difference:
    """What one page shows otherwise than the connector space."""

    reference: _Reference
    added: list[str]
    removed: list[str]


class EdgeImport(Paced):
    """Takes in what one system shows of large references. `spaces`: by object type."""

    def __init__(self, rules: Rules, database: Database, spaces: Mapping[str, int], told: Told) -> None:
        super().__init__(database)
        self.database = database
        self.rules = rules
        self.spaces = spaces
        self.told = told
        self.changed = 0
        """How many edges came or went."""
        self._reading: dict[_Key, _Reference] = {}

    def take(self, pages: Sequence[EdgePage]) -> None:
        """Take in some pages, in order."""
        batch: dict[_Key, EdgePage] = {}
        for page in pages:
            key = (page.type, page.anchor, page.attribute)
            if key in batch:
                self._batch(batch)
                batch = {}
            if page.type in self.spaces:
                batch[key] = page
        if batch:
            self._batch(batch)

    def _batch(self, pages: Mapping[_Key, EdgePage]) -> None:
        for _, _, name in pages:
            self.rules.names.id("attribute", name)
        with self.database.read() as session:
            differences = [one for key, page in pages.items() if (one := self._difference(session, key, page))]
        if any(one.added or one.removed for one in differences):
            self.work(self._differences(differences))
        ended = [
            self._reading.pop(key) for key, page in pages.items() if page.whole and page.last and key in self._reading
        ]
        with self.database.read() as session:
            shrunk = [one for one in ended if self._shrunk(session, one)]
        if shrunk:
            self.work(self._missing(shrunk))

    # --- what a page shows

    def _difference(self, session: Session, key: _Key, page: EdgePage) -> _Difference | None:
        space = self.spaces[page.type]
        one = self._reading.get(key)
        if one is None:
            row = session.one("SELECT id, identity FROM object WHERE space = ? AND anchor = ?", space, page.anchor)
            if row is None:
                return None
            marked = row[1] is not None or bool(self.rules.clearing)
            one = _Reference(row[0], self.rules.names.id("attribute", page.attribute), marked)
        schema = self.rules.schema_of(space)
        normal = dn.normal if schema is not None and schema.name_is_dn else str
        values = sorted({normal(text) for text in page.values} - {""})
        had = shown_of(session, one.object, one.attribute, values)
        if page.whole:
            one.digests.extend(text_digest(text) for text in values)
            self._reading[key] = one
            if page.last:
                self.told.whole.add((one.object, one.attribute))
            return _Difference(one, [text for text in values if text not in had], [])
        self.told.there.update((one.object, one.attribute, text) for text in values)
        removed = {normal(text) for text in page.removed}
        gone = shown_of(session, one.object, one.attribute, sorted(removed))
        return _Difference(one, [text for text in values if text not in had], sorted(gone))

    def _differences(self, differences: Sequence[_Difference]) -> Iterator[int]:
        for one in differences:
            texts = [(text, True) for text in one.added] + [(text, False) for text in one.removed]
            while texts:
                part, texts = texts[: self.left], texts[self.left :]
                self._show(one.reference, [t for t, there in part if there], [t for t, there in part if not there])
                yield len(part)

    # --- what a whole read did not show

    def _shrunk(self, session: Session, one: _Reference) -> bool:
        """Whether more is known than was shown."""
        known = session.one(
            "SELECT digest, count FROM shown_digest WHERE object = ? AND attribute = ?", one.object, one.attribute
        )
        if known is None:
            return False
        return bool(known[1] != len(one.digests) or known[0] != folded(sum(one.digests)))

    def _missing(self, shrunk: Sequence[_Reference]) -> Iterator[int]:
        for one in shrunk:
            digests = array("Q", sorted(one.digests))
            text = ""
            while texts := [
                row[0]
                for row in self.session.rows(
                    "SELECT text FROM shown WHERE object = ? AND attribute = ? AND text > ? ORDER BY text LIMIT ?",
                    one.object,
                    one.attribute,
                    text,
                    self.left,
                )
            ]:
                text = texts[-1]
                self._show(one, (), [each for each in texts if not _among(digests, text_digest(each))])
                yield len(texts)

    def _show(self, one: _Reference, added: Sequence[str], removed: Sequence[str]) -> None:
        if added or removed:
            show(self.session, one.object, one.attribute, added, removed, marked=one.marked)
            self.changed += len(added) + len(removed)


def _among(digests: array[int], one: int) -> bool:
    place = bisect_left(digests, one)
    return place < len(digests) and digests[place] == one
