"""Plans that were shown: kept, written down, found again, and held against what is pending now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from muster.app.results import failed_changes
from muster.model.changes import Action
from muster.model.errors import ProjectError
from muster.store.database import Database, Session
from muster.sync.identities.values import MADE_AGAIN
from muster.sync.plan_document import approved, made_since, pending_changes, plan_digest, plan_key, stale
from muster.sync.problems import Problem
from muster.sync.run import Run

_KEPT = 100
Change = dict[str, Any]


@dataclass(frozen=True)
class ShownPlan:
    """A plan that somebody saw. `used_by`: the run after which nothing of it was left to do."""

    number: int
    changes: Sequence[Change]
    used_by: int | None = None

    @cached_property
    def by_key(self) -> Mapping[tuple[str, str, str | None], Change]:
        """What may still be made of it, each change under what ties it to a pending one."""
        return {} if self.used_by is not None else {plan_key(change): change for change in self.changes}


def keep_plan(database: Database, number: int, at: int, document: dict[str, Any]) -> None:
    """Remember a plan as the one that `apply` makes so when it is given no file."""
    with database.write() as session:
        session.run("UPDATE plan SET state = 'replaced' WHERE state = 'open'")
        session.insert(
            "plan",
            ("id", "at", "digest", "state", "document"),
            [(number, at, document["digest"], "open", orjson.dumps(document["changes"]))],
        )
        session.run("DELETE FROM plan WHERE id NOT IN (SELECT id FROM plan ORDER BY id DESC LIMIT ?)", _KEPT)


def number_apart(document: dict[str, Any]) -> None:
    """The changes of a plan that was thought on a copy of the store: their numbers will be those of others."""
    for change in document["changes"]:
        change["id"] = -change["id"]


def last_plan(database: Database) -> ShownPlan | None:
    """The last plan that was shown; None when there never was one."""
    with database.read() as session:
        row = session.one("SELECT id, document, state, run FROM plan ORDER BY id DESC LIMIT 1")
    if row is None:
        return None
    if row[2] == "open":
        return ShownPlan(row[0], orjson.loads(row[1]))
    return ShownPlan(row[0], (), row[3])


def write_plan(document: dict[str, Any], path: Path) -> None:
    """Write a plan down; what is in the file is what was shown."""
    if document.get("plan") is None:
        raise ProjectError(
            "-o: a plan with --identity or --as-of cannot be applied, so it is not written down. Plan without these "
            f"options: muster plan -o {path}"
        )
    try:
        path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    except OSError as error:
        raise ProjectError(
            f"{path}: cannot be written: {error.strerror}. The plan itself is kept: `muster apply` makes its changes, "
            "and `muster plan -o FILE` writes one to another file"
        ) from None


def read_plan(database: Database, path: Path) -> ShownPlan:
    """The plan of a file. Raises `ProjectError` when this store did not make it, or somebody altered it."""
    try:
        document = orjson.loads(path.read_bytes())
        number, digest, changes = document["plan"], document["digest"], document["changes"]
    except OSError as error:
        raise ProjectError(
            f"{path}: cannot be read: {error.strerror}. Make one with: muster plan -o {path}; the last plan shown is "
            "applied without a file: muster apply"
        ) from None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise ProjectError(f"{path}: is not a plan. Make one with: muster plan -o {path}") from None
    row = None
    if isinstance(number, int):
        with database.read() as session:
            row = session.one("SELECT digest, state, run FROM plan WHERE id = ?", number)
    if row is None or row[0] != digest:
        raise ProjectError(f"{path}: this store made no such plan. Make a new one: muster plan -o {path}")
    if plan_digest(document) != digest:
        raise ProjectError(f"{path}: was altered since it was made. Make a new plan: muster plan -o {path}")
    return ShownPlan(number, changes, row[2] if row[1] == "applied" else None)


def close_plans(run: Run, plan: ShownPlan | None) -> None:
    """A plan of which nothing is left is used up; where something was written, whatever else was open is overtaken."""
    left = plan is not None and (bool(approved_now(run, plan)) or _failed(run))
    with run.database.write() as session:
        if plan is not None and plan.used_by is None:
            state = ("open", None) if left else ("applied", run.number)
            session.run("UPDATE plan SET state = ?, run = ? WHERE id = ?", *state, plan.number)
        if run.applied:
            session.run(
                "UPDATE plan SET state = 'overtaken', run = ? WHERE state = 'open' AND id <> ?",
                run.number,
                plan.number if plan is not None else 0,
            )


def _failed(run: Run) -> bool:
    with run.database.read() as session:
        return bool(failed_changes(run, session))


def approved_now(run: Run, plan: ShownPlan) -> frozenset[int]:
    """The pending changes that do only what was shown."""
    with run.database.read() as session:
        return frozenset(change["id"] for change in _approved(run, session, plan))


def missing_now(run: Run, plan: ShownPlan) -> list[Change]:
    """The shown changes that are no longer pending, or no longer the same."""
    with run.database.read() as session:
        live = {plan_key(change) for change in _approved(run, session, plan)}
    return [change for change in plan.changes if plan_key(change) not in live]


def _approved(run: Run, session: Session, plan: ShownPlan) -> Iterator[Change]:
    """A shown create may go on as an update of what it made; never as one of an object of another hand."""
    foreign = {
        row[0]
        for row in session.rows(
            "SELECT c.id FROM change c JOIN object o ON o.id = c.object "
            f"WHERE c.state = 0 AND o.made IN (0, {MADE_AGAIN})"
        )
    }
    for change in pending_changes(run.rules, session):
        if not approved(change, plan.by_key):
            continue
        if change["id"] in foreign and plan.by_key[plan_key(change)]["action"] == Action.CREATE:
            continue
        yield change


def tell_missing(run: Run, plan: ShownPlan, missing: Sequence[Change]) -> list[Change]:
    """Say which of these an earlier run made, and which have gone stale; the stale ones."""
    with run.database.read() as session:
        made = made_since(run.rules, session, plan.number, missing)
    for number, count in sorted(Counter(made.values()).items()):
        some = f"{count} of its {len(plan.changes)} changes {'was' if count == 1 else 'were'} done"
        what = "was done" if count == len(plan.changes) else some
        message = f"plan {plan.number}: {what} already, in run {number}"
        run.report.add(Problem("done-before", "", message, note=True))
    _tell_unseen(run, plan)
    left = [change for change in missing if change["id"] not in made]
    for change in left:
        run.report.add(stale(change))
    return left


def _tell_unseen(run: Run, plan: ShownPlan) -> None:
    """A plan that is used up does nothing; what is due now and stood in none is an error of whoever asked for it."""
    if plan.used_by is None or plan.changes:
        return
    with run.database.read() as session:
        due = int(session.value("SELECT COUNT(*) FROM change WHERE state = 0"))
    if due:
        what = "1 change is" if due == 1 else f"{due} changes are"
        run.report.add(
            Problem(
                "used-up",
                "",
                f"the last plan, {plan.number}, is used up (run {plan.used_by}), and {what} due that it did not show: "
                "`muster plan` to see what, or `muster run`",
            )
        )
