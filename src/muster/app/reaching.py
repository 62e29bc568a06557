"""A connector as the agents of a group run it. Loaded only when a system has agents: it needs an HTTP client."""

from __future__ import annotations

from typing import cast

from muster.agents.remote import remote_class
from muster.agents.switchboard import Switchboard
from muster.app.agents import open_registry
from muster.connectors.kit.contract import Connector
from muster.project.configuration import Project, System


def by_agents(system: System, group: str, kind: type[Connector], project: Project) -> Connector:
    """The connector, not yet entered; its settings travel as they are written, secrets by their names alone."""
    switchboard = Switchboard(lambda: open_registry(project), system.name, group)
    made = remote_class(kind)(
        system.name,
        dict(system.settings),
        {name: dict(given or {}) for name, given in system.objects.items()},
        switchboard.open,
    )
    return cast("Connector", made)
