"""The queue of changes: the states a change goes through, and the order in which changes are made."""

from __future__ import annotations

from typing import Final

from muster.model.changes import Action

PLANNED: Final = 0
SENT: Final = 1
DONE: Final = 2
FAILED: Final = 3
"""`state` of a change."""

RANK: Final = {Action.CREATE: 1_000, Action.UPDATE: 500_000, Action.DISABLE: 600_000, Action.DELETE: 900_000}
"""Order of export: creates first (containers and referenced objects before the others), deletes last."""

RANK_EDGES: Final = 700_000
RANK_LATE: Final = 200_000
"""What only changes large references comes after all else that makes or names objects; so do creates with some."""

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
