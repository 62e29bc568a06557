"""Objects that a read shows, kept: compared with what was last seen, and marked where they changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muster.model.errors import WatermarkExpired
from muster.model.objects import ConnectorObject
from muster.model.schema import ObjectSchema
from muster.model.values import Document
from muster.store.codec import decode, digest, encode
from muster.store.database import Database, Session
from muster.sync.identities.values import CHANGED_SINCE, MADE, MADE_AGAIN
from muster.sync.imports.documents import clean, distinct, merged, settled
from muster.sync.names.renames import follow_renames
from muster.sync.names.reserving import release_taken
from muster.sync.queue.inflight import in_flight
from muster.sync.references.vanishing import Told, drop_references
from muster.sync.rules.indexes import Indexed, value_keys
from muster.sync.rules.ruleset import Rules
from muster.sync.showing import names_of


@dataclass(slots=True)
class ImportCounts:
    """What one import saw."""

    full: bool = False
    read: int = 0
    added: int = 0
    changed: int = 0
    gone: int = 0
    edges: int = 0
    blind: bool = False
    """What was deleted did not show."""
    unread: frozenset[str] = frozenset()
    """The types of which something did not come, or was not believed."""

    def document(self) -> dict[str, int | bool]:
        """As the log keeps it."""
        return {
            "full": self.full,
            "read": self.read,
            "added": self.added,
            "changed": self.changed,
            "gone": self.gone,
            "edges": self.edges,
            **({"blind": True} if self.blind else {}),
        }


class ObjectImport:
    """The objects of one system, in one import. `shown`: how many of each type and part; `tombstones`: those (ids) that
    the system says are deleted."""

    def __init__(self, rules: Rules, database: Database, system: str, wanted: Mapping[str, Sequence[str]]) -> None:
        self.rules = rules
        self.database = database
        self.system = system
        self.wanted = wanted
        self.counts = ImportCounts()
        self.spaces = {kind: rules.names.space(system, kind) for kind in wanted}
        self.shown: dict[tuple[str, str], int] = {}
        self.tombstones: dict[int, None] = {}
        self.told = Told()
        with database.read() as session:
            highest = session.value("SELECT next FROM counter WHERE name = ?", "object") or 0
            known = session.one("SELECT reading FROM watermark WHERE system = ?", system)
            self.sent = in_flight(session, rules, system)
        self.reading = (known[0] if known else 0) + 1
        self.seen = bytearray(highest + 1)

    def take(self, objects: Sequence[ConnectorObject], since: str | None) -> None:
        """Keep what changed; `since`: where the read of changes began (None: everything is read)."""
        by_type: dict[str, list[ConnectorObject]] = {}
        for item in objects:
            by_type.setdefault(item.type, []).append(item)
        for kind, items in by_type.items():
            if kind in self.spaces:
                for batch in distinct(items):
                    self._batch(kind, batch, since)

    def _batch(self, kind: str, batch: list[ConnectorObject], since: str | None) -> None:
        space = self.spaces[kind]
        with self.database.read() as session:
            known = {
                row[0]: row
                for row in session.rows(
                    "SELECT anchor, id, digest, gone, unread FROM object WHERE space = ? AND anchor IN ?t",
                    space,
                    [item.anchor for item in batch],
                )
            }
        self.counts.read += len(batch)
        seen = self.seen
        changed: list[tuple[ConnectorObject, int, int | None]] = []
        for item in batch:
            row = known.get(item.anchor)
            if item.deleted:
                if row is not None and not row[3]:
                    self.tombstones[row[1]] = None
                continue
            if since is not None and not item.whole and (row is None or row[3]):
                raise WatermarkExpired(
                    f"{self.system}: {kind} {item.anchor} was shown in part, and nothing is known of the rest"
                )
            if row is None or not (row[1] < len(seen) and seen[row[1]]):
                self.shown[kind, item.partition] = self.shown.get((kind, item.partition), 0) + 1
            mark = digest(encode(item.values)) if item.whole else 0
            if row is not None:
                self.tombstones.pop(row[1], None)
                if row[1] < len(seen):
                    seen[row[1]] = 1
                if mark == row[2] and not row[3] and item.whole and row[4] is None:
                    continue
                changed.append((item, mark, row[1]))
            else:
                changed.append((item, mark, None))
        if changed:
            with self.database.write() as session:
                self._store(session, space, changed)

    def _store(self, session: Session, space: int, changed: list[tuple[ConnectorObject, int, int | None]]) -> None:
        schema = self.rules.schema_of(space)
        if schema is None:
            return
        fresh = [(item, mark) for item, mark, number in changed if number is None]
        known = [(item, mark, number) for item, mark, number in changed if number is not None]
        indexed = self.rules.indexed.get(space, ())
        keys: list[tuple[int, str, int]] = []
        if fresh:
            first = session.reserve("object", len(fresh))
            rows = []
            for offset, (item, mark) in enumerate(fresh):
                document = clean(item.values, schema, item.anchor)
                data = encode(document)
                rows.append(
                    (first + offset, space, item.anchor, item.partition, data, mark or digest(data))
                    + (*names_of(schema, document), 0, 0, 1, self._lacks(item))
                )
                if indexed:
                    keys.extend(value_keys(indexed, document, first + offset))
            session.insert(
                "object",
                ("id", "space", "anchor", "part", "doc", "digest", "ref", "parent", "made", "gone", "dirty", "unread"),
                rows,
            )
            self.counts.added += len(fresh)
        if known:
            keys.extend(self._update(session, space, schema, indexed, known))
        if keys:
            session.upsert("object_key", ("sig", "key", "object"), ("sig", "key", "object"), keys)
            release_taken(session, self.rules, keys)

    def _update(
        self,
        session: Session,
        space: int,
        schema: ObjectSchema,
        indexed: Sequence[Indexed],
        known: list[tuple[ConnectorObject, int, int]],
    ) -> list[tuple[int, str, int]]:
        old = {
            row[0]: row
            for row in session.rows(
                "SELECT id, doc, wrote, stick, made, gone, ref, unread FROM object WHERE id IN ?i",
                [n for _, _, n in known],
            )
        }
        rows: list[tuple[Any, ...]] = []
        digests: list[tuple[int, int]] = []
        stale: list[tuple[int, str, int]] = []
        keys: list[tuple[int, str, int]] = []
        renamed: list[tuple[int, str, str | None, str | None]] = []
        for item, mark, number in known:
            _, old_doc, wrote, stick, made, gone, old_ref, lacked = old[number]
            before: Document = decode(old_doc)
            anew = item.whole or gone
            document = clean(item.values, schema, item.anchor) if anew else merged(before, item.values)
            data = encode(document)
            lacks = self._lacks(item, None if gone else decode(lacked) if lacked else ())
            if data == bytes(old_doc) and not gone and lacks == lacked:
                if item.whole:
                    digests.append((mark, number))
                continue
            written: Document = decode(wrote)
            foreign = self.sent.by_another_hand(number, item.anchor, document, written, schema)
            if gone and number not in self.sent.making and (foreign if made == MADE else data != bytes(old_doc)):
                made = MADE_AGAIN
            elif made == MADE and foreign:
                made = CHANGED_SINCE
            sticking = settled(decode(stick), written, before, document, schema, self.reading) if stick else None
            ref, parent = names_of(schema, document)
            renamed.append((number, item.anchor, old_ref, ref))
            rows.append(
                (data, mark or digest(data), ref, parent, item.partition, made)
                + (encode(sticking) if sticking else None, 0, 4 if gone else 1, lacks, number)
            )
            if indexed:
                stale.extend(value_keys(indexed, before, number))
                keys.extend(value_keys(indexed, document, number))
        session.update("object", ("digest",), ("id",), digests)
        columns = ("doc", "digest", "ref", "parent", "part", "made", "stick", "gone", "dirty", "unread")
        session.update("object", columns, ("id",), rows)
        session.delete("object_key", ("sig", "key", "object"), stale)
        if schema.naming is not None:
            follow_renames(session, self.rules, space, renamed, ours=False, fresh=self.read_already)
        self.counts.changed += len(rows)
        return keys

    def _lacks(self, item: ConnectorObject, lacked: Iterable[str] | None = None) -> bytes | None:
        """What is not known of an object after it was shown; `lacked`: what was not known before (None: all of it)."""
        if item.whole:
            return None
        left = set(self.wanted[item.type] if lacked is None else lacked) - item.values.keys()
        schema = self.rules.schema_of(self.spaces[item.type])
        left -= {schema.anchor} if schema is not None else set()
        return encode(sorted(left)) if left else None

    def read_already(self, number: int) -> bool:
        """Whether this import has read the object already."""
        return number < len(self.seen) and bool(self.seen[number])

    def mark_gone(self, session: Session, numbers: Sequence[int]) -> None:
        """These objects (ids) are no more."""
        session.update("object", ("gone", "dirty"), ("id",), [(1, 1, number) for number in numbers])
        drop_references(session, self.rules, numbers, self.told, self.read_already)
        self.counts.gone += len(numbers)
