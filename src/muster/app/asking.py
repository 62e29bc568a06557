"""Asking every system of a project whether it can be used, and what is missing there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass

from muster.app.connectors import connect
from muster.model.errors import MusterError, ProjectError
from muster.model.schema import SystemSchema
from muster.project.configuration import Project
from muster.project.diagnostics import Diagnostic
from muster.project.secrets import SecretStore
from muster.store.database import Database, is_there
from muster.store.opening import open_store
from muster.sync.remembered import another
from muster.sync.rules.fitting import misfits


@dataclass(frozen=True, slots=True)
class Asked:
    """What one system answered. `ok`: it can be used; `missing`: what is lacking, for that or for some purposes.

    `misfits`: what the mappings want to read or write there and cannot.
    """

    system: str
    ok: bool
    message: str
    missing: tuple[str, ...] = ()
    misfits: tuple[Diagnostic, ...] = ()


def ask_systems(project: Project) -> Iterator[Asked]:
    """Each system, as it answers, or that it is another than the one that is known. One is no other's trouble."""
    secrets = SecretStore()
    there = is_there(project.store, project.folder)
    with open_store(project.store, project.folder) if there else nullcontext() as store:
        yield from _asked(project, secrets, store)


def _asked(project: Project, secrets: SecretStore, store: Database | None) -> Iterator[Asked]:
    for name, system in sorted(project.systems.items()):
        try:
            with connect(system, project, secrets) as guard:
                health = guard.check()
                schema = guard.schema() if health.ok else SystemSchema()
                found = misfits(project, name, schema) if health.ok else []
                if store is not None:
                    with store.read() as session:
                        other = another(session, name, schema)
                    if other is not None:
                        raise ProjectError(other)
        except MusterError as error:
            yield Asked(name, False, error.message)
        else:
            yield Asked(name, health.ok, health.message, tuple(health.missing), tuple(found))
