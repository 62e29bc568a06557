"""The SCIM gateways of a project: their systems, and the tokens of those who may use them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from muster.app.connectors import connect
from muster.connectors.kit.contract import Capabilities
from muster.connectors.kit.guard import Guard
from muster.connectors.kit.registry import connector_class
from muster.connectors.kit.retry import RetryPolicy
from muster.model.errors import NotFound, ProjectError
from muster.model.values import instant_text
from muster.project.configuration import Project, System
from muster.project.secrets import SecretStore
from muster.store.database import Database
from muster.store.servers import mark_of
from muster.store.tokens import Token, add_token, remove_token, tokens
from muster.sync.clock import micros, moment
from muster.sync.safety.staging import Standing

_SECOND: Final = 1_000_000
_DAY: Final = 24 * 60 * 60 * _SECOND
_IMPATIENT: Final = RetryPolicy(tries=2, first=0.2, longest=1.0)
"""A client waits for the answer: what does not go soon is for it to try again."""
_TRUST_SECONDS: Final = 5.0


def shown_systems(project: Project) -> dict[str, System]:
    """The systems with a gateway, by name."""
    return {name: one for name, one in project.systems.items() if one.gateway is not None}


def sessions(system: System, project: Project, secrets: SecretStore) -> Callable[[], Guard]:
    """What gives a session with a system, not yet open."""
    return lambda: connect(system, project, secrets, _IMPATIENT)


def abilities(system: System) -> Capabilities:
    """What its connector can do."""
    return connector_class(system.connector).spec.capabilities


def closed(system: System, project: Project, store: Database) -> Callable[[], str | None]:
    """What tells why nothing may be written to a system now: it, or the server, is in staging. Asked for every write,
    it looks into the store every few seconds.
    """
    known: tuple[float, bool] = (float("-inf"), True)

    def why() -> str | None:
        nonlocal known
        if not abilities(system).finds:
            return f"The connector {system.connector} cannot look up what it wrote: {system.name} can only be read."
        if system.staging:
            return f"{system.name} is in staging: nothing is written to it."
        if time.monotonic() - known[0] > _TRUST_SECONDS:
            with store.read() as session:
                known = (time.monotonic(), Standing(project.staging, mark_of(session), store.shown).active)
        return None if known[1] else "This server is in staging: it writes to no system."

    return why


# --- what people ask for


def base_path(address: str, system: str) -> str:
    """Where clients reach the service of a system."""
    return f"{address}/scim/{system}/v2"


def make_token(
    project: Project, store: Database, system: str, name: str, *, days: int | None, me: str | None, now: datetime
) -> dict[str, Any]:
    """A token for a system, told this once. Raises `ProjectError`."""
    _need_gateway(project, system)
    at = micros(now)
    with store.write() as session:
        made, says = add_token(
            session, system, name, now=at, expires=at + days * _DAY if days is not None else None, me=me
        )
    return {**_token(made), "token": says}


def drop_token(store: Database, system: str, name: str) -> dict[str, Any]:
    """A token is worth nothing any more. Raises `ProjectError`."""
    with store.write() as session:
        remove_token(session, system, name)
    return {"system": system, "removed": name}


def list_tokens(store: Database) -> dict[str, Any]:
    """Every token, without what it says."""
    with store.read() as session:
        return {"tokens": [_token(one) for one in tokens(session)]}


def overview(project: Project, store: Database, address: str) -> dict[str, Any]:
    """Every gateway, where it is, and how many tokens it has."""
    with store.read() as session:
        held = [one.system for one in tokens(session)]
    return {
        "gateways": [
            {
                "system": name,
                "address": base_path(address, name),
                "mode": "buffered" if one.gateway.buffered else "live",
                "resources": {each.name: each.object for each in one.gateway.resources},
                "tokens": held.count(name),
            }
            for name, one in sorted(shown_systems(project).items())
            if one.gateway is not None
        ]
    }


def _need_gateway(project: Project, system: str) -> None:
    if system not in project.systems:
        raise NotFound(f"There is no system {system!r}. Known: {', '.join(sorted(project.systems))}")
    if project.systems[system].gateway is None:
        raise ProjectError(
            f"{system} is not shown as SCIM. Add to systems/{system}.yaml: `gateway: {{}}`, then: muster check"
        )


def _token(one: Token) -> dict[str, Any]:
    return {
        "system": one.system,
        "name": one.name,
        "id": one.id,
        "me": one.me,
        "created": instant_text(moment(one.created - one.created % _SECOND)),
        "expires": instant_text(moment(one.expires - one.expires % _SECOND)) if one.expires is not None else None,
    }
