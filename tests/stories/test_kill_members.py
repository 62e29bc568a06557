"""A large group whose members are on their way when `muster run` is killed: between any two pages of them.

As in test_kill.py, but for the systems: they live in this process, and a run that dies leaves behind what it had
written to them.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from muster.store.database import Database, Session
from tests.stories.dying import Points
from tests.stories.picture import picture
from tests.sync.town import GROUPS, Town

pytestmark = pytest.mark.slow
PEOPLE = [f"{number:02}" for number in range(12)]
PAGE = 4
MAPPING = (GROUPS % "").replace("provision: 'true'", "provision: 'true'\n  deprovision: delete")


class Dying(Points):
    """Leaves the systems as they were when it died."""

    def __init__(self, town: Town, file: Path, die_at: int) -> None:
        super().__init__(die_at)
        self.town = town
        self.file = file

    def point(self) -> None:
        if self.passed + 1 == self.die_at:
            self.file.write_bytes(systems(self.town))
        super().point()


def systems(town: Town) -> bytes:
    """All that the systems hold."""
    return pickle.dumps([vars(one.system) for one in (town.hr, town.teams, town.accounts)])


def put_back(town: Town, data: bytes) -> None:
    """The systems as they were."""
    for one, state in zip((town.hr, town.teams, town.accounts), pickle.loads(data), strict=True):  # noqa: S301
        vars(one.system).update(state)


class Sweep:
    """One run, from one beginning, again and again."""

    def __init__(self, town: Town, scratch: Path) -> None:
        self.town = town
        self.base = scratch / "base"
        self.died = scratch / "died"
        shutil.copytree(town.world.folder, self.base)
        self.systems = systems(town)

    def begin(self) -> None:
        """Everything as it was before the run."""
        shutil.rmtree(self.town.world.folder)
        shutil.copytree(self.base, self.town.world.folder)
        put_back(self.town, self.systems)

    def outcome(self) -> dict[str, Any]:
        """How everything stands."""
        groups = {name: sorted(self.town.members(name)) for name in self.town.app.all()}
        with Database("sqlite:///.muster/state.db", self.town.world.folder) as database:
            return {**picture(database, volatile=False), "app": [groups, sorted(self.town.accounts.all())]}

    def unbroken(self) -> tuple[int, dict[str, Any]]:
        """How many points a run passes, and how it ends."""
        points = Points(0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Database, "write", Database.write)
            points.watch()
            self.town.world.run()
        return points.passed, self.outcome()

    def killed(self, point: int) -> dict[str, Any]:
        """How it ends when it was killed at a point, and run again."""
        self.begin()
        pid = os.fork()
        if not pid:
            Dying(self.town, self.died, point).watch()
            self.town.world.run()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL, point
        put_back(self.town, self.died.read_bytes())
        self.town.world.run()
        return self.outcome()


def check_all(town: Town, scratch: Path) -> None:
    """Kill at each point and compare."""
    sweep = Sweep(town, scratch)
    points, expected = sweep.unbroken()
    assert points > 20
    wrong = {}
    for point in range(1, points + 1):
        found = sweep.killed(point)
        if found != expected:
            wrong[point] = {name: (found[name], expected[name]) for name in expected if found[name] != expected[name]}
    assert not wrong, f"{len(wrong)} of {points} points: {wrong}"


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """Everybody is in the source; nothing ran yet."""
    monkeypatch.setattr(Session, "most_edges", PAGE)
    folder = tmp_path / "world"
    folder.mkdir()
    with Town(folder, PEOPLE) as found:
        found.world.mapping("app-group", "app", "group", MAPPING)
        yield found


def test_members_who_get_their_accounts_in_the_same_run(town: Town, tmp_path: Path) -> None:
    town.team("t", *PEOPLE)
    check_all(town, tmp_path)


def fill(town: Town) -> None:
    town.team("t", *PEOPLE)


def exchange(town: Town) -> None:
    town.teams.edges("t", "member", add=PEOPLE[:3], remove=PEOPLE[4:10])


def foreign(town: Town) -> None:
    town.app.edges("t", "member", add=["nobody", *PEOPLE[:3]], remove=PEOPLE[4:10])


def empty(town: Town) -> None:
    town.teams.edges("t", "member", remove=PEOPLE)


def remove(town: Town) -> None:
    town.teams.remove("t")


def lose(town: Town) -> None:
    town.app.remove("t")


@pytest.mark.parametrize(
    ("change", "whole"),
    [
        (fill, False),
        (exchange, False),
        (exchange, True),
        (foreign, True),
        (empty, False),
        (remove, False),
        (lose, True),
    ],
)
def test_members_who_come_or_go(town: Town, tmp_path: Path, change: Callable[[Town], None], whole: bool) -> None:
    if change is not fill:
        town.team("t", *PEOPLE[3:])
    town.world.run()
    town.world.run()
    change(town)
    if whole:  # what is read next is everything
        for side in (town.teams, town.app):
            side.system.forget_changes()
    check_all(town, tmp_path)
