"""The body of a request, read within limits of size and time."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_REST: Final = 32 * 1024 * 1024
"""Bytes of a request that are thrown away before its connection is."""
_PATIENCE: Final = 5.0
"""Seconds that they may take."""


class TooLarge(Exception):
    """The body is larger than a request may be."""


async def body_of(incoming: Request, largest: int, patience: float) -> bytes:
    """What was sent. Raises `TooLarge` before it is all in memory, `TimeoutError` after so many seconds, and
    `ClientDisconnect`.
    """
    return await asyncio.wait_for(_read(incoming, largest), patience)


async def _read(incoming: Request, largest: int) -> bytes:
    length = incoming.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > largest:
        raise TooLarge
    found = bytearray()
    async for part in incoming.stream():
        found += part
        if len(found) > largest:
            raise TooLarge
    return bytes(found)


class ReadToTheEnd:
    """An application that may answer a request before it read all of it.

    What is left is read and thrown away before the answer, so that the client can use the connection again. Where
    that is too much or takes too long, the answer says `Connection: close` and the connection is ended: a client
    that is not told sends its next request into it and hears nothing (RFC 9112, 9.6).
    """

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(scope):
            await self._application(scope, receive, send)
            return
        body = _Body(receive)

        async def sending(message: Message) -> None:
            starts = message["type"] == "http.response.start"
            if starts and not await body.read_to_the_end() and scope["http_version"].startswith("1"):
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        await self._application(scope, body.receive, sending)


class _Body:
    """What a client sends, and whether it sent all of it."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ended = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._ended = not message.get("more_body", False)
        return message

    async def read_to_the_end(self) -> bool:
        """Throw away what is left, within limits; whether all of it was read."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._throw_away(), _PATIENCE)
        return self._ended

    async def _throw_away(self) -> None:
        thrown = 0
        while not self._ended and thrown < _REST:
            thrown += len((await self.receive()).get("body", b""))


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )
