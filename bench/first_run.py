"""How fast does a first run make accounts, and a full import that finds nothing new?"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.company import Company
from bench.floors import first_run_floor, unchanged_floor
from bench.measuring import Measured, rate, timed
from muster.store.opening import open_store

COUNT = int(os.environ.get("BENCH_PEOPLE", "100000"))
ROUNDS = 3
"""A machine's speed may swing by more than what is measured: the middle round counts, each between two floors."""


@dataclass(frozen=True, slots=True)
class _Round:
    seconds: float
    floor: float
    steps: dict[str, float]

    @property
    def ratio(self) -> float:
        return self.seconds / self.floor


def measure() -> Iterator[Measured]:
    """First run, then the same again with nothing changed, beside their floors."""
    rounds: list[_Round] = []
    for left in reversed(range(ROUNDS)):
        with tempfile.TemporaryDirectory() as folder:
            company = Company(Path(folder) / "project", COUNT)
            try:
                rounds.append(_first_run(company, Path(folder)))
                if not left:
                    rounds.sort(key=lambda one: one.ratio)
                    middle = rounds[ROUNDS // 2]
                    found = rate("first run", COUNT, middle.seconds, middle.floor, middle.steps, "people/s")
                    found.note = f"ratios of {ROUNDS} rounds: {', '.join(f'{one.ratio:.2f}' for one in rounds)}"
                    yield found
                    yield _unchanged(company)
            finally:
                company.close()


def _first_run(company: Company, folder: Path) -> _Round:
    """One first run between two of its floor."""
    before = first_run_floor(company.hr, folder, "before.db")
    with timed() as seconds:
        first = company.run()
    if company.app.count() != COUNT:
        raise AssertionError(f"made {company.app.count()} accounts of {COUNT}: {first['document']['errors'][:3]}")
    _same_rows(folder / "before.db", company.folder / ".muster" / "state.db")
    after = first_run_floor(company.hr, folder, "after.db")
    return _Round(seconds[0], (before + after) / 2, first["steps"])


def _unchanged(company: Company) -> Measured:
    """A full import that finds nothing new."""
    database = open_store("sqlite:///.muster/state.db", company.folder)
    try:
        floor = unchanged_floor([(company.hr, "worker"), (company.app, "account")], database)
    finally:
        database.close()
    company.run(full=True)
    again = company.run(full=True)
    if again["document"]["summary"]:
        raise AssertionError("a run with nothing changed made changes")
    imports = sum(taken for step, taken in again["steps"].items() if step.startswith("import"))
    return rate("full import, nothing changed", 2 * COUNT, imports, floor, again["steps"], "objects/s")


def _same_rows(floor: Path, store: Path) -> None:
    """A floor that writes less than the engine, or more, measures something else."""
    share = floor.stat().st_size / store.stat().st_size
    if not 0.9 < share <= 1:
        raise AssertionError(f"the floor's store has {share:.0%} of the size of the engine's")
