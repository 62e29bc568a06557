"""Costs follow change: what a run does to the store for a small change is the same, however many people there are."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from muster.store.database import Database
from tests.sync.people import Office
from tests.sync.test_dangling import Firm
from tests.sync.town import Town
from tests.sync.world import World

FEW, MANY = 100, 1000
STEP = 20
"""So many instructions of SQLite's machine are counted at a time."""


class Work:
    """Counts the instructions of SQLite's machine: whoever goes through a table takes some for each row of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done = 0
        opened = Database.__init__

        def counting(database: Database, url: str, folder: Path) -> None:
            opened(database, url, folder)
            sa.event.listen(database.engine, "connect", self._connected)

        monkeypatch.setattr(Database, "__init__", counting)

    def _connected(self, connection: sqlite3.Connection, _record: object) -> None:
        connection.set_progress_handler(self._step, STEP)

    def _step(self) -> int:
        self.done += STEP
        return 0

    def of_run(self, world: World) -> int:
        """What the next run takes."""
        self.done = 0
        found = world.run()
        assert found["errors"] == found["held"] == []
        return self.done


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    return Work(monkeypatch)


def same(few: int, many: int) -> bool:
    return abs(many - few) < few / 10


# --- people


def person(number: int) -> dict[str, str]:
    return {"first": f"p{number:05}", "last": "Berg", "dept": "Sales", "status": "active"}


def office(folder: Path, people: int) -> Office:
    found = Office(folder, people={f"{n:05}": person(n) for n in range(people)}, safety="")
    found.rules(provision="[active]")
    found.run()
    found.run()
    return found


CHANGES: dict[str, Callable[[Office], None]] = {
    "nothing": lambda _: None,
    "a department": lambda office: office.hr.edit("00007", dept="Board"),
    "a name": lambda office: office.hr.edit("00007", last="Dahl"),
    "a joiner": lambda office: office.hr.put("99999", id="99999", **person(99999)),
    "a leaver": lambda office: office.hr.edit("00007", status="left"),
    "a row that is gone": lambda office: office.hr.remove("00007"),
    "an account that is gone": lambda office: office.app.remove("p00007"),
    "an account of nobody's": lambda office: office.app.put("x", login="x", emp="x"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_small_change_takes_the_same_work_whoever_else_is_there(tmp_path: Path, work: Work, change: str) -> None:
    taken = []
    for people in (FEW, MANY):
        with office(tmp_path / str(people), people) as one:
            CHANGES[change](one)
            taken.append(work.of_run(one))
    assert same(*taken)


def test_so_does_looking_after_objects_of_nobody(tmp_path: Path, work: Work) -> None:
    taken = []
    for people in (FEW, MANY):
        with office(tmp_path / str(people), people) as one:
            one.rules(provision="[active]", top="unmanaged: disable")
            one.run()
            one.app.put("x", login="x", emp="x", enabled=True)
            taken.append(work.of_run(one))
            assert one.app.values("x")["enabled"] is False
    assert same(*taken)


# --- members

EDGES: dict[str, Callable[[Town], None]] = {
    "comes": lambda town: town.teams.edges("t", "member", add=["00000"]),
    "goes": lambda town: town.teams.edges("t", "member", remove=["00007"]),
    "leaves the company": lambda town: town.hr.edit("00007", status="left"),
    "is put in by another hand": lambda town: town.app.edges("t", "member", add=["00000"]),
}


@pytest.mark.parametrize("change", EDGES)
def test_a_member_takes_the_same_work_however_many_there_are(tmp_path: Path, work: Work, change: str) -> None:
    taken = []
    for members in (FEW, MANY):
        people = [f"{number:05}" for number in range(members)]
        with Town(tmp_path / str(members), people) as town:
            town.team("t", *people[1:])
            town.world.run()
            town.world.run()
            EDGES[change](town)
            taken.append(work.of_run(town.world))
    assert same(*taken)


# --- references


@pytest.mark.parametrize("enforce", ["", "change"])
def test_a_manager_who_leaves_takes_the_same_work_whoever_else_is_there(
    tmp_path: Path, work: Work, enforce: str
) -> None:
    taken = []
    for people in (FEW, MANY):
        bosses = {f"{n:05}": f"{n // 10:05}" for n in range(people)}
        with Firm(tmp_path / str(people), bosses, enforce=enforce) as firm:
            firm.world.run()
            firm.world.run()
            firm.leave("00007")
            taken.append(work.of_run(firm.world))
            assert firm.managers()["00070"] is None
    assert same(*taken)
