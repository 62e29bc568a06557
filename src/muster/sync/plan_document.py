"""A plan as programs and people read it: the pending changes themselves, written out.

What is shown is what is executed: `apply` sends a change only when it is still the one that was shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from muster.expressions import Context
from muster.model import dn
from muster.model.changes import Action
from muster.model.values import items, same
from muster.store.audit import is_erased
from muster.store.codec import decode
from muster.store.database import Session, chunks
from muster.sync.joins.joining import object_keys
from muster.sync.notes import doubts_of
from muster.sync.problems import Problem, Report
from muster.sync.queue.changes import DONE
from muster.sync.references.clearing import CLEARS
from muster.sync.references.dangling import DANGLES
from muster.sync.references.edge_lookup import spelled
from muster.sync.rules.ruleset import Rules

ACTIONS: Final = tuple(action.value for action in (Action.CREATE, Action.UPDATE, Action.DISABLE, Action.DELETE))

LATER: Final = "<known after apply>"
"""Stands for a value that a system answers when the plan is applied."""

_PAGE: Final = 5000
_ENDS: Final = (Action.DISABLE, Action.DELETE)
"""The actions of which a plan says what the object is known by: they write nothing by which it could be told."""
_BETWEEN: Final = "\x1f"
"""Between the values of one join key."""
_ANY_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""What an object is known by is no matter of the time of day."""


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


def unmanaged_objects(session: Session, rules: Rules) -> list[dict[str, Any]]:
    """The objects in some mapping's scope that are joined to nobody and are no case."""
    found: list[dict[str, Any]] = []
    for space in sorted(rules.by_space):
        system, kind = rules.spaces[space]
        mappings = [m.id for m in rules.by_space[space] if not m.rules.project]
        found.extend(
            {"system": system, "object_type": kind, "anchor": row[0]}
            for row in sorted(
                session.rows(
                    "SELECT anchor FROM object o WHERE space = ? AND identity IS NULL AND gone = 0 AND mapping IN ?i "
                    "AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.object = o.id)",
                    space,
                    mappings,
                )
            )
        )
    return found


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
        "SELECT c.id, c.space, c.mapping, c.identity, c.action, c.anchor, p.doc, i.uid, c.object "
        "FROM change c JOIN payload p ON p.change = c.id LEFT JOIN identity i ON i.id = c.identity "
        "WHERE c.state = 0 ORDER BY c.rank, c.id"
    )
    for batch in chunks(rows, _PAGE):
        edges = edges_of(rules, session, [row[0] for row in batch])
        names = names_of(session, [row[3] for row in batch]) if named else {}
        doubts = doubts_of(session, [row[3] for row in batch])
        ends = known_by(rules, session, [(row[0], row[2], row[8]) for row in batch if row[4] in _ENDS])
        for row in batch:
            change = change_document(rules, row[:8], edges.get(row[0], {}), names.get(row[3]))
            if told := doubts.get((row[3], row[2])):
                change["doubts"] = told
            if row[4] in _ENDS:
                change["known_by"] = ends.get(row[0], [])
            yield change


