"""The queue of changes: the states a change goes through, and the order in which changes are made."""

from __future__ import annotations

from typing import Final

from muster.model import dn
from muster.model.changes import Action
from muster.model.values import Value

PLANNED: Final = 0
SENT: Final = 1
DONE: Final = 2
FAILED: Final = 3
"""`state` of a change."""

RANK: Final = {Action.CREATE: 1_000, Action.UPDATE: 500_000, Action.DISABLE: 600_000, Action.DELETE: 900_000}
"""Order of export: creates first (containers and referenced objects before the others), deletes last."""

RANK_RENAMES: Final = 400_000
RANK_EDGES: Final = 700_000
RANK_LATE: Final = 200_000
"""What only changes large references comes after all else that makes or names objects; so do creates with some."""

_STEP: Final = 1_000
_DEEPEST: Final = 150


def rank_of(action: Action, name: Value, *, renames: bool = False) -> int:
    """Where a change of an object of this name stands: containers are made before and deleted after what they hold.

    `name` is a DN where the system has such names, else None. Between two ranks of creates there is room for the order
    of references.
    """
    depth = min(dn.depth(name), _DEEPEST) if isinstance(name, str) else 0
    if action is Action.CREATE:
        return RANK[action] + depth * _STEP
    if action is Action.DELETE:
        return RANK[action] - depth
    return RANK_RENAMES + depth if renames and action is Action.UPDATE else RANK[action]


CHANGE_COLUMNS: Final = (
    "id",
    "run",
    "space",
    "mapping",
    "identity",
    "object",
    "action",
    "anchor",
    "rank",
    "waits",
    "payload",
    "digest",
    "state",
)
