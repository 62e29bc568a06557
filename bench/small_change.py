"""What do ten changes cost among a million identities, and how much memory does that million take?"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.company import Company, worker
from bench.measuring import Measured, peak_mib, timed
from bench.thin import Accounts, Workers

COUNT = int(os.environ.get("BENCH_IDENTITIES", "1000000"))
CHANGES = 10


def measure() -> Iterator[Measured]:
    """Fill the store, then let ten rows change and run with deltas."""
    with tempfile.TemporaryDirectory() as folder:
        company = Company(Path(folder) / "project", 0, kinds=(Workers, Accounts))
        if not isinstance(company.hr, Workers):
            raise TypeError("the source is not thin")
        company.hr.people = COUNT
        try:
            before = peak_mib()
            with timed() as seconds:
                first = company.run()
            if company.app.count() != COUNT:
                raise AssertionError(f"made {company.app.count()} of {COUNT}: {first['document']['errors'][:3]}")
            yield Measured(
                "first run of a million", round(COUNT / seconds[0], 1), "people/s", steps=_rounded(first["steps"])
            )
            yield Measured(
                "peak memory of a first run",
                round(peak_mib(), 1),
                "MiB",
                note=f"for {COUNT} identities; {before:.0f} MiB before it began",
            )
            company.run()
            for number in range(0, COUNT, COUNT // CHANGES):
                row = worker(number)
                company.hr.put("worker", str(row["id"]), {**row, "title": "Director"})
            with timed() as seconds:
                found = company.run()
            if found["document"]["summary"]["app"]["update"] != CHANGES:
                raise AssertionError(f"{found['document']['summary']} instead of {CHANGES} updates")
            with timed() as nothing:
                company.run()
            yield Measured(
                "ten changes by delta",
                round(seconds[0], 3),
                "s",
                round(nothing[0], 3),
                round(seconds[0] / nothing[0], 2),
                _rounded(found["steps"]),
                f"among {COUNT} identities; the floor is a run with no change at all",
            )
        finally:
            company.close()


def _rounded(steps: dict[str, float]) -> dict[str, float]:
    return {name: round(taken, 3) for name, taken in steps.items()}
