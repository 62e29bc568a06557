"""What a run made, as `apply` and `run` tell it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

from muster.store.database import Session
from muster.sync.changes import DONE
from muster.sync.plan_document import ACTIONS, change_document, edges_of, names_of
from muster.sync.run import Run


def result_document(run: Run, session: Session, most: int | None) -> dict[str, Any]:
    """The changes made, what is pending and what there is to tell; of each system at most `most`, failed ones first."""
    changes = [
        change for system in sorted(run.project.systems) for change in islice(_made(run, session, system, most), most)
    ]
    return {
        "run": run.number,
        "summary": made_summary(run, session),
        "changes": changes,
        "failed": _failed(run, session),
        "pending": session.value("SELECT COUNT(*) FROM change WHERE state = 0"),
        "staging": run.project.staging,
        "held": [problem.document() for problem in run.report.held],
        "errors": [problem.document() for problem in run.report.errors],
        "notes": [problem.document() for problem in run.report.notes],
    }


def made_summary(run: Run, session: Session) -> dict[str, dict[str, int]]:
    """How many changes of each kind were made, by system."""
    found: dict[str, dict[str, int]] = {}
    for space, action, count in session.rows(
        f"SELECT space, action, COUNT(*) FROM change WHERE state = {DONE} AND id IN ?i GROUP BY space, action",
        run.applied,
    ):
        counts = found.setdefault(run.rules.system_of(space), dict.fromkeys(ACTIONS, 0))
        counts[action] += count
    return dict(sorted(found.items()))


def _failed(run: Run, session: Session) -> dict[str, int]:
    """How many changes were tried and not made, by system."""
    found: Counter[str] = Counter()
    for space, count in session.rows(
        f"SELECT space, COUNT(*) FROM change WHERE state <> {DONE} AND id IN ?i GROUP BY space", run.attempted
    ):
        found[run.rules.system_of(space)] += count
    return dict(sorted(found.items()))


def _made(run: Run, session: Session, system: str, most: int | None) -> Iterator[dict[str, Any]]:
    first = "" if most is None else f"(c.state = {DONE}), "
    rows = session.rows(
        "SELECT c.id, c.space, c.mapping, c.identity, c.action, c.anchor, c.payload, c.digest, i.uid, "
        "c.state, c.reason FROM change c LEFT JOIN identity i ON i.id = c.identity "
        f"WHERE c.id IN ?i AND c.space IN ?i ORDER BY {first}c.rank, c.id LIMIT ?",
        run.attempted,
        run.rules.spaces_of(system),
        len(run.attempted) if most is None else most,
    )
    edges = edges_of(run.rules, session, [row[0] for row in rows])
    names = names_of(session, [row[3] for row in rows])
    for row in rows:
        change = change_document(run.rules, row[:9], edges.get(row[0], {}), names.get(row[3]))
        del change["_identity"]
        change["outcome"] = "done" if row[9] == DONE else "failed"
        if row[10]:
            change["message"] = row[10]
        yield change
