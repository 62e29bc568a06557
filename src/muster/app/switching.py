"""Switching over between two servers: which of them writes to the systems.

Whoever becomes active first makes the other one stop, in the other's own store and under its leases. Killed in between,
neither writes, and the same command goes on.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any, Final

from muster.app.leasing import project_leased
from muster.app.others import OtherUnreachable, other_server
from muster.model.errors import LeaseRefused, ProjectError
from muster.project.configuration import Project
from muster.store.database import Database
from muster.store.servers import Mark, decide_server, mark_of, note_told
from muster.sync.problems import Problem
from muster.sync.safety.staging import Standing, folder_of

PROMOTE: Final = "staging promote"


def promote(
    project: Project,
    database: Database,
    other: Path | None,
    *,
    by: str,
    why: str,
    force: bool,
    now: int,
    rehearsed: bool,
) -> dict[str, Any]:
    """Make this server the active one, and the `other` one not. The caller holds this project's leases.

    Raises `LeaseRefused` while the other is at work, and `ProjectError` where nobody can know that it does not write;
    `force` says that somebody does.
    """
    with database.read() as session:
        before = Standing(project.staging, mark_of(session), database.shown)
        read = session.value("SELECT COUNT(*) FROM watermark")
    if not read:
        raise ProjectError(
            "This server has read no system yet, so it knows nobody's accounts. Read and look first: muster plan"
        )
    if other is None and not force:
        raise ProjectError(
            "Which server is active now? Name its project folder, and it stops: muster staging promote --with FOLDER. "
            "If it cannot be reached from here, demote it there (muster staging demote) or make sure that it never "
            "runs again, then: muster staging promote --force"
        )
    stopped, owes = False, None
    if other is not None:
        try:
            stopped = stand_down(project, database, other, by=by, why=why, now=now, rehearsed=rehearsed, force=force)
        except OtherUnreachable as error:
            if not force:
                raise ProjectError(
                    f"{error.message}. So nobody knows whether that server still writes, and this one does not become "
                    "active beside it. When it is gone for good, or stopped: the same command with --force"
                ) from error
            owes = str(other)
    owed = before.mark.owes if before.mark is not None else None
    changed = not before.active or stopped or owes != owed
    if changed:
        with database.write() as session:
            mark = Mark(True, now, by, why, _named(other), database.shown if project.staging else None, owes)
            decide_server(session, mark, rehearsed=rehearsed)
    return {
        "role": "active",
        "changed": changed,
        "other": str(other) if other is not None else None,
        "stopped": stopped,
        "untold": owes,
        "overruled": project.staging,
    }


def demote(project: Project, database: Database, *, by: str, why: str, now: int, rehearsed: bool) -> dict[str, Any]:
    """This server writes to no system any more. The caller holds this project's leases."""
    with database.write() as session:
        mark = mark_of(session)
        changed = mark is None or mark.active
        if changed:
            decide_server(session, Mark(False, now, by, why), rehearsed=rehearsed)
    return {"role": "staging", "changed": changed, "staging": project.staging}


def stand_down(
    project: Project,
    database: Database,
    other: Path,
    *,
    by: str,
    why: str,
    now: int,
    rehearsed: bool,
    force: bool = False,
) -> bool:
    """Make the other server stop writing, in favour of this one; whether it wrote until now.

    Raises `OtherUnreachable`, `LeaseRefused` while it is at work, and `ProjectError` where a third server took over
    from it (unless `force`).
    """
    me = _named(project.folder)
    with other_server(other, database) as (theirs, store):
        try:
            with project_leased(theirs, store, PROMOTE), store.write() as session:
                mark = mark_of(session)
                wrote = Standing(theirs.staging, mark, store.shown).active
                if mark is not None and not mark.active and mark.other == me:
                    return False
                if mark is not None and not mark.active and mark.other is not None and not force:
                    raise ProjectError(
                        f"--with {other}: is not the active server any more; it was demoted for {mark.other}. "
                        "Name that one"
                    )
                decide_server(session, Mark(False, now, by, why, me), rehearsed=rehearsed)
                return wrote
        except LeaseRefused as error:
            raise LeaseRefused(
                f"--with {other}: that server is at work, and nothing was switched: {error.message}"
            ) from None


def hold_the_other_back(
    project: Project, database: Database, standing: Standing, *, now: int, rehearsed: bool
) -> Problem | None:
    """Before this server writes: stop the one whose place it took, where that one would write again. It may have been
    out of reach when this one was promoted, or its store is one of before, from a backup.

    What there is to tell of it. Raises `LeaseRefused` where that one is at work: then two would write.
    """
    mark = standing.mark
    if not standing.active or mark is None or mark.other is None:
        return None
    folder = folder_of(mark.other)
    try:
        with other_server(folder, database) as (theirs, store), store.read() as session:
            writes = Standing(theirs.staging, mark_of(session), store.shown).active
        if not writes and mark.owes is None:
            return None
        stand_down(project, database, folder, by=mark.by, why=mark.why, now=now, rehearsed=rehearsed)
    except OtherUnreachable:
        if mark.owes is None:
            return None
        return Problem(
            "untold",
            "",
            f"the server of {folder} still cannot be told that this one is active. Make sure that it does not run; if "
            "it is gone for good: muster staging promote --force",
            note=True,
        )
    with database.write() as session:
        note_told(session)
    return Problem("untold", "", f"the server of {folder} was told that it is no longer active", note=True)


def _named(folder: Path | None) -> str | None:
    """A server as the other one remembers it."""
    return f"{folder} on {socket.gethostname()}" if folder is not None else None
