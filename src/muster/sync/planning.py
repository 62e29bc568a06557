"""Step four: order, limits, reasons → a frozen plan.

What is shown is what is executed: the document is made from the pending changes themselves, and `apply` sends a change
only when it is still the one that was shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from muster.expressions import Context
from muster.model.changes import Action
from muster.model.schema import ENABLED
from muster.store.codec import decode
from muster.store.database import Database, Session, chunks
from muster.sync.changes import CHANGE_COLUMNS, PLANNED, rank_of
from muster.sync.clearing import CLEARS
from muster.sync.clock import moment
from muster.sync.containers import follow_containers
from muster.sync.edges import spelled
from muster.sync.limits import over_limits
from muster.sync.outbound import named_objects
from muster.sync.presence import protected
from muster.sync.problems import Problem, Report
from muster.sync.rules import Rules
from muster.sync.values import PartialDocument

ACTIONS: Final = tuple(action.value for action in (Action.CREATE, Action.UPDATE, Action.DISABLE, Action.DELETE))

LATER: Final = "<known after apply>"
"""Stands for a value that a system answers when the plan is applied."""

_PAGE: Final = 5000
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


def unmanaged_objects(session: Session, rules: Rules) -> list[dict[str, Any]]:
    """The objects in some mapping's scope that are joined to nobody and are no case."""
    found: list[dict[str, Any]] = []
    for space in sorted(rules.by_space):
        system, kind = rules.spaces[space]
        mappings = [m.id for m in rules.by_space[space] if not m.rules.project]
        found.extend(
            {"system": system, "object_type": kind, "anchor": row[0]}
            for row in session.rows(
                "SELECT anchor FROM object o WHERE space = ? AND identity IS NULL AND gone = 0 AND mapping IN ?i "
                "AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.object = o.id) ORDER BY anchor",
                space,
                mappings,
            )
        )
    return found


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
            "SELECT id, anchor, doc FROM object o WHERE space = ? AND identity IS NULL AND gone = 0 AND mapping = ? "
            "AND made = 0 AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.object = o.id) ORDER BY anchor",
            mapping.space,
            mapping.id,
        )
        missing = unknown.get(mapping.space, frozenset())
        changes: list[tuple[Any, ...]] = []
        for number, anchor, data in rows:
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


# --- the document


def plan_document(
    rules: Rules, session: Session, report: Report, *, system: str | None = None, identities: Iterable[int] = ()
) -> dict[str, Any]:
    """The pending changes as JSON, in the order in which they will be made."""
    only = set(identities)
    changes = [
        change
        for change in pending_changes(rules, session, named=True)
        if (system is None or change["system"] == system) and (not only or change["_identity"] in only)
    ]
    document = {
        "summary": summary(changes),
        "changes": changes,
        "held": [problem.document() for problem in report.held],
        "errors": [problem.document() for problem in report.errors],
        "notes": [problem.document() for problem in report.notes],
        "unmanaged": [
            entry for entry in unmanaged_objects(session, rules) if system is None or entry["system"] == system
        ],
    }
    for change in changes:
        del change["_identity"]
    return document


