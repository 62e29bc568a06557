"""Step four: order, limits, reasons → a frozen plan. `plan_document.py` writes it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from muster.expressions import Context
from muster.model.changes import Action
from muster.model.schema import ENABLED
from muster.store.codec import decode
from muster.store.database import Database, Session, chunks
from muster.sync.changes import CHANGE_COLUMNS, PLANNED, rank_of
from muster.sync.clock import moment
from muster.sync.containers import follow_containers
from muster.sync.limits import over_limits
from muster.sync.outbound import named_objects
from muster.sync.partial import PartialDocument
from muster.sync.presence import protected
from muster.sync.problems import Report
from muster.sync.rules import Rules

_BATCH: Final = 2000
_Place = tuple[int, str, int]
"""An identity, a system, an account: where there is at most one object."""


def finish_plan(
    rules: Rules, database: Database, report: Report, now: int, run: int, unknown: Mapping[int, frozenset[str]]
) -> set[str]:
    """Order references, add what unmanaged objects ask for, check the limits; the systems that are held."""
    with database.write() as session:
        follow_containers(session, rules)
    _order_references(database, rules)
    with database.write() as session:
        _unmanaged_changes(session, rules, run, Context(now=moment(now)), unknown)
    with database.read() as session:
        problems = over_limits(session, rules, now)
    for problem in problems:
        report.add(problem)
    return {problem.system for problem in problems}


# --- references to objects that this plan creates


def _order_references(database: Database, rules: Rules) -> None:
    """Creates that are referred to come before those that refer to them; what is never created is not waited for.

    In batches: a kill between two of them leaves nothing that the next plan does not put right.
    """
    with database.read() as session:
        if session.one("SELECT id FROM change WHERE state = 0 AND waits = 1 LIMIT 1") is None:
            return
        creates: dict[_Place, int] = {
            (identity, rules.system_of(space), rules.account_of(mapping)): number
            for number, identity, mapping, space in session.rows(
                "SELECT id, identity, mapping, space FROM change WHERE state = 0 AND action = 'create'"
            )
        }
    creating = set(creates.values())
    after: dict[int, list[int]] = {}
    last = 0
    while True:
        with database.write() as session:
            rows = session.rows(
                "SELECT id, identity, space, action, payload FROM change WHERE state = 0 AND waits = 1 AND id > ? "
                "ORDER BY id LIMIT ?",
                last,
                _BATCH,
            )
            if not rows:
                break
            last = rows[-1][0]
            after.update(_keep_waits(session, rules, rows, creates))
    levels = ((min(level, 999), number) for number, level in sorted(_levels(after).items()) if number in creating)
    for batch in chunks(levels):
        with database.write() as session:
            session.many("UPDATE change SET rank = rank / 1000 * 1000 + ? WHERE id = ?", batch)


def _keep_waits(
    session: Session, rules: Rules, rows: Sequence[Sequence[Any]], creates: Mapping[_Place, int]
) -> dict[int, list[int]]:
    """Let these changes wait for what is there or coming, and for nothing else; the creates each leans on."""
    after: dict[int, list[int]] = {}
    updates: list[tuple[Any, ...]] = []
    idle: list[tuple[Any, ...]] = []
    waiting: set[tuple[int, int]] = set()
    payloads = [orjson.loads(row[4]) for row in rows]
    there = _there(session, rules, {t for p in payloads for waits in p.get("waits", {}).values() for t, _ in waits})
    for (number, identity, space, action, _), payload in zip(rows, payloads, strict=True):
        system = rules.system_of(space)
        kept: dict[str, list[list[int]]] = {}
        ahead: set[_Place] = set()
        for name, targets in payload.get("waits", {}).items():
            places = [(target, system, account) for target, account in targets]
            coming = [place for place in places if place in creates or place in there]
            waiting.update((place[0], identity) for place in places if place not in coming)
            ahead.update(coming)
            if coming:
                kept[name] = [[target, account] for target, _, account in coming]
        after[number] = [creates[place] for place in sorted(ahead) if place in creates]
        if kept != payload.get("waits"):
            payload["waits"] = kept
            nothing = not (kept or payload["values"] or payload.get("add") or payload.get("remove"))
            update = (orjson.dumps(payload), int(bool(kept)), number)
            (idle if nothing and action != Action.CREATE and not payload.get("later") else updates).append(update)
    with_edges = {
        row[0]
        for row in session.rows("SELECT DISTINCT change FROM edge_change WHERE change IN ?i", [row[2] for row in idle])
    }
    updates.extend(update for update in idle if update[2] in with_edges)
    key = ("target", "owner")
    session.upsert("waiting", key, key, sorted(waiting))
    session.update("change", ("payload", "waits"), ("id",), updates)
    session.delete("change", ("id",), [(update[2],) for update in idle if update[2] not in with_edges])
    return after


def _there(session: Session, rules: Rules, identities: set[int]) -> set[_Place]:
    """Which of the identities have their object in which systems by now (an import or an earlier round brought it)."""
    return set(named_objects(session, rules, sorted(identities))) if identities else set()


def _levels(after: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """How many steps each change stands behind others; a circle is cut where it closes."""
    levels: dict[int, int] = {}
    for start in after:
        stack = [start]
        path: set[int] = set()
        while stack:
            number = stack[-1]
            if number in levels:
                stack.pop()
                path.discard(number)
                continue
            path.add(number)
            open_ones = [one for one in after.get(number, ()) if one not in levels and one not in path]
            if open_ones:
                stack.extend(open_ones)
                continue
            levels[number] = 1 + max((levels[one] for one in after.get(number, ()) if one in levels), default=-1)
            stack.pop()
            path.discard(number)
    return levels


# --- objects that nobody owns


def _unmanaged_changes(
    session: Session, rules: Rules, run: int, context: Context, unknown: Mapping[int, frozenset[str]]
) -> None:
    """`unmanaged: disable | delete` acts on the objects that nobody owns and another hand made, unless protected."""
    session.run(f"DELETE FROM change WHERE state = {PLANNED} AND identity = 0")
    for mapping in rules.mappings.values():
        act = mapping.rules.unmanaged
        if act not in ("disable", "delete"):
            continue
        rows = session.rows(
            "SELECT anchor, id, doc FROM object o WHERE space = ? AND identity IS NULL AND gone = 0 AND mapping = ? "
            "AND made = 0 AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.object = o.id)",
            mapping.space,
            mapping.id,
        )
        missing = unknown.get(mapping.space, frozenset())
        changes: list[tuple[Any, ...]] = []
        for anchor, number, data in sorted(rows, key=lambda row: row[0]):
            document = decode(data)
            if protected(mapping, PartialDocument(document, missing), context):
                continue
            if act == "disable" and (document.get(ENABLED) is False or not mapping.schema.can_enable):
                continue
            action = Action.DELETE if act == "delete" else Action.DISABLE
            name = document.get(mapping.schema.naming or "") if mapping.schema.name_is_dn else None
            values = {ENABLED: False} if act == "disable" else {}
            place = mapping.rules.place
            payload = {
                "values": values,
                "was": {ENABLED: document.get(ENABLED)} if values else {},
                "reason": {"mapping": place.file, "line": place.line, "rule": f"unmanaged: {act}", "source": None},
            }
            changes.append(
                (run, mapping.space, mapping.id, 0, number, action.value, anchor, rank_of(action, name), 0)
                + (orjson.dumps(payload), number, PLANNED)
            )
        if changes:
            first = session.reserve("change", len(changes))
            session.insert("change", CHANGE_COLUMNS, [(first + n, *change) for n, change in enumerate(changes)])
