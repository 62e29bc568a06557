"""A running Muster: one project folder, its store and its systems, behind the verbs that people know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Self

import orjson

from muster.app.check import CheckFailed, loaded
from muster.app.connectors import connect
from muster.app.explaining import explain
from muster.app.finding import find_identity
from muster.app.foresight import foresee
from muster.app.standing import status
from muster.connectors.kit.guard import Guard
from muster.model.errors import ProjectError
from muster.model.values import Value
from muster.project.configuration import Project
from muster.project.secrets import SecretStore
from muster.store.copying import scratch_copy
from muster.store.database import Database
from muster.store.leases import leased
from muster.store.names import Names
from muster.store.opening import open_store
from muster.store.runs import begin_run, end_run, list_runs
from muster.sync.clock import micros, moment
from muster.sync.holds import set_hold
from muster.sync.planning import (
    approved,
    change_document,
    pending_changes,
    plan_digest,
    plan_document,
    plan_key,
    stale,
    summary,
)
from muster.sync.problems import Report
from muster.sync.rulechanges import retire
from muster.sync.rules import compile_rules
from muster.sync.run import Progress, Run


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
    ) -> dict[str, Any]:
        """Every change a run would make. With `identity` or `as_of`, nothing that was thought stays behind."""
        if system is not None and system not in self.project.systems:
            raise ProjectError(f"There is no system {system!r}. Known: {', '.join(sorted(self.project.systems))}")
        if as_of is not None or identity is not None:
            return self._what_if(system, identity, full, as_of)
        with self._leased("plan"), self._run("plan") as run:
            run.refresh(full=full)
            with self.database.read() as session:
                document = plan_document(run.rules, session, run.report, system=system)
            document["plan"] = run.number
            document["digest"] = plan_digest(document["changes"])
            self._keep_plan(run.number, document)
        return document

    def write_plan(self, document: dict[str, Any], path: Path) -> None:
        """Write a plan down for `apply`; what is in the file is what was shown."""
        if document.get("plan") is None:
            raise ProjectError("A plan for one identity or another day cannot be applied: plan without these options")
        path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))

    def apply(self, path: Path | None = None, *, allow_deletes: bool = False) -> dict[str, Any]:
        """Make the changes that a plan showed: of the file, or else of the last plan, or else of a new one."""
        plan = self._plan_of(path) if path is not None else self._last_plan()
        if plan is None:
            return self._go("apply", allow_deletes=allow_deletes, full=False, plan=None)
        return self._go("apply", allow_deletes=allow_deletes, full=False, plan=plan)

    def run(self, *, allow_deletes: bool = False, full: bool = False) -> dict[str, Any]:
        """Plan and apply in one go."""
        return self._go("run", allow_deletes=allow_deletes, full=full, plan=None)

    def explain(self, who: str, system: str | None = None, attribute: str | None = None) -> dict[str, Any]:
        """Where each value of an identity comes from. Raises `ProjectError` when nobody is found."""
        return explain(self.project, self.database, who, system, attribute, self._clock())

    def status(self) -> dict[str, Any]:
        """How the systems and the metaverse stand."""
        return status(self.project, self.database, self._clock())

    def log(self, *, limit: int = 20, run: int | None = None) -> dict[str, Any]:
        """The last runs, newest first."""
        runs = list_runs(self.database, limit, run)
        if run is not None and not runs:
            raise ProjectError(f"There is no run {run} in the log. `muster log` lists those there are")
        for entry in runs:
            for name in ("started", "ended"):
                entry[name] = _text(entry[name])
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

        `until` ends the hold; `condition` is an expression over the identity that keeps it while it is true.
        """
        number = find_identity(self.database, who)
        with self.database.write() as session:
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

    def retire(self, name: str) -> dict[str, Any]:
        """Let go of the objects of a mapping that is no longer in the project."""
        if name in self.project.mappings:
            raise ProjectError(f"Mapping {name} is in use. Delete mappings/{name}.yaml first, then retire it")
        names = Names(self.database)
        if name not in names.known("mapping"):
            raise ProjectError(f"No mapping {name!r} was ever used here")
        with self._leased("retire"):
            rules = compile_rules(self.project, {}, names)
            return {"retired": name, "objects": retire(rules, self.database, name)}

    # --- how

    def _go(self, verb: str, *, allow_deletes: bool, full: bool, plan: dict[str, Any] | None) -> dict[str, Any]:
        missed: list[dict[str, Any]] = []
        with self._leased(verb), self._run(verb) as run:
            run.refresh(full=full, allow_deletes=allow_deletes)
            with self.database.read() as session:
                before = {change["id"]: change for change in pending_changes(run.rules, session)} if plan else {}
            if plan is None:
                run.work(allow_deletes=allow_deletes)
            else:
                shown = {plan_key(change): change for change in plan["changes"]}
                run.work(allow_deletes=allow_deletes, approve=lambda: self._approved(run, shown))
                missed = _missed(plan, before, shown)
                for change in missed:
                    run.report.add(stale(change))
            document = self._result(run)
            document["stale"] = missed
            self._set_plan_state(plan["plan"] if plan else None)
        return document

    def _approved(self, run: Run, shown: dict[tuple[str, str, str | None], dict[str, Any]]) -> frozenset[int]:
        with self.database.read() as session:
            return frozenset(change["id"] for change in pending_changes(run.rules, session) if approved(change, shown))

    def _result(self, run: Run) -> dict[str, Any]:
        with self.database.read() as session:
            changes = list(_applied_changes(run, session))
            pending = session.value("SELECT COUNT(*) FROM change WHERE state = 0")
        return {
            "run": run.number,
            "summary": summary(changes),
            "changes": changes,
            "pending": pending,
            "staging": self.project.staging,
            "held": [problem.document() for problem in run.report.held],
            "errors": [problem.document() for problem in run.report.errors],
            "notes": [problem.document() for problem in run.report.notes],
        }

    def _what_if(self, system: str | None, identity: str | None, full: bool, as_of: date | None) -> dict[str, Any]:
        with (
            scratch_copy(self.database) as copy,
            _opened_run(self.project, copy, self._guard, self._clock(), 0, self._progress) as run,
        ):
            run.refresh(full=full)
            only = [find_identity(copy, identity)] if identity is not None else []
            if as_of is not None:
                return foresee(run, micros(datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC)), system, only)
            with copy.read() as session:
                document = plan_document(run.rules, session, run.report, system=system, identities=only)
            return {**document, "plan": None, "digest": None}

    @contextmanager
    def _leased(self, verb: str) -> Iterator[None]:
        names = ["project", *(f"system {name}" for name in sorted(self.project.systems))]
        with leased(self.database, names, verb):
            yield

    @contextmanager
    def _run(self, verb: str) -> Iterator[Run]:
        number = begin_run(self.database, verb, self._clock(), rehearsed=self.rehearsed)
        report = Report()
        run: Run | None = None
        state = "failed"
        try:
            with _opened_run(self.project, self.database, self._guard, self._clock(), number, self._progress) as run:
                report = run.report
                yield run
            state = "held" if report.held else "errors" if report.errors else "done"
        finally:
            end_run(
                self.database,
                number,
                self._clock(),
                state,
                summary=self._run_summary(run) if run is not None else {},
                steps=[(s.name, s.system, s.seconds, s.counts) for s in run.steps.done] if run is not None else [],
                problems=[
                    (p.kind, p.system, p.type, p.anchor, p.identities, p.message) for p in report.problems.values()
                ],
            )

    def _run_summary(self, run: Run) -> dict[str, Any]:
        found: dict[str, dict[str, int]] = {}
        with self.database.read() as session:
            for space, action, count in session.rows(
                "SELECT space, action, COUNT(*) FROM change WHERE state = 2 AND id IN ?i GROUP BY space, action",
                run.applied,
            ):
                system = run.rules.system_of(space)
                counts = found.setdefault(system, {})
                counts[action] = counts.get(action, 0) + count
        return found

    def _guard(self, system: str) -> Guard:
        return connect(self.project.systems[system], self.project.folder, self._secrets)

    def _clock(self) -> int:
        return micros(self._now or datetime.now(UTC))

    # --- plans

    def _keep_plan(self, number: int, document: dict[str, Any]) -> None:
        with self.database.write() as session:
            session.run("UPDATE plan SET state = 'replaced' WHERE state = 'open'")
            session.insert(
                "plan",
                ("id", "at", "digest", "state", "document"),
                [(number, self._clock(), document["digest"], "open", orjson.dumps(document["changes"]))],
            )
            session.run("DELETE FROM plan WHERE id < ?", number - 100)

    def _set_plan_state(self, number: int | None) -> None:
        with self.database.write() as session:
            session.run("UPDATE plan SET state = 'replaced' WHERE state = 'open'")
            if number is not None:
                session.run("UPDATE plan SET state = 'applied' WHERE id = ?", number)

    def _last_plan(self) -> dict[str, Any] | None:
        with self.database.read() as session:
            row = session.one("SELECT id, document FROM plan WHERE state = 'open' ORDER BY id DESC LIMIT 1")
        return {"plan": row[0], "changes": orjson.loads(row[1])} if row else None

    def _plan_of(self, path: Path) -> dict[str, Any]:
        try:
            document = orjson.loads(path.read_bytes())
            number, digest, changes = document["plan"], document["digest"], document["changes"]
        except OSError as error:
            raise ProjectError(f"{path}: cannot be read: {error.strerror}") from None
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise ProjectError(f"{path}: is not a plan. Make one with: muster plan -o {path}") from None
        with self.database.read() as session:
            row = session.one("SELECT digest FROM plan WHERE id = ?", number)
        if row is None or row[0] != digest:
            raise ProjectError(f"{path}: this store made no such plan. Make a new one: muster plan -o {path}")
        if plan_digest(changes) != digest:
            raise ProjectError(f"{path}: was altered since it was made. Make a new plan: muster plan -o {path}")
        found: dict[str, Any] = document
        return found


