"""Plans that were shown: kept, written down, found again, and held against what is pending now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from muster.model.errors import ProjectError
from muster.store.database import Database
from muster.sync.plan_document import approved, pending_changes, plan_digest, plan_key
from muster.sync.run import Run

_KEPT = 100
Shown = dict[tuple[str, str, str | None], dict[str, Any]]


def keep_plan(database: Database, number: int, at: int, document: dict[str, Any]) -> None:
    """Remember a plan as the one that `apply` makes so when it is given no file."""
    with database.write() as session:
        session.run("UPDATE plan SET state = 'replaced' WHERE state = 'open'")
        session.insert(
            "plan",
            ("id", "at", "digest", "state", "document"),
            [(number, at, document["digest"], "open", orjson.dumps(document["changes"]))],
        )
        session.run("DELETE FROM plan WHERE id < ?", number - _KEPT)


def close_plans(database: Database, applied: int | None) -> None:
    """Something was written: whatever plan was open is not any more."""
    with database.write() as session:
        session.run("UPDATE plan SET state = 'replaced' WHERE state = 'open'")
        if applied is not None:
            session.run("UPDATE plan SET state = 'applied' WHERE id = ?", applied)


def last_plan(database: Database) -> dict[str, Any] | None:
    """The last plan that was shown and not yet applied or overtaken."""
    with database.read() as session:
        row = session.one("SELECT id, document FROM plan WHERE state = 'open' ORDER BY id DESC LIMIT 1")
    return {"plan": row[0], "changes": orjson.loads(row[1])} if row else None


def write_plan(document: dict[str, Any], path: Path) -> None:
    """Write a plan down; what is in the file is what was shown."""
    if document.get("plan") is None:
        raise ProjectError("A plan for one identity or another day cannot be applied: plan without these options")
    try:
        path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    except OSError as error:
        raise ProjectError(f"{path}: cannot be written: {error.strerror}") from None


def read_plan(database: Database, path: Path) -> dict[str, Any]:
    """The plan of a file. Raises `ProjectError` when this store did not make it, or somebody altered it."""
    try:
        document = orjson.loads(path.read_bytes())
        number, digest, changes = document["plan"], document["digest"], document["changes"]
    except OSError as error:
        raise ProjectError(f"{path}: cannot be read: {error.strerror}") from None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise ProjectError(f"{path}: is not a plan. Make one with: muster plan -o {path}") from None
    with database.read() as session:
        row = session.one("SELECT digest FROM plan WHERE id = ?", number)
    if row is None or row[0] != digest:
        raise ProjectError(f"{path}: this store made no such plan. Make a new one: muster plan -o {path}")
    if plan_digest(changes) != digest:
        raise ProjectError(f"{path}: was altered since it was made. Make a new plan: muster plan -o {path}")
    found: dict[str, Any] = document
    return found


def by_key(plan: dict[str, Any]) -> Shown:
    """The shown changes, each under what ties it to a pending one."""
    return {plan_key(change): change for change in plan["changes"]}


def approved_now(run: Run, shown: Shown) -> frozenset[int]:
    """The pending changes that do only what was shown."""
    with run.database.read() as session:
        return frozenset(change["id"] for change in pending_changes(run.rules, session) if approved(change, shown))


def missing_now(run: Run, plan: dict[str, Any], shown: Shown) -> list[dict[str, Any]]:
    """The shown changes that are no longer pending, or no longer the same."""
    with run.database.read() as session:
        live = {plan_key(c) for c in pending_changes(run.rules, session) if approved(c, shown)}
    return [change for change in plan["changes"] if plan_key(change) not in live]
