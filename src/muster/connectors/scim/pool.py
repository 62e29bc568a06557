"""Several requests under way at once, while one thread alone decides.

A change is a chain of steps; only its requests run in other threads. So a change's edges are read, and everything is
worked out, in the thread that called.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeAlias

import httpx

from muster.model.changes import Change, Outcome, Result
from muster.model.errors import AuthFailed, MusterError, Throttled, Unreachable

Send: TypeAlias = Callable[[], httpx.Response]
Steps: TypeAlias = Generator[Send, httpx.Response, Outcome]


@dataclass(slots=True)
class _Job:
    change: Change
    steps: Steps

    @property
    def place(self) -> tuple[str, str] | None:
        return None if self.change.anchor is None else (self.change.type, self.change.anchor)


class Pool:
    """Runs changes, at most `size` at a time, those for one object one after the other.

    After an error that ends the session no request is sent any more; what was under way gives its outcome, then the
    error is raised.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="scim")
        self._answered: SimpleQueue[tuple[_Job, Future[httpx.Response]]] = SimpleQueue()
        self._running = 0
        self._places: set[tuple[str, str]] = set()
        self._broken: MusterError | None = None

    def close(self) -> None:
        """End the threads, once their requests are answered."""
        self._threads.shutdown(cancel_futures=True)

    def submit(self, change: Change, steps: Steps) -> Iterator[Outcome]:
        """Start one change as soon as it may; outcomes of others come meanwhile."""
        job = _Job(change, steps)
        while self._broken is None and (self._running >= self._size or job.place in self._places):
            yield from self._one()
        if self._broken is not None:
            yield from self.finish()
            return
        if job.place is not None:
            self._places.add(job.place)
        self._running += 1
        yield from self._advance(job, None)

    def finish(self) -> Iterator[Outcome]:
        """Wait until nothing is under way. Raises what ended the session."""
        while self._running:
            yield from self._one()
        if self._broken is not None:
            raise self._broken

    def _one(self) -> Iterator[Outcome]:
        job, future = self._answered.get()
        try:
            response = future.result()
        except Throttled as error:
            self._end(job)
            yield Outcome(
                job.change.key, Result.RETRY, job.change.anchor, reason=error.message, after=error.retry_after
            )
        except (Unreachable, AuthFailed) as error:
            self._end(job)
            self._broken = self._broken or error
        else:
            yield from self._advance(job, response)

    def _advance(self, job: _Job, response: httpx.Response | None) -> Iterator[Outcome]:
        try:
            send = next(job.steps) if response is None else job.steps.send(response)
        except StopIteration as end:
            self._end(job)
            yield end.value
            return
        if self._broken is not None:
            self._end(job)
            return
        future = self._threads.submit(send)
        future.add_done_callback(lambda done: self._answered.put((job, done)))

    def _end(self, job: _Job) -> None:
        job.steps.close()
        self._running -= 1
        if job.place is not None:
            self._places.discard(job.place)
