"""However large a group is, no transaction and no answer of the store grows with it: its members come in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from muster.store.database import Database, Session
from tests.sync.town import GROUPS, Town

PEOPLE = [f"{number:04}" for number in range(400)]
GONE = (GROUPS % "").replace("provision: 'true'", "provision: 'true'\n  deprovision: delete")
PAGE = 10
BOUND = 8 * PAGE
"""A page of members stands in a few tables, and each has a line in an index of what is to be looked at."""


class Pages:
    """Measures what each transaction writes, and the longest answer that the store gives."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.written: list[int] = []
        self.read = 0
        self._writing = False
        write, rows = Database.write, Session.rows

        @contextmanager
        def measured_write(database: Database) -> Iterator[Session]:
            with write(database) as session:
                driver = session.connection.connection.driver_connection
                assert driver is not None
                before = driver.total_changes
                self._writing = True
                try:
                    yield session
                finally:
                    self._writing = False
                self.written.append(driver.total_changes - before)

        def measured_rows(session: Session, sql: str, *values: Any) -> Any:
            found = rows(session, sql, *values)
            if self._writing:
                self.read = max(self.read, len(found))
            return found

        monkeypatch.setattr(Session, "most_edges", PAGE)
        monkeypatch.setattr(Database, "write", measured_write)
        monkeypatch.setattr(Session, "rows", measured_rows)

    def of(self, work: Callable[[], object]) -> tuple[int, int]:
        """The most that one transaction wrote and that one answer held."""
        self.written, self.read = [], 0
        work()
        return max(self.written), self.read


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Everybody has an account, and nobody is in the team."""
    with Town(tmp_path, PEOPLE) as found:
        found.world.mapping("app-group", "app", "group", GONE)
        found.team("t")
        found.world.run()
        found.world.run()
        yield found


def check(pages: Pages, work: Callable[[], object]) -> None:
    """Nothing that the work does takes more than its page."""
    written, read = pages.of(work)
    assert written <= BOUND
    assert read <= BOUND


def assert_nothing_left(town: Town) -> None:
    """Of a group that is gone, no value is left anywhere."""
    with town.world.muster() as muster, muster.database.read() as session:
        for table in ("edge", "edge_dirty", "shown", "shown_dirty", "shown_digest"):
            assert session.rows(f"SELECT * FROM {table}") == [], table


@pytest.mark.parametrize("whole", [False, True], ids=["changes", "everything"])
def test_a_large_group_comes_changes_and_goes_page_by_page(
    town: Town, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    pages = Pages(monkeypatch)
    members = set(PEOPLE)
    steps: list[tuple[set[str], set[str]]] = [
        (members, set()),
        (set(), set()),
        (set(), set(PEOPLE[5:300])),
        (set(PEOPLE[5:300]), set()),
        (set(), members),
        (members, set()),
    ]
    expected: set[str] = set()
    for add, remove in steps:
        town.teams.edges("t", "member", add=sorted(add), remove=sorted(remove))
        if whole:
            town.teams.system.forget_changes()
        check(pages, town.world.run)
        expected = (expected | add) - remove
        assert town.members() == expected
        assert town.world.plan()["changes"] == []
    town.teams.remove("t")
    check(pages, town.world.run)
    assert town.app.all() == {}
    assert_nothing_left(town)


def test_so_it_does_on_postgresql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str) -> None:
    monkeypatch.setattr(Session, "most_edges", PAGE)
    people = PEOPLE[:45]
    with Town(tmp_path, people, store=postgres_url) as town:
        town.world.mapping("app-group", "app", "group", GONE)
        town.team("t", *people)
        town.world.run()
        assert town.members() == set(people)
        town.teams.edges("t", "member", remove=people[3:30])
        town.app.edges("t", "member", add=["nobody"], remove=people[:3])
        town.teams.system.forget_changes()
        town.world.run()
        assert town.members() == {*people[:3], *people[30:]}
        assert town.world.plan()["changes"] == []
        town.teams.remove("t")
        town.world.run()
        assert town.app.all() == {}
        assert_nothing_left(town)
