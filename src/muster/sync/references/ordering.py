"""The order of changes that refer to each other: what is referred to is made first.

What a reference waits for is made by the same plan, or is there by now; what is not made by anybody is not waited for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from muster.model.changes import Action
from muster.store.codec import decode
from muster.store.database import Database, Session, chunks
from muster.sync.problems import Problem, Report
from muster.sync.queue.queued import drop_changes, rewrite_changes
from muster.sync.references.naming import Place, going, staying_objects
from muster.sync.rules.ruleset import Rules

_BATCH: Final = 2000
_LEVELS: Final = 999
"""Within one rank of creates, or of deletes, there is room for so many steps."""


def order_references(database: Database, rules: Rules, report: Report) -> None:
    """Creates that are referred to come before those that refer to them; what is never created is not waited for.

    In batches: a kill between two of them leaves nothing that the next plan does not put right.
    """
    with database.read() as session:
        waiting = sorted(row[0] for row in session.rows("SELECT id FROM change WHERE state = 0 AND waits = 1"))
        if not waiting:
            return
        creates: dict[Place, int] = {
            (identity, rules.system_of(space), rules.account_of(mapping)): number
            for number, identity, mapping, space in session.rows(
                "SELECT id, identity, mapping, space FROM change WHERE state = 0 AND action = 'create'"
            )
        }
    creating = set(creates.values())
    after: dict[int, list[int]] = {}
    for batch in chunks(waiting, _BATCH):
        with database.write() as session:
            rows = session.rows(
                "SELECT c.id, c.identity, c.space, c.action, p.doc, c.anchor FROM change c "
                "JOIN payload p ON p.change = c.id WHERE c.id IN ?i",
                batch,
            )
            after.update(_keep_waits(session, rules, sorted(rows), creates, report))
    placed = [(number, level) for number, level in sorted(levels(after).items()) if number in creating]
    for batch in chunks(placed):
        with database.write() as session:
            set_levels(session, batch)


def set_levels(session: Session, placed: Sequence[tuple[int, int]]) -> None:
    """Give changes (id, level) their step within their rank."""
    rows = [(min(level, _LEVELS), number) for number, level in placed]
    session.many("UPDATE change SET rank = rank / 1000 * 1000 + ? WHERE id = ?", rows)


@dataclass(slots=True)
class _Kept:
    """What became of the waits of a batch of changes."""

    updates: list[tuple[Any, ...]] = field(default_factory=list)
    idle: list[tuple[Any, ...]] = field(default_factory=list)
    """Changes with nothing left in them but, perhaps, values of large references."""
    waiting: set[tuple[int, int]] = field(default_factory=set)
    cleared: list[tuple[int, int, str | None, str, int]] = field(default_factory=list)
    """References (owner, space, anchor, attribute, target) that lose the value they show, and get no other."""


def _keep_waits(
    session: Session, rules: Rules, rows: Sequence[Sequence[Any]], creates: Mapping[Place, int], report: Report
) -> dict[int, list[int]]:
    """Let these changes wait for what is there or coming, and for nothing else; the creates each leans on."""
    after: dict[int, list[int]] = {}
    found = _Kept()
    payloads = [orjson.loads(row[4]) for row in rows]
    there = _there(session, rules, {t for p in payloads for waits in p.get("waits", {}).values() for t, _ in waits})
    for (number, identity, space, action, _, anchor), payload in zip(rows, payloads, strict=True):
        system = rules.system_of(space)
        kept: dict[str, list[list[int]]] = {}
        ahead: set[Place] = set()
        for name, targets in payload.get("waits", {}).items():
            places = [(target, system, account) for target, account in targets]
            coming = [place for place in places if place in creates or place in there]
            found.waiting.update((place[0], identity) for place in places if place not in coming)
            ahead.update(coming)
            if coming:
                kept[name] = [[target, account] for target, _, account in coming]
            elif name in payload["was"]:
                found.cleared.append((identity, space, anchor, name, targets[0][0]))
        after[number] = [creates[place] for place in sorted(ahead) if place in creates]
        if kept != payload.get("waits"):
            payload["waits"] = kept
            nothing = not (kept or payload["values"] or payload.get("add") or payload.get("remove"))
            update = (orjson.dumps(payload), int(bool(kept)), number)
            empty = nothing and action != Action.CREATE and not payload.get("later")
            (found.idle if empty else found.updates).append(update)
    _write_kept(session, found)
    _tell_waiting(session, rules, found, report)
    return after


def _there(session: Session, rules: Rules, identities: set[int]) -> set[Place]:
    """Which of the identities have their object in which systems by now (an import or an earlier round brought it)."""
    return set(staying_objects(session, rules, sorted(identities))) if identities else set()


def _write_kept(session: Session, found: _Kept) -> None:
    with_edges = {
        row[0]
        for row in session.rows(
            "SELECT DISTINCT change FROM edge_change WHERE change IN ?i", [update[2] for update in found.idle]
        )
    }
    updates = found.updates + [update for update in found.idle if update[2] in with_edges]
    key = ("target", "owner")
    session.upsert("waiting", key, key, sorted(found.waiting))
    rewrite_changes(session, [(payload, number) for payload, _, number in updates])
    session.update("change", ("waits",), ("id",), [update[1:] for update in updates])
    drop_changes(session, [update[2] for update in found.idle if update[2] not in with_edges])


def _tell_waiting(session: Session, rules: Rules, found: _Kept, report: Report) -> None:
    """Say why references are cleared, but where the plan shows that the account itself goes."""
    if not found.cleared:
        return
    targets = sorted({entry[4] for entry in found.cleared})
    leaving = {(who, system) for who, system, _ in going(session, rules, targets)}
    people: dict[int, tuple[str, str]] = {
        number: (uid, decode(data).get("displayName") or uid)
        for number, uid, data in session.rows(
            "SELECT id, uid, doc FROM identity WHERE id IN ?i", sorted({*targets, *(e[0] for e in found.cleared)})
        )
    }
    for owner, space, anchor, name, target in found.cleared:
        system, kind = rules.spaces[space]
        if (target, system) in leaving:
            continue
        report.add(
            Problem(
                "waiting",
                system,
                f"{system}/{kind} {anchor}: {name} is {people[target][1]}, who has no object in {system}. The old "
                "value is cleared; the reference is written when there is one",
                type=kind,
                anchor=anchor,
                identities=(people[owner][0], people[target][0]),
                note=True,
            )
        )


def levels(after: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """How many steps each change stands behind others; a circle is cut where it closes."""
    found: dict[int, int] = {}
    for start in after:
        stack = [start]
        path: set[int] = set()
        while stack:
            number = stack[-1]
            if number in found:
                stack.pop()
                path.discard(number)
                continue
            path.add(number)
            open_ones = [one for one in after.get(number, ()) if one not in found and one not in path]
            if open_ones:
                stack.extend(open_ones)
                continue
            found[number] = 1 + max((found[one] for one in after.get(number, ()) if one in found), default=-1)
            stack.pop()
            path.discard(number)
    return found
