"""How long until `muster --help` has answered?"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.measuring import Measured

TIMES = 7


def measure() -> Iterator[Measured]:
    """The best of several starts, beside a Python that does nothing."""
    muster = Path(sys.executable).with_name("muster")
    best = min(_seconds([str(muster), "--help"]) for _ in range(TIMES))
    bare = min(_seconds([sys.executable, "-c", "pass"]) for _ in range(TIMES))
    yield Measured("muster --help", round(best, 3), "s", round(bare, 3), round(best / bare, 2))


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start
