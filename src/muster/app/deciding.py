"""`muster joins`: a person's decision about who an object belongs to."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from muster.app.finding import find_identity
from muster.model.errors import NotFound, ProjectError
from muster.model.schema import SystemSchema
from muster.project.configuration import Project
from muster.store.audit import Decision, record_decisions
from muster.store.database import Database, Session
from muster.store.names import Names
from muster.sync.joins.cases import found_as
from muster.sync.joins.deciding import DECISIONS, Decided, accept, merge, new, object_of, refuse, split
from muster.sync.names.in_the_way import if_accepted
from muster.sync.rules.compiling import compile_rules
from muster.sync.rules.ruleset import Rules


def decide(
    project: Project,
    database: Database,
    kind: str,
    *,
    by: str,
    why: str,
    now: int,
    rehearsed: bool,
    system: str | None,
    object_type: str | None,
    anchor: str | None,
    identity: str | None,
    into: str | None,
) -> dict[str, Any]:
    """Keep a decision for the next run to obey, and seal it in the audit trail. Raises `ProjectError` when it cannot.

    `rehearsed`: under a clock that was set.
    """
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
            made = [_recorded(session, rules, kind, by, why, None, who, target)]
            merge(session, rules, who, target, by=by, now=now)
            record_decisions(session, made, at=now, rehearsed=rehearsed)
        return {"decision": kind, "identity": identity, "into": into, "by": by, "why": why}
    if system is None or anchor is None:
        raise ProjectError(f"To {kind}, name the object: its system and its anchor")
    if system not in project.systems:
        raise NotFound(f"There is no system {system!r}. Known: {', '.join(sorted(project.systems))}")
    if object_type is not None:
        _known_type(rules, system, object_type)
    with database.write() as session:
        item = object_of(session, rules, system, object_type, anchor)
        whose = _obeyed(session, rules, kind, item, who, by, now)
        made = [_recorded(session, rules, kind, by, why, item, number) for number in whose]
        record_decisions(session, made, at=now, rehearsed=rehearsed)
        then = _then(session, rules, kind, item, who)
    object_type = rules.spaces[item.space][1]
    return {
        "decision": kind,
        "then": then,
        "system": system,
        "object_type": object_type,
        "anchor": anchor,
        "identity": identity,
        "by": by,
        "why": why,
    }


def _obeyed(
    session: Session, rules: Rules, kind: str, item: Decided, who: int | None, by: str, now: int
) -> list[int | None]:
    """Make a decision about an object; the identities that it is about."""
    system, anchor = rules.spaces[item.space][0], item.anchor
    if kind == "split":
        split(session, rules, item, by=by, now=now)
        return [item.identity]
    if kind == "new":
        new(session, rules, item, by=by, now=now)
        return [None]
    if kind == "accept":
        if who is None:
            raise ProjectError(f"To accept, say whose {system} {anchor} is")
        accept(session, rules, item, who, by=by, now=now)
        return [who]
    data = session.value("SELECT identities FROM cases WHERE object = ?", item.id)
    known = [number for number in (orjson.loads(data) if data else ()) if number != item.identity]
    if who is None and not known:
        raise ProjectError(f"{system} {anchor} waits for no decision: say which identity it does not belong to")
    refused = [who] if who is not None else known
    refuse(session, rules, item, refused, by=by, now=now)
    return list(refused)


def _then(session: Session, rules: Rules, kind: str, item: Decided, who: int | None) -> str:
    """What the next run does about an object that was accepted, in words."""
    mapping = rules.mappings.get(item.mapping) if item.mapping is not None else None
    if kind != "accept" or who is None or mapping is None or mapping.rules.outbound is None:
        return ""
    name = "/".join(rules.spaces[item.space])
    whose = found_as(session, rules, [who])
    return f"{name} {item.anchor} becomes {whose}'s: {if_accepted(session, item.id, mapping, who)}"


def _recorded(
    session: Session,
    rules: Rules,
    kind: str,
    by: str,
    why: str,
    item: Decided | None,
    identity: int | None,
    other: int | None = None,
) -> Decision:
    """The decision as the audit trail keeps it."""
    numbers = [number for number in (identity, other) if number is not None]
    uids: dict[int, str] = dict(session.rows("SELECT id, uid FROM identity WHERE id IN ?i", numbers))
    payload = {
        "object": [*rules.spaces[item.space], item.anchor] if item is not None else None,
        "identity": uids.get(identity or 0),
        "other": uids.get(other or 0),
        "why": why,
    }
    return Decision(kind, by, item.id if item is not None else None, identity, other, orjson.dumps(payload))


def _known_type(rules: Rules, system: str, object_type: str) -> None:
    known = sorted(kind for name, kind in rules.spaces.values() if name == system)
    if object_type not in known:
        raise ProjectError(
            f"{system} has no objects of type {object_type!r}. Known: {', '.join(known) or 'none; run a plan first'}"
        )
