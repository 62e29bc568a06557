"""Changes as chains of requests, sent in batches, several batches at once, while one thread alone decides.

A change yields some requests and gets their answers, until it has its outcome. Only the batches run in other threads,
so a change's edges are read, and everything is worked out, in the thread that called.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import TypeAlias, TypeVar

from muster.connectors.graph.session import BATCH, Answer, Request
from muster.model.changes import Change, Outcome, Result
from muster.model.errors import AuthFailed, IncompleteRead, MusterError, Throttled, Unreachable

Steps: TypeAlias = Generator[Sequence[Request], list[Answer], Outcome]
_T = TypeVar("_T")
Part: TypeAlias = Generator[Sequence[Request], list[Answer], _T]
"""Part of a change: requests, and what comes of them."""
Send: TypeAlias = Callable[[Sequence[Request]], list[Answer]]


@dataclass(slots=True, eq=False)
class _Job:
    """One change on its way: the requests of its present step, and the answers that have come."""

    change: Change
    steps: Steps
    answers: list[Answer | None] = field(default_factory=list)
    over: bool = False

    @property
    def place(self) -> tuple[str, str] | None:
        return None if self.change.anchor is None else (self.change.type, self.change.anchor)


_Sent: TypeAlias = "tuple[_Job, int, Request]"


class Pipeline:
    """Runs changes, those for one object one after the other, at most `size` batches at a time.

    After an error that ends the session nothing is sent any more; what was under way gives its outcome, then the error
    is raised.
    """

    def __init__(self, send: Send, size: int) -> None:
        self._send = send
        self._size = size
        self._room = BATCH * (size + 1)
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="graph")
        self._answered: SimpleQueue[tuple[list[_Sent], Future[list[Answer]]]] = SimpleQueue()
        self._waiting: deque[_Sent] = deque()
        self._jobs: set[_Job] = set()
        self._places: set[tuple[str, str]] = set()
        self._running = 0
        self._broken: MusterError | None = None

    def close(self) -> None:
        """End the threads, once their requests are answered."""
        self._threads.shutdown(cancel_futures=True)

    def submit(self, change: Change, steps: Steps) -> Iterator[Outcome]:
        """Start one change as soon as it may; outcomes of others come meanwhile."""
        job = _Job(change, steps)
        while self._broken is None and (len(self._jobs) >= self._room or job.place in self._places):
            yield from self._progress()
        if self._broken is not None:
            yield from self.finish()
            return
        self._jobs.add(job)
        if job.place is not None:
            self._places.add(job.place)
        yield from self._advance(job, None)
        self._dispatch(full=True)

    def finish(self) -> Iterator[Outcome]:
        """Wait until nothing is under way. Raises what ended the session."""
        while self._jobs and self._broken is None:
            yield from self._progress()
        while self._running:
            yield from self._one()
        if self._broken is not None:
            raise self._broken

    def _progress(self) -> Iterator[Outcome]:
        """Send what is there, be a batch full or not, and take in the answers to one."""
        self._dispatch(full=False)
        yield from self._one()

    def _dispatch(self, *, full: bool) -> None:
        while self._broken is None and self._running < self._size and self._waiting:
            if full and len(self._waiting) < BATCH:
                return
            parts = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            requests = [request for _, _, request in parts]
            self._running += 1
            future = self._threads.submit(self._send, requests)
            future.add_done_callback(partial(self._arrived, parts))

    def _arrived(self, parts: list[_Sent], future: Future[list[Answer]]) -> None:
        self._answered.put((parts, future))

    def _one(self) -> Iterator[Outcome]:
        parts, future = self._answered.get()
        self._running -= 1
        try:
            answers = future.result()
        except Throttled as error:
            for job in {job for job, _, _ in parts if not job.over}:
                self._end(job)
                change = job.change
                yield Outcome(change.key, Result.RETRY, change.anchor, reason=error.message, after=error.retry_after)
            return
        except (Unreachable, AuthFailed, IncompleteRead) as error:
            self._broken = self._broken or error
            return
        for (job, place, _), answer in zip(parts, answers, strict=True):
            if job.over:
                continue
            job.answers[place] = answer
            if all(one is not None for one in job.answers):
                yield from self._advance(job, [one for one in job.answers if one is not None])

    def _advance(self, job: _Job, answers: list[Answer] | None) -> Iterator[Outcome]:
        try:
            requests = next(job.steps) if answers is None else job.steps.send(answers)
        except StopIteration as end:
            self._end(job)
            yield end.value
            return
        job.answers = [None] * len(requests)
        self._waiting.extend((job, place, request) for place, request in enumerate(requests))

    def _end(self, job: _Job) -> None:
        job.over = True
        job.steps.close()
        self._jobs.discard(job)
        if job.place is not None:
            self._places.discard(job.place)
        if any(one is job for one, _, _ in self._waiting):
            self._waiting = deque(part for part in self._waiting if part[0] is not job)
