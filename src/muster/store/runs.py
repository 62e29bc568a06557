"""The log of runs: when each began and ended, what its steps did, what it had to tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from muster.store.codec import decode
from muster.store.database import Database

ProblemRow = tuple[str, str, str, str, str | None, Sequence[str], str]
StepRow = tuple[str, str, float, dict[str, Any]]
_KEPT = 1000
"""Runs that stand in the log; older ones are dropped (the audit trail keeps what was written)."""


def begin_run(database: Database, verb: str, at: int, *, rehearsed: bool) -> int:
    """A new run's number. One at a time works (see leases.py): what still seems to run was interrupted."""
    with database.write() as session:
        session.run("UPDATE run SET state = 'interrupted' WHERE state = 'running'")
        number = session.reserve("run", 1)
        session.insert(
            "run",
            ("id", "verb", "started", "rehearsed", "state"),
            [(number, verb, at, int(rehearsed), "running")],
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


def list_runs(database: Database, limit: int, number: int | None = None) -> list[dict[str, Any]]:
    """The last runs, newest first, with their steps and problems; instants in microseconds."""
    where = "WHERE id = ?" if number is not None else "WHERE id > ?"
    with database.read() as session:
        rows = session.rows(
            f"SELECT id, verb, started, ended, rehearsed, state, summary FROM run {where} ORDER BY id DESC LIMIT ?",
            number if number is not None else 0,
            limit,
        )
        ids = [row[0] for row in rows]
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
            "summary": decode(row[6]),
            "steps": steps.get(row[0], []),
            "problems": problems.get(row[0], []),
        }
        for row in rows
    ]
