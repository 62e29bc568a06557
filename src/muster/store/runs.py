"""The log of runs: when each began and ended, what its steps did, what it had to tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson

from muster.model.changes import Action
from muster.store.audit import EXPORT
from muster.store.codec import decode
from muster.store.database import Database, Session

Summary = dict[str, dict[str, int]]
"""How many changes of each kind were made, by system."""
ProblemRow = tuple[str, str, str, str, str | None, Sequence[str], str]
StepRow = tuple[str, str, float, dict[str, Any]]
RUNNING: Final = "running"
KILLED: Final = "killed"
FAILED: Final = "failed"
"""`state` of a run that has not ended; of one whose process went away before it did; of one that an error ended,
which is a problem of this kind."""
_MADE: Final = 2
"""`state` of a change that was made."""
_KEPT = 1000
"""Runs that stand in the log; older ones are dropped (the audit trail keeps what was written)."""


def begin_run(database: Database, verb: str, at: int, *, rehearsed: bool, by: str | None = None) -> int:
    """A new run's number; `by`: who asked for it by hand. One at a time works (leases.py): whatever runs was killed."""
    with database.write() as session:
        for (killed,) in session.rows("SELECT id FROM run WHERE state = ?", RUNNING):
            summary = orjson.dumps(written_by(session, killed))
            session.run("UPDATE run SET state = ?, summary = ? WHERE id = ?", KILLED, summary, killed)
        number = session.reserve("run", 1)
        session.insert(
            "run",
            ("id", "verb", "started", "rehearsed", "state", "made_by"),
            [(number, verb, at, int(rehearsed), RUNNING, by)],
        )
        if number > _KEPT:
            for table, column in (("step", "run"), ("problem", "run"), ("run", "id")):
                session.run(f"DELETE FROM {table} WHERE {column} <= ?", number - _KEPT)
    return number


def end_run(
    database: Database,
    number: int,
    at: int,
    state: str,
    *,
    summary: dict[str, Any],
    steps: Iterable[StepRow],
    problems: Iterable[ProblemRow],
) -> None:
    """Write down how a run went. `problems`: (level, kind, system, type, anchor, identities, message)."""
    with database.write() as session:
        session.run(
            "UPDATE run SET ended = ?, state = ?, summary = ? WHERE id = ?", at, state, orjson.dumps(summary), number
        )
        session.insert(
            "step",
            ("run", "position", "name", "system", "seconds", "counts"),
            [
                (number, position, name, system, int(seconds * 1_000_000), orjson.dumps(counts))
                for position, (name, system, seconds, counts) in enumerate(steps)
            ],
        )
        session.insert(
            "problem",
            ("run", "level", "kind", "system", "type", "anchor", "identities", "message"),
            [
                (number, level, kind, system, object_type, anchor, orjson.dumps(list(identities)), message)
                for level, kind, system, object_type, anchor, identities, message in problems
            ],
        )


def written_by(session: Session, number: int) -> Summary:
    """What a run is known to have written, from the audit trail: that of a run that has not ended, or never will.

    What it found done after an interruption is credited to the run that sent it and was killed (`credit_killed`).
    """
    found: Summary = {}
    for system, action, count in session.rows(
        "SELECT s.system, c.action, COUNT(*) FROM audit a JOIN change c ON c.sealed = a.seq "
        f"JOIN space s ON s.id = c.space WHERE a.run = ? AND a.what LIKE ? AND c.state = {_MADE} "
        "GROUP BY s.system, c.action ORDER BY s.system",
        number,
        f"{EXPORT} %",
    ):
        add_written(found, system, action, count)
    return found


def credit_killed(session: Session, written: Iterable[tuple[int, str, str]]) -> None:
    """A run found out that killed ones before it had written more: (run that sent it, system, action) each."""
    found: dict[int, list[tuple[str, str]]] = {}
    for number, system, action in written:
        found.setdefault(number, []).append((system, action))
    for number, data in session.rows("SELECT id, summary FROM run WHERE state = ? AND id IN ?i", KILLED, sorted(found)):
        summary: Summary = decode(data)
        for system, action in found[number]:
            add_written(summary, system, action, 1)
        session.run("UPDATE run SET summary = ? WHERE id = ?", orjson.dumps(summary), number)


def add_written(summary: Summary, system: str, action: str, count: int) -> None:
    """Count some changes that were made."""
    counts = summary.setdefault(system, dict.fromkeys((kind.value for kind in Action), 0))
    counts[action] += count


def list_runs(database: Database, limit: int, number: int | None = None) -> list[dict[str, Any]]:
    """The last runs, newest first, with their steps and problems; instants in microseconds.

    The summary of a run that has not ended is what it wrote so far.
    """
    where = "WHERE id = ?" if number is not None else "WHERE id > ?"
    with database.read() as session:
        rows = session.rows(
            f"SELECT id, verb, started, ended, rehearsed, state, summary FROM run {where} ORDER BY id DESC LIMIT ?",
            number if number is not None else 0,
            limit,
        )
        ids = [row[0] for row in rows]
        so_far = {row[0]: written_by(session, row[0]) for row in rows if row[5] == RUNNING}
        steps: dict[int, list[dict[str, Any]]] = {}
        for run, name, system, seconds, counts in session.rows(
            "SELECT run, name, system, seconds, counts FROM step WHERE run IN ?i ORDER BY run, position", ids
        ):
            steps.setdefault(run, []).append(
                {"name": name, "system": system, "seconds": seconds / 1_000_000, "counts": decode(counts)}
            )
        problems: dict[int, list[dict[str, Any]]] = {}
        for run, level, kind, system, object_type, anchor, identities, message in session.rows(
            "SELECT run, level, kind, system, type, anchor, identities, message FROM problem "
            "WHERE run IN ?i ORDER BY id",
            ids,
        ):
            problems.setdefault(run, []).append(
                {
                    "level": level,
                    "kind": kind,
                    "system": system,
                    "object_type": object_type,
                    "anchor": anchor,
                    "identities": decode(identities),
                    "message": message,
                }
            )
    return [
        {
            "id": row[0],
            "verb": row[1],
            "started": row[2],
            "ended": row[3],
            "rehearsed": bool(row[4]),
            "state": row[5],
            "summary": so_far[row[0]] if row[0] in so_far else decode(row[6]),
            "steps": steps.get(row[0], []),
            "problems": problems.get(row[0], []),
        }
        for row in rows
    ]
