"""An agent's session without a network: two queues, and a thread that can be cut off at any message."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from muster.agents.host import Host
from muster.agents.protocol import LineClosed
from muster.agents.remote import Remote, remote_class
from muster.connectors.kit.contract import Connector
from muster.model.errors import ProjectError, SessionLost

Connectors = Callable[[str], type[Connector]]


class Wire:
    """One session: both of its ends. With `dies_at`, the agent is gone before it answers that call (1 is `open`)."""

    def __init__(self, agent: str = "dc1", dies_at: int | None = None) -> None:
        self.agent = agent
        self.calls: list[bytes] = []
        self._dies_at = dies_at
        self._to_agent: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._to_engine: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._over = False

    def call(self, message: bytes) -> bytes:
        if self._over:
            raise SessionLost(f"the agent {self.agent} is gone")
        self.calls.append(message)
        self._to_agent.put(message)
        answer = self._to_engine.get(timeout=30)
        if len(self.calls) == self._dies_at:
            self.close()
            raise SessionLost(f"the agent {self.agent} is gone")
        return answer

    def close(self) -> None:
        self._over = True
        self._to_agent.put(None)

    def next(self, answer: bytes | None) -> bytes:
        if answer is not None:
            self._to_engine.put(answer)
        call = self._to_agent.get(timeout=60)
        if call is None:
            raise LineClosed
        return call

    def held(self) -> bool:
        return not self._over


class Agents:
    """Opens sessions with agents that run in threads; `deaths` says at which call the first ones die."""

    def __init__(
        self, secrets: Mapping[str, str], folder: Path, connectors: Connectors, deaths: tuple[int | None, ...] = ()
    ) -> None:
        self._secrets = secrets
        self._folder = folder
        self._connectors = connectors
        self._deaths = list(deaths)
        self.lines: list[Wire] = []
        self._threads: list[threading.Thread] = []

    def open(self) -> Wire:
        line = Wire(f"dc{len(self.lines) + 1}", self._deaths.pop(0) if self._deaths else None)
        self.lines.append(line)
        host = Host(line, line.agent, self._secret, self._folder, connectors=self._connectors)
        thread = threading.Thread(target=host.run)
        thread.start()
        self._threads.append(thread)
        return line

    def close(self) -> None:
        """Every agent has left its system."""
        for line in self.lines:
            line.close()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def remote(self, system: str, kind: type[Connector], settings: Any, objects: Any) -> Remote:
        return remote_class(kind)(system, settings, objects, self.open)

    def _secret(self, name: str) -> str:
        if name not in self._secrets:
            raise ProjectError(f"The secret {name!r} is not set")
        return self._secrets[name]


def only(kind: type[Connector]) -> Connectors:
    """An agent that knows this one connector, under its own name."""

    def connectors(name: str) -> type[Connector]:
        assert name == kind.spec.name
        return kind

    return connectors