def known_by(rules: Rules, session: Session, ended: Iterable[tuple[int, int, int | None]]) -> dict[int, list[str]]:
    """What the objects of these changes show of the join lines of their mappings, by change: `employeeId=7`.

    `ended`: change, mapping and object.
    """
    of = {number: (change, rules.mappings.get(mapping)) for change, mapping, number in ended if number is not None}
    found: dict[int, list[str]] = {}
    context = Context(now=_ANY_TIME)
    for number, data in session.rows("SELECT id, doc FROM object WHERE id IN ?i", sorted(of)):
        change, mapping = of[number]
        if mapping is not None:
            keys = dict(object_keys(mapping, decode(data), context).found)
            lines = [(",".join(join.line.attributes), keys[join.sig]) for join in mapping.joins if join.sig in keys]
            found[change] = [f"{names}={key.replace(_BETWEEN, ',')}" for names, key in lines]
    return found


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
    number, space, mapping, identity, action, anchor, data, uid = row
    payload = orjson.loads(data)
    system, kind = rules.spaces[space]
    was = payload.get("was", {})
    attributes: dict[str, dict[str, Any]] = {
        name: {"from": was.get(name), "to": value} for name, value in payload["values"].items()
    }
    for name in payload.get("later", ()):
        attributes.setdefault(name, {"from": was.get(name), "to": LATER})
    for name in {**payload.get("add", {}), **payload.get("remove", {})}:
        attributes[name] = {
            "add": payload.get("add", {}).get(name, []),
            "remove": payload.get("remove", {}).get(name, []),
        }
    compiled = rules.mappings.get(mapping)
    restores = payload.get("restores")
    if restores is not None and compiled is not None:
        schema = compiled.schema
        attributes = {n: e for n, e in attributes.items() if not same(e["from"], e["to"], schema.attribute(n))}
    for name, targets in payload.get("waits", {}).items():
        many = compiled is not None and compiled.schema.attribute(name).many
        attributes[name] = _awaited(attributes.get(name), [LATER] * len(targets), many, action == Action.CREATE)
    attributes.update(edges)
    for name in payload.get("drift", ()):
        if name in attributes:
            attributes[name]["drift"] = True
    if called is None:
        own = payload["values"].get(compiled.schema.naming) if compiled and compiled.schema.naming else None
        called = own if isinstance(own, str) else None
    return {
        "id": number,
        "system": system,
        "object_type": kind,
        "action": action,
        "anchor": anchor or restores,
        "identity": uid,
        "name": called,
        "attributes": attributes,
        "reason": payload["reason"],
        "mapping": rules.names.find(mapping),
        **({"restores": restores} if restores is not None else {}),
        "_identity": identity,
    }


def without_later(change: Mapping[str, Any]) -> dict[str, Any]:
    """A change that was made, without what never became known and so was not written."""
    attributes = {name: entry for name, entry in change["attributes"].items() if entry.get("to") != LATER}
    return {**change, "attributes": attributes}


