"""A container that is renamed takes all that it holds with it: what it holds is not renamed once more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from muster.model import dn
from muster.model.changes import Action
from muster.store.codec import digest
from muster.store.database import Session
from muster.sync.changes import PLANNED, RANK, RANK_CONTAINERS, RANK_RENAMES
from muster.sync.marks import TROUBLE
from muster.sync.rules import Rules

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
        schema = rules.schema_of(space)
        if schema is None or schema.naming is None or not schema.name_is_dn:
            continue
        for number, identity, payload in session.rows(
            "SELECT id, identity, payload FROM change "
            f"WHERE state = {PLANNED} AND space = ? AND rank >= ? AND rank < ?",
            space,
            RANK_RENAMES,
            RANK[Action.UPDATE],
        ):
            by_system.setdefault(rules.system_of(space), []).append(
                (number, schema.naming, identity, orjson.loads(payload))
            )
    for system, renames in by_system.items():
        renames.sort(key=lambda rename: rename[0])
        _follow(session, renames)
        _containers_first(session, rules.spaces_of(system), renames)


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
    changed: list[tuple[Any, ...]] = []
    empty: list[int] = []
    owners: list[int] = []
    for number, naming, identity, payload in renames:
        old, new = payload["was"].get(naming), payload["values"].get(naming)
        if not old or not new or carried(dn.normal(str(old)), names) != dn.normal(str(new)):
            continue
        owners.append(identity)
        del payload["values"][naming], payload["was"][naming]
        if number in edged or payload["values"] or any(payload.get(part) for part in _PARTS):
            data = orjson.dumps(payload)
            changed.append((RANK[Action.UPDATE], data, digest(data), number))
        else:
            empty.append(number)
    if not owners:
        return
    session.update("change", ("rank", "payload", "digest"), ("id",), changed)
    session.run("DELETE FROM change WHERE id IN ?i", empty)
    session.run(f"UPDATE identity SET dirty = dirty | {TROUBLE} WHERE id IN ?i", owners)


def _containers_first(session: Session, spaces: list[int], renames: list[_Rename]) -> None:
    names = {dn.normal(str(r[3]["was"][r[1]])): r[0] for r in renames if r[3]["was"].get(r[1])}
    holding = session.rows(
        "SELECT DISTINCT parent FROM object WHERE parent IN ?t AND space IN ?i AND gone = 0", sorted(names), spaces
    )
    rows = [(RANK_CONTAINERS + dn.depth(parent), names[parent]) for (parent,) in holding]
    session.update("change", ("rank",), ("id",), rows)


def carried(name: str, names: Mapping[str, str]) -> str | None:
    """The name that an object gets when the containers above it are renamed (old → new); None when none of them is."""
    parts = dn.split(name)
    for position in range(1, len(parts)):
        above = ",".join(parts[position:])
        new = names.get(above)
        if new is not None:
            return ",".join([*parts[:position], new])
    return None
