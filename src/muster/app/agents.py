"""The agents of a project: codes to enrol them, who they are, who no longer is one."""

from __future__ import annotations

import socket
import uuid
from datetime import datetime
from typing import Any, Final

from muster.agents.registry import SECOND, Agent, Registry, ServerPlace
from muster.model.values import instant_text
from muster.project.configuration import Project, Server
from muster.sync.clock import micros, moment

_HERE: Final = 20 * SECOND
"""A server says this often enough which agents are here."""


def open_registry(project: Project, now: datetime | None = None) -> Registry:
    """The agents beside the project's store; `now` sets the clock. Raises `StoreError`."""
    return Registry.open(project.store, project.folder, (lambda: micros(now)) if now is not None else None)


def place_of(server: Server, certificate: str) -> ServerPlace:
    """Where the server that begins now will be."""
    return ServerPlace(str(uuid.uuid4()), socket.gethostname(), server.host, server.port, certificate)


def make_code(registry: Registry, group: str, minutes: int) -> dict[str, Any]:
    """A code with which one agent can enrol in a group, told this once."""
    code, expires = registry.make_code(group, minutes * 60)
    return {"code": code, "group": group, "expires": _instant(expires)}


def list_agents(project: Project, registry: Registry, now: datetime) -> dict[str, Any]:
    """Every agent, and the systems that have groups without one."""
    agents = registry.agents()
    groups = {one.group for one in agents if one.revoked is None}
    lacking = {name: one.agents for name, one in project.systems.items() if one.agents and one.agents not in groups}
    return {
        "agents": [_agent(one, micros(now)) for one in agents],
        "servers": len(registry.servers()),
        "lacking": [{"system": name, "group": group} for name, group in sorted(lacking.items())],
    }


def revoke_agent(registry: Registry, name: str) -> dict[str, Any]:
    """An agent may do nothing any more. Raises `ProjectError`."""
    agent = registry.revoke(name)
    return {"revoked": agent.name, "group": agent.group}


def _agent(one: Agent, now: int) -> dict[str, Any]:
    here = one.seen is not None and now - one.seen < _HERE and one.trouble is None
    state = "revoked" if one.revoked is not None else "refused" if one.trouble else "here" if here else "away"
    return {
        "agent": one.name,
        "group": one.group,
        "state": state,
        "version": one.version,
        "seen": _instant(one.seen) if one.seen is not None else None,
        "enrolled": _instant(one.enrolled),
        "revoked": _instant(one.revoked) if one.revoked is not None else None,
        "trouble": one.trouble,
    }


def _instant(micros_: int) -> str:
    return instant_text(moment(micros_ - micros_ % SECOND))
