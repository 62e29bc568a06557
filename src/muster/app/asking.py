"""Asking every system of a project whether it can be used, and what is missing there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from muster.app.connectors import connect
from muster.model.errors import MusterError
from muster.project.configuration import Project
from muster.project.diagnostics import Diagnostic
from muster.project.secrets import SecretStore
from muster.sync.fitting import misfits


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
    """Each system, as it answers. One that does not is no other's trouble."""
    secrets = SecretStore()
    for name, system in sorted(project.systems.items()):
        try:
            with connect(system, project, secrets) as guard:
                health = guard.check()
                found = misfits(project, name, guard.schema()) if health.ok else []
        except MusterError as error:
            yield Asked(name, False, error.message)
        else:
            yield Asked(name, health.ok, health.message, tuple(health.missing), tuple(found))
