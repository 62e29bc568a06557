"""Killed anywhere and run again, a run ends as an unbroken one would: nothing lost, doubled or sent twice.

`muster run` is killed with SIGKILL at every point at which it has just made something last: after every commit of the
store and after every answer of a system (tests/stories/dying.py). Then it is run again to its end.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ldap
import orjson
import pytest

from muster.store.database import Database
from muster.store.runs import list_runs
from tests.servers.openldap import OpenLdap
from tests.servers.postgres import Postgres
from tests.stories.killing import (
    AFTER,
    BEFORE,
    NOW,
    TEAMS_AFTER,
    TEAMS_BEFORE,
    Processes,
    app_tables,
    write_people,
    write_project,
)
from tests.stories.picture import Picture, difference, picture

pytestmark = pytest.mark.slow
LITE = "sqlite:///state.db"


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    with Processes() as found:
        yield found


@dataclass(frozen=True)
class Outcome:
    """How everything stands after a run."""

    targets: dict[str, Any]
    store: Picture

    def differs(self, other: Outcome) -> dict[str, Any]:
        """What is not as in the other; empty when all is."""
        found: dict[str, Any] = dict(difference(self.store, other.store))
        for name, rows in self.targets.items():
            if rows != other.targets[name]:
                found[name] = ([r for r in rows if r not in other.targets[name]],
                               [r for r in other.targets[name] if r not in rows])  # fmt: skip
        return found


class Sweep:
    """One run of one project, from one beginning, again and again."""

    def __init__(self, processes: Processes, base: Path) -> None:
        self.processes = processes
        self.base = base

    def environment(self) -> dict[str, str]:
        return {}

    def begin(self) -> Path:
        """Everything as it was before the run; the project folder."""
        folder = self.base.with_name("copy")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.base, folder)
        return folder

    def outcome(self, folder: Path) -> Outcome:
        with Database(LITE, folder) as database:
            return Outcome(app_tables(folder), picture(database, volatile=False))

    def finish(self, folder: Path) -> Outcome:
        ended = self.processes.run("run", folder=folder, environment=self.environment())
        assert ended.code == 0, ended.error
        return self.outcome(folder)

    def unbroken(self) -> tuple[int, Outcome]:
        """How many points a run passes, and how it ends."""
        folder = self.begin()
        ended = self.processes.run("run", folder=folder, environment=self.environment())
        assert ended.code == 0, ended.error
        assert ended.points is not None
        return ended.points, self.outcome(folder)

    def killed(self, point: int) -> Outcome:
        """How it ends when it was killed at a point, and run again."""
        folder = self.begin()
        ended = self.processes.run("run", folder=folder, die_at=point, environment=self.environment())
        assert ended.code == -9, f"point {point}: {ended}"
        return self.finish(folder)


def check_all(sweep: Sweep, step: int = 1) -> None:
    """Kill at each point (each `step`-th) and compare."""
    points, expected = sweep.unbroken()
    assert points > 20
    assert expected.store["open"] == []
    wrong = {}
    for point in range(1, points + 1, step):
        differs = sweep.killed(point).differs(expected)
        if differs:
            wrong[point] = differs
    assert not wrong, f"{len(wrong)} of {points} points: {wrong}"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A project that never ran."""
    folder = tmp_path / "base"
    folder.mkdir()
    write_project(folder, store=LITE)
    write_people(folder, BEFORE, TEAMS_BEFORE)
    return folder


def test_a_first_run_that_is_killed_anywhere_ends_as_an_unbroken_one(processes: Processes, base: Path) -> None:
    check_all(Sweep(processes, base))


def test_a_run_with_joiners_movers_and_leavers_that_is_killed_anywhere_ends_as_an_unbroken_one(
    processes: Processes, base: Path
) -> None:
    assert processes.run("run", folder=base).code == 0
    write_people(base, AFTER, TEAMS_AFTER)
    check_all(Sweep(processes, base))


