"""What every benchmark shares: its result, its clock, its peak of memory."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


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


def apart(work: Callable[[Path], T], folder: Path) -> T:
    """What the work answers, done in a process of its own: what that holds is not held by this one."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, folder).result()


def held_mib() -> float:
    """The memory that this process holds now, in MiB."""
    return _status("VmRSS")


def peak_mib() -> float:
    """The most memory this process ever held, in MiB; not, as `getrusage` has it, what the one that began it held."""
    return _status("VmHWM")


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024
