"""A container that is renamed takes all that it holds with it: what it holds is not renamed once more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from muster.model import dn
from muster.model.changes import Action
from muster.store.database import Session
from muster.sync.marks import TROUBLE
from muster.sync.queue.changes import PLANNED, RANK, rank_of, rank_of_container
from muster.sync.queue.queued import drop_changes, rewrite_changes
from muster.sync.rules.ruleset import Rules

_Rename = tuple[int, str, int, dict[str, Any]]
"""A pending change: id, the attribute that names, identity, payload."""

_PARTS: Final = ("add", "remove", "waits", "later")


def follow_containers(session: Session, rules: Rules) -> None:
    """Take out of the pending changes every new name that the renaming of a container in the same plan brings about;
    rename containers before anything is made in them.

    Whose change that was is looked at again in the next run, in case the container was not renamed after all.
    """
    by_system: dict[str, list[_Rename]] = {}
    for space in sorted(rules.spaces):
        naming = _naming(rules, space)
        if naming is None:
            continue
        for number, identity, payload in session.rows(
            "SELECT c.id, c.identity, p.doc FROM change c JOIN payload p ON p.change = c.id "
            f"WHERE c.state = {PLANNED} AND c.space = ? AND c.rank < ? AND c.action = 'update'",
            space,
            RANK[Action.UPDATE],
        ):
            by_system.setdefault(rules.system_of(space), []).append((number, naming, identity, orjson.loads(payload)))
    for system, renames in by_system.items():
        renames.sort(key=lambda rename: rename[0])
        _follow(session, renames)
        _containers_first(session, rules, rules.spaces_of(system), renames)


def _naming(rules: Rules, space: int) -> str | None:
    """The attribute that holds the DN of the objects of a space; None where they have none."""
    schema = rules.schema_of(space)
    return schema.naming if schema is not None and schema.name_is_dn else None


def _follow(session: Session, renames: list[_Rename]) -> None:
    names = {
        dn.normal(str(payload["was"][naming])): dn.normal(str(payload["values"][naming]))
        for _, naming, _, payload in renames
        if payload["was"].get(naming) and payload["values"].get(naming)
    }
    edged = {
        row[0]
        for row in session.rows(
            "SELECT DISTINCT change FROM edge_change WHERE change IN ?i", [number for number, _, _, _ in renames]
        )
    }
    changed: list[tuple[int, int]] = []
    payloads: list[tuple[bytes, int]] = []
    empty: list[int] = []
    owners: list[int] = []
    for number, naming, identity, payload in renames:
        old, new = payload["was"].get(naming), payload["values"].get(naming)
        if not old or not new or carried(dn.normal(str(old)), names) != dn.normal(str(new)):
            continue
        owners.append(identity)
        del payload["values"][naming], payload["was"][naming]
        if number in edged or payload["values"] or any(payload.get(part) for part in _PARTS):
            changed.append((RANK[Action.UPDATE], number))
            payloads.append((orjson.dumps(payload), number))
        else:
            empty.append(number)
    if not owners:
        return
    session.update("change", ("rank",), ("id",), changed)
    rewrite_changes(session, payloads)
    drop_changes(session, empty)
    session.run(f"UPDATE identity SET dirty = dirty | {TROUBLE} WHERE id IN ?i", owners)


def _containers_first(session: Session, rules: Rules, spaces: list[int], renames: list[_Rename]) -> None:
    """Containers get their new names before what is made, or comes to lie, below those names; as late as that allows,
    because a new name may lie below something that is made.
    """
    new = {number: dn.normal(str(p["values"][naming])) for number, naming, _, p in renames if p["values"].get(naming)}
    old = {dn.normal(str(p["was"][naming])): n for n, naming, _, p in renames if n in new and p["was"].get(naming)}
    holding = session.rows(
        "SELECT DISTINCT parent FROM object WHERE parent IN ?t AND space IN ?i AND gone = 0", sorted(old), spaces
    )
    first = {old[parent] for (parent,) in holding}
    above = _above_creates(session, rules, spaces) | {dn.parent(new[number]) for number in first}
    while more := {number for number, name in new.items() if name in above} - first:
        first |= more
        above = {dn.parent(new[number]) for number in more}
    rows = [
        (rank_of_container(name) if number in first else rank_of(Action.UPDATE, name, renames=True), number)
        for number, name in new.items()
    ]
    session.update("change", ("rank",), ("id",), rows)


def _above_creates(session: Session, rules: Rules, spaces: list[int]) -> set[str]:
    """The containers in which something is to be made."""
    found: set[str] = set()
    for space in spaces:
        naming = _naming(rules, space)
        for (data,) in session.rows(
            "SELECT p.doc FROM change c JOIN payload p ON p.change = c.id "
            f"WHERE c.state = {PLANNED} AND c.space = ? AND c.rank < ? AND c.action = 'create'",
            space,
            RANK[Action.UPDATE],
        ):
            name = orjson.loads(data)["values"].get(naming)
            if isinstance(name, str):
                found.add(dn.parent(dn.normal(name)))
    return found


def carried(name: str, names: Mapping[str, str]) -> str | None:
    """The name that an object gets when the containers above it are renamed (old → new); None when none of them is."""
    parts = dn.split(name)
    for position in range(1, len(parts)):
        above = ",".join(parts[position:])
        new = names.get(above)
        if new is not None:
            return ",".join([*parts[:position], new])
    return None
