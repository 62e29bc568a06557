"""How an engine reaches an agent: by a server that is on the same store, whichever has one of the group."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Final

import httpx
import orjson

from muster.agents.protocol import ENGINE_LEASE, LEASE, PATH, WAIT
from muster.agents.registry import Registry, ServerPlace
from muster.agents.trust import PINNED, context
from muster.model.errors import SessionLost, Unreachable

FIRST: Final = 2.0
"""Seconds for which the first session is tried to be had, where there is a server."""
AFTER: Final = 30.0
"""The same after one was lost, whether there is a server or not: servers start again, and agents come back."""
_AGAIN: Final = 0.25
_TIMES: Final = httpx.Timeout(WAIT + 10, connect=5)
_WILD: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class Switchboard:
    """Opens the sessions of one system with agents of a group."""

    def __init__(
        self,
        registry: Callable[[], Registry],
        system: str,
        group: str,
        *,
        first: float = FIRST,
        after: float = AFTER,
    ) -> None:
        self._registry = registry
        self._system = system
        self._group = group
        self._first = first
        self._after = after
        self._had_one = False

    def open(self) -> HttpLine:
        """A session with some agent. Raises `Unreachable` when nobody has one for it."""
        deadline = time.monotonic() + (self._after if self._had_one else self._first)
        with self._registry() as registry:
            ticket = registry.ticket()
            while True:
                servers = registry.servers()
                line, why = self._tried(servers, ticket)
                if line is not None:
                    self._had_one = True
                    return line
                if time.monotonic() > deadline or not (servers or self._had_one):
                    raise Unreachable(why)
                time.sleep(_AGAIN)

    def _tried(self, servers: list[ServerPlace], ticket: str) -> tuple[HttpLine | None, str]:
        """A session by the first server that has an agent, or why there is none."""
        why = self._none(servers)
        for place in servers:
            try:
                line = self._begun(place, ticket)
            except httpx.TransportError as error:
                why = (
                    f"{self._system}: the Muster server at {address(place)} does not answer: {error}. Agents are "
                    "reached through it: look whether `muster serve` is well there"
                )
                continue
            if line is not None:
                return line, ""
        return None, why

    def _begun(self, place: ServerPlace, ticket: str) -> HttpLine | None:
        client = httpx.Client(
            base_url=address(place) + PATH,
            headers={"Authorization": f"Bearer {ticket}"},
            verify=context(PINNED, place.certificate),
            trust_env=False,
            timeout=_TIMES,
        )
        try:
            response = client.post("/sessions", content=orjson.dumps({"group": self._group}))
            if response.status_code == 200:
                found = orjson.loads(response.content)
                return HttpLine(client, self._system, found["session"], found["agent"])
        except BaseException:
            client.close()
            raise
        client.close()
        return None

    def _none(self, servers: list[ServerPlace]) -> str:
        if not servers:
            return (
                f"{self._system}: its file says `agents: {self._group}`, and no Muster server runs on this project's "
                "store; agents are reached through one. Start it: muster serve"
            )
        return (
            f"{self._system}: no agent of the group {self._group!r} is here. `muster agent list` shows those that are "
            "enrolled, and when they were last seen; start one with `muster agent run` on its machine"
        )


def address(place: ServerPlace) -> str:
    """Where a server is reached from this machine."""
    listen = place.listen
    if listen in _WILD:
        listen = _WILD[listen] if place.host == socket.gethostname() else place.host
    return f"https://[{listen}]:{place.port}" if ":" in listen else f"https://{listen}:{place.port}"


class HttpLine:
    """One session as the engine holds it. A thread of its own says now and then that it is still wanted."""

    def __init__(self, client: httpx.Client, system: str, session: str, agent: str) -> None:
        self.agent = agent
        self._client = client
        self._system = system
        self._session = session
        self._number = 0
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._stay, daemon=True)
        self._thread.start()

    def call(self, message: bytes) -> bytes:
        """The agent's answer. Raises `SessionLost`."""
        self._number += 1
        body = message
        trouble = 0.0
        while True:
            try:
                response = self._client.post(f"/sessions/{self._session}/{self._number}", content=body)
            except httpx.TransportError as error:
                trouble = trouble or time.monotonic()
                if time.monotonic() - trouble > LEASE:
                    raise self._lost(f"the server does not answer any more: {error}") from None
                body = message
                time.sleep(_AGAIN)
                continue
            trouble = 0.0
            if response.status_code == 200:
                return response.content
            if response.status_code != 202:
                raise self._lost(_why(response))
            body = b""

    def close(self) -> None:
        """End the session; the agent is told."""
        self._closed.set()
        try:
            self._client.delete(f"/sessions/{self._session}", timeout=2)
        except httpx.TransportError:
            pass  # it ends by itself when nobody wants it any more
        finally:
            self._thread.join()
            self._client.close()

    def _lost(self, why: str) -> SessionLost:
        return SessionLost(f"{self._system}: the session with the agent {self.agent} broke off: {why}")

    def _stay(self) -> None:
        while not self._closed.wait(ENGINE_LEASE / 6):
            try:
                self._client.post(f"/sessions/{self._session}/alive", timeout=5)
            except httpx.TransportError:
                continue


def _why(response: httpx.Response) -> str:
    try:
        return str(orjson.loads(response.content)["error"])
    except (ValueError, KeyError, TypeError):
        return f"the server answers {response.status_code}"
