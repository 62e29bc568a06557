"""Changes that several requests have at the same time, written in one go: one transaction, one commit for all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from muster.connectors.kit.guard import ConnectorBug
from muster.model.changes import Change, Outcome
from muster.model.errors import MusterError


@dataclass(slots=True)
class _Waiting:
    change: Change
    outcome: Outcome | None = None
    error: Exception | None = None


class Together:
    """Whoever comes first writes for all who wait. `written` gives the outcomes by the keys of the changes."""

    def __init__(self, written: Callable[[Sequence[Change]], Mapping[int, Outcome]]) -> None:
        self._written = written
        self._waiting: list[_Waiting] = []
        self._lock = threading.Lock()
        self._turn = threading.Lock()

    def write(self, change: Change) -> Outcome:
        """The outcome of a change. Raises what the writing raised."""
        mine = _Waiting(change)
        with self._lock:
            self._waiting.append(mine)
        with self._turn:
            if mine.outcome is None and mine.error is None:
                self._write()
        if mine.error is not None:
            raise mine.error
        assert mine.outcome is not None
        return mine.outcome

    def _write(self) -> None:
        with self._lock:
            batch, self._waiting = self._waiting, []
        try:
            outcomes = self._written([one.change for one in batch])
        except (MusterError, ConnectorBug) as error:
            for one in batch:
                one.error = error
            return
        for one in batch:
            one.outcome = outcomes[one.change.key]
