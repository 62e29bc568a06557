"""The agent's process: it asks each of its servers for sessions, and carries them, a thread each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import httpx
import structlog

from muster.agents.client import NotNow, Over, SentAway, ServerClient
from muster.agents.host import Host
from muster.agents.protocol import LEASE, LineClosed
from muster.agents.state import AgentState
from muster.agents.trust import in_words
from muster.connectors.kit.contract import Connector
from muster.connectors.kit.registry import connector_class
from muster.model.errors import ProjectError

_MARGIN: Final = 0.5
"""Seconds by which an agent gives its sessions up before the server gives them to another."""
_AGAIN: Final = 0.2
_LONGEST: Final = 5.0
_LEAVING: Final = 5.0
log = structlog.get_logger(__name__)


class Agent:
    """Serves sessions until it is stopped."""

    def __init__(self, state: AgentState, connectors: Callable[[str], type[Connector]] = connector_class) -> None:
        self._posts = [Post(ServerClient(url, state), state, connectors) for url in state.servers]

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve. `ready` is called when a first server has answered. Raises `ProjectError` when all send it away."""
        told = threading.Event()

        def once() -> None:
            if not told.is_set():
                told.set()
                ready()

        threads = [threading.Thread(target=post.run, args=(once,), daemon=True) for post in self._posts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        reasons = [post.sent_away for post in self._posts if post.sent_away]
        if len(reasons) == len(self._posts):
            raise ProjectError("; ".join(reasons))

    def stop(self) -> None:
        """Give every session up, and end."""
        for post in self._posts:
            post.stop()


class Post:
    """The agent's work for one server."""

    def __init__(self, client: ServerClient, state: AgentState, connectors: Callable[[str], type[Connector]]) -> None:
        self._client = client
        self._state = state
        self._connectors = connectors
        self._stopped = threading.Event()
        self._lines: dict[str, _Line] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._trouble = ""
        self.sent_away = ""
        self.good_until = 0.0
        """Until when, by this machine's own count of seconds, no session is given to another agent."""

    def stop(self) -> None:
        """End soon."""
        self._stopped.set()

    def run(self, ready: Callable[[], None]) -> None:
        """Ask for sessions and begin them, until it is stopped or sent away."""
        pause = _AGAIN
        while not self._stopped.is_set():
            try:
                self._turn()
            except SentAway as error:
                self.sent_away = f"{self._client.url}: {error}"
                break
            except (NotNow, Over) as error:
                self._say(f"{self._client.url}: {error}")
            except httpx.TransportError as error:
                self._say(in_words(self._client.url, error))
            else:
                self._say("")
                pause = _AGAIN
                ready()
                continue
            self._stopped.wait(pause)
            pause = min(pause * 2, _LONGEST)
        self._leave()

    def _turn(self) -> None:
        asked = time.monotonic()
        begin, end = self._client.work([one for one, thread in self._threads.items() if thread.is_alive()])
        self.good_until = asked + LEASE - _MARGIN
        for session in end:
            if session in self._lines:
                self._lines[session].over = True
        for session in begin:
            self._begin(session)
        for session in [one for one, thread in self._threads.items() if not thread.is_alive()]:
            del self._threads[session], self._lines[session]

    def _begin(self, session: str) -> None:
        line = self._lines[session] = _Line(self, self._client, session)
        host = Host(
            line,
            self._state.name,
            self._state.secrets(),
            self._state.folder,
            connectors=self._connectors,
            allowed=self._state.connectors,
        )
        thread = self._threads[session] = threading.Thread(target=host.run, daemon=True)
        thread.start()

    def _leave(self) -> None:
        """Say so, that others can go on at once; then let each connector close."""
        for line in self._lines.values():
            line.over = True
        if not self.sent_away:
            try:
                self._client.work([], leaving=True)
            except (SentAway, NotNow, Over, httpx.TransportError) as error:
                log.info("the server was not told", server=self._client.url, why=str(error))
        deadline = time.monotonic() + _LEAVING
        for thread in self._threads.values():
            thread.join(max(0.0, deadline - time.monotonic()))
        self._client.close()

    def _say(self, trouble: str) -> None:
        """In the log once, not at every turn."""
        if trouble != self._trouble:
            self._trouble = trouble
            if trouble:
                log.warning(trouble)
            else:
                log.info("the server answers again", server=self._client.url)


class _Line:
    """One session, over HTTPS."""

    def __init__(self, post: Post, client: ServerClient, session: str) -> None:
        self._post = post
        self._client = client
        self._session = session
        self._number = 0
        self.over = False

    def held(self) -> bool:
        """Whether nobody else can have it as yet."""
        return not self.over and time.monotonic() < self._post.good_until

    def next(self, answer: bytes | None) -> bytes:
        """Give the answer and wait for the next call; again and again, while the session is held."""
        self._number += 1
        while True:
            try:
                call = self._client.next_call(self._session, self._number, answer or b"")
            except (Over, SentAway):
                raise LineClosed from None
            except (NotNow, httpx.TransportError):
                if not self.held():
                    raise LineClosed from None
                time.sleep(_AGAIN)
                continue
            if call:
                return call
            if not self.held():
                raise LineClosed
