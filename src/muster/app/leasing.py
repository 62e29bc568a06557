"""The leases of a verb that works on a project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from muster.project.configuration import Project
from muster.store.database import Database
from muster.store.leases import IMPATIENT, Patience, leased


@contextmanager
def project_leased(project: Project, database: Database, verb: str, patience: Patience = IMPATIENT) -> Iterator[None]:
    """Nobody else works on the project or on one of its systems meanwhile. Raises `LeaseRefused`."""
    with leased(database, ["project", *(f"system {name}" for name in sorted(project.systems))], verb, patience):
        yield
