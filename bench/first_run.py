"""How fast does a first run make accounts, and a full import that finds nothing new?"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.company import Company
from bench.floors import first_run_floor, unchanged_floor
from bench.measuring import Measured, rate, timed
from muster.store.opening import open_store

COUNT = int(os.environ.get("BENCH_PEOPLE", "100000"))


def measure() -> Iterator[Measured]:
    """First run, then the same again with nothing changed, beside their floors."""
    with tempfile.TemporaryDirectory() as folder:
        company = Company(Path(folder) / "project", COUNT)
        try:
            floor = first_run_floor(company.hr, Path(folder))
            with timed() as seconds:
                first = company.run()
            if company.app.count() != COUNT:
                raise AssertionError(
                    f"made {company.app.count()} accounts of {COUNT}: {first['document']['errors'][:3]}"
                )
            _same_rows(Path(folder) / "floor.db", company.folder / ".muster" / "state.db")
            yield rate("first run", COUNT, seconds[0], floor, first["steps"], "people/s")
            database = open_store("sqlite:///.muster/state.db", company.folder)
            try:
                floor = unchanged_floor([(company.hr, "worker"), (company.app, "account")], database)
            finally:
                database.close()
            company.run(full=True)
            with timed() as seconds:
                again = company.run(full=True)
            if again["document"]["summary"]:
                raise AssertionError("a run with nothing changed made changes")
            imports = sum(taken for step, taken in again["steps"].items() if step.startswith("import"))
            yield rate("full import, nothing changed", 2 * COUNT, imports, floor, again["steps"], "objects/s")
        finally:
            company.close()


def _same_rows(floor: Path, store: Path) -> None:
    """A floor that writes less than the engine, or more, measures something else."""
    share = floor.stat().st_size / store.stat().st_size
    if not 0.9 < share <= 1:
        raise AssertionError(f"the floor's store has {share:.0%} of the size of the engine's")
