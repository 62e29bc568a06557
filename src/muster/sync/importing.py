"""Step one: system → connector space.

Each object that a system shows is compared with what was last seen. Unchanged objects stop here: a digest and a
look-up. Deletions are inferred only where a read was complete, and only within the limits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from muster.model.errors import SessionLost, WatermarkExpired, WentBack
from muster.model.objects import ConnectorObject, EdgePage, Page, ReadProblem
from muster.model.schema import ObjectSchema
from muster.model.values import Document, same
from muster.project.configuration import Safety
from muster.store.codec import decode, digest, encode
from muster.store.database import CHUNK, Database, Session, chunks
from muster.sync.identities.values import CHANGED_SINCE, MADE, MADE_AGAIN
from muster.sync.names.renames import follow_renames
from muster.sync.names.reserving import release_taken
from muster.sync.problems import Problem, Report, unreadable
from muster.sync.queue.inflight import in_flight
from muster.sync.references.edge_import import EdgeImport
from muster.sync.references.vanishing import Told, drop_references
from muster.sync.remembered import is_forgotten
from muster.sync.rules.indexes import Indexed, value_keys
from muster.sync.rules.ruleset import Rules
from muster.sync.safety.limits import SMALLEST_SYSTEM, TOMBSTONES, enough, live_objects, spend, spent, too_many
from muster.sync.safety.telling import IF_RIGHT, some_of
from muster.sync.showing import names_of

_STARTS: Final = 3
"""How often one read is begun before its lost sessions are an error."""

Read = Callable[[Mapping[str, Sequence[str]], str | None], Iterator[Page]]


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


def import_system(
    rules: Rules,
    database: Database,
    system: str,
    read: Read,
    report: Report,
    *,
    now: int,
    full: bool = False,
    delta: bool = True,
    overdue: bool = False,
    allow_deletes: bool = False,
) -> ImportCounts:
    """Bring the connector space of one system up to date; what changed is marked dirty.

    `full` asks for everything; so does a system without a watermark, or one that was never asked for an attribute
    that the rules now want. `overdue`: a read of changes that cannot show deletions is followed by one of everything.
    A read that lost its session starts again. Raises what the connector raises; the watermark
    has then not moved.
    """
    wanted = rules.wanted(system)
    with database.read() as session:
        row = session.one("SELECT value, wanted FROM watermark WHERE system = ?", system)
    since = row[0] if row and delta and not full and _covers(decode(row[1]), wanted) else None
    lost = 0
    while True:
        job = _Import(rules, database, system, report, now, wanted, allow_deletes)
        try:
            counts = job.work(read(wanted, since), since)
            if not (counts.blind and overdue):
                return counts
            since = None
        except WatermarkExpired as error:
            if since is None:
                raise
            since = None
            if isinstance(error, WentBack):
                report.add(Problem("restored", system, f"{error.message} So everything is read anew", note=True))
        except SessionLost:
            lost += 1
            if lost == _STARTS:
                raise


def import_found(
    rules: Rules, database: Database, system: str, found: Sequence[ConnectorObject], report: Report, *, now: int
) -> list[int]:
    """Take in objects that their system showed when it was asked for them, as a read of changes does; their numbers."""
    wanted = rules.wanted(system)
    job = _Import(rules, database, system, report, now, wanted, False)
    named = "SELECT id, part FROM object WHERE space = ? AND anchor = ?"
    asked = [one for one in found if one.type in wanted]
    with database.read() as session:
        parts = [row[1] if (row := session.one(named, job.spaces[one.type], one.anchor)) else "" for one in asked]
    job.take(
        [
            replace(
                one,
                values={name: one.values[name] for name in wanted[one.type] if name in one.values},
                partition=one.partition or part,
            )
            for one, part in zip(asked, parts, strict=True)
        ]
    )
    with database.read() as session:
        rows = [session.one(named, job.spaces[one.type], one.anchor) for one in asked]
    return [row[0] for row in rows if row is not None]


def import_missing(
    rules: Rules, database: Database, system: str, numbers: Sequence[int], report: Report, *, now: int
) -> None:
    """Objects that their system did not have any more when it was asked for them are gone."""
    _Import(rules, database, system, report, now, rules.wanted(system), False).lose(numbers)


def take_in(
    rules: Rules,
    database: Database,
    system: str,
    objects: Sequence[ConnectorObject] = (),
    edges: Sequence[EdgePage] = (),
    gone: Sequence[tuple[str, str]] = (),
    *,
    now: int,
) -> None:
    """What somebody saw of a few objects, or did to them (`gone`: types and anchors), without a read.

    It stands in the connector space as an import would have put it there; nothing else is inferred.
    """
    job = _Import(rules, database, system, Report(), now, rules.wanted(system), False)
    job.take_in(objects, edges, gone)


def _covers(had: Mapping[str, Sequence[str]], wanted: Mapping[str, Sequence[str]]) -> bool:
    return all(kind in had and set(names) <= set(had[kind]) for kind, names in wanted.items())


class _Import:
    """One import of one system."""

    def __init__(
        self,
        rules: Rules,
        database: Database,
        system: str,
        report: Report,
        now: int,
        wanted: Mapping[str, Sequence[str]],
        allow_deletes: bool,
    ) -> None:
        self.rules = rules
        self.database = database
        self.system = system
        self.report = report
        self.now = now
        self.wanted = wanted
        self.safety: Safety = rules.project.systems[system].safety
        self.counts = ImportCounts()
        self.spaces = {kind: rules.names.space(system, kind) for kind in wanted}
        self.shown: dict[tuple[str, str], int] = {}
        self.problems: dict[str, list[ReadProblem]] = {}
        self.tombstones: dict[int, None] = {}
        self.unread: dict[tuple[str, str, str], tuple[frozenset[str], Problem]] = {}
        self.told = Told()
        self.edges = EdgeImport(rules, database, self.spaces, self.told)
        with database.read() as session:
            highest = session.value("SELECT next FROM counter WHERE name = ?", "object") or 0
            known = session.one("SELECT reading FROM watermark WHERE system = ?", system)
            self.forgotten = is_forgotten(session, system)
            self.sent = in_flight(session, rules, system)
        self.allow_deletes = allow_deletes or self.forgotten
        self.reading = (known[0] if known else 0) + 1
        self.seen = bytearray(highest + 1)

    def work(self, pages: Iterator[Page], since: str | None) -> ImportCounts:
        self.counts.full = since is None
        last: Page | None = None
        for page in pages:
            if page.objects:
                self._objects(page.objects, since)
            self.edges.take(page.edges)
            for problem in page.problems:
                self._problem(problem)
            if page.last:
                last = page
        self.counts.edges = self.edges.changed
        if last is None:
            raise AssertionError(f"connector of {self.system}: a read ended without its last page")
        self.counts.blind = last.blind and since is not None
        believed = [
            self._infer_deletions(kind, part)
            for kind, part in (sorted(last.complete_for) if since is None else ())
            if kind in self.spaces
        ]
        believed.append(self._believe_tombstones())
        if self.forgotten and not self.problems and {kind for kind, _ in last.complete_for} >= set(self.spaces):
            self._forget_the_rest()
            self.forgotten = False
        self._finish(last, since, believed=all(believed))
        return self.counts

    def take(self, objects: Sequence[ConnectorObject]) -> None:
        """Single objects, of which nothing follows for the others."""
        self._objects(objects, "")

    def lose(self, numbers: Sequence[int]) -> None:
        """Single objects that are no more."""
        with self.database.write() as session:
            self._mark_gone(session, numbers)
            spend(session, self.system, self.now, {TOMBSTONES: len(numbers)})

    def take_in(
        self, objects: Sequence[ConnectorObject], edges: Sequence[EdgePage], gone: Sequence[tuple[str, str]]
    ) -> None:
        """See `take_in` of the module."""
        if objects:
            self._objects(objects, None)
        self.edges.take(edges)
        for kind, anchor in gone:
            with self.database.write() as session:
                number = session.value(
                    "SELECT id FROM object WHERE space = ? AND anchor = ? AND gone = 0", self.spaces[kind], anchor
                )
                if number is not None:
                    self._mark_gone(session, [number])

    # --- objects

    def _objects(self, objects: Sequence[ConnectorObject], since: str | None) -> None:
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
                    + (*names_of(schema, document), 0, 0, 1, self._unread(item))
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
            lacks = self._unread(item, None if gone else decode(lacked) if lacked else ())
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
            follow_renames(session, self.rules, space, renamed, ours=False, fresh=self._fresh)
        self.counts.changed += len(rows)
        return keys

    def _unread(self, item: ConnectorObject, lacked: Iterable[str] | None = None) -> bytes | None:
        """What is not known of an object after it was shown; `lacked`: what was not known before (None: all of it)."""
        if item.whole:
            return None
        left = set(self.wanted[item.type] if lacked is None else lacked) - item.values.keys()
        schema = self.rules.schema_of(self.spaces[item.type])
        left -= {schema.anchor} if schema is not None else set()
        return encode(sorted(left)) if left else None

    def _fresh(self, number: int) -> bool:
        """Whether this import has read the object already."""
        return number < len(self.seen) and bool(self.seen[number])

    def _mark_gone(self, session: Session, numbers: Sequence[int]) -> None:
        session.update("object", ("gone", "dirty"), ("id",), [(1, 1, number) for number in numbers])
        drop_references(session, self.rules, numbers, self.told, self._fresh)
        self.counts.gone += len(numbers)

    # --- problems and deletions

    def _problem(self, problem: ReadProblem) -> None:
        self.problems.setdefault(problem.type, []).append(problem)
        told = unreadable(self.system, problem)
        if problem.anchor is None:  # what keeps several types from being read is told once
            cause = (problem.where, problem.message, problem.partition)
            types, before = self.unread.get(cause, (frozenset(), told))
            self.report.withdraw(before)
            types |= {problem.type}
            told = unreadable(self.system, problem, types)
            self.unread[cause] = types, told
        self.report.add(told)

    def _infer_deletions(self, kind: str, part: str) -> bool:
        """Take what a complete read did not show for deleted; False when that is more than the limits allow."""
        space = self.spaces[kind]
        problems = self.problems.get(kind, ())
        if any(problem.anchor is None and problem.partition in ("", part) for problem in problems):
            return True
        blocked = {problem.anchor for problem in problems}
        with self.database.read() as session:
            known = session.rows(
                "SELECT id, anchor FROM object WHERE space = ? AND part = ? AND gone = 0 AND id < ?",
                space,
                part,
                len(self.seen),
            )
        missing = [number for number, anchor in known if not self.seen[number] and anchor not in blocked]
        ours = self._deleted_by_us(missing)
        known = [row for row in known if row[0] not in ours]
        missing = [number for number in missing if number not in ours]
        if not missing:
            return True
        unread = sum(1 for number, anchor in known if not self.seen[number] and anchor in blocked)
        shown = self.shown.get((kind, part), 0) + unread
        floor = len(known) * (100 - self.safety.percent)
        if len(known) >= SMALLEST_SYSTEM and shown * 100 < floor and not self.allow_deletes:
            self.report.add(
                Problem(
                    "shrunk",
                    self.system,
                    f"{self.system}: {kind} shows {shown} objects where {len(known)} were known; more than "
                    f"{self.safety.percent} % are missing, so none is taken for deleted. {IF_RIGHT}. "
                    f"Missing: {some_of(self.database, missing)}",
                    type=kind,
                    held=True,
                )
            )
            return False
        for batch in chunks(missing):
            with self.database.write() as session:
                self._mark_gone(session, batch)
        return True

    def _forget_the_rest(self) -> None:
        """What the system was before it was forgotten, in parts that it no longer has."""
        with self.database.read() as session:
            rows = session.rows(
                "SELECT id FROM object WHERE space IN ?i AND gone = 0 AND id < ?",
                sorted(self.spaces.values()),
                len(self.seen),
            )
        for batch in chunks([row[0] for row in rows if not self.seen[row[0]]]):
            with self.database.write() as session:
                self._mark_gone(session, batch)

    def _deleted_by_us(self, numbers: Iterable[int]) -> set[int]:
        """Those of the missing objects that an interrupted run had deleted: they count against no limit again."""
        ours = self.sent.deleting.intersection(numbers)
        if ours:
            with self.database.write() as session:
                self._mark_gone(session, sorted(ours))
        return ours

    def _believe_tombstones(self) -> bool:
        """Take for deleted what the system itself says is deleted; none, when that is more than the limits allow."""
        ours = self._deleted_by_us(self.tombstones)
        numbers = [number for number in self.tombstones if number not in ours]
        if not numbers:
            return True
        with self.database.read() as session:
            before = spent(session, self.system, self.now).get(TOMBSTONES, 0)
            total = len(numbers) + before
            most = enough(total, self.safety.percent, SMALLEST_SYSTEM)
            known = live_objects(session, list(self.spaces.values()), most)
        over = total > self.safety.deletes or too_many(total, known + before, self.safety.percent, SMALLEST_SYSTEM)
        if over and not self.allow_deletes:
            past = f" ({before} of them in the last 24 hours)" if before else ""
            self.report.add(
                Problem(
                    "tombstones",
                    self.system,
                    f"{self.system}: says that {total}{past} of {known + before} objects were deleted; `safety` allows "
                    f"{self.safety.deletes} and {self.safety.percent} % in 24 hours, so none is taken for deleted. "
                    f"{IF_RIGHT}. Deleted: {some_of(self.database, numbers)}",
                    held=True,
                )
            )
            return False
        for batch in chunks(numbers):
            with self.database.write() as session:
                self._mark_gone(session, batch)
                if not over:
                    spend(session, self.system, self.now, {TOMBSTONES: len(batch)})
        return True

    def _finish(self, last: Page, since: str | None, *, believed: bool) -> None:
        clean_read = not self.problems and believed
        value = last.watermark if clean_read else since
        with self.database.write() as session:
            row = session.one("SELECT full_at, wanted FROM watermark WHERE system = ?", self.system)
            full_at = self.now if since is None else (row[0] if row else None)
            if self.forgotten:
                value = full_at = None
            if row is not None and since is None:
                self._now_known(session, decode(row[1]))
            if self._anything_unread(session):
                value = None
            session.upsert(
                "watermark",
                ("system", "value", "reading", "read_at", "full_at", "wanted"),
                ("system",),
                [(self.system, value, self.reading, self.now, full_at, orjson.dumps(self.wanted))],
            )

    def _now_known(self, session: Session, had: Mapping[str, Sequence[str]]) -> None:
        """What waited for attributes that were never read goes on, in objects that show no value of them too.

        An object that this read did not show (it could not be read, or its part of the system) still lacks them.
        """
        for kind, names in self.wanted.items():
            new = set(names) - set(had.get(kind, ()))
            if not new:
                continue
            space = self.spaces[kind]
            session.run("UPDATE object SET dirty = 1 WHERE space = ? AND dirty = 0 AND gone = 0", space)
            rows = session.rows(
                "SELECT id, unread FROM object WHERE space = ? AND gone = 0 AND id < ?", space, len(self.seen)
            )
            missed = [
                (encode(sorted(new.union(decode(data)))), number) for number, data in rows if not self.seen[number]
            ]
            session.update("object", ("unread",), ("id",), missed)

    def _anything_unread(self, session: Session) -> bool:
        """Whether some object still lacks attributes: everything is to be read again."""
        spaces = sorted(self.spaces.values())
        return (
            session.one("SELECT id FROM object WHERE unread IS NOT NULL AND space IN ?i AND gone = 0 LIMIT 1", spaces)
            is not None
        )


EVERY: Final = "*"
"""In `stick`: every attribute that was written and has no entry of its own."""

NOT_TAKEN_IN: Final = frozenset({"shrunk", "tombstones"})
"""The kinds of problem that say that a system's deletions were not believed."""


