"""What every benchmark shares: its result, its clock, its peak of memory."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Measured:
    """One figure beside the floor measured in the same run. `ratio`: how many times the floor's time it takes."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    ratio: float | None = None
    steps: dict[str, float] = field(default_factory=dict)
    note: str = ""

    def document(self) -> dict[str, Any]:
        """As it stands in results/latest.json."""
        found = asdict(self)
        del found["name"]
        if not self.note:
            del found["note"]
        return found


def rate(name: str, count: int, seconds: float, floor_seconds: float, steps: dict[str, float], unit: str) -> Measured:
    """A figure in things a second, beside a floor that did the same things."""
    return Measured(
        name,
        round(count / seconds, 1),
        unit,
        round(count / floor_seconds, 1),
        round(seconds / floor_seconds, 2),
        {step: round(taken, 3) for step, taken in steps.items()},
    )


@contextmanager
def timed() -> Iterator[list[float]]:
    """The seconds of the block, in a list of one once it has ended."""
    found: list[float] = []
    start = time.perf_counter()
    yield found
    found.append(time.perf_counter() - start)


def peak_mib() -> float:
    """The most memory this process ever held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
