"""Threads for one kind of work, shared out so that nobody waits long for what another one asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

T = TypeVar("T")


class Lane:
    """So many threads, of which each caller has no more than `each` at once; in their order the callers take turns.

    Work that takes long has a lane of its own: in another one, nobody notices.
    """

    def __init__(self, threads: int, each: int | None = None) -> None:
        self._threads = CapacityLimiter(threads)
        self._each = each or threads
        self._callers: dict[str, CapacityLimiter] = {}

    async def run(self, work: Callable[[], T], who: str) -> T:
        """What the work answers, done in a thread. `who` is one of few: it is remembered."""
        async with self._callers.setdefault(who, CapacityLimiter(self._each)):
            return await run_sync(work, limiter=self._threads)