def distinct(items: Sequence[ConnectorObject]) -> Iterator[list[ConnectorObject]]:
    """The objects in order, in batches in which no anchor comes twice: what is shown again counts after the first."""
    batch: dict[str, ConnectorObject] = {}
    for item in items:
        if item.anchor in batch or len(batch) >= CHUNK:
            yield list(batch.values())
            batch = {}
        batch[item.anchor] = item
    if batch:
        yield list(batch.values())


def clean(values: Document, schema: ObjectSchema, anchor: str) -> Document:
    """The document of an object as it is kept: without NULLs, with its anchor."""
    document: Document = {name: value for name, value in values.items() if value is not None and value != []}
    if schema.anchor not in document:
        document[schema.anchor] = anchor
    return document


def merged(before: Document, values: Document) -> Document:
    """A document after some of its attributes changed; NULL takes one away."""
    document: Document = {**before, **values}
    kept: Document = {name: value for name, value in document.items() if value is not None and value != []}
    return kept


def settled(
    stick: Mapping[str, Sequence[int]],
    wrote: Document,
    before: Document,
    document: Document,
    schema: ObjectSchema,
    reading: int,
) -> dict[str, Sequence[int]]:
    """What is still to be confirmed of the values written: (times written, the reading before it) an attribute.

    A value that shows, or that showed in a reading between the write and now, is confirmed. `before` is what the object
    showed in the reading before this one.
    """
    every = stick.get(EVERY)
    entries = {**dict.fromkeys(wrote, every), **stick} if every else stick
    return {
        name: (entry[0], entry[1])
        for name, entry in entries.items()
        if name != EVERY
        and (entry[1] + 1 >= reading or not same(before.get(name), wrote.get(name), schema.attribute(name)))
        and not same(document.get(name), wrote.get(name), schema.attribute(name))
    }
