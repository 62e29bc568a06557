"""`muster status`: how the systems, the metaverse and the queue stand."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson

from muster.project.configuration import Project
from muster.store.database import Database, Session
from muster.store.names import Names
from muster.store.runs import list_runs
from muster.sync.cases import WITH_OBJECTS
from muster.sync.clock import moment
from muster.sync.limits import live_objects
from muster.sync.quarantine import in_quarantine


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
    free = Counter(entry["system"] for entry in unmanaged)
    for system in systems:
        system["unmanaged"] = free[system["name"]]
        problem = in_quarantine(database, system["name"], now)
        system["quarantine"] = problem.message if problem else None
    runs = list_runs(database, 1)
    last = runs[0] if runs else None
    if last is not None:
        for name in ("started", "ended"):
            last[name] = _text(last[name])
    return {
        "project": project.name,
        "store": database.shown,
        "systems": systems,
        "identities": identities,
        "leaving": leaving,
        "pending": pending,
        "cases": cases,
        "unmanaged": unmanaged,
        "last_run": last,
    }


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
                "kind": kind,
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
