"""Where engines and agents meet: one call and its answer, said again when a request got lost, never given to two."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from muster.agents.protocol import BEAT, ENGINE_LEASE, LEASE
from muster.server.agents import relay as relaying
from muster.server.agents.relay import Closing, Gone, Relay


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaying, "BEAT", 0.05)
    monkeypatch.setattr(relaying, "WAIT", 0.2)


def run(story: Callable[[Relay], Coroutine[Any, Any, None]], clock: Clock) -> None:
    asyncio.run(story(Relay(clock)))


async def begun(relay: Relay, agent: int = 1, name: str = "dc1") -> str:
    """A session that the agent has taken up."""
    await relay.work(agent, name, "dc", [])
    found = relay.begin("engine", "dc")
    assert found is not None
    assert await relay.work(agent, name, "dc", []) == ([found[0]], [])
    return found[0]


def test_a_call_and_its_answer(clock: Clock) -> None:
    async def story(relay: Relay) -> None:
        session = await begun(relay)
        answer = asyncio.create_task(relay.answer("engine", session, 1, b"hello"))
        assert await relay.next_call(1, session, 1, b"") == b"hello"
        waiting = asyncio.create_task(relay.next_call(1, session, 2, b"hi"))
        assert await answer == b"hi"
        again = asyncio.create_task(relay.answer("engine", session, 2, b"and now"))
        assert await waiting == b"and now"
        again.cancel()

    run(story, clock)


def test_requests_whose_answers_got_lost_are_made_again(clock: Clock) -> None:
    async def story(relay: Relay) -> None:
        session = await begun(relay)
        assert await relay.answer("engine", session, 1, b"hello") is None
        assert await relay.answer("engine", session, 1, b"hello") is None
        assert await relay.next_call(1, session, 1, b"") == b"hello"
        assert await relay.next_call(1, session, 1, b"") == b"hello"
        assert await relay.next_call(1, session, 2, b"hi") is None
        assert await relay.next_call(1, session, 2, b"hi") is None
        assert await relay.answer("engine", session, 1, b"") == b"hi"
        assert await relay.answer("engine", session, 1, b"hello") == b"hi"
        with pytest.raises(Gone, match="call 3 came after call 1"):
            await relay.answer("engine", session, 3, b"what?")

    run(story, clock)


def test_a_silent_agent_loses_its_sessions_to_another(clock: Clock) -> None:
    async def story(relay: Relay) -> None:
        session = await begun(relay)
        waiting = asyncio.create_task(relay.answer("engine", session, 1, b"hello"))
        await asyncio.sleep(0)
        clock.now += LEASE
        relay.sweep()
        assert not waiting.done()
        await relay.work(2, "dc2", "dc", [])
        clock.now += 0.1
        relay.sweep()
        with pytest.raises(Gone, match="the agent dc1 was not heard of for 6 seconds"):
            await waiting
        assert await relay.work(1, "dc1", "dc", [session]) == ([], [session])
        with pytest.raises(Gone):
            await relay.next_call(1, session, 1, b"")
        assert relay.begin("engine", "dc") is not None

    run(story, clock)


def test_a_silent_engine_loses_its_session(clock: Clock) -> None:
    async def story(relay: Relay) -> None:
        session = await begun(relay)
        clock.now += ENGINE_LEASE
        await relay.work(1, "dc1", "dc", [session])
        relay.alive("engine", session)
        clock.now += ENGINE_LEASE + 0.1
        await relay.work(1, "dc1", "dc", [session])
        relay.sweep()
        assert await relay.work(1, "dc1", "dc", [session]) == ([], [session])
        with pytest.raises(Gone, match="no longer knows"):
            relay.alive("engine", session)

    run(story, clock)


def test_who_is_expelled_is_out_at_once(clock: Clock) -> None:
    async def story(relay: Relay) -> None:
        session = await begun(relay)
        agent = asyncio.create_task(relay.next_call(1, session, 1, b""))
        engine = asyncio.create_task(relay.answer("engine", session, 1, b"hello"))
        await asyncio.sleep(0)
        relay.expel([1], "its agent was revoked")
        with pytest.raises(Gone, match="its agent was revoked"):
            await agent
        with pytest.raises(Gone):
            await engine

    run(story, clock)


def test_a_session_that_an_agent_does_not_hold_is_over(clock: Clock) -> None:
    async def story(relay: Relay) -> None:
        session = await begun(relay)
        await relay.work(1, "dc1", "dc", [])
        with pytest.raises(Gone, match="the agent dc1 gave it up"):
            await relay.answer("engine", session, 1, b"hello")

    run(story, clock)


def test_the_least_busy_agent_of_the_group_is_taken(clock: Clock) -> None:
    async def story(relay: Relay) -> None:
        for number, group in ((1, "dc"), (2, "dc"), (3, "other")):
            await relay.work(number, f"dc{number}", group, [])
        taken = [relay.begin("engine", "dc") for _ in range(4)]
        assert sorted(one[1] for one in taken if one) == ["dc1", "dc1", "dc2", "dc2"]
        assert relay.begin("engine", "nobody") is None
        clock.now += 2 * BEAT
        assert relay.begin("engine", "dc") is None

    run(story, clock)


def test_nobody_takes_part_in_a_session_of_others(clock: Clock) -> None:
    async def story(relay: Relay) -> None:
        session = await begun(relay)
        await relay.work(2, "dc2", "dc", [])
        with pytest.raises(Gone):
            await relay.next_call(2, session, 1, b"")
        with pytest.raises(Gone):
            await relay.answer("another engine", session, 1, b"hello")
        relay.end("another engine", session)
        assert await relay.answer("engine", session, 1, b"hello") is None
        relay.end("engine", session)
        with pytest.raises(Gone):
            await relay.next_call(1, session, 1, b"")

    run(story, clock)


def test_a_server_that_stops_lets_everybody_go(clock: Clock) -> None:
    async def story(relay: Relay) -> None:
        session = await begun(relay)
        waiting = [
            asyncio.create_task(relay.next_call(1, session, 1, b"")),
            asyncio.create_task(relay.answer("engine", session, 1, b"hello")),
        ]
        await asyncio.sleep(0)
        relay.close()
        for one in waiting:
            with pytest.raises(Closing):
                await one
        with pytest.raises(Closing):
            await relay.work(1, "dc1", "dc", [])

    run(story, clock)
