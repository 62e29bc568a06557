"""`plan --as-of`: what will have changed by the start of a day, if nobody changes anything until then.

The instants at which something falls due are replayed in order on a copy of the store: at each, what is to be written
is taken for written. What is shown is the difference between today and that day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from muster.app.combining import combined
from muster.model.changes import Change, Outcome, Result
from muster.model.errors import ProjectError
from muster.sync.exporting import Exporter
from muster.sync.plan_document import pending_changes, plan_document, plan_key, summary
from muster.sync.run import ROUNDS, Run


def check_day(day: date, today: date) -> None:
    """Raises `ProjectError` for a day that is past: what has been cannot be foreseen."""
    if day < today:
        raise ProjectError(
            f"--as-of {day}: that day is past; it is {today} (UTC). --as-of shows what will change from now to the "
            "start of a day to come. What earlier runs did: muster log"
        )


def foresee(run: Run, until: int, system: str | None, identities: Sequence[int]) -> dict[str, Any]:
    """The net changes from now to `until`."""
    net: dict[tuple[str, str, str | None], dict[str, Any]] = {}
    with run.database.read() as session:
        document = plan_document(run.rules, session, run.report)
    _live_through(run, net)
    while (due := _next_due(run)) is not None and due <= until:
        run.now = due
        run.settle()
        _live_through(run, net)
    changes = [
        change
        for change in net.values()
        if (system is None or change["system"] == system) and (not identities or change["_identity"] in identities)
    ]
    for change in changes:
        del change["_identity"]
    document.update(
        summary=summary(changes),
        changes=changes,
        held=[problem.document() for problem in run.report.held],
        errors=[problem.document() for problem in run.report.errors],
        notes=[problem.document() for problem in run.report.notes],
        plan=None,
        digest=None,
    )
    return document


def _live_through(run: Run, net: dict[tuple[str, str, str | None], dict[str, Any]]) -> None:
    """What is to be written at this instant is written, and what follows from that, as a run would do it."""
    for _ in range(ROUNDS):
        _collect(run, net)
        _pretend(run)
        if not run.restless():
            break
        run.settle()


def _next_due(run: Run) -> int | None:
    with run.database.read() as session:
        found = [
            session.value(f"SELECT MIN({column}) FROM {table} WHERE {column} IS NOT NULL AND {column} > ?", run.now)
            for table, column in (("object", "due"), ("identity", "due_in"), ("identity", "due_out"))
        ]
    known = [one for one in found if one is not None]
    return min(known) if known else None


def _collect(run: Run, net: dict[tuple[str, str, str | None], dict[str, Any]]) -> None:
    with run.database.read() as session:
        for change in pending_changes(run.rules, session, named=True):
            key = plan_key(change)
            before = net.pop(key, None)
            both = change if before is None else combined(before, change)
            if both is not None:
                net[key] = both


def _pretend(run: Run) -> None:
    """Take everything that is pending for done."""
    for system in sorted(run.project.systems):
        Exporter(
            run.rules,
            run.database,
            run.report,
            system,
            _done,
            None,
            now=run.now,
            run=run.number,
            tried={},
        ).work()


def _done(changes: Iterable[Change]) -> Iterator[Outcome]:
    for change in changes:
        for _ in change.edges or ():
            pass
        yield Outcome(change.key, Result.DONE, anchor=change.anchor or f"<known after apply {change.key}>")
