"""Requests that are answered before all of them was read."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from muster.server import bodies
from muster.server.bodies import ReadToTheEnd


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 413, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def _answered(parts: int, size: int) -> tuple[bool, int]:
    """Whether the answer closes the connection, and how many parts of the request were left."""
    waiting = [{"type": "http.request", "body": b"x" * size, "more_body": n > 0} for n in reversed(range(parts))]
    sent: list[Message] = []

    async def receive() -> Message:
        if not waiting:
            await asyncio.sleep(60)
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "http_version": "1.1", "headers": [(b"content-length", b"5")]}
    asyncio.run(ReadToTheEnd(_refuse)(scope, receive, send))
    return (b"connection", b"close") in sent[0]["headers"], len(waiting)


def test_the_rest_of_a_request_is_read_so_that_its_connection_can_be_used_again() -> None:
    assert _answered(parts=20, size=1_000_000) == (False, 0)


def test_a_connection_whose_request_does_not_end_is_closed_and_the_client_is_told() -> None:
    closed, left = _answered(parts=50, size=1_000_000)
    assert closed
    assert left > 10


def test_a_client_that_sends_no_more_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_PATIENCE", 0.05)
    assert _answered(parts=0, size=0) == (True, 0)
