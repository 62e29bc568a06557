"""Changes as chains of requests, sent alone or in batches, several at once, while one thread alone decides.

A change yields some requests and gets their answers, until it has its outcome. Only what is sent runs in other threads,
so a change's edges are read, and everything is worked out, in the thread that called.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Generic, TypeAlias, TypeVar

from muster.model.changes import Change, Outcome, Result
from muster.model.errors import AuthFailed, IncompleteRead, MusterError, Throttled, Unreachable

RequestT = TypeVar("RequestT")
AnswerT = TypeVar("AnswerT")
Chain: TypeAlias = Generator[Sequence[RequestT], list[AnswerT], Outcome]


@dataclass(slots=True, eq=False)
class _Job(Generic[RequestT, AnswerT]):
    """One change on its way: the requests of its present step, and the answers that have come."""

    change: Change
    steps: Chain[RequestT, AnswerT]
    answers: list[AnswerT | None] = field(default_factory=list)
    over: bool = False

    @property
    def place(self) -> tuple[str, str] | None:
        return None if self.change.anchor is None else (self.change.type, self.change.anchor)


_Sent: TypeAlias = "tuple[_Job[RequestT, AnswerT], int, RequestT]"


class Pipeline(Generic[RequestT, AnswerT]):
    """Runs changes, those for one object one after the other, at most `size` sendings at a time.

    `send` sends at most `batch` requests and gives as many answers, or raises for all of them; what is `alone` goes by
    itself. An error is raised in the chains whose requests it befell; what they do not know how to take ends the
    session: nothing is sent any more, what was under way gives its outcome, then the error is raised.
    """

    def __init__(
        self,
        send: Callable[[Sequence[RequestT]], list[AnswerT]],
        size: int,
        batch: int,
        alone: Callable[[RequestT], bool] = lambda _: False,
    ) -> None:
        self._send = send
        self._size = size
        self._batch = batch
        self._alone = alone
        self._room = 2 * size if batch == 1 else batch * (size + 1)
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="pipeline")
        self._answered: SimpleQueue[tuple[list[_Sent[RequestT, AnswerT]], Future[list[AnswerT]]]] = SimpleQueue()
        self._single: deque[_Sent[RequestT, AnswerT]] = deque()
        self._waiting: deque[_Sent[RequestT, AnswerT]] = deque()
        self._jobs: set[_Job[RequestT, AnswerT]] = set()
        self._places: set[tuple[str, str]] = set()
        self._running = 0
        self._broken: MusterError | None = None

    def close(self) -> None:
        """End the threads, once their requests are answered."""
        self._threads.shutdown(cancel_futures=True)

    def run(self, chains: Iterable[tuple[Change, Chain[RequestT, AnswerT]]]) -> Iterator[Outcome]:
        """The outcomes of these changes. Raises what ended the session."""
        for change, steps in chains:
            yield from self._submit(change, steps)
        yield from self._finish()

    def _submit(self, change: Change, steps: Chain[RequestT, AnswerT]) -> Iterator[Outcome]:
        """Start one change as soon as it may; outcomes of others come meanwhile."""
        job = _Job(change, steps)
        while self._broken is None and (len(self._jobs) >= self._room or job.place in self._places):
            yield from self._progress()
        if self._broken is not None:
            yield from self._finish()
            return
        self._jobs.add(job)
        if job.place is not None:
            self._places.add(job.place)
        yield from self._advance(job, lambda: next(job.steps))
        self._dispatch(full=True)

    def _finish(self) -> Iterator[Outcome]:
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
        while self._broken is None and self._running < self._size:
            if self._single:
                parts = [self._single.popleft()]
            elif self._waiting and not (full and len(self._waiting) < self._batch):
                parts = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
            else:
                return
            self._running += 1
            future = self._threads.submit(self._send, [request for _, _, request in parts])
            future.add_done_callback(partial(self._arrived, parts))

    def _arrived(self, parts: list[_Sent[RequestT, AnswerT]], future: Future[list[AnswerT]]) -> None:
        self._answered.put((parts, future))

    def _one(self) -> Iterator[Outcome]:
        parts, future = self._answered.get()
        self._running -= 1
        try:
            answers = future.result()
        except (Throttled, Unreachable, AuthFailed, IncompleteRead) as error:
            for job in dict.fromkeys(job for job, _, _ in parts):
                if not job.over:
                    self._forget(job)
                    yield from self._advance(job, partial(job.steps.throw, error))
            return
        for (job, place, _), answer in zip(parts, answers, strict=True):
            if job.over:
                continue
            job.answers[place] = answer
            if all(one is not None for one in job.answers):
                found = [one for one in job.answers if one is not None]
                yield from self._advance(job, partial(job.steps.send, found))

    def _advance(self, job: _Job[RequestT, AnswerT], go_on: Callable[[], Sequence[RequestT]]) -> Iterator[Outcome]:
        try:
            requests = go_on()
        except StopIteration as end:
            self._end(job)
            yield end.value
            return
        except Throttled as error:
            self._end(job)
            change = job.change
            yield Outcome(change.key, Result.RETRY, change.anchor, reason=error.message, after=error.retry_after)
            return
        except (Unreachable, AuthFailed, IncompleteRead) as error:
            self._end(job)
            self._broken = self._broken or error
            return
        job.answers = [None] * len(requests)
        for place, request in enumerate(requests):
            queue = self._single if self._batch == 1 or self._alone(request) else self._waiting
            queue.append((job, place, request))

    def _end(self, job: _Job[RequestT, AnswerT]) -> None:
        job.over = True
        job.steps.close()
        self._jobs.discard(job)
        if job.place is not None:
            self._places.discard(job.place)
        self._forget(job)

    def _forget(self, job: _Job[RequestT, AnswerT]) -> None:
        """Its requests that wait are not sent any more."""
        for queue in (self._single, self._waiting):
            if any(one is job for one, _, _ in queue):
                kept = [part for part in queue if part[0] is not job]
                queue.clear()
                queue.extend(kept)
