"""What do ten changes cost among a million identities, and how much memory does that million take?"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.company import Company, worker
from bench.measuring import Measured, peak_mib, timed

COUNT = int(os.environ.get("BENCH_IDENTITIES", "1000000"))
CHANGES = 10


def measure() -> Iterator[Measured]:
    """Fill the store, then let ten rows change and run with deltas."""
    with tempfile.TemporaryDirectory() as folder:
        before = time.perf_counter()
        company = Company(Path(folder) / "project", COUNT)
        try:
            filled = time.perf_counter() - before
            systems = peak_mib()
            with timed() as seconds:
                first = company.run()
            yield Measured(
                "first run of a million", round(COUNT / seconds[0], 1), "people/s", steps=_rounded(first["steps"])
            )
            yield Measured(
                "peak memory of a first run",
                round(peak_mib() - systems, 1),
                "MiB",
                note=f"for {COUNT} identities; the memory systems' own {systems:.0f} MiB are not counted",
            )
            company.run()
            for number in range(0, COUNT, COUNT // CHANGES):
                row = worker(number)
                company.hr.put("worker", str(row["id"]), {**row, "title": "Director"})
            with timed() as seconds:
                found = company.run()
            if len(found["document"]["changes"]) != CHANGES:
                raise AssertionError(f"{len(found['document']['changes'])} changes instead of {CHANGES}")
            with timed() as nothing:
                company.run()
            yield Measured(
                "ten changes by delta",
                round(seconds[0], 3),
                "s",
                round(nothing[0], 3),
                round(seconds[0] / nothing[0], 2),
                _rounded(found["steps"]),
                f"among {COUNT} identities; the floor is a run with no change at all; filling took {filled:.0f} s",
            )
        finally:
            company.close()


def _rounded(steps: dict[str, float]) -> dict[str, float]:
    return {name: round(taken, 3) for name, taken in steps.items()}