def summary(changes: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """How many of each action, by system."""
    found: dict[str, dict[str, int]] = {}
    for change in changes:
        counts = found.setdefault(change["system"], dict.fromkeys(ACTIONS, 0))
        counts[change["action"]] += 1
    return dict(sorted(found.items()))


def pending_changes(rules: Rules, session: Session, *, named: bool = False) -> Iterable[dict[str, Any]]:
    """Every pending change as it is shown, in order of export; with `named`, with the names of the people."""
    rows = session.rows(
        "SELECT c.id, c.space, c.mapping, c.identity, c.action, c.anchor, c.payload, c.digest, i.uid FROM change c "
        "LEFT JOIN identity i ON i.id = c.identity WHERE c.state = 0 ORDER BY c.rank, c.id"
    )
    for batch in chunks(rows, _PAGE):
        edges = edges_of(rules, session, [row[0] for row in batch])
        names = names_of(session, [row[3] for row in batch]) if named else {}
        for row in batch:
            yield change_document(rules, row, edges.get(row[0], {}), names.get(row[3]))


def names_of(session: Session, identities: Iterable[int]) -> dict[int, str]:
    """What people call these identities: their displayName, of those that have one."""
    found: dict[int, str] = {}
    for number, data in session.rows("SELECT id, doc FROM identity WHERE id IN ?i", sorted(set(identities))):
        name = decode(data).get("displayName")
        if isinstance(name, str):
            found[number] = name
    return found


def change_document(
    rules: Rules, row: Sequence[Any], edges: Mapping[str, dict[str, list[str]]], called: str | None = None
) -> dict[str, Any]:
    """One change as programs and people read it, with the name of its identity, or else of its object."""
    number, space, mapping, identity, action, anchor, data, _, uid = row
    payload = orjson.loads(data)
    system, kind = rules.spaces[space]
    was = payload.get("was", {})
    attributes: dict[str, dict[str, Any]] = {
        name: {"from": was.get(name), "to": value} for name, value in payload["values"].items()
    }
    for name in (*payload.get("later", ()), *payload.get("waits", ())):
        attributes.setdefault(name, {"from": was.get(name), "to": LATER})
    for name in {**payload.get("add", {}), **payload.get("remove", {})}:
        attributes[name] = {
            "add": payload.get("add", {}).get(name, []),
            "remove": payload.get("remove", {}).get(name, []),
        }
    attributes.update(edges)
    for name in payload.get("drift", ()):
        if name in attributes:
            attributes[name]["drift"] = True
    if called is None:
        compiled = rules.mappings.get(mapping)
        own = payload["values"].get(compiled.schema.naming) if compiled and compiled.schema.naming else None
        called = own if isinstance(own, str) else None
    return {
        "id": number,
        "system": system,
        "object_type": kind,
        "action": action,
        "anchor": anchor,
        "identity": uid,
        "name": called,
        "attributes": attributes,
        "reason": payload["reason"],
        "mapping": rules.names.text(mapping),
        "_identity": identity,
    }


def edges_of(rules: Rules, session: Session, numbers: list[int]) -> dict[int, dict[str, dict[str, list[str]]]]:
    """The values of large references that these changes add and remove, by change and attribute."""
    found: dict[int, dict[str, dict[str, list[str]]]] = {}
    if not rules.writes_edges:
        return found
    rows = session.rows(
        "SELECT e.change, e.attribute, e.text, e.remove, c.space FROM edge_change e JOIN change c ON c.id = e.change "
        "WHERE e.change IN ?i ORDER BY e.change, e.attribute, e.text",
        numbers,
    )
    names: dict[str, dict[str, str]] = {}
    for system in {rules.system_of(row[4]) for row in rows}:
        names[system] = spelled(session, rules, system, [row[2] for row in rows if rules.system_of(row[4]) == system])
    for change, attribute, text, remove, space in rows:
        entry = found.setdefault(change, {}).setdefault(rules.names.text(attribute), {"add": [], "remove": []})
        shown = names[rules.system_of(space)].get(text, text)
        entry["remove" if remove else "add"].append(shown or LATER)
    return found


def approved(change: Mapping[str, Any], plan: Mapping[tuple[str, str, str | None], Mapping[str, Any]]) -> bool:
    """Whether a pending change does only what the plan showed.

    `plan`: the shown changes by (mapping, object type, identity). A value that was shown as known after apply may be
    anything; part of a shown change is part of what was approved.
    """
    shown = plan.get(plan_key(change))
    if shown is None:
        return False
    if change["action"] != shown["action"] and not (shown["action"] == "create" and change["action"] == "update"):
        return False
    if change["action"] == shown["action"] == Action.CREATE and change["reason"]["rule"] != shown["reason"]["rule"]:
        return False
    for name, entry in change["attributes"].items():
        promised = shown["attributes"].get(name)
        if promised is None:
            return False
        if promised.get("to") == LATER or entry.get("to") == LATER:
            continue
        if "add" in entry or "remove" in entry:
            if not _within(entry, promised):
                return False
        elif entry.get("to") != promised.get("to") or (
            change["action"] == shown["action"] and entry.get("from") != promised.get("from")
        ):
            return False
    return bool(change["anchor"] == shown["anchor"] or shown["action"] == "create")


def _within(entry: Mapping[str, Any], promised: Mapping[str, Any]) -> bool:
    shown_add = promised.get("add", promised.get("to") or [])
    if LATER in shown_add:
        return True
    return set(entry.get("add", ())) <= set(shown_add) and set(entry.get("remove", ())) <= set(
        promised.get("remove", ())
    )


def plan_key(change: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """What ties a pending change to a shown one: at most one pending change an identity and mapping.

    Somebody who is taken out of groups has one for each group besides.
    """
    who = change["identity"] or change["anchor"]
    if change["reason"]["rule"] == CLEARS:
        who = f"{who} in {change['anchor']}"
    return (change["mapping"], change["object_type"], who)


def plan_digest(changes: Sequence[Mapping[str, Any]]) -> str:
    """The digest of what a plan shows; whoever alters the file alters it."""
    content = [{name: value for name, value in change.items() if name not in ("id", "name")} for change in changes]
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def stale(change: Mapping[str, Any]) -> Problem:
    """A shown change that is not to be made any more."""
    who = change["anchor"] or change.get("name") or change["identity"]
    return Problem(
        "stale",
        change["system"],
        f"{change['system']}/{change['object_type']} {who}: {change['action']} is left out, because what it was "
        "planned from has changed since. Make a new plan",
        type=change["object_type"],
        anchor=change["anchor"],
        identities=(change["identity"],) if change["identity"] else (),
    )
