"""`muster status`: how the systems, the metaverse and the queue stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from muster.project.configuration import Project
from muster.store.database import Database, Session
from muster.store.jobs import Job, jobs
from muster.store.leases import working
from muster.store.names import Names
from muster.store.runs import FAILED, KILLED, RUNNING, list_runs
from muster.store.servers import mark_of
from muster.sync.clock import moment
from muster.sync.joins.cases import AMBIGUOUS, WITH_OBJECTS, shown_kind
from muster.sync.safety.frozen import frozen_problems
from muster.sync.safety.limits import live_objects
from muster.sync.safety.outages import left_out
from muster.sync.safety.quarantine import in_quarantine
from muster.sync.safety.staging import DEMOTED, STAGING, Standing

_ENDED: Final = frozenset({"done", "errors", "held"})
ON_DEMAND: Final = "provision"
"""The verb of runs that are about one identity: they say nothing of the others."""
_RECENT: Final = 50
"""Runs among which the last that came to its end is looked for."""
_SAME: Final = ("kind", "system", "object_type", "anchor")


def status(project: Project, database: Database, now: int) -> dict[str, Any]:
    """Everything as one document."""
    names = Names(database)
    with database.read() as session:
        systems = [_system(session, project, names, name) for name in sorted(project.systems)]
        identities: dict[str, int] = dict(
            session.rows("SELECT type, COUNT(*) FROM identity GROUP BY type ORDER BY type")
        )
        leaving = session.value("SELECT COUNT(*) FROM identity WHERE leaving = 1")
        pending = session.value("SELECT COUNT(*) FROM change WHERE state = 0")
        cases = _cases(session, names)
        unmanaged = _unmanaged(session, project, names)
        server = Standing(project.staging, mark_of(session), database.shown)
        decided = jobs(session)
        frozen = [problem.document() for problem in frozen_problems(session, names, project)]
    free = Counter(entry["system"] for entry in unmanaged)
    for system in systems:
        system["unmanaged"] = free[system["name"]]
        problem = left_out(database, system["name"], now) or in_quarantine(database, system["name"], now)
        system["quarantine"] = problem.message if problem else None
        system["paused"] = _paused(decided.get(system["name"]))
    runs = runs_told(database, _RECENT)
    told = _told(runs, cases)
    return {
        "project": project.name,
        "store": database.shown,
        "server": server.document(),
        "systems": systems,
        "identities": identities,
        "leaving": leaving,
        "pending": pending,
        "cases": cases,
        "held": [*frozen, *(entry for entry in told["held"] if entry["kind"] != "frozen")],
        "errors": [entry for entry in told["error"] if entry["kind"] != DEMOTED or server.demoted],
        "notes": [entry for entry in told["note"] if entry["kind"] not in (STAGING, DEMOTED) or entry["system"]],
        "unmanaged": unmanaged,
        "last_run": runs[0] if runs else None,
    }


def _paused(job: Job | None) -> dict[str, Any] | None:
    return None if job is None or job.paused_at is None else {"at": _text(job.paused_at), "by": job.by, "why": job.why}


def _told(runs: Sequence[Mapping[str, Any]], cases: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What the last run that came to its end had to tell, by level, but for the cases, which stand for themselves; and
    why the last run failed, if it did."""
    found: dict[str, list[dict[str, Any]]] = {"held": [], "error": [], "note": []}
    known = {tuple(case[key] for key in _SAME) for case in cases}
    last = next((run for run in runs if run["state"] in _ENDED and run["verb"] != ON_DEMAND), None)
    failed = [problem for run in runs[:1] if run["state"] == FAILED for problem in run["problems"]]
    found["error"] = [_entry(problem) for problem in failed if problem["kind"] == FAILED]
    for problem in last["problems"] if last is not None else ():
        if tuple(problem[key] for key in _SAME) not in known and problem["kind"] != AMBIGUOUS:
            found[problem["level"]].append(_entry(problem))
    return found


def _entry(problem: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in problem.items() if key != "level"}


def runs_told(database: Database, limit: int, number: int | None = None) -> list[dict[str, Any]]:
    """The last runs as people and programs read them, newest first."""
    runs = list_runs(database, limit, number)
    for run in runs:
        for name in ("started", "ended"):
            run[name] = _text(run[name])
        if run["state"] == RUNNING and not working(database, "project"):
            run["state"] = KILLED
    return runs


def _text(number: int | None) -> str | None:
    return moment(number).isoformat().replace("+00:00", "Z") if number is not None else None


def _system(session: Session, project: Project, names: Names, name: str) -> dict[str, Any]:
    spaces = sorted(number for (system, _), number in names.spaces().items() if system == name)
    objects = live_objects(session, spaces)
    loose = session.value("SELECT COUNT(*) FROM object WHERE space IN ?i AND identity IS NULL AND gone = 0", spaces)
    row = session.one("SELECT value, read_at, full_at FROM watermark WHERE system = ?", name)
    pending = session.value("SELECT COUNT(*) FROM change WHERE state = 0 AND space IN ?i", spaces)
    return {
        "name": name,
        "connector": project.systems[name].connector,
        "objects": objects,
        "joined": objects - loose,
        "out_of_scope": _out_of_scope(session, spaces),
        "pending": pending,
        "last_read": _text(row[1]) if row else None,
        "last_full": _text(row[2]) if row else None,
        "watermark": bool(row and row[0]),
    }


def _out_of_scope(session: Session, spaces: list[int]) -> int:
    """Objects that no mapping takes in."""
    return int(
        session.value(
            "SELECT COUNT(*) FROM object o WHERE space IN ?i AND identity IS NULL AND gone = 0 AND mapping IS NULL "
            "AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.object = o.id)",
            spaces,
        )
    )


def _cases(session: Session, names: Names) -> list[dict[str, Any]]:
    spaces = {number: key for key, number in names.spaces().items()}
    found = []
    for kind, identities, message, space, anchor, at in session.rows(
        f"SELECT c.kind, c.identities, c.message, o.space, o.anchor, c.at FROM {WITH_OBJECTS}"
    ):
        numbers = orjson.loads(identities)
        uids = [row[0] for row in session.rows("SELECT uid FROM identity WHERE id IN ?i ORDER BY uid", numbers)]
        system, object_type = spaces[space]
        found.append(
            {
                "kind": shown_kind(kind),
                "cause": kind,
                "system": system,
                "object_type": object_type,
                "anchor": anchor,
                "identities": uids,
                "message": f"{system}/{object_type} {anchor} {message}",
                "since": _text(at),
            }
        )
    return found


def _unmanaged(session: Session, project: Project, names: Names) -> list[dict[str, Any]]:
    known = names.known("mapping")
    joining = [known[m.name] for m in project.mappings.values() if not m.project and m.name in known]
    spaces = {number: key for key, number in names.spaces().items()}
    return [
        {"system": spaces[space][0], "object_type": spaces[space][1], "anchor": anchor}
        for space, anchor in sorted(
            session.rows(
                "SELECT space, anchor FROM object o WHERE space IN ?i AND identity IS NULL AND gone = 0 "
                "AND mapping IN ?i AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.object = o.id)",
                sorted(spaces),
                joining,
            )
        )
    ]
