"""Step four: order, limits, reasons → a frozen plan. `plan_document.py` writes it out."""

from __future__ import annotations

from muster.expressions import Context
from muster.store.database import Database
from muster.sync.clock import moment
from muster.sync.identities.partial import Unread
from muster.sync.names.containers import follow_containers
from muster.sync.problems import Report
from muster.sync.provisioning.presence import Touchable
from muster.sync.provisioning.unmanaged import unmanaged_changes
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
        unmanaged_changes(session, rules, report, run, Context(now=moment(now)), unknown)
    with database.write() as session:
        take_out_dangling(session, rules, run, touchable)
    with database.read() as session:
        problems = over_limits(session, rules, now)
    for problem in problems:
        report.add(problem)
    return {problem.system for problem in problems}