def _awaited(entry: Mapping[str, Any] | None, coming: Sequence[str], many: bool, create: bool) -> dict[str, Any]:
    """What is shown of a reference to objects that the plan makes: their names come to those that are known."""
    if not many:
        return {"from": None, **(entry or {}), "to": LATER}
    if create or (entry is not None and "to" in entry):
        known = entry["to"] if entry is not None else None
        return {"from": None, **(entry or {}), "to": [*(known or ()), *coming]}
    known = entry or {"add": [], "remove": []}
    return {**known, "add": [*known["add"], *coming]}


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
    anything; part of a shown change is part of what was approved. A doubt whose object it is that nobody saw is not,
    nor is a disable or delete of an object that is known by another number since.
    """
    shown = plan.get(plan_key(change))
    if shown is None or not set(change.get("doubts", ())) <= set(shown.get("doubts", ())):
        return False
    if change["action"] != shown["action"] and not (shown["action"] == "create" and change["action"] == "update"):
        return False
    if change["action"] == shown["action"] == Action.CREATE and change["reason"]["rule"] != shown["reason"]["rule"]:
        return False
    if "known_by" in change and change["known_by"] != shown.get("known_by"):
        return False
    if change["action"] == Action.CREATE and change.get("restores") != shown.get("restores"):
        return False
    same_action = change["action"] == shown["action"]
    for name, entry in change["attributes"].items():
        promised = shown["attributes"].get(name)
        if promised is None or not _as_promised(entry, promised, same_action):
            return False
    return bool(change["anchor"] == shown["anchor"] or shown["action"] == "create")


def _as_promised(entry: Mapping[str, Any], promised: Mapping[str, Any], same_action: bool) -> bool:
    """Whether a change of one attribute does only what was shown of it."""
    if promised.get("to") == LATER:
        return True
    if "to" not in entry:
        shown = promised["add"] if "add" in promised else promised["to"]
        return _within(entry["add"], shown) and _may_go(entry["remove"], promised)
    if "to" not in promised:
        return False
    if isinstance(promised["to"], list) and LATER in promised["to"]:
        return _within(entry["to"], promised["to"])
    return bool(entry["to"] == promised["to"] and (not same_action or entry["from"] == promised["from"]))


def _within(values: Any, promised: Any) -> bool:
    """Whether these are among the values that were shown, of which some were not known yet."""
    known = set(items(promised))
    others = sum(1 for value in items(values) if value not in known)
    return others <= items(promised).count(LATER)


def _may_go(values: Sequence[Any], promised: Mapping[str, Any]) -> bool:
    """Whether these values were shown to go, or came with what was not known yet: a name that changed meanwhile."""
    if "remove" in promised:
        shown = {_plain(value) for value in promised["remove"]}
        return all(_plain(value) in shown for value in values)
    known = items(promised["to"])
    return not values or (LATER in known and not set(values) & set(known))


def _plain(value: Any) -> Any:
    """A name as names are compared: when nobody bears it any more, nobody knows how it was written."""
    return dn.normal(value) if isinstance(value, str) and "=" in value else value


def plan_key(change: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """What ties a pending change to a shown one: at most one pending change an identity and mapping.

    Somebody who is taken out of groups has one for each group besides; an object that loses a reference before others
    are deleted has one for that.
    """
    who = change["identity"] or change["anchor"]
    if change["reason"]["rule"] in (CLEARS, DANGLES):
        who = f"{who} in {change['anchor']}"
    return (change["mapping"], change["object_type"], who)


def plan_digest(document: Mapping[str, Any]) -> str:
    """The digest of all that a plan shows; whoever alters the file alters it."""
    content = {name: value for name, value in document.items() if name != "digest"}
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def made_since(rules: Rules, session: Session, plan: int, shown: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Which of the changes that a plan showed were made after it, and by which run: id in the plan → run.

    A change that was worked out again meanwhile has another id; it is known by what it did.
    """
    by_key = {plan_key(change): change for change in shown}
    found: dict[int, int] = {}
    columns = "c.id, c.space, c.mapping, c.identity, c.action, c.anchor, p.doc, i.uid, a.run"
    made = (
        f"SELECT {columns} FROM change c JOIN payload p ON p.change = c.id JOIN audit a ON a.seq = c.sealed "
        f"LEFT JOIN identity i ON i.id = c.identity WHERE c.state = {DONE} AND a.run > ? AND"
    )
    for batch in chunks(shown, _PAGE):
        ids = {change["id"] for change in batch}
        found.update((row[0], row[-1]) for row in session.rows(f"{made} c.id IN ?i", plan, sorted(ids)))
        people = sorted({change["identity"] for change in batch if change["identity"] and change["id"] not in found})
        rows = session.rows(f"{made} c.identity IN (SELECT id FROM identity WHERE uid IN ?t)", plan, people)
        rows = [row for row in rows if not is_erased(row[6])]
        edges = edges_of(rules, session, [row[0] for row in rows])
        for row in rows:
            change = change_document(rules, row[:8], edges.get(row[0], {}))
            if approved(change, by_key):
                found.setdefault(by_key[plan_key(change)]["id"], row[-1])
    return found


def stale(change: Mapping[str, Any]) -> Problem:
    """A shown change that is not to be made any more."""
    who = change["anchor"] or change.get("name") or change["identity"]
    return Problem(
        "stale",
        change["system"],
        f"{change['system']}/{change['object_type']} {who}: {change['action']} is left out, because what it was "
        "planned from has changed since. Next: muster plan",
        type=change["object_type"],
        anchor=change["anchor"],
        identities=(change["identity"],) if change["identity"] else (),
    )
