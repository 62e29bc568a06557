"""The body of a request, read within limits of size and time."""

from __future__ import annotations

import asyncio

from starlette.requests import Request


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