def _opened_run(
    project: Project,
    database: Database,
    guard: Callable[[str], Guard],
    now: int,
    number: int,
    progress: Progress | None,
) -> Run:
    return Run(project, database, guard, now=now, number=number, progress=progress)


def _missed(
    plan: dict[str, Any], before: dict[int, dict[str, Any]], shown: dict[tuple[str, str, str | None], dict[str, Any]]
) -> list[dict[str, Any]]:
    """The shown changes that were no longer pending, or no longer the same, when they were to be made."""
    live = {plan_key(change) for change in before.values() if approved(change, shown)}
    return [change for change in plan["changes"] if plan_key(change) not in live]


def _applied_changes(run: Run, session: Any) -> Iterable[dict[str, Any]]:
    from_store = session.rows(
        "SELECT c.id, c.space, c.mapping, c.identity, c.action, c.anchor, c.payload, c.digest, i.uid, "
        "c.state, c.reason FROM change c LEFT JOIN identity i ON i.id = c.identity "
        "WHERE c.id IN ?i ORDER BY c.rank, c.id",
        run.attempted,
    )
    for row in from_store:
        change = _change(run, row)
        change["outcome"] = "done" if row[9] == 2 else "failed"
        if row[10]:
            change["message"] = row[10]
        yield change


def _change(run: Run, row: Any) -> dict[str, Any]:
    from_plan = change_document(run.rules, row[:9], {})
    del from_plan["_identity"]
    return from_plan


def _text(number: int | None) -> str | None:
    return moment(number).isoformat().replace("+00:00", "Z") if number is not None else None
