"""`muster job`: pause, resume and restart what keeps a system in step."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from muster.model.errors import NotFound, ProjectError
from muster.project.configuration import Project
from muster.project.diagnostics import listed, nearest
from muster.store.database import Database
from muster.store.jobs import Job, decide_job, jobs
from muster.store.names import Names
from muster.sync.resetting import FORCE_DELETES, SCOPES, reset, scopes_of


def pause(
    project: Project, database: Database, system: str, *, by: str, why: str, now: int, rehearsed: bool
) -> dict[str, Any]:
    """The system is neither read nor written until it is resumed; a run that is at work stops there soon."""
    _known(project, system)
    with database.write() as session:
        before = jobs(session).get(system, Job())
        changed = before.paused_at is None
        if changed:
            job = replace(before, paused_at=now, by=by, why=why)
            decide_job(session, system, "pause", job, at=now, rehearsed=rehearsed)
    return {"system": system, "state": "paused", "changed": changed}


def resume(
    project: Project, database: Database, system: str, *, by: str, why: str, now: int, rehearsed: bool
) -> dict[str, Any]:
    """The next run reads and writes the system again, from where it stopped."""
    _known(project, system)
    with database.write() as session:
        before = jobs(session).get(system, Job())
        changed = before.paused_at is not None
        if changed:
            job = replace(before, paused_at=None, by=by, why=why)
            decide_job(session, system, "resume", job, at=now, rehearsed=rehearsed)
    return {"system": system, "state": "active", "changed": changed}


def restart(
    project: Project,
    database: Database,
    system: str,
    said: Collection[str],
    *,
    by: str,
    why: str,
    now: int,
    rehearsed: bool,
) -> dict[str, Any]:
    """Forget parts of what is known of a system (`resetting`), and resume it. The caller holds the project's leases."""
    _known(project, system)
    scopes = scopes_of([_scope(word) for word in said])
    names = Names(database)
    with database.write() as session:
        reset(session, project, names, system, scopes)
        job = Job(by=by, why=why, force=FORCE_DELETES in scopes)
        decide_job(session, system, "restart", job, at=now, rehearsed=rehearsed, what=", ".join(sorted(scopes)))
    return {"system": system, "state": "active", "reset": sorted(scopes)}


def _scope(word: str) -> str:
    """The part of that name, in whatever letters: Graph writes QuarantineState. Raises `ProjectError`."""
    plain = word.lower().replace("-", "")
    found = next((scope for scope in SCOPES if scope.replace("-", "") == plain), None)
    if found is None:
        meant = nearest(word.lower(), SCOPES)
        hint = f" Did you mean `{meant}`?" if meant else ""
        raise ProjectError(f"--reset {word}: there is no such part.{hint} There are {listed(SCOPES)}")
    return found


def _known(project: Project, system: str) -> None:
    if system not in project.systems:
        raise NotFound(f"There is no system {system!r}. Known: {', '.join(sorted(project.systems))}")
