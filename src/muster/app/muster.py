"""A running Muster: one project folder, its store and its systems, behind the verbs that people know."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Self

from muster.app.auditing import audit
from muster.app.cases import open_joins
from muster.app.check import CheckFailed, loaded
from muster.app.comparing import compare
from muster.app.connectors import connect
from muster.app.deciding import decide
from muster.app.explaining import explain, known_schemas
from muster.app.finding import find_identity
from muster.app.foresight import check_day, foresee
from muster.app.holding import check_hold
from muster.app.jobs import pause, restart, resume
from muster.app.leasing import project_leased
from muster.app.on_demand import OnDemand
from muster.app.others import other_server
from muster.app.picture import Picture, picture, read_picture
from muster.app.plans import (
    ShownPlan,
    approved_now,
    close_plans,
    keep_plan,
    last_plan,
    missing_now,
    number_apart,
    read_plan,
    tell_missing,
    write_plan,
)
from muster.app.provisioning_log import Wanted, provisioning_log
from muster.app.results import made_summary, result_document
from muster.app.standing import runs_told, status
from muster.app.switching import PROMOTE, demote, hold_the_other_back, promote
from muster.connectors.kit.guard import Guard
from muster.model.errors import MusterError, NotFound, ProjectError
from muster.model.values import Value
from muster.project.configuration import Project
from muster.project.secrets import SecretStore
from muster.store.copying import scratch_copy
from muster.store.database import Database
from muster.store.decided import Decided
from muster.store.leases import IMPATIENT, Patience
from muster.store.names import Names
from muster.store.opening import open_store
from muster.store.runs import FAILED, begin_run, end_run
from muster.sync.clock import micros, moment
from muster.sync.plan_document import plan_digest, plan_document
from muster.sync.problems import Problem, Report
from muster.sync.provisioning.holds import set_hold
from muster.sync.remembered import forget_system, known_objects, remembered
from muster.sync.rules.compiling import compile_rules
from muster.sync.rules.rulechanges import retire
from muster.sync.run import Progress, Run
from muster.sync.safety.frozen import frozen_mappings
from muster.sync.safety.limits import LIMITS


class Muster:
    """Use it as a context manager, or `close` it."""

    def __init__(self, project: Project, database: Database, now: datetime | None, progress: Progress | None) -> None:
        self.project = project
        self.database = database
        self.rehearsed = now is not None
        self._now = now
        self._progress = progress
        self._secrets = SecretStore()

    @classmethod
    def open(cls, folder: Path, *, now: datetime | None = None, progress: Progress | None = None) -> Self:
        """The project of the folder. `now` sets the clock. Raises `CheckFailed`, `StoreError`."""
        found = loaded(folder)
        if found.project is None:
            raise CheckFailed(found.errors)
        return cls(found.project, open_store(found.project.store, folder), now, progress)

    def close(self) -> None:
        """Give the store back."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # --- verbs

    def plan(
        self,
        *,
        system: str | None = None,
        identity: str | None = None,
        full: bool = False,
        as_of: date | None = None,
        allow_deletes: bool = False,
    ) -> dict[str, Any]:
        """All that a run would change. With `identity`, `as_of` or `allow_deletes`, nothing that is read stays behind.

        `allow_deletes`: what the systems show as deleted is taken for deleted, however much it is. To look at what
        would follow allows nothing.
        Raises `ProjectError` for a system that there is not, and for a day that is past.
        """
        if system is not None and system not in self.project.systems:
            raise NotFound(f"There is no system {system!r}. Known: {', '.join(sorted(self.project.systems))}")
        if as_of is not None:
            check_day(as_of, moment(self._clock()).date())
        if as_of is not None or identity is not None:
            return self._what_if(system, identity, full, as_of, allow_deletes)
        with self._leased("plan"), self._thinking(apart=allow_deletes) as store, self._run("plan", store) as run:
            run.refresh(full=full, allow_deletes=allow_deletes)
            run.tell_left_alone()
            with store.read() as session:
                document = plan_document(run.rules, session, run.report, system=system)
            if allow_deletes:
                number_apart(document)
            run.shown = document["summary"]
            document["rehearsed"] = self.rehearsed
            document["plan"] = run.number
            document["digest"] = plan_digest(document)
            keep_plan(self.database, run.number, self._clock(), document)
        return document

    def _thinking(self, *, apart: bool) -> AbstractContextManager[Database]:
        """Where a plan is thought: what is read apart leaves no trace in the store."""
        return scratch_copy(self.database) if apart else nullcontext(self.database)

    def write_plan(self, document: dict[str, Any], path: Path) -> None:
        """Write a plan down for `apply`; what is in the file is what was shown."""
        write_plan(document, path)

    def apply(
        self, path: Path | None = None, *, allow_deletes: bool = False, most: int | None = None
    ) -> dict[str, Any]:
        """Make the changes that a plan showed: of the file, or else of the last plan; where none was ever shown, all.

        Where nothing is left of the last plan, nothing is written, and what is due now is an error: nobody saw it. With
        `most`, no more than so many changes are told; the summary counts them all.
        """
        with self._leased("apply"):
            plan = read_plan(self.database, path) if path is not None else last_plan(self.database)
            return self._go("apply", allow_deletes=allow_deletes, full=False, plan=plan, most=most)

    def run(self, *, allow_deletes: bool = False, full: bool = False, most: int | None = None) -> dict[str, Any]:
        """Plan and apply in one go. `most` as for `apply`."""
        with self._leased("run"):
            return self._go("run", allow_deletes=allow_deletes, full=full, plan=None, most=most)

    def provision(
        self,
        system: str,
        who: str,
        *,
        dry_run: bool = False,
        by: str | None = None,
        patience: Patience = IMPATIENT,
    ) -> dict[str, Any]:
        """One identity in one system, now: the steps import, scope, match and export, each with every value.

        Only the objects of the identity are read, and only that of the system is written; nothing with `dry_run`.
        Raises `ProjectError`, and `LeaseRefused` where a run is under way for longer than `patience`.
        """
        with project_leased(self.project, self.database, "provision", patience):
            return OnDemand(
                self.project,
                self.database,
                system,
                who,
                dry_run,
                lambda systems: self._run("provision", systems=systems, by=by),
            ).work()

    def pause(self, system: str, *, by: str, why: str = "") -> dict[str, Any]:
        """Read and write a system no more until it is resumed; also while a run is at work, which then stops there."""
        return pause(self.project, self.database, system, by=by, why=why, now=self._clock(), rehearsed=self.rehearsed)

    def resume(self, system: str, *, by: str, why: str = "") -> dict[str, Any]:
        """Let a paused system go on from where it stopped."""
        return resume(self.project, self.database, system, by=by, why=why, now=self._clock(), rehearsed=self.rehearsed)

    def restart(self, system: str, reset: Collection[str] = (), *, by: str, why: str = "") -> dict[str, Any]:
        """Forget parts of what is known of a system, so that the next run works it out again, and resume it."""
        with self._leased("job restart"):
            return restart(
                self.project,
                self.database,
                system,
                reset,
                by=by,
                why=why,
                now=self._clock(),
                rehearsed=self.rehearsed,
            )

    def provisioning_log(self, wanted: Wanted) -> dict[str, Any]:
        """What was done to single objects, newest first, in the form of Graph's provisioningObjectSummary."""
        return {"value": provisioning_log(self.project, self.database, wanted, self._clock())}

    def explain(self, who: str, system: str | None = None, attribute: str | None = None) -> dict[str, Any]:
        """Where each value of an identity comes from. Raises `NotFound` when nobody is found."""
        return explain(self.project, self.database, who, system, attribute, self._clock())

    def status(self) -> dict[str, Any]:
        """How the systems and the metaverse stand."""
        return status(self.project, self.database, self._clock())

    def joins(self) -> dict[str, Any]:
        """The cases that wait for a person, each with its candidates and the commands that decide it."""
        return open_joins(self.project, self.database)

    def audit(self) -> dict[str, Any]:
        """Whether the audit trail is unbroken; every breach that there is."""
        return audit(self.database)

    def log(self, *, limit: int = 20, run: int | None = None) -> dict[str, Any]:
        """The last runs, newest first."""
        runs = runs_told(self.database, limit, run)
        if run is not None and not runs:
            raise NotFound(f"There is no run {run} in the log. `muster log` lists those there are")
        return {"runs": runs}

    def hold(
        self,
        who: str,
        kind: str,
        *,
        by: str,
        why: str,
        mapping: str | None = None,
        attribute: str | None = None,
        value: Value = None,
        until: datetime | None = None,
        condition: str | None = None,
    ) -> None:
        """Ask something of an identity that the next run makes so: "absent", "disabled", or a "value".

        A value is one of the identity, or with `mapping` one of that mapping's object. `until` ends the hold;
        `condition` is an expression over the identity that keeps it while it is true. Raises `ProjectError`.
        """
        number = find_identity(self.database, who)
        with self.database.write() as session:
            kind_of_identity = session.value("SELECT type FROM identity WHERE id = ?", number)
            check_hold(self.project, kind, kind_of_identity, mapping, attribute, condition)
            set_hold(
                session,
                number,
                kind,
                by=by,
                why=why,
                mapping=mapping,
                attribute=attribute,
                value=value,
                until=micros(until) if until is not None else None,
                condition=condition,
            )

    def decide(
        self,
        kind: str,
        *,
        by: str,
        why: str = "",
        system: str | None = None,
        object_type: str | None = None,
        anchor: str | None = None,
        identity: str | None = None,
        into: str | None = None,
    ) -> dict[str, Any]:
        """Decide about a join, for the next run to obey; who decided, when and why stands in the audit trail for good.
        Raises `ProjectError`.

        "accept": the object is the identity's; "refuse": it is not (by default nobody's of its case); "new": an
        identity is made of it; "split": the object leaves its identity; "merge": all objects of `identity` go `into`
        another one.
        """
        with self._leased(f"joins {kind}"):
            return decide(
                self.project,
                self.database,
                kind,
                by=by,
                why=why,
                now=self._clock(),
                rehearsed=self.rehearsed,
                system=system,
                object_type=object_type,
                anchor=anchor,
                identity=identity,
                into=into,
            )

    def picture(self) -> Picture:
        """What this server would do now, and whom it takes each object for; nothing that was thought stays behind."""
        with scratch_copy(self.database) as copy, self._opened(copy, 0) as run:
            run.refresh()
            return self._pictured(run, copy)

    def compare(self, other: Path, *, full: bool = False) -> dict[str, Any]:
        """This server and another one over the same systems: its project folder, or a file of its `picture`.

        Whichever is active, as they are: the document names the sides `staging` and `active`.
        """
        theirs = self._picture_of(other)
        with self._leased("staging diff"), self._run("staging diff") as run:
            run.refresh(full=full)
            mine = self._pictured(run, self.database)
            run.shown = mine["plan"]["summary"]
        turned = mine["server"]["role"] == "active" and theirs["server"]["role"] == "staging"
        return compare(theirs, mine) if turned else compare(mine, theirs)

    def _picture_of(self, other: Path) -> Picture:
        if not other.is_dir():
            return read_picture(other)
        with other_server(other, self.database) as (project, store):
            return type(self)(project, store, self._now, self._progress).picture()

    def _pictured(self, run: Run, database: Database) -> Picture:
        with database.read() as session:
            plan = plan_document(run.rules, session, run.report)
            return picture(self.project, run.rules, session, run.standing, plan, self._clock())

    def promote(self, other: Path | None, *, by: str, why: str = "", force: bool = False) -> dict[str, Any]:
        """Make this server the active one, and the `other` one (its project folder) no longer so. See `switching`."""
        with self._leased(PROMOTE):
            return promote(
                self.project,
                self.database,
                other,
                by=by,
                why=why,
                force=force,
                now=self._clock(),
                rehearsed=self.rehearsed,
            )

    def demote(self, *, by: str, why: str = "") -> dict[str, Any]:
        """This server writes to no system any more, until it is promoted."""
        with self._leased("staging demote"):
            return demote(self.project, self.database, by=by, why=why, now=self._clock(), rehearsed=self.rehearsed)

    def retire(self, name: str, *, by: str, why: str = "") -> dict[str, Any]:
        """Let go of the objects of a mapping that is no longer in the project."""
        if name in self.project.mappings:
            raise ProjectError(f"Mapping {name} is in use. Delete mappings/{name}.yaml first, then retire it")
        names = Names(self.database)
        if name not in names.known("mapping"):
            frozen = ", ".join(map(repr, frozen_mappings(names, self.project))) or "none"
            raise ProjectError(f"No mapping {name!r} was ever used here. Mappings that can be retired: {frozen}")
        with self._leased("retire"):
            rules = compile_rules(self.project, known_schemas(self.database), names)
            return {"retired": name, "objects": retire(rules, self.database, name, self._decided(by, why))}

    def forget(self, system: str, *, sure: bool, by: str, why: str = "") -> dict[str, Any]:
        """Let another system take the place of one; without `sure`, what is known of it is told and kept.

        Nothing is deleted anywhere: the next run reads the system whole and joins what it finds.
        """
        if system not in self.project.systems:
            raise NotFound(f"There is no system {system!r}. Known: {', '.join(sorted(self.project.systems))}")
        with self._leased("forget"):
            with self.database.read() as session:
                known = remembered(session, system)
                objects, joined = known_objects(session, system)
            if sure:
                forget_system(self.database, system, self._decided(by, why))
        was = sorted(known.identities.values()) if known is not None else []
        return {"system": system, "was": was, "objects": objects, "joined": joined, "forgotten": sure}

    # --- how

    def _decided(self, by: str, why: str) -> Decided:
        return Decided(by, why, self._clock(), self.rehearsed)

    def _go(
        self, verb: str, *, allow_deletes: bool, full: bool, plan: ShownPlan | None, most: int | None
    ) -> dict[str, Any]:
        left_out: list[dict[str, Any]] = []
        with self._run(verb) as run:
            run.refresh(full=full, allow_deletes=allow_deletes)
            told = hold_the_other_back(
                self.project, self.database, run.standing, now=self._clock(), rehearsed=self.rehearsed
            )
            if told is not None:
                run.report.add(told)
            if plan is None:
                run.work(allow_deletes=allow_deletes)
            else:
                missing = missing_now(run, plan)
                run.work(allow_deletes=allow_deletes, approve=lambda: approved_now(run, plan))
                left_out = tell_missing(run, plan, missing)
            if allow_deletes:
                run.report.let_through(LIMITS)
            close_plans(run, plan)
            with self.database.read() as session:
                document = result_document(run, session, most)
            return {**document, "plan": plan.number if plan is not None else None, "stale": left_out}

    def _what_if(
        self, system: str | None, identity: str | None, full: bool, as_of: date | None, allow_deletes: bool
    ) -> dict[str, Any]:
        with (
            scratch_copy(self.database) as copy,
            self._opened(copy, 0) as run,
        ):
            run.refresh(full=full, allow_deletes=allow_deletes)
            only = [find_identity(copy, identity)] if identity is not None else []
            if as_of is not None:
                until = micros(datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC))
                document = foresee(run, until, system, only)
            else:
                run.tell_left_alone()
                with copy.read() as session:
                    document = plan_document(run.rules, session, run.report, system=system, identities=only)
            if only:
                with copy.read() as session:
                    uid = session.value("SELECT uid FROM identity WHERE id = ?", only[0])
                document["notes"] = [note for note in document["notes"] if uid in note["identities"]]
            return {**document, "rehearsed": self.rehearsed, "plan": None, "digest": None}

    def _leased(self, verb: str) -> AbstractContextManager[None]:
        return project_leased(self.project, self.database, verb)

    @contextmanager
    def _run(
        self,
        verb: str,
        store: Database | None = None,
        systems: Collection[str] | None = None,
        by: str | None = None,
    ) -> Iterator[Run]:
        number = begin_run(self.database, verb, self._clock(), rehearsed=self.rehearsed, by=by)
        report = Report()
        run: Run | None = None
        state = FAILED
        try:
            with self._opened(store or self.database, number, systems) as run:
                report = run.report
                yield run
            state = "held" if report.held else "errors" if report.errors else "done"
        except MusterError as error:
            report.add(Problem(FAILED, "", error.message))
            raise
        finally:
            end_run(
                self.database,
                number,
                self._clock(),
                state,
                summary=self._summary(run),
                steps=[(s.name, s.system, s.seconds, s.counts) for s in run.steps.done] if run is not None else [],
                problems=[
                    (p.level, p.kind, p.system, p.type, p.anchor, p.identities, p.message)
                    for p in report.problems.values()
                ],
            )

    def _summary(self, run: Run | None) -> dict[str, Any]:
        if run is None or not run.applied:
            return run.shown if run is not None else {}
        with self.database.read() as session:
            return made_summary(run, session)

    def _guard(self, system: str) -> Guard:
        return connect(self.project.systems[system], self.project, self._secrets)

    def _clock(self) -> int:
        return micros(self._now or datetime.now(UTC))

    def _opened(self, database: Database, number: int, systems: Collection[str] | None = None) -> Run:
        return Run(
            self.project,
            database,
            self._guard,
            now=self._clock(),
            number=number,
            progress=self._progress,
            store=self.database.shown,
            systems=systems,
        )
