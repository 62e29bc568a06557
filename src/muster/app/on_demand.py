"""`muster provision`: one person or group in one system, now. Their objects alone are read, theirs alone written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final

from muster.app.finding import Nobody, find_identity
from muster.app.provision_steps import Asked, Step, Steps, imported
from muster.connectors.kit.registry import connector_class
from muster.model.changes import Action
from muster.model.errors import NotFound, ProjectError
from muster.model.objects import ConnectorObject, Page
from muster.project.configuration import Project
from muster.project.diagnostics import listed
from muster.store.database import Database
from muster.sync.imports.singles import import_found, import_missing
from muster.sync.narrow import Narrow
from muster.sync.plan_document import change_document, edges_of
from muster.sync.problems import Problem
from muster.sync.references.dangling import DANGLES
from muster.sync.run import DOWN, Run

_ROUNDS: Final = 3
"""What a system answers to a create may be what another value of the same object waited for."""
_TAKEN_AWAY: Final = frozenset({Action.DELETE.value, Action.DISABLE.value})

Opened = Callable[[Collection[str]], AbstractContextManager[Run]]
Row = tuple[Any, ...]


@dataclass(slots=True)
class OnDemand:
    """One call of the verb. `opened` gives a run with these systems open."""

    project: Project
    database: Database
    system: str
    who: str
    dry_run: bool
    opened: Opened
    narrow: Narrow = field(default_factory=Narrow)

    def work(self) -> dict[str, Any]:
        """The four steps, with every value. Raises `ProjectError` where there is no such system, or nobody."""
        mappings = [m for m in self.project.mappings.values() if m.system == self.system and m.outbound is not None]
        if self.system not in self.project.systems:
            raise NotFound(f"There is no system {self.system!r}. Known: {listed(self.project.systems)}")
        if not mappings:
            raise ProjectError(f"No mapping writes to {self.system}, so nothing can be provisioned there")
        number, unknown = self._known()
        with self.opened(self._systems(number)) as run:
            asked = self._import(run, number, unknown)
            run.settle_for(self.narrow, self.system)
            return self._document(run, asked)

    def _known(self) -> tuple[int | None, Nobody | None]:
        try:
            return find_identity(self.database, self.who), None
        except Nobody as error:
            return None, error

    def _systems(self, number: int | None) -> set[str]:
        """The target, and those to be asked: that hold objects of the identity; of somebody unknown, every source."""
        if number is None:
            sources = {m.system for m in self.project.mappings.values() if m.project}
            return {self.system, *filter(self._answers, sources)}
        with self.database.read() as session:
            rows = session.rows(
                "SELECT DISTINCT s.system FROM object o JOIN space s ON s.id = o.space WHERE o.identity = ?", number
            )
        return {self.system, *(row[0] for row in rows if row[0] in self.project.systems and self._answers(row[0]))}

    def _answers(self, system: str) -> bool:
        """Whether one object can be had now: by asking for it, or out of a file, which is there to be read."""
        can = connector_class(self.project.systems[system].connector).spec.capabilities
        return can.finds or can.by_content

    # --- import

    def _import(self, run: Run, number: int | None, unknown: Nobody | None) -> list[Asked]:
        asked = self._candidates() if number is None else self._objects(run, number)
        for system, kind in sorted({(one.system, one.kind) for one in asked}):
            self._ask(run, system, kind, [one for one in asked if (one.system, one.kind) == (system, kind)])
        if number is None and not any(one.found for one in asked):
            raise NotFound(". ".join([unknown.message if unknown else "", *_asked(self.who, asked)]))
        self._take_in(run, asked)
        if number is not None:
            self.narrow.identities.add(number)
            with run.database.write() as session:
                session.run("UPDATE identity SET dirty = (dirty & 7) | 3 WHERE id = ?", number)
        return asked

    def _objects(self, run: Run, number: int) -> list[Asked]:
        with run.database.read() as session:
            rows = session.rows(
                "SELECT id, space, anchor FROM object WHERE identity = ? AND gone = 0 ORDER BY space, anchor", number
            )
        return [Asked(*run.rules.spaces[space], anchor, item, "known") for item, space, anchor in rows]

    def _candidates(self) -> list[Asked]:
        """What an unknown name may be: the anchor of an object of any source."""
        places = {(m.system, m.object) for m in self.project.mappings.values() if m.project}
        return [Asked(system, kind, self.who, None, "known") for system, kind in sorted(places)]

    def _ask(self, run: Run, system: str, kind: str, asked: Sequence[Asked]) -> None:
        """What the objects are now, of one type of one system."""
        guard = run.guard(system) if self._answers(system) else None
        if guard is None:
            for one in asked:
                one.how = "down" if self._answers(system) else "cannot"
            return
        try:
            if guard.connector.spec.capabilities.finds:
                found = {one.anchor: guard.get(kind, one.anchor) for one in asked}
            else:
                found = _picked(guard.read({kind: run.rules.wanted(system).get(kind, ())}), asked)
        except DOWN as error:
            run.down(system, error)
            for one in asked:
                one.how = "down"
            return
        for one in asked:
            one.found = found.get(one.anchor)
            one.how = "read" if one.found is not None else "missing" if one.anchor in found else "damaged"

    def _take_in(self, run: Run, asked: Sequence[Asked]) -> None:
        for system in sorted({one.system for one in asked}):
            here = [one for one in asked if one.system == system]
            found = [one.found for one in here if one.found is not None]
            self.narrow.objects |= set(import_found(run.rules, run.database, system, found))
            for one in here:
                if one.how == "missing" and one.number is not None:
                    self._lost(run, one, one.number)

    def _lost(self, run: Run, one: Asked, number: int) -> None:
        """An object of the target is made again; that of a source is for a whole read to judge, within the limits."""
        if one.system == self.system and not any(
            m.rules.project for m in run.rules.mappings.values() if m.rules.system == one.system
        ):
            import_missing(run.rules, run.database, one.system, [number], now=run.now)
            self.narrow.objects.add(number)
            return
        run.report.add(
            Problem(
                "missing",
                one.system,
                f"{one.system}/{one.kind} {one.anchor} is not there any more. What follows from that is for a run to "
                "decide, within the limits: muster plan",
                type=one.kind,
                anchor=one.anchor,
            )
        )

    # --- the other steps

    def _document(self, run: Run, asked: Sequence[Asked]) -> dict[str, Any]:
        first = imported(run, self.system, asked)
        numbers = sorted(self.narrow.identities)
        if not numbers:
            return {**self._head(run), "identity": None, "name": None, "objects": [self._nobody(first)]}
        number = numbers[0]
        steps = Steps(run, number)
        told = [
            (mapping, steps.scope(mapping), steps.match(mapping))
            for mapping in run.rules.types[steps.type].outbound
            if mapping.rules.system == self.system
        ]
        written = [] if self._kept_back(run) else self._write(run, number)
        objects = []
        for mapping, scope, match in told:
            ids = [one for one, of in written if of == mapping.id]
            rows = self._changes(run, ids) if ids else self._pending(run, number, mapping.id)
            export = steps.export(mapping, rows, dry_run=self.dry_run, held=run.held, kept_back=self._kept_back(run))
            shown = [one.document() for one in (first, scope, match, export)]
            entry = {"mapping": mapping.name, "object_type": mapping.rules.object, "steps": shown}
            objects.append({**entry, "action": rows[0]["action"] if rows else None, "changes": rows})
        return {**self._head(run), "identity": steps.uid, "name": steps.name, "objects": objects}

    def _head(self, run: Run) -> dict[str, Any]:
        return {
            "system": self.system,
            "run": run.number,
            "dry_run": self.dry_run,
            "held": [problem.document() for problem in run.report.held],
            "errors": [problem.document() for problem in run.report.errors],
            "notes": [problem.document() for problem in run.report.notes],
        }

    def _nobody(self, first: Step) -> dict[str, Any]:
        why = "what was read belongs to nobody: it is outside every scope, or waits for a decision (muster joins)"
        steps = [first.document(), Step("scope", "skipped", why).document()]
        return {"mapping": None, "object_type": None, "steps": steps}

    def _kept_back(self, run: Run) -> str:
        """Why nothing at all is written to the system; empty where it may be."""
        if self.dry_run:
            return "--dry-run: nothing is written"
        if not run.standing.active or self.project.systems[self.system].staging:
            return "staging: nothing is written"
        guard = run.guard(self.system)
        if guard is None:
            return "the system cannot be reached"
        return "" if guard.connector.spec.capabilities.writes else "its connector only reads"

    def _write(self, run: Run, number: int) -> list[tuple[int, int]]:
        """Write what is pending for the identity there, until nothing follows; what was tried, with its mapping."""
        for _ in range(_ROUNDS):
            with run.database.read() as session:
                rows = session.rows(
                    "SELECT id, action, object FROM change WHERE identity = ? AND state = 0 AND space IN ?i",
                    number,
                    run.rules.spaces_of(self.system),
                )
            over = self.system in run.held
            ids = frozenset(
                row[0]
                for row in rows
                if not (over and (row[1] in _TAKEN_AWAY or (row[1] == Action.CREATE and row[2] is not None)))
            )
            before = len(run.attempted)
            run.export_for(self.system, ids - set(run.attempted))
            if len(run.attempted) == before:
                break
            run.settle_for(self.narrow, self.system)
        with run.database.read() as session:
            return session.rows("SELECT id, mapping FROM change WHERE id IN ?i ORDER BY id", run.attempted)

    def _pending(self, run: Run, number: int, mapping: int) -> list[dict[str, Any]]:
        with run.database.read() as session:
            rows = session.rows(
                "SELECT id FROM change WHERE identity = ? AND mapping = ? AND state = 0 ORDER BY id", number, mapping
            )
        found = self._changes(run, [row[0] for row in rows])
        return [change for change in found if change["reason"]["rule"] != DANGLES]

    def _changes(self, run: Run, numbers: list[int]) -> list[dict[str, Any]]:
        """These changes as they are shown, with what became of those that were sent."""
        with run.database.read() as session:
            rows = session.rows(
                "SELECT c.id, c.space, c.mapping, c.identity, c.action, c.anchor, p.doc, i.uid, c.state, c.reason "
                "FROM change c JOIN payload p ON p.change = c.id LEFT JOIN identity i ON i.id = c.identity "
                "WHERE c.id IN ?i ORDER BY c.id",
                numbers,
            )
            edges = edges_of(run.rules, session, numbers)
            found = []
            for row in rows:
                change = change_document(run.rules, row[:8], edges.get(row[0], {}))
                del change["_identity"]
                if row[8] > 1:
                    change["outcome"] = "done" if row[8] == 2 else "failed"
                    change["message"] = row[9]
                found.append(change)
        return found


def _picked(pages: Iterable[Page], asked: Sequence[Asked]) -> dict[str, ConnectorObject | None]:
    """Of a whole read the objects that are asked for; None for one that is not there, none for one nobody can tell."""
    wanted = {one.anchor for one in asked}
    found: dict[str, ConnectorObject | None] = {}
    damaged: set[str | None] = set()
    complete = False
    for page in pages:
        found.update((one.anchor, one) for one in page.objects if one.anchor in wanted)
        damaged.update(problem.anchor for problem in page.problems)
        complete = complete or bool(page.complete_for)
    if complete and None not in damaged:
        found.update((anchor, None) for anchor in wanted - found.keys() - damaged)
    return found


def _asked(who: str, asked: Sequence[Asked]) -> list[str]:
    """Which sources have nobody of that name, and which could not be asked."""
    none = sorted({f"{one.system}/{one.kind}" for one in asked if one.how == "missing"})
    blind = sorted({one.system for one in asked if one.how == "cannot"})
    said = [f"No object {who!r} in {listed(none)} either"] if none else []
    return [*said, f"{listed(blind)} cannot be asked for one object; what is new there: muster plan"] if blind else said
