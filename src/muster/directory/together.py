"""Changes that wait for their turn share a transaction: they cost one commit together, and each is undone by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from muster.directory.directory import Directory
from muster.directory.work import Work

T = TypeVar("T")
MOST: Final = 16
"""Changes of one transaction: it is to stay short."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """A change that somebody waits for: at last it is over, with its result or its error."""

    job: Callable[[Work], Any]
    sync: bool
    over: bool = False
    result: Any = None
    error: BaseException | None = None


class Together:
    """Runs the changes of many threads, in the order in which they came.

    Whoever has the turn does what all the others wait for, too, and commits it at once. Nobody is told that a change is
    done before it is committed.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._turn = threading.Lock()
        self._queue: list[_Waiting] = []

    @property
    def waiting(self) -> int:
        """How many changes wait for their turn."""
        return len(self._queue)

    def do(self, job: Callable[[Work], T], *, sync: bool = False) -> T:
        """What the job answers, once it is committed; what it raises, once what it did is undone.

        The job may be run again from the start, when the transaction it was part of failed.
        """
        mine = _Waiting(job, sync)
        self._queue.append(mine)
        while not mine.over:
            with self._turn:
                if not mine.over:
                    taken = self._queue[:MOST]
                    del self._queue[: len(taken)]
                    self._run(taken)
        if mine.error is not None:
            raise mine.error
        result: T = mine.result
        return result

    def _run(self, taken: list[_Waiting]) -> None:
        """All of them in one transaction; where the database fails for one, each in one of its own."""
        if len(taken) > 1:
            try:
                with self._directory.write() as work:
                    for one in taken:
                        self._try(one, work)
            except Exception:  # noqa: BLE001  what failed is found out, and told to whom it concerns, below
                pass
            else:
                for one in taken:
                    one.over = True
                return
        for one in taken:
            one.error = None
            try:
                with self._directory.write(sync=one.sync) as work:
                    one.result = one.job(work)
            except BaseException as error:  # noqa: BLE001  it is raised where it is waited for
                one.error = error
            one.over = True

    def _try(self, one: _Waiting, work: Work) -> None:
        """One of several. Raises what only the database can have raised."""
        work.sync = one.sync
        try:
            with work.apart():
                one.result = one.job(work)
        except self._directory.database.failures:
            raise
        except Exception as error:  # noqa: BLE001  likewise
            one.error = error
