"""What do ten changes cost among a million identities, and how much memory does that million take?

The million is made in a process of its own, as the ten changes of some later day are found by another one.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.company import ACCOUNT, WORKER, Company, worker
from bench.measuring import Measured, apart, held_mib, peak_mib, timed
from bench.thin import Accounts, Numbers, Workers

COUNT = int(os.environ.get("BENCH_IDENTITIES", "1000000"))
CHANGES = 10


class Million:
    """A company whose people and accounts take no memory."""

    def __init__(self, folder: Path) -> None:
        self.company = Company(folder, 0)
        self.hr = self.company.system(Workers, "hr", WORKER)
        self.hr.people = COUNT
        self.app = self.company.system(Accounts, "app", ACCOUNT)

    def filled(self) -> None:
        """Be as the process that made the accounts left everything."""
        self.app.accounts = Numbers(COUNT)
        for system in (self.hr, self.app):
            system.go_on()

    def promote(self) -> None:
        """Ten rows change."""
        for number in range(0, COUNT, COUNT // CHANGES):
            row = worker(number)
            self.hr.put("worker", str(row["id"]), {**row, "title": "Director"})


def fill(folder: Path) -> list[Measured]:
    """Make the accounts; how fast that went, and what it held."""
    million = Million(folder)
    before = held_mib()
    with timed() as seconds:
        found = million.company.run()
    if len(million.app.accounts) != COUNT:
        raise AssertionError(f"made {len(million.app.accounts)} of {COUNT}: {found['document']['errors'][:3]}")
    peak = peak_mib()
    million.company.run()
    note = f"for {COUNT} identities; {before:.0f} MiB before it began"
    return [
        Measured("first run of a million", round(COUNT / seconds[0], 1), "people/s", steps=_rounded(found["steps"])),
        Measured("peak memory of a first run", round(peak, 1), "MiB", note=note),
    ]


def measure() -> Iterator[Measured]:
    """Fill the store, then let ten rows change and run with deltas."""
    with tempfile.TemporaryDirectory() as folder:
        yield from apart(fill, Path(folder))
        million = Million(Path(folder))
        million.filled()
        million.promote()
        with timed() as seconds:
            found = million.company.run()
        if found["document"]["summary"]["app"]["update"] != CHANGES:
            raise AssertionError(f"{found['document']['summary']} instead of {CHANGES} updates")
        peak = peak_mib()
        with timed() as nothing:
            million.company.run()
        yield Measured(
            "ten changes by delta",
            round(seconds[0], 3),
            "s",
            round(nothing[0], 3),
            round(seconds[0] / nothing[0], 2),
            _rounded(found["steps"]),
            f"among {COUNT} identities; the floor is a run with no change at all; peak memory {peak:.0f} MiB",
        )


def _rounded(steps: dict[str, float]) -> dict[str, float]:
    return {name: round(taken, 3) for name, taken in steps.items()}
