"""Work that takes many steps, in transactions that stay short."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from muster.store.database import Database, Session

LEAST: Final = 200
MOST: Final = 5000
_START: Final = 2000
_AIM: Final = 0.15
"""Seconds that a transaction is to hold the store. Others who want to write wait meanwhile."""


class Pace:
    """How many rows the next transaction is to take: as many as the last ones worked through in the time it may last.

    What a row costs depends on the mappings and on the machine; no fixed number is right for all.
    """

    def __init__(self) -> None:
        self.size = _START

    def worked(self, rows: int, seconds: float) -> None:
        """A transaction took so many rows and so long. One with few rows says little of what a row costs."""
        if rows < self.size // 2 and seconds < _AIM:
            return
        fitting = int(rows * _AIM / max(seconds, 1e-6))
        self.size = min(max(fitting, LEAST), 2 * self.size, MOST)


class Paced:
    """Takes steps, as many in one transaction as it is to hold, and begins another one for those that follow.

    A step says how many values it worked through; it is to take no more than `left`, and asks for `session` anew each
    time. What steps leave in the store must be true after each of them: a kill comes between any two. Without a
    database, there is one transaction for them all.
    """

    def __init__(self, database: Database | None) -> None:
        self._database = database
        self.left = 0
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        """The transaction of now."""
        if self._session is None:
            raise AssertionError("steps are taken by `work` or `within`")
        return self._session

    def work(self, steps: Iterator[int]) -> None:
        """Take all steps, in as many transactions as that needs."""
        if self._database is None:
            raise AssertionError("without a database, steps are taken within a transaction")
        taken: int | None = 0
        while taken is not None:
            with self._database.write() as self._session:
                self.left = self._session.most_edges
                while self.left > 0 and (taken := next(steps, None)) is not None:
                    self.left -= taken

    def within(self, session: Session, steps: Iterator[int]) -> None:
        """Take all steps in this transaction: there are few."""
        self._session, self.left = session, session.most_edges
        for _ in steps:
            pass
