"""`muster joins`: a person's decision about who an object belongs to."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from muster.app.finding import find_identity
from muster.model.errors import ProjectError
from muster.model.schema import SystemSchema
from muster.project.configuration import Project
from muster.store.database import Database
from muster.store.names import Names
from muster.sync.deciding import DECISIONS, accept, merge, new, object_of, refuse, split
from muster.sync.rules import Rules, compile_rules


def decide(
    project: Project,
    database: Database,
    kind: str,
    *,
    by: str,
    now: int,
    system: str | None,
    object_type: str | None,
    anchor: str | None,
    identity: str | None,
    into: str | None,
) -> dict[str, Any]:
    """Keep a decision for the next run to obey. Raises `ProjectError` when it cannot be."""
    if kind not in DECISIONS:
        raise ProjectError(f"A decision is {', '.join(DECISIONS[:-1])} or {DECISIONS[-1]}, not {kind!r}")
    with database.read() as session:
        schemas = {
            name: msgspec.json.decode(bytes(data), type=SystemSchema)
            for name, data in session.rows("SELECT name, schema FROM system")
        }
    rules = compile_rules(project, schemas, Names(database))
    who = find_identity(database, identity) if identity is not None else None
    if kind == "merge":
        if who is None or into is None:
            raise ProjectError("A merge needs two identities: the one that goes, and the one that it goes into")
        target = find_identity(database, into)
        with database.write() as session:
            merge(session, rules, who, target, by=by, now=now)
        return {"decision": kind, "identity": identity, "into": into, "by": by}
    if system is None or anchor is None:
        raise ProjectError(f"To {kind}, name the object: its system and its anchor")
    if system not in project.systems:
        raise ProjectError(f"There is no system {system!r}. Known: {', '.join(sorted(project.systems))}")
    if object_type is not None:
        _known_type(rules, system, object_type)
    with database.write() as session:
        item = object_of(session, rules, system, object_type, anchor)
        if kind == "split":
            split(session, rules, item, by=by, now=now)
        elif kind == "new":
            new(session, rules, item, by=by, now=now)
        elif kind == "accept":
            if who is None:
                raise ProjectError(f"To accept, say whose {system} {anchor} is")
            accept(session, rules, item, who, by=by, now=now)
        else:
            data = session.value("SELECT identities FROM cases WHERE object = ?", item.id)
            known = [number for number in (orjson.loads(data) if data else ()) if number != item.identity]
            if who is None and not known:
                raise ProjectError(f"{system} {anchor} waits for no decision: say which identity it does not belong to")
            refuse(session, rules, item, [who] if who is not None else known, by=by, now=now)
    object_type = rules.spaces[item.space][1]
    return {
        "decision": kind,
        "system": system,
        "object_type": object_type,
        "anchor": anchor,
        "identity": identity,
        "by": by,
    }


def _known_type(rules: Rules, system: str, object_type: str) -> None:
    known = sorted(kind for name, kind in rules.spaces.values() if name == system)
    if object_type not in known:
        raise ProjectError(
            f"{system} has no objects of type {object_type!r}. Known: {', '.join(known) or 'none; run a plan first'}"
        )
