"""The queue of changes: the states a change goes through, the order in which changes are made, what one does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from muster.model import dn
from muster.model.changes import Action
from muster.model.schema import ObjectSchema
from muster.model.values import Document, Value, comparable, items

PLANNED: Final = 0
SENT: Final = 1
DONE: Final = 2
FAILED: Final = 3
"""`state` of a change."""

RANK: Final = {Action.CREATE: 1_000, Action.UPDATE: 500_000, Action.DISABLE: 600_000, Action.DELETE: 900_000}
"""Order of export: creates first (containers and referenced objects before the others), deletes last."""

RANK_RENAMES: Final = 400_000
"""New names come after what is made and before what else is written, so that everything is written under its last name;
new names of containers come before what is made in them."""
RANK_EDGES: Final = 700_000
RANK_DANGLING: Final = 740_000
"""What takes a name out of references comes right before what bears that name is deleted."""
RANK_LATE: Final = 410_000
"""What only changes large references comes after all else that makes or names objects; so do creates with some."""

_STEP: Final = 1_000
_DEEPEST: Final = 150


def rank_of(action: Action, name: Value, *, renames: bool = False) -> int:
    """Where a change of an object of this name stands: containers are made before and deleted after what they hold.

    `name` is a DN where the system has such names, else None. Between two ranks of creates, and of deletes, there is
    room for the order of references.
    """
    depth = min(dn.depth(name), _DEEPEST) if isinstance(name, str) else 0
    if action is Action.CREATE:
        return RANK[action] + depth * _STEP
    if action is Action.DELETE:
        return RANK[action] - depth * _STEP
    return RANK_RENAMES + depth if renames and action is Action.UPDATE else RANK[action]


def rank_of_container(name: str) -> int:
    """Where the change stands that gives a container this name: after what is made above it, before all below it."""
    return RANK[Action.CREATE] + min(dn.depth(name), _DEEPEST) * _STEP - 1


def written_values(schema: ObjectSchema, before: Document, payload: Mapping[str, Any]) -> Document:
    """What attributes hold after a change: those replaced, and those that lost or gained single values."""
    written: Document = dict(payload["values"])
    add, remove = payload.get("add", {}), payload.get("remove", {})
    for name in {**add, **remove}:
        attribute = schema.attribute(name)
        gone = {comparable(one, attribute) for one in remove.get(name, ())}
        kept = [one for one in items(before.get(name)) if comparable(one, attribute) not in gone]
        has = {comparable(one, attribute) for one in kept}
        value: Value = kept + [one for one in add.get(name, ()) if comparable(one, attribute) not in has]
        written[name] = value or None
    return written
