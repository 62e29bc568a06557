"""The sessions between engines and agents: one call and its answer each, nothing more is ever held.

All of it happens in one event loop. Both ends number the calls from 1, so that a request whose answer got lost on the
way can be made again.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from muster.agents.protocol import BEAT, ENGINE_LEASE, LEASE, WAIT

OVER: Final = "the server no longer knows this session"


class Gone(Exception):
    """The session is over; the text says why."""


class Closing(Exception):
    """The server is about to stop."""


class Bell:
    """Wakes whoever waits for something to change."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Something changed."""
        self._event.set()
        self._event = asyncio.Event()

    async def until(self, ready: Callable[[], bool], seconds: float) -> bool:
        """Whether it came true within so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                while not ready():
                    await self._event.wait()
        except TimeoutError:
            return False
        return True


@dataclass(slots=True, eq=False)
class Present:
    """An agent that is here."""

    id: int
    name: str
    group: str
    heard: float
    sessions: set[str] = field(default_factory=set)
    fresh: list[str] = field(default_factory=list)
    bell: Bell = field(default_factory=Bell)


@dataclass(slots=True, eq=False)
class Session:
    """One conversation. `owner` is what its engine proves itself with."""

    id: str
    owner: str
    agent: Present
    heard: float
    number: int = 0
    call: bytes | None = None
    answer: bytes | None = None
    over: str = ""
    bell: Bell = field(default_factory=Bell)


class Relay:
    """Who is here, and what they say to each other. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._agents: dict[int, Present] = {}
        self._sessions: dict[str, Session] = {}
        self._closing = False

    # --- agents

    async def work(
        self, agent: int, name: str, group: str, holds: Collection[str], *, leaving: bool = False
    ) -> tuple[list[str], list[str]]:
        """An agent is alive and holds these sessions: which ones to begin, and which are not its own any more.

        Answers when there is something to begin, or after a beat.
        """
        self._open()
        here = self._agents.get(agent)
        if here is None:
            here = self._agents[agent] = Present(agent, name, group, self._clock())
        here.heard = self._clock()
        if leaving:
            self.expel([agent], f"the agent {name} was stopped")
            return [], list(holds)
        for session in [one for one in here.sessions if one not in holds and one not in here.fresh]:
            self._end(self._sessions[session], f"the agent {name} gave it up")
        if not (here.fresh or self._not_its(here, holds)):
            await here.bell.until(lambda: bool(here.fresh or self._closing), BEAT)
            self._open()
        fresh, here.fresh = here.fresh, []
        return fresh, self._not_its(here, holds)

    async def next_call(self, agent: int, session: str, number: int, answer: bytes) -> bytes | None:
        """The call of that number, when the one before is answered; None when it takes longer. Raises `Gone`."""
        self._open()
        found = self._sessions.get(session)
        if found is None or found.agent.id != agent or found.over:
            raise Gone(OVER)
        found.agent.heard = self._clock()
        if answer and number == found.number + 1 and found.answer is None:
            found.answer, found.call = answer, None
            found.bell.ring()
        await found.bell.until(lambda: self._called(found, number), WAIT)
        self._open()
        if found.over:
            raise Gone(found.over)
        return found.call if found.number == number else None

    def _called(self, session: Session, number: int) -> bool:
        return bool(session.number == number or session.over or self._closing)

    def expel(self, agents: Iterable[int], why: str) -> None:
        """These agents are not here any more; their sessions can be begun again with others."""
        for agent in agents:
            here = self._agents.pop(agent, None)
            if here is not None:
                for session in list(here.sessions):
                    self._end(self._sessions[session], why)

    def present(self) -> list[int]:
        """The agents that were heard of within two beats."""
        return [one.id for one in self._agents.values() if self._clock() - one.heard < 2 * BEAT]

    # --- engines

    def begin(self, owner: str, group: str) -> tuple[str, str] | None:
        """A new session with the least busy agent of the group, and that agent's name; None when there is none."""
        self._open()
        fit = [one for one in self._agents.values() if one.group == group and self._clock() - one.heard < 2 * BEAT]
        if not fit:
            return None
        agent = min(fit, key=lambda one: (len(one.sessions), -one.heard))
        made = Session(secrets.token_urlsafe(16), owner, agent, self._clock())
        self._sessions[made.id] = made
        agent.sessions.add(made.id)
        agent.fresh.append(made.id)
        agent.bell.ring()
        return made.id, agent.name

    async def answer(self, owner: str, session: str, number: int, call: bytes) -> bytes | None:
        """The answer to the call of that number; None when it takes longer. Raises `Gone`."""
        found = self._owned(owner, session)
        if found.over:
            self._sessions.pop(session)
            raise Gone(found.over)
        if number == found.number + 1 and call:
            found.number, found.call, found.answer = number, call, None
            found.bell.ring()
        if number != found.number:
            raise Gone(f"call {number} came after call {found.number}")
        await found.bell.until(lambda: bool(found.answer is not None or found.over or self._closing), WAIT)
        self._open()
        found.heard = self._clock()
        if found.answer is None and found.over:
            raise Gone(found.over)
        return found.answer

    def alive(self, owner: str, session: str) -> None:
        """The engine still wants its session. Raises `Gone` where there is none."""
        self._owned(owner, session)

    def end(self, owner: str, session: str) -> None:
        """The engine has done with its session."""
        found = self._sessions.get(session)
        if found is not None and found.owner == owner:
            self._end(found, "the engine has done with it")

    def _owned(self, owner: str, session: str) -> Session:
        self._open()
        found = self._sessions.get(session)
        if found is None or found.owner != owner:
            raise Gone(OVER)
        found.heard = self._clock()
        return found

    # --- time passes

    def sweep(self) -> None:
        """Give up on agents and engines that were not heard of for too long."""
        now = self._clock()
        for one in [one for one in self._agents.values() if now - one.heard > LEASE]:
            self.expel([one.id], f"the agent {one.name} was not heard of for {LEASE:.0f} seconds")
        for session in [one for one in self._sessions.values() if now - one.heard > ENGINE_LEASE]:
            self._end(session, f"the engine was not heard of for {ENGINE_LEASE:.0f} seconds")
            self._sessions.pop(session.id, None)

    def close(self) -> None:
        """Nobody waits any longer, and nothing begins."""
        self._closing = True
        for here in self._agents.values():
            here.bell.ring()
        for session in self._sessions.values():
            session.bell.ring()

    # --- how

    def _open(self) -> None:
        if self._closing:
            raise Closing

    def _end(self, session: Session, why: str) -> None:
        """Over for both. The engine's next word is told why, so the session is kept until then."""
        if not session.over:
            session.over = why
            session.call = None
            session.agent.sessions.discard(session.id)
            if session.id in session.agent.fresh:
                session.agent.fresh.remove(session.id)
            session.bell.ring()
            session.agent.bell.ring()

    def _not_its(self, here: Present, holds: Collection[str]) -> list[str]:
        return [session for session in holds if session not in here.sessions]
