"""`plan --as-of`: what will have changed by the start of a day, if nobody changes anything until then.

The instants at which something falls due are replayed in order on a copy of the store: at each, what is to be written
is taken for written. What is shown is the difference between today and that day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from muster.model.changes import Change, Outcome, Result
from muster.sync.exporting import Exporter
from muster.sync.planning import pending_changes, plan_document, plan_key, summary
from muster.sync.run import Run

_MOST_INSTANTS = 5000


def foresee(run: Run, until: int, system: str | None, identities: Sequence[int]) -> dict[str, Any]:
    """The net changes from now to `until`."""
    net: dict[tuple[str, str, str | None], dict[str, Any]] = {}
    with run.database.read() as session:
        document = plan_document(run.rules, session, run.report)
    for _ in range(_MOST_INSTANTS):
        _collect(run, net)
        _pretend(run)
        if run.restless():
            run.settle()
            continue
        due = _next_due(run)
        if due is None or due > until:
            break
        run.now = due
        run.settle()
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
        plan=None,
        digest=None,
    )
    return document


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


def combined(first: dict[str, Any], then: dict[str, Any]) -> dict[str, Any] | None:
    """Two changes of one object as one; None when they undo each other."""
    if then["action"] == "delete":
        return None if first["action"] == "create" else then
    if first["action"] == "delete":
        return then
    attributes = {name: dict(entry) for name, entry in first["attributes"].items()}
    for name, entry in then["attributes"].items():
        had = attributes.get(name)
        if had is not None and "from" in had and "from" in entry:
            entry = {**entry, "from": had["from"]}
            if entry["from"] == entry["to"] and first["action"] != "create":
                del attributes[name]
                continue
        attributes[name] = dict(entry)
    if not attributes and first["action"] != "create":
        return None
    action = first["action"] if first["action"] == "create" else then["action"]
    if action == "disable" and attributes.get("enabled", {}).get("to") is not False:
        action = "update"
    if action == "update" and attributes.get("enabled", {}).get("to") is False:
        action = "disable"
    return {**then, "action": action, "attributes": attributes, "anchor": first["anchor"] or then["anchor"]}


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