def test_a_run_that_is_killed_twice_ends_as_an_unbroken_one(processes: Processes, base: Path) -> None:
    assert processes.run("run", folder=base).code == 0
    write_people(base, AFTER, TEAMS_AFTER)
    sweep = Sweep(processes, base)
    points, expected = sweep.unbroken()
    for first in range(points // 3, points, 9):
        folder = sweep.begin()
        assert processes.run("run", folder=folder, die_at=first).code == -9
        processes.run("run", folder=folder, die_at=25)  # at its 25th point, if it comes so far
        assert sweep.finish(folder).differs(expected) == {}, first


def written(folder: Path) -> Counter[tuple[str, str]]:
    """What the log says that the runs since the beginning wrote, but for updates, which a run tells with others."""
    with Database(LITE, folder) as database:
        runs = list_runs(database, 3)
    return Counter(
        {
            (system, action): sum(run["summary"].get(system, {}).get(action, 0) for run in runs)
            for system in ("app", "directory")
            for action in ("create", "disable", "delete")
        }
    )


def test_the_log_counts_what_a_killed_run_wrote_and_what_the_next_one_did(processes: Processes, base: Path) -> None:
    sweep = Sweep(processes, base)
    points, _ = sweep.unbroken()
    expected = written(base.with_name("copy"))
    assert expected["app", "create"] > 3
    for point in range(5, points - 3, 6):  # at the last ones its own end stands in the log already
        folder = sweep.begin()
        assert processes.run("run", folder=folder, die_at=point).code == -9
        assert processes.run("run", folder=folder).code == 0
        with Database(LITE, folder) as database:
            assert [run["state"] for run in list_runs(database, 2)] == ["done", "killed"]
        assert written(folder) == expected, point


def test_the_log_counts_once_what_a_run_that_was_killed_too_found_done(processes: Processes, base: Path) -> None:
    sweep = Sweep(processes, base)
    points, _ = sweep.unbroken()
    expected = written(base.with_name("copy"))
    for point in range(points // 2, points - 3, 6):
        folder = sweep.begin()
        assert processes.run("run", folder=folder, die_at=point).code == -9
        processes.run("run", folder=folder, die_at=20)  # found done, and killed
        sweep.finish(folder)
        assert written(folder) == expected, point


def test_after_a_kill_and_a_run_nothing_is_planned(processes: Processes, base: Path) -> None:
    sweep = Sweep(processes, base)
    points, _ = sweep.unbroken()
    for point in range(points // 2, points, 6):
        folder = sweep.begin()
        assert processes.run("run", folder=folder, die_at=point).code == -9
        assert processes.run("run", folder=folder).code == 0
        assert processes.run("plan", folder=folder).code == 0, point


def test_the_command_itself_killed_from_outside_ends_as_an_unbroken_one(processes: Processes, base: Path) -> None:
    """No point and no fork: the installed command, killed by another process whenever it happens to be."""
    sweep = Sweep(processes, base)
    _, expected = sweep.unbroken()
    for patience in (0.2, 0.35, 0.5, 0.65, 0.8, 0.95):
        folder = sweep.begin()
        with subprocess.Popen(
            [sys.executable, "-m", "muster", "-C", str(folder), "run"],
            env={"PATH": "", "MUSTER_NOW": NOW},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                process.kill()
        assert sweep.finish(folder).differs(expected) == {}, patience


# --- a directory, and the store in PostgreSQL


class Directory(Sweep):
    """HR → OpenLDAP, with the store in PostgreSQL."""

    def __init__(self, processes: Processes, base: Path, openldap: OpenLdap, postgres: Postgres) -> None:
        super().__init__(processes, base)
        self.openldap = openldap
        self.postgres = postgres
        self.first = postgres.database()
        self.url = postgres.database()
        write_project(base, store=self.first, ldap=(openldap.url, openldap.bind_dn))

    def environment(self) -> dict[str, str]:
        return {"MUSTER_SECRET_DIRECTORY": self.openldap.password}

    def keep(self) -> None:
        """The directory as it is now is the one that every run begins with."""
        self.openldap.stop()
        for name in ("data", "accesslog"):
            shutil.copytree(self.openldap.folder / name, self.base.with_name(name))
        self.openldap.start()

    def begin(self) -> Path:
        folder = super().begin()
        self.openldap.kill()
        for name in ("data", "accesslog"):
            shutil.rmtree(self.openldap.folder / name)
            shutil.copytree(self.base.with_name(name), self.openldap.folder / name)
        self.openldap.start()
        self.postgres.drop(self.url)
        self.url = self.postgres.copy(self.first)
        settings = folder / "muster.yaml"
        settings.write_text(settings.read_text().replace(self.first, self.url))
        return folder

    def outcome(self, folder: Path) -> Outcome:
        entries, names = self._entries()
        with Database(self.url, folder) as database:
            text = orjson.dumps(picture(database, volatile=False)).decode()
        for uuid, dn in names.items():
            text = text.replace(uuid, dn)
        store = {table: sorted(rows, key=repr) for table, rows in orjson.loads(text).items()}
        return Outcome({"entries": entries}, store)

    def _entries(self) -> tuple[list[Any], dict[str, str]]:
        connection = self.openldap.connect()
        found = connection.search_s(self.openldap.base, ldap.SCOPE_SUBTREE, "(objectClass=*)", ["*", "entryUUID"])
        connection.unbind_s()
        names = {values.pop("entryUUID")[0].decode(): dn for dn, values in found}
        return [(dn, {name: sorted(v) for name, v in sorted(values.items())}) for dn, values in sorted(found)], names


@pytest.fixture
def directory(
    processes: Processes, tmp_path: Path, openldap: OpenLdap, postgres_server: Postgres
) -> Iterator[Directory]:
    postgres_server.start()
    base = tmp_path / "base"
    base.mkdir()
    found = Directory(processes, base, openldap, postgres_server)
    write_people(base, BEFORE, TEAMS_BEFORE)
    yield found
    for url in (found.first, found.url):
        postgres_server.drop(url)


def test_a_first_run_into_a_directory_killed_here_and_there_ends_as_an_unbroken_one(directory: Directory) -> None:
    directory.keep()
    check_all(directory, step=5)


def test_a_run_with_renames_and_groups_in_a_directory_killed_here_and_there_ends_as_an_unbroken_one(
    directory: Directory,
) -> None:
    ended = directory.processes.run("run", folder=directory.base, environment=directory.environment())
    assert ended.code == 0, ended.error
    directory.keep()
    write_people(directory.base, AFTER, TEAMS_AFTER)
    check_all(directory, step=4)
