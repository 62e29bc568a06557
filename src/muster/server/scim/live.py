"""The system itself, asked each time. Every worker thread keeps a session of its own with each system."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from muster.connectors.kit.contract import Capabilities
from muster.connectors.kit.guard import Guard
from muster.model.changes import Change, Outcome
from muster.model.errors import MusterError, ProjectError, Unreachable
from muster.model.objects import ConnectorObject
from muster.model.schema import SystemSchema
from muster.model.secrets import Secret
from muster.model.values import Value
from muster.project.configuration import System
from muster.server.scim.building import built
from muster.server.scim.errors import ScimError
from muster.server.scim.resource_type import ResourceType
from muster.server.scim.together import Together

_SCHEMA_SECONDS: Final = 300.0
"""After so long the system is asked anew what it can hold."""
_IDLE_SECONDS: Final = 120.0
"""A session that was left alone for longer is begun anew: firewalls forget connections."""


class _Kept(threading.local):
    """The session of one thread."""

    guard: Guard | None = None
    used: float = 0.0


class Live:
    """The objects of one system. `connect` gives a session that is not yet open."""

    def __init__(self, system: System, connect: Callable[[], Guard], can: Capabilities) -> None:
        if system.gateway is None:
            raise ProjectError(f"systems/{system.name}.yaml has no `gateway:`")
        if not can.finds and not system.gateway.buffered:
            raise ProjectError(
                f"{system.gateway.place}: the connector {system.connector} cannot look objects up, so {system.name} "
                "cannot be shown live: say `mode: buffered`"
            )
        self.system = system.name
        self._gateway = system.gateway
        self._connect = connect
        self._can = can
        self._kept = _Kept()
        self._lock = threading.Lock()
        self._together = Together(self._written)
        self._types: Mapping[str, ResourceType] = {}
        self._types_at = -_SCHEMA_SECONDS

    def types(self) -> Mapping[str, ResourceType]:
        """The resource types, as the system's schema has them now or had a few minutes ago."""
        if time.monotonic() - self._types_at > _SCHEMA_SECONDS:
            with self._lock:
                if time.monotonic() - self._types_at > _SCHEMA_SECONDS:
                    self._types = built(self._gateway, self.schema(), sets_passwords=self._can.sets_passwords)
                    self._types_at = time.monotonic()
        return self._types

    def schema(self) -> SystemSchema:
        """What the system can hold."""
        with self.session() as guard:
            return guard.schema()

    def get(self, kind: ResourceType, anchor: str) -> ConnectorObject | None:
        """One object, asked for by its anchor."""
        with self.session() as guard:
            return guard.get(kind.object, anchor)

    def find(self, kind: ResourceType, equal: Mapping[str, Value]) -> list[ConnectorObject]:
        """The objects that have all these values, under the system's own rules."""
        with self.session() as guard:
            return guard.find(kind.object, equal)

    def find_any(self, kind: ResourceType, attribute: str, values: Sequence[Value]) -> list[ConnectorObject]:
        """The objects that have one of these values."""
        if not values:
            return []
        with self.session() as guard:
            return guard.find_any(kind.object, attribute, values)

    def everything(self, kind: ResourceType, names: Sequence[str]) -> Iterator[ConnectorObject]:
        """All objects, read as a run reads them. What cannot be read is told, not left out."""
        with self.session() as guard:
            for page in guard.read({kind.object: list(names)}):
                yield from page.objects

    def references(self, kind: ResourceType, anchor: str, attribute: str) -> Iterator[Sequence[str]]:
        """Every value of a large reference of one object."""
        with self.session() as guard:
            for page in guard.references(kind.object, anchor, attribute):
                yield page.values

    def write(self, change: Change) -> Outcome:
        """Make a change. Those that come while others are being written are written together, in one go."""
        if change.edges is not None or change.password is not None:
            outcome = self._written([change])[change.key]
            self._forget(change.password)
            return outcome
        return self._together.write(change)

    def _written(self, changes: Sequence[Change]) -> dict[int, Outcome]:
        with self.session() as guard:
            found = {outcome.key: outcome for outcome in guard.write(changes)}
            if guard.broken is not None:
                raise guard.broken
        return found

    def set_password(self, kind: ResourceType, anchor: str, password: Secret) -> Outcome:
        """Set a password."""
        if not self._can.sets_passwords:
            raise ScimError(501, f"{self.system} sets no passwords.")
        with self.session() as guard:
            outcome = guard.set_password(kind.object, anchor, password)
        self._forget(password)
        return outcome

    def leave(self) -> None:
        """End the session of the thread that calls this."""
        guard, self._kept.guard = self._kept.guard, None
        if guard is not None:
            guard.__exit__(None, None, None)

    def _forget(self, password: Secret | None) -> None:
        """A session keeps the passwords that it has seen, to blot them out: it ends after the first."""
        if password is not None:
            self.leave()

    @contextmanager
    def session(self) -> Iterator[Guard]:
        """The thread's session, begun where there is none; one in which something went wrong is not used again."""
        kept = self._kept
        if kept.guard is not None and time.monotonic() - kept.used > _IDLE_SECONDS:
            self.leave()
        if kept.guard is None:
            guard = self._connect()
            guard.__enter__()
            kept.guard = guard
        guard, kept.guard = kept.guard, None
        try:
            yield guard
        except BaseException:
            _quietly(guard)
            raise
        self._keep(guard)

    def _keep(self, guard: Guard) -> None:
        if self._kept.guard is not None or guard.broken is not None:
            _quietly(guard)
            return
        self._kept.guard, self._kept.used = guard, time.monotonic()


def _quietly(guard: Guard) -> None:
    """End a session of which something is known to be wrong already."""
    try:
        guard.__exit__(None, None, None)
    except (MusterError, Unreachable):
        return
