"""Step four: order, limits, reasons → a frozen plan. `plan_document.py` writes it out."""

from __future__ import annotations

from typing import Any

import orjson

from muster.expressions import Context
from muster.model.changes import Action
from muster.model.schema import ENABLED
from muster.store.codec import decode
from muster.store.database import Database, Session
from muster.sync.clock import moment
from muster.sync.identities.partial import PartialDocument, Unread
from muster.sync.names.containers import follow_containers
from muster.sync.problems import Report
from muster.sync.provisioning.presence import Touchable, protected
from muster.sync.queue.changes import PLANNED, rank_of
from muster.sync.queue.queued import add_changes, drop_changes, planned_changes
from muster.sync.references.dangling import take_out_dangling
from muster.sync.references.ordering import order_references
from muster.sync.rules.ruleset import Rules
from muster.sync.safety.limits import over_limits


def finish_plan(
    rules: Rules, database: Database, report: Report, now: int, run: int, unknown: Unread, touchable: Touchable
) -> set[str]:
    """Order references, add what unmanaged objects and deletes ask for, check the limits; the systems that are held."""
    with database.write() as session:
        follow_containers(session, rules)
    order_references(database, rules, report)
    with database.write() as session:
        _unmanaged_changes(session, rules, run, Context(now=moment(now)), unknown)
    with database.write() as session:
        take_out_dangling(session, rules, run, touchable)
    with database.read() as session:
        problems = over_limits(session, rules, now)
    for problem in problems:
        report.add(problem)
    return {problem.system for problem in problems}


# --- objects that nobody owns


def _unmanaged_changes(session: Session, rules: Rules, run: int, context: Context, unknown: Unread) -> None:
    """`unmanaged: disable | delete` acts on the objects that nobody owns and another hand made, unless protected."""
    drop_changes(session, planned_changes(session, [0]))
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
        joined_by = {
            name for join in mapping.joins for one in join.line.pairs.values() for name in one.expression.reads
        }
        changes: list[tuple[Any, ...]] = []
        for anchor, number, data in sorted(rows, key=lambda row: row[0]):
            document = decode(data)
            missing = unknown.of(mapping.space, number)
            if missing & joined_by or protected(mapping, PartialDocument(document, missing), context):
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
                + (orjson.dumps(payload), PLANNED)
            )
        add_changes(session, changes)
