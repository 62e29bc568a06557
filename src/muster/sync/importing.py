"""Step one: system → connector space.

Each object that a system shows is compared with what was last seen. Unchanged objects stop here: a digest and a
look-up. Deletions are inferred only where a read was complete, and only within the limits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import orjson

from muster.model.errors import SessionLost, WatermarkExpired, WentBack
from muster.model.objects import Page, ReadProblem
from muster.project.digests import settings_digest
from muster.store.codec import decode, encode
from muster.store.database import Database, Session
from muster.sync.imports.deletions import Deletions
from muster.sync.imports.objects import ImportCounts, ObjectImport
from muster.sync.problems import Problem, Report, unreadable
from muster.sync.references.edge_import import EdgeImport
from muster.sync.remembered import is_forgotten
from muster.sync.rules.ruleset import Rules

_STARTS: Final = 3
"""How often one read is begun before its lost sessions are an error."""

Read = Callable[[Mapping[str, Sequence[str]], str | None], Iterator[Page]]


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

    `full` asks for everything; so does a system without a watermark, one that was never asked for an attribute that
    the rules now want, and one whose file says otherwise than before how its objects are read.
    `overdue`: a read of changes that cannot show deletions is followed by one of everything.
    A read that lost its session starts again. Raises what the connector raises; the watermark
    has then not moved.
    """
    wanted = rules.wanted(system)
    with database.read() as session:
        row = session.one("SELECT value, wanted, settings FROM watermark WHERE system = ?", system)
    settings = settings_digest(rules.project.systems[system])
    same_reading = row is not None and row[2] == settings and _covers(decode(row[1]), wanted)
    since = row[0] if row and delta and not full and same_reading else None
    lost = 0
    while True:
        job = _Import(rules, database, system, report, now, wanted, settings, allow_deletes)
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
        settings: str,
        allow_deletes: bool,
    ) -> None:
        self.database = database
        self.system = system
        self.report = report
        self.now = now
        self.wanted = wanted
        self.settings = settings
        self.objects = ObjectImport(rules, database, system, wanted)
        self.edges = EdgeImport(rules, database, self.objects.spaces, self.objects.told)
        self.problems: dict[str, list[ReadProblem]] = {}
        self.unread: dict[tuple[str, str, str], tuple[frozenset[str], Problem]] = {}
        with database.read() as session:
            self.forgotten = is_forgotten(session, system)
        safety = rules.project.systems[system].safety
        self.deletions = Deletions(self.objects, report, now, safety, allow_deletes or self.forgotten)

    def work(self, pages: Iterator[Page], since: str | None) -> ImportCounts:
        counts = self.objects.counts
        counts.full = since is None
        last: Page | None = None
        for page in pages:
            if page.objects:
                self.objects.take(page.objects, since)
            self.edges.take(page.edges)
            for problem in page.problems:
                self._problem(problem)
            if page.last:
                last = page
        counts.edges = self.edges.changed
        if last is None:
            raise AssertionError(f"connector of {self.system}: a read ended without its last page")
        counts.blind = last.blind and since is not None
        unbelieved = {
            kind
            for kind, part in (sorted(last.complete_for) if since is None else ())
            if kind in self.objects.spaces and not self.deletions.infer(kind, part, self.problems.get(kind, ()))
        }
        if not self.deletions.believe_tombstones():
            unbelieved.update(self.wanted)
        whole = {kind for kind, _ in last.complete_for} if since is None else set(self.wanted)
        counts.unread = frozenset({*self.problems, *unbelieved, *(self.wanted.keys() - whole)})
        if self.forgotten and not self.problems and {kind for kind, _ in last.complete_for} >= set(self.objects.spaces):
            self.deletions.forget_the_rest()
            self.forgotten = False
        self._finish(last, since)
        return counts

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

    def _finish(self, last: Page, since: str | None) -> None:
        value = since if self.objects.counts.unread else last.watermark
        with self.database.write() as session:
            row = session.one("SELECT full_at, wanted FROM watermark WHERE system = ?", self.system)
            full_at = self.now if since is None else (row[0] if row else None)
            if self.forgotten:
                value = full_at = None
            if row is not None and since is None:
                self._now_known(session, decode(row[1]))
            if self._anything_unread(session):
                value = None
            asked = orjson.dumps(self.wanted), self.settings
            session.upsert(
                "watermark",
                ("system", "value", "reading", "read_at", "full_at", "wanted", "settings"),
                ("system",),
                [(self.system, value, self.objects.reading, self.now, full_at, *asked)],
            )

    def _now_known(self, session: Session, had: Mapping[str, Sequence[str]]) -> None:
        """What waited for attributes that were never read goes on, in objects that show no value of them too.

        An object that this read did not show (it could not be read, or its part of the system) still lacks them.
        """
        for kind, names in self.wanted.items():
            new = set(names) - set(had.get(kind, ()))
            if not new:
                continue
            space = self.objects.spaces[kind]
            session.run("UPDATE object SET dirty = 1 WHERE space = ? AND dirty = 0 AND gone = 0", space)
            rows = session.rows(
                "SELECT id, unread FROM object WHERE space = ? AND gone = 0 AND id < ?", space, len(self.objects.seen)
            )
            missed = [
                (encode(sorted(new.union(decode(data)))), number)
                for number, data in rows
                if not self.objects.seen[number]
            ]
            session.update("object", ("unread",), ("id",), missed)

    def _anything_unread(self, session: Session) -> bool:
        """Whether some object still lacks attributes: everything is to be read again."""
        spaces = sorted(self.objects.spaces.values())
        return (
            session.one("SELECT id FROM object WHERE unread IS NOT NULL AND space IN ?i AND gone = 0 LIMIT 1", spaces)
            is not None
        )
