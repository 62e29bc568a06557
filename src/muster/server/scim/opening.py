"""The gateway of a project, ready to be served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from muster.app.gateway import abilities, closed, sessions, shown_systems
from muster.project.configuration import Project, System
from muster.project.secrets import SecretStore
from muster.server.scim.app import LARGEST, Gateway, Tokens
from muster.server.scim.buffered import Buffered
from muster.server.scim.live import Live
from muster.server.scim.objects import Objects
from muster.server.scim.service import Service
from muster.store.database import Database
from muster.store.opening import open_store
from muster.store.tokens import Token


@contextmanager
def open_gateway(project: Project) -> Iterator[Gateway]:
    """Every system with a `gateway:`. Nothing is connected before somebody asks; the store is opened where one has.

    Raises `StoreError`, and `ProjectError` for a system that cannot be shown.
    """
    shown = shown_systems(project)
    with ExitStack() as stack:
        store = stack.enter_context(open_store(project.store, project.folder)) if shown else None
        secrets = SecretStore()
        lives = {name: Live(one, sessions(one, project, secrets), abilities(one)) for name, one in shown.items()}
        services = {
            name: Service(
                name, _objects(shown[name], project, store, live), LARGEST, closed(shown[name], project, store)
            )
            for name, live in lives.items()
            if store is not None
        }

        def leave() -> None:
            for live in lives.values():
                live.leave()

        known = Tokens(store).proven if store is not None else _nobody
        gateway = Gateway(services, known, leave, project.server.address, project.server.rate)
        try:
            yield gateway
        finally:
            gateway.stop()


def _objects(system: System, project: Project, store: Database, live: Live) -> Objects:
    if system.gateway is None or not system.gateway.buffered:
        return live
    return Buffered(system, project, store, live, abilities(system))


def _nobody(_authorization: str, _system: str) -> Token | None:
    return None
