"""One run: import, inbound, outbound, plan, export, until nothing moves any more.

Every step picks up what is marked in the store, so a run that was killed is simply started again.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from muster.connectors.kit.guard import Guard
from muster.model.circles import RARELY
from muster.model.errors import (
    AuthFailed,
    IncompleteRead,
    MusterError,
    ProjectError,
    Throttled,
    Unreachable,
    WatermarkExpired,
)
from muster.model.objects import ConnectorObject
from muster.model.schema import SystemSchema
from muster.model.values import Document
from muster.project.configuration import Project
from muster.store.codec import decode
from muster.store.database import Database
from muster.store.jobs import Job, jobs, used_up
from muster.store.names import Names
from muster.store.servers import mark_of, obey_the_file_again
from muster.sync.clock import moment
from muster.sync.exporting import ExportCounts, Exporter, unconfirmed
from muster.sync.identities.partial import Unread
from muster.sync.importing import import_system
from muster.sync.imports.deletions import NOT_TAKEN_IN
from muster.sync.inbound import Inbound
from muster.sync.joins.cases import report_cases
from muster.sync.marks import (
    AWAITING,
    CHANGED,
    CLAIMING,
    IN,
    NEEDS_UNIQUE,
    OUT,
    RETURNED,
    any_identity,
    any_object,
)
from muster.sync.names.asking import Asking, FindAny
from muster.sync.names.clashes import still_existing
from muster.sync.names.lookup import look_before_making
from muster.sync.names.restoring import Restoring
from muster.sync.narrow import Narrow
from muster.sync.outbound import Outbound
from muster.sync.planning import finish_plan
from muster.sync.problems import Problem, Report
from muster.sync.queue.recovering import recover
from muster.sync.queue.sent import Sent
from muster.sync.references.left_out import report_left_out
from muster.sync.references.unresolved import report_shared, report_unresolved
from muster.sync.remembered import another, remember, remembered
from muster.sync.rules.compiling import compile_rules
from muster.sync.rules.fitting import misfits
from muster.sync.rules.rulechanges import apply_rule_changes
from muster.sync.rules.ruleset import Rules
from muster.sync.safety.limits import LIMITS, over_limits
from muster.sync.safety.outages import COUNT, failed, left_out, went_well
from muster.sync.safety.quarantine import in_quarantine, judge
from muster.sync.safety.staging import Standing
from muster.sync.safety.turning_back import turn_back

ROUNDS: Final = 5
Progress = Callable[[str, int, int | None], None]
_BLIND_FOR: Final = timedelta(hours=24)
"""How long a system is read for changes alone that do not show what was deleted, where `read: all` does not say."""

DOWN: Final = (Unreachable, Throttled, AuthFailed, IncompleteRead, ProjectError)
"""The errors after which a run goes on without the system."""


@dataclass(slots=True)
class Step:
    """What one step took and did."""

    name: str
    system: str
    seconds: float
    counts: dict[str, Any]


@dataclass(slots=True)
class Steps:
    """The steps of a run, timed."""

    done: list[Step] = field(default_factory=list)

    @contextmanager
    def timed(self, name: str, system: str = "") -> Iterator[dict[str, Any]]:
        """Time the block; what it puts in the dictionary is kept with the step."""
        counts: dict[str, Any] = {}
        start = time.perf_counter()
        try:
            yield counts
        finally:
            self.done.append(Step(name, system, time.perf_counter() - start, counts))


class Run:
    """A run over one store. `with Run(...) as run:` opens the systems; one that is down is reported, not raised.

    `store`: the address of the store that `database` is a copy of. `systems`: those that are opened; of the others,
    what they last said of themselves must do.
    """

    def __init__(
        self,
        project: Project,
        database: Database,
        connect: Callable[[str], Guard],
        *,
        now: int,
        number: int,
        progress: Progress | None = None,
        order: Callable[[Sequence[str]], Sequence[str]] = sorted,
        store: str | None = None,
        systems: Collection[str] | None = None,
    ) -> None:
        self.project = project
        self._chosen = systems
        self.database = database
        self.connect = connect
        self.now = now
        self.number = number
        self.report = Report()
        self.steps = Steps()
        self.order = order
        self._store = database.shown if store is None else store
        self._progress = progress or (lambda _what, _done, _of: None)
        self._stack = ExitStack()
        self._open: dict[str, Guard] = {}
        self._unknown = Unread()
        self._read: dict[str, frozenset[str]] = {}
        """The systems that this run has read; of each, the types that it did not see completely."""
        self._lost: dict[str, MusterError] = {}
        self._silent: set[str] = set()
        self._looked: set[tuple[int, int]] = set()
        self._tried: dict[tuple[int, int, int], int] = {}
        self.held: set[str] = set()
        self._existing: dict[tuple[int, int], tuple[Sent, str | None, str]] = {}
        self.applied: list[int] = []
        self.shown: dict[str, Any] = {}
        """The summary of what was planned, where nothing was to be written."""
        self.attempted: list[int] = []
        self.first_round = 0
        """How many of those attempted were so in the first round; the others follow from its outcomes."""

    def __enter__(self) -> Run:
        self._stack.enter_context(_rare_collections())
        with self.database.read() as session:
            mark = mark_of(session)
        self.standing = Standing(self.project.staging, mark, self._store)
        if mark is not None and mark.despite and not self.project.staging:
            with self.database.write() as session:
                obey_the_file_again(session)
        with self.database.read() as session:
            decided = jobs(session)
        self.paused = {system: job for system, job in decided.items() if job.paused_at is not None}
        self.forced = {system for system, job in decided.items() if job.force}
        schemas: dict[str, SystemSchema] = {}
        for system in self.order(list(self.project.systems)):
            schema = self._opened(system) if self._is_chosen(system) else self._remembered(system)
            if schema is not None:
                schemas[system] = schema
        self.rules: Rules = compile_rules(self.project, schemas, Names(self.database))
        apply_rule_changes(self.rules, self.database, self.report)
        turned = turn_back(self.database, self.now)
        if turned is not None:
            self.report.add(turned)
        finders = {name: guard for name, guard in self._open.items() if guard.connector.spec.capabilities.finds}
        self._restoring = Restoring(self.rules, self.database)
        self._asking = Asking(self.rules, self.database, {name: self._finding(name) for name in sorted(finders)})
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    # --- systems

    def _is_chosen(self, system: str) -> bool:
        if self._chosen is not None:
            return system in self._chosen
        left = left_out(self.database, system, self.now)
        if left is not None:
            self.report.add(left)
        return left is None and system not in self.paused

    def _note_outages(self) -> None:
        """Which of the systems that are written could be used; a source is always asked again."""
        written = {m.system for m in self.project.mappings.values() if m.outbound is not None}
        for system, error in self._lost.items():
            if system in written:
                failed(self.database, system, error, self.now)
        for system in self._open.keys() - self._lost.keys():
            went_well(self.database, system)

    def _opened(self, system: str) -> SystemSchema | None:
        """The schema of a system, now open; of one that is down or that the mappings do not fit, what it last had."""
        try:
            guard = self._stack.enter_context(self.connect(system))
            schema = guard.schema()
        except DOWN as error:
            self.down(system, error)
            return self._remembered(system)
        with self.database.read() as session:
            known = remembered(session, system)
            other = another(session, system, schema)
        if known is not None:
            if other is not None:
                self.report.add(Problem("settings", system, other))
                return known
            if known.identities:
                schema = replace(schema, identities={**known.identities, **schema.identities})
        guard.expect(schema.identities)
        wrong = [one for one in misfits(self.project, system, schema) if one.severity == "error"]
        for one in wrong:
            told = str(one) if one.suggestion else f"{one}."
            left = f"{told} Nothing is read from {system} or written to it until that is mended"
            self.report.add(Problem("settings", system, left))
        if wrong:
            return self._remembered(system)
        self._open[system] = guard
        if known != schema:
            with self.database.write() as session:
                remember(session, system, schema)
        return schema

    def _remembered(self, system: str) -> SystemSchema | None:
        with self.database.read() as session:
            return remembered(session, system)

    def down(self, system: str, error: MusterError) -> None:
        """Report a system that cannot be used now."""
        if isinstance(error, COUNT):
            self._lost[system] = error
        kind = {
            Unreachable: "unreachable",
            Throttled: "throttled",
            AuthFailed: "refused",
            IncompleteRead: "incomplete",
            ProjectError: "settings",
        }.get(type(error), "unreachable")
        message = error.message if error.message.startswith(system) else f"{system}: {error.message}"
        self.report.add(Problem(kind, system, message))

    def _finding(self, system: str) -> FindAny:
        """The system's `find_any`; it finds nothing any more once the system is down."""

        def find(kind: str, attribute: str, values: Sequence[str]) -> Sequence[ConnectorObject]:
            guard = self._open[system]
            if system in self._silent:
                return ()
            try:
                return guard.find_any(kind, attribute, values)
            except DOWN as error:
                self._silent.add(system)
                self.down(system, error)
                return ()

        return find

    # --- steps

    def refresh(self, *, full: bool = False, allow_deletes: bool = False, systems: Sequence[str] | None = None) -> None:
        """Import everything that can be read, then work out what follows from it."""
        for note in self.standing.notes(self.project):
            self.report.add(note)
        for system, job in sorted(self.paused.items()):
            if system in self.project.systems:
                self.report.add(_paused(system, job))
        for system in self.order(list(self._open)):
            if systems is None or system in systems:
                self._import(system, full=full, allow_deletes=allow_deletes or system in self.forced)
        self._note_outages()
        self.settle()

    def _import(self, system: str, *, full: bool, allow_deletes: bool) -> None:
        guard = self._open[system]
        if not self.rules.wanted(system) or not guard.connector.spec.capabilities.reads:
            self._recover(system, readable=False)
            return
        self._progress(f"reading {system}", 0, None)
        every = self.project.systems[system].read.all
        with self.database.read() as session:
            at = session.value("SELECT full_at FROM watermark WHERE system = ?", system)
        due = at is not None and self.now - at >= int((every or _BLIND_FOR).total_seconds() * 1_000_000)
        with self.steps.timed("import", system) as counts:
            try:
                found = import_system(
                    self.rules,
                    self.database,
                    system,
                    guard.read,
                    self.report,
                    now=self.now,
                    full=full or (due and every is not None),
                    delta=guard.connector.spec.capabilities.reads_changes,
                    overdue=due,
                    allow_deletes=allow_deletes,
                )
            except (*DOWN, WatermarkExpired) as error:
                self.down(system, error)
                self._recover(system, readable=False)
                return
            counts.update(found.document())
        self._read[system] = found.unread
        self._recover(system, readable=True)

    def _recover(self, system: str, *, readable: bool) -> None:
        if readable:
            recover(self.rules, self.database, self.report, system, self.now, self.number)
            return
        for problem in unconfirmed(self.database, self.rules, system):
            self.report.add(problem)

    def _note_unknown(self) -> None:
        """Attributes that the rules want and that were never read are unknown, not NULL."""
        spaces: dict[int, frozenset[str]] = {}
        with self.database.read() as session:
            read = {row[0]: decode(row[1]) for row in session.rows("SELECT system, wanted FROM watermark")}
            objects = {
                row[0]: frozenset(decode(row[1]))
                for row in session.rows("SELECT id, unread FROM object WHERE unread IS NOT NULL")
            }
        for system in self.project.systems:
            for kind, names in self.rules.wanted(system).items():
                if system not in read:
                    continue
                missing = frozenset(names) - frozenset(read[system].get(kind, ()))
                if missing:
                    spaces[self.rules.names.space(system, kind)] = missing
        never = frozenset(name for name in self.project.systems if name not in read and not self._unreadable(name))
        types = {(one.system, one.object) for one in self.project.mappings.values()}
        partly = frozenset(one for one in types if not self._complete(*one))
        self._unknown = Unread(spaces, objects, never, partly)

    def _complete(self, system: str, kind: str) -> bool:
        """Whether this run saw every object of a type, or all that changed; what does not read has none to miss."""
        unread = self._read.get(system)
        return self._unreadable(system) if unread is None else kind not in unread

    def _unreadable(self, system: str) -> bool:
        """Whether the system's connector does not read at all."""
        return system in self._open and not self._open[system].connector.spec.capabilities.reads

    def settle(self) -> None:
        """Inbound, outbound and plan for everything that is marked."""
        self._note_unknown()
        self._progress("joining people", 0, None)
        with self.steps.timed("inbound") as counts:
            inbound = Inbound(self.rules, self.database, self.report, self.now, self._unknown, self._asking)
            counts.update(inbound.work())
        self._progress("working out changes", 0, None)
        with self.steps.timed("outbound") as counts:
            outbound = Outbound(self.rules, self.database, self.report, self.now, self._unknown, self.number)
            outbound.wake()
            known = not self._asking.ask(outbound.to_be_given(self._asking.scopes))
            if known:
                counts.update(outbound.work())
        if not known or self._look_before_making():
            self.settle()
            return
        self._look_among_the_deleted()
        with self.database.read() as session:
            report_cases(session, self.rules, self.report)
            report_unresolved(session, self.rules, self.report)
            report_shared(session, self.rules, self.report)
        with self.steps.timed("plan"):
            self.held = finish_plan(
                self.rules,
                self.database,
                self.report,
                self.now,
                self.number,
                self._unknown,
                outbound.touchable,
            )
        with self.database.read() as session:
            report_left_out(session, self.rules, self.report)
        self.held |= {problem.system for problem in self.report.held if problem.kind in NOT_TAKEN_IN}
        for system in self.held & self.forced:
            self.report.let_through(LIMITS, system, "`muster job restart --reset force-deletes`")

    def _look_before_making(self, narrow: Narrow | None = None) -> bool:
        """Where a read did not show everything, the system is asked for what is to be made; whether it had some."""
        unread = {(problem.system, problem.type) for problem in self.report.errors if problem.kind == "read"}
        found = False
        for system, guard in self._open.items():
            spaces = [
                space
                for space in self.rules.spaces_of(system)
                if system not in self._read or self.rules.spaces[space] in unread
            ]
            if spaces and guard.connector.spec.capabilities.finds:
                try:
                    found |= look_before_making(self.rules, self.database, spaces, guard.find, self._looked, narrow)
                except DOWN as error:
                    self.down(system, error)
        return found

    def _look_among_the_deleted(self) -> None:
        """What is to be made and only was deleted is restored, where the system can."""
        for system, guard in self._open.items():
            try:
                self._restoring.mark(self.rules.spaces_of(system), guard.find_deleted)
            except DOWN as error:
                self.down(system, error)

    def settle_for(self, narrow: Narrow, system: str) -> None:
        """Inbound and outbound for what the work is about, and the limits of one system; the rest stays marked."""
        self._note_unknown()
        self._unknown.asked = narrow.objects
        with self.steps.timed("inbound") as counts:
            inbound = Inbound(self.rules, self.database, self.report, self.now, self._unknown, self._asking, narrow)
            counts.update(inbound.work())
        with self.steps.timed("outbound") as counts:
            outbound = Outbound(self.rules, self.database, self.report, self.now, self._unknown, self.number)
            known = not self._asking.ask(outbound.to_be_given(self._asking.scopes, narrow.identities))
            if known:
                counts.update(outbound.work(narrow.identities))
        if not known or self._look_before_making(narrow):
            self.settle_for(narrow, system)
            return
        with self.database.read() as session:
            problems = over_limits(session, self.rules, self.now, [system])
        for problem in problems:
            self.report.add(problem)
        self.held = {problem.system for problem in problems}

    def export_for(self, system: str, only: frozenset[int]) -> None:
        """Write these changes of one system, which somebody asked for by name."""
        if only:
            self._export(system, only, judged=False)

    def guard(self, system: str) -> Guard | None:
        """The session with a system; None where it is down or was not to be opened."""
        return self._open.get(system)

    def export(self, *, allow_deletes: bool, only: frozenset[int] | None = None) -> int:
        """Write what is pending, system by system; how many changes were made."""
        done = 0
        for system in self.order(list(self._open)):
            forced = system in self.forced
            if self._stays_away(system, allow_deletes or forced):
                continue
            done += self._export(system, only)
            if forced:
                with self.database.write() as session:
                    used_up(session, system)
        return done

    def _stays_away(self, system: str, allow_deletes: bool) -> bool:
        if system in self.held and not allow_deletes:
            return True
        if not self.standing.active or self.project.systems[system].staging:
            return True
        if not self._open[system].connector.spec.capabilities.writes:
            return True
        return self._left_alone(system)

    def tell_left_alone(self) -> None:
        """Report the systems that would not be written now, whatever is pending for them."""
        for system in self.order(list(self._open)):
            if self.standing.active and not self.project.systems[system].staging:
                self._left_alone(system)

    def _left_alone(self, system: str) -> bool:
        problem = in_quarantine(self.database, system, self.now)
        if problem is not None:
            self.report.add(problem)
        return problem is not None

    def _export(self, system: str, only: frozenset[int] | None, *, judged: bool = True) -> int:
        guard = self._open[system]
        with self.database.read() as session:
            total = session.value(
                "SELECT COUNT(*) FROM change WHERE state = 0 AND space IN ?i", self.rules.spaces_of(system)
            )
        if not total:
            return 0
        written = 0

        def progress(count: int) -> None:
            nonlocal written
            written += count
            self._progress(f"writing {system}", written, total)

        with self.steps.timed("export", system) as counts:
            exporter = Exporter(
                self.rules,
                self.database,
                self.report,
                system,
                guard.write,
                _fetcher(guard) if guard.connector.spec.capabilities.finds else None,
                now=self.now,
                run=self.number,
                tried=self._tried,
                only=only,
                progress=progress,
                counted=system not in self.held,
                by_content=guard.connector.spec.capabilities.by_content,
                pausable=judged,
            )
            found = exporter.work()
            counts.update(found.document())
        if judged:
            self._judge(system, found)
        self.applied.extend(found.applied)
        self.attempted.extend(found.attempted)
        self._existing.update({(one[0].identity, one[0].mapping): one for one in found.existing})
        return found.done

    def _judge(self, system: str, found: ExportCounts) -> None:
        limits = self.project.systems[system]
        problem = judge(self.database, limits, found.done, found.failed, self.now, references=found.references)
        if problem is not None:
            self.report.add(problem)

    def restless(self) -> bool:
        """Whether the last round left something that is to be worked out again."""
        with self.database.read() as session:
            return (
                any_identity(session, IN | OUT | NEEDS_UNIQUE)
                or any_object(session, CHANGED, AWAITING, CLAIMING, RETURNED)
                or session.one("SELECT object FROM shown_dirty LIMIT 1") is not None
            )

    def work(self, *, allow_deletes: bool, approve: Callable[[], frozenset[int]] | None = None) -> None:
        """Export and settle in turn until quiet, at most five rounds; with `approve`, only what it names."""
        refused = self.standing.refusal()
        if refused is not None:
            self.report.insist(refused)
        for number in range(ROUNDS):
            self.export(allow_deletes=allow_deletes, only=approve() if approve else None)
            if not number:
                self.first_round = len(self.attempted)
            if not self.restless():
                break
            self.settle()
        with self.database.write() as session:
            for problem in still_existing(session, self.rules, list(self._existing.values()), self.now):
                self.report.add(problem)
            report_cases(session, self.rules, self.report)


def _paused(system: str, job: Job) -> Problem:
    """What a run says of a system that a person paused."""
    since = f"{moment(job.paused_at or 0):%Y-%m-%d %H:%M} UTC"
    why = f" ({job.why})" if job.why else ""
    said = f"{system}: {job.by} paused it on {since}{why}, so it is neither read nor written; its changes wait"
    return Problem("paused", system, f"{said}. To go on: muster job resume {system}", note=True)


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Batches make and drop many small objects that form no circles: looking for circles often is wasted."""
    before = gc.get_threshold()
    gc.set_threshold(*RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _fetcher(guard: Guard) -> Callable[[str, str | None, Document], ConnectorObject | None]:
    def fetch(kind: str, anchor: str | None, values: Document) -> ConnectorObject | None:
        try:
            if anchor is not None and (found := guard.get(kind, anchor)) is not None:
                return found
            for name, value in sorted(values.items()):
                if isinstance(value, str) and name in IDENTIFYING:
                    hits = guard.find(kind, {name: value})
                    if len(hits) == 1:
                        return hits[0]
        except DOWN:
            return None
        return None

    return fetch


IDENTIFYING: Final = frozenset({"dn", "userName", "uid", "cn", "mail", "displayName", "externalId", "sAMAccountName"})
