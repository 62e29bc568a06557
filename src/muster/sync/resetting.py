"""Restarting a job: what is forgotten of a system, so that the next run works it out again.

The names are those of `resetScope` in Microsoft Graph:
https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationjobrestartcriteria
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from muster.project.configuration import Project
from muster.store.database import Session
from muster.store.names import Names

WATERMARK: Final = "watermark"
QUARANTINE: Final = "quarantine-state"
ESCROWS: Final = "escrows"
DATA_STORE: Final = "connector-data-store"
FORCE_DELETES: Final = "force-deletes"
FULL: Final = "full"
SCOPES: Final = (WATERMARK, QUARANTINE, ESCROWS, DATA_STORE, FORCE_DELETES, FULL)
USUAL: Final = frozenset({WATERMARK, QUARANTINE, ESCROWS})
"""What a restart resets that says nothing: as the portal's button does."""


def scopes_of(said: Collection[str]) -> frozenset[str]:
    """The parts that these words mean. `full` is all but `force-deletes`, which must be said by name."""
    found = frozenset(said) or USUAL
    return found | USUAL | {DATA_STORE} if FULL in found else found


def reset(session: Session, project: Project, names: Names, system: str, scopes: Collection[str]) -> None:
    """Forget these parts of what is known of a system. Who is joined to whom stays, and what Muster made."""
    spaces = sorted(number for (name, _), number in names.spaces().items() if name == system)
    kinds = sorted({m.identity for m in project.mappings.values() if m.system == system})
    if QUARANTINE in scopes:
        session.run("DELETE FROM quarantine WHERE system = ?", system)
        session.run("DELETE FROM outage WHERE system = ?", system)
    if ESCROWS in scopes:
        session.run(
            "UPDATE identity SET dirty = dirty | 2 WHERE id IN "
            "(SELECT identity FROM object WHERE space IN ?i AND stick IS NOT NULL AND identity IS NOT NULL)",
            spaces,
        )
        session.run("UPDATE object SET stick = NULL WHERE space IN ?i AND stick IS NOT NULL", spaces)
    if DATA_STORE in scopes:
        session.run("UPDATE object SET digest = 0, wanted = NULL WHERE space IN ?i", spaces)
    if {WATERMARK, DATA_STORE} & set(scopes):
        session.run("UPDATE watermark SET value = NULL WHERE system = ?", system)
        session.run("UPDATE object SET dirty = 1 WHERE space IN ?i AND dirty = 0 AND gone = 0", spaces)
        session.run("UPDATE identity SET dirty = dirty | 2 WHERE type IN ?t", kinds)
