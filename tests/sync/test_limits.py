"""Limits: what a system may lose in 24 hours before a person is asked; and how often systems are read whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.connectors.kit.memory import MemoryConnector
from muster.model.objects import Page
from muster.sync.safety.limits import too_many
from tests.sync.world import MemorySide, World, kinds, schema

HR = """
identity: person
project: true
inbound:
  precedence: 10
  flows:
    employeeId: '[id]'
    displayName: '[name]'
    department: '[dept]'
    active: '[status] <> "left"'
"""
APP = """
identity: person
join: [{employeeId: '[login]'}]
outbound:
  provision: '[active]'
  deprovision: %s
  flows: {login: '[employeeId]', name: '[displayName]', dept: '[department]'}
"""
NO_PERCENT = "percent: 100"


class Firm:
    """So many people with an account each."""

    def __init__(self, folder: Path, people: int, safety: str, *, deprovision: str = "delete") -> None:
        self.world = World(folder)
        self.numbers = [f"{number:03}" for number in range(people)]
        self.hr = self.world.source("hr", "worker", mapping=HR, extra="safety: {percent: 100, updates: 100}\n")
        for number in self.numbers:
            self.hr.put(number, id=number, name=number, dept="Sales")
        self.app = self.world.target(
            "app", "account", mapping=APP % deprovision, extra=f"safety: {{{safety}}}\n" if safety else ""
        )
        result = self.world.run()
        assert (result["errors"], result["held"]) == ([], [])
        assert len(self.app.all()) == people

    def __enter__(self) -> Firm:
        return self

    def __exit__(self, *exc: object) -> None:
        self.world.close()

    def leave(self, first: int, last: int) -> None:
        """The people from `first` to before `last` leave."""
        for number in self.numbers[first:last]:
            self.hr.edit(number, status="left")


def held(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(problem["system"], problem["kind"]) for problem in result["held"]]


# --- deletes


@pytest.mark.parametrize("deprovision", ["delete", "disable"])
def test_more_deletes_or_disables_than_the_limit_are_held_until_a_person_allows_them(
    tmp_path: Path, deprovision: str
) -> None:
    with Firm(tmp_path, 6, f"deletes: 3, {NO_PERCENT}", deprovision=deprovision) as firm:
        firm.leave(0, 4)
        assert held(firm.world.plan()) == [("app", "deletes")]
        result = firm.world.run()
        assert held(result) == [("app", "deletes")]
        assert "--allow-deletes" in result["held"][0]["message"]
        assert result["changes"] == []
        assert all(values["enabled"] for values in firm.app.all().values())
        assert len(firm.world.run(allow_deletes=True)["changes"]) == 4
        assert sum(bool(values["enabled"]) for values in firm.app.all().values()) == 2


def test_as_many_deletes_as_the_limit_says_go_through(tmp_path: Path) -> None:
    with Firm(tmp_path, 6, f"deletes: 3, {NO_PERCENT}") as firm:
        firm.leave(0, 3)
        assert held(firm.world.run()) == []
        assert len(firm.app.all()) == 3


def test_a_disable_by_an_ordinary_flow_counts_as_one(tmp_path: Path) -> None:
    with Firm(tmp_path, 6, f"deletes: 3, {NO_PERCENT}") as firm:
        firm.world.mapping(
            "app-account",
            "app",
            "account",
            (APP % "leave").replace("'[active]'", "'true'").replace("flows: {", "flows: {enabled: '[active]', "),
        )
        firm.leave(0, 4)
        assert held(firm.world.run()) == [("app", "deletes")]
        assert all(values["enabled"] for values in firm.app.all().values())


def test_making_again_what_another_hand_deleted_counts_as_a_loss(tmp_path: Path) -> None:
    with Firm(tmp_path, 6, f"deletes: 3, {NO_PERCENT}") as firm:
        for number in firm.numbers[:3]:
            firm.app.remove(number)
        firm.leave(3, 4)
        result = firm.world.run()
        assert held(result) == [("app", "deletes")]
        assert "4 deletes, disables and objects made again after another hand deleted" in result["held"][0]["message"]
        assert len(firm.app.all()) == 3


def test_where_all_is_made_again_the_limit_speaks_of_no_deletes(tmp_path: Path) -> None:
    with Firm(tmp_path, 10, "percent: 30") as firm:
        for number in firm.numbers[:3]:
            firm.app.remove(number)
        result = firm.world.run()
        assert held(result) == [("app", "percent")]
        assert "3 objects made again after another hand deleted them of 7 objects;" in result["held"][0]["message"]


@pytest.mark.parametrize(("people", "leavers", "goes"), [(10, 1, True), (10, 2, False), (4, 4, True), (5, 1, False)])
def test_percent_counts_from_five_objects_on(tmp_path: Path, people: int, leavers: int, goes: bool) -> None:
    with Firm(tmp_path, people, "percent: 10") as firm:
        firm.leave(0, leavers)
        assert held(firm.world.run()) == ([] if goes else [("app", "percent")])
        assert len(firm.app.all()) == (people - leavers if goes else people)


def test_without_a_word_in_the_project_the_limits_are_500_and_10_percent(tmp_path: Path) -> None:
    with Firm(tmp_path, 20, "") as firm:
        with firm.world.muster() as muster:
            safety = muster.project.systems["app"].safety
        assert (safety.deletes, safety.percent, safety.members, safety.updates) == (500, 10, 20, 30)
        firm.leave(0, 3)
        assert held(firm.world.run()) == [("app", "percent")]


def test_limits_count_over_24_hours(tmp_path: Path) -> None:
    with Firm(tmp_path, 9, f"deletes: 3, {NO_PERCENT}") as firm:
        firm.leave(0, 2)
        assert held(firm.world.run()) == []
        firm.world.wait(hours=23)
        firm.leave(2, 3)
        assert held(firm.world.run()) == []
        firm.leave(3, 4)
        result = firm.world.run()
        assert held(result) == [("app", "deletes")]
        assert "3 of them in the last 24 hours" in result["held"][0]["message"]
        firm.world.wait(hours=2)
        assert held(firm.world.run()) == []
        assert len(firm.app.all()) == 5


def test_what_a_person_allowed_is_not_held_against_the_next_24_hours(tmp_path: Path) -> None:
    with Firm(tmp_path, 9, f"deletes: 3, {NO_PERCENT}") as firm:
        firm.leave(0, 5)
        firm.world.run(allow_deletes=True)
        firm.leave(5, 7)
        assert held(firm.world.run()) == []
        assert len(firm.app.all()) == 2


def test_a_held_system_stops_and_the_others_go_on(tmp_path: Path) -> None:
    with Firm(tmp_path, 6, f"deletes: 3, {NO_PERCENT}") as firm:
        wiki = firm.world.target("wiki", "page", mapping=APP % "delete", extra="safety: {percent: 100}\n")
        firm.world.run()
        firm.leave(0, 4)
        firm.hr.put("new", id="new", name="new")
        result = firm.world.run()
        assert held(result) == [("app", "deletes")]
        assert len(firm.app.all()) == 6
        assert wiki.all().keys() == {*firm.numbers[4:], "new"}


def test_a_plan_that_is_held_is_not_applied_without_leave(tmp_path: Path) -> None:
    with Firm(tmp_path, 6, f"deletes: 3, {NO_PERCENT}") as firm:
        firm.leave(0, 4)
        firm.world.plan()
        assert held(firm.world.apply()) == [("app", "deletes")]
        assert len(firm.app.all()) == 6
        firm.world.plan()
        firm.world.apply(allow_deletes=True)
        assert len(firm.app.all()) == 2


# --- what a read does not show any more


def test_a_full_import_that_shows_too_few_objects_infers_nothing_and_is_held(tmp_path: Path) -> None:
    with Firm(tmp_path, 20, NO_PERCENT) as firm:
        firm.world.write(
            "systems/hr.yaml",
            (tmp_path / "systems/hr.yaml").read_text().replace("percent: 100", "percent: 10"),
        )
        for number in firm.numbers[:3]:
            firm.hr.remove(number)
        result = firm.world.run(full=True)
        assert held(result) == [("hr", "shrunk")]
        assert len(firm.app.all()) == 20
        firm.hr.put(firm.numbers[0], id=firm.numbers[0], name="back")
        result = firm.world.run(full=True)
        assert held(result) == []
        assert len(firm.app.all()) == 18


def test_more_tombstones_than_the_limit_are_believed_only_when_a_person_allows_it(tmp_path: Path) -> None:
    with Firm(tmp_path, 20, NO_PERCENT) as firm:
        firm.world.write(
            "systems/hr.yaml",
            (tmp_path / "systems/hr.yaml").read_text().replace("percent: 100", "percent: 10"),
        )
        for number in firm.numbers[:3]:
            firm.hr.remove(number)
        firm.hr.put("new", id="new", name="new")
        result = firm.world.run()
        assert held(result) == [("hr", "tombstones")]
        assert len(firm.app.all()) == 21
        assert held(firm.world.run()) == [("hr", "tombstones")]
        firm.world.run(allow_deletes=True)
        assert len(firm.app.all()) == 18


def test_tombstones_count_over_24_hours(tmp_path: Path) -> None:
    with Firm(tmp_path, 20, NO_PERCENT) as firm:
        firm.world.write(
            "systems/hr.yaml",
            (tmp_path / "systems/hr.yaml").read_text().replace("percent: 100", "percent: 10"),
        )
        for first, expected in ((0, []), (1, []), (2, [("hr", "tombstones")])):
            firm.hr.remove(firm.numbers[first])
            assert held(firm.world.run()) == expected
        firm.world.wait(days=1)
        assert held(firm.world.run()) == []
        assert len(firm.app.all()) == 17


def test_nothing_is_written_to_a_system_whose_own_deletions_are_not_believed(tmp_path: Path) -> None:
    with Firm(tmp_path, 20, "percent: 10") as firm:
        for number in firm.numbers[:5]:
            firm.app.remove(number)
        firm.hr.edit(firm.numbers[9], name="other")
        result = firm.world.run()
        assert ("app", "tombstones") in held(result)
        assert (len(firm.app.all()), firm.app.values(firm.numbers[9])["name"]) == (15, firm.numbers[9])


# --- members

PEOPLE = """
identity: person
project: true
inbound: {precedence: 10, flows: {employeeId: '[id]'}}
"""
TEAMS = """
identity: group
project: true
inbound:
  precedence: 10
  flows: {displayName: '[id]', members: {references: '[member]', to: hr/worker}}
"""
ACCOUNTS = """
identity: person
outbound: {provision: 'true', flows: {login: '[employeeId]'}}
"""
GROUPS = """
identity: group
outbound:
  provision: 'true'
  flows: {id: '[displayName]', member: {references: '[members]'}}
"""


class Club:
    """One group of so many members, in a large or in a small attribute."""

    def __init__(self, folder: Path, members: int, large: str) -> None:
        self.large = large
        self.world = World(folder)
        attributes = {"member": "[reference] large"}
        self.names = [f"m{number:03}" for number in range(members)]
        hr = self.world.source("hr", "worker", mapping=PEOPLE)
        for name in self.names:
            hr.put(name, id=name)
        self.teams = self.world.source("teams", "team", mapping=TEAMS, attributes=attributes)
        self.teams.put("t", id="t")
        self.teams.edges("t", "member", self.names)
        system = self.world.system(
            "app", schema("account", "login", {}), schema("group", "id", {"member": f"[reference]{large}"})
        )
        self.world.mapping("app-account", "app", "account", ACCOUNTS)
        self.world.mapping("app-group", "app", "group", GROUPS)
        self.groups = MemorySide(system, "group")
        assert held(self.world.run()) == []
        assert self.count() == members

    def __enter__(self) -> Club:
        return self

    def __exit__(self, *exc: object) -> None:
        self.world.close()

    def count(self) -> int:
        if self.large:
            return len(self.groups.members("t", "member"))
        members = self.groups.values("t").get("member", [])
        assert isinstance(members, list)
        return len(members)

    def lose(self, first: int, last: int) -> dict[str, Any]:
        self.teams.edges("t", "member", remove=self.names[first:last])
        return self.world.run()


LARGE = pytest.mark.parametrize("large", [" large", ""])


@LARGE
@pytest.mark.parametrize(
    ("members", "lost", "goes"), [(60, 12, True), (60, 13, False), (50, 50, True), (51, 11, False)]
)
def test_members_counts_in_groups_of_more_than_fifty(
    tmp_path: Path, large: str, members: int, lost: int, goes: bool
) -> None:
    with Club(tmp_path, members, large) as club:
        result = club.lose(0, lost)
        assert held(result) == ([] if goes else [("app", "members")])
        assert club.count() == (members - lost if goes else members)
        if not goes:
            assert result["held"][0]["anchor"] == "t"
            club.world.run(allow_deletes=True)
            assert club.count() == members - lost


@LARGE
def test_members_count_over_24_hours(tmp_path: Path, large: str) -> None:
    with Club(tmp_path, 60, large) as club:
        assert held(club.lose(0, 10)) == []
        assert held(club.lose(10, 15)) == [("app", "members")]
        club.world.wait(days=1)
        assert held(club.world.run()) == []
        assert club.count() == 45


# --- updates


@pytest.mark.parametrize(("people", "changed", "goes"), [(50, 15, True), (50, 16, False), (49, 49, True)])
@pytest.mark.parametrize("value", ["Board", None])
def test_updates_counts_one_attribute_changed_or_cleared_from_fifty_objects_on(
    tmp_path: Path, people: int, changed: int, goes: bool, value: str | None
) -> None:
    with Firm(tmp_path, people, "") as firm:
        for number in firm.numbers[:changed]:
            firm.hr.edit(number, dept=value)
        result = firm.world.run()
        assert held(result) == ([] if goes else [("app", "updates")])
        done = sum(values.get("dept") != "Sales" for values in firm.app.all().values())
        assert done == (changed if goes else 0)


def test_a_value_where_there_was_none_is_no_loss(tmp_path: Path) -> None:
    with Firm(tmp_path, 50, "") as firm:
        firm.world.mapping(
            "app-account", "app", "account", (APP % "delete").replace("flows: {", "flows: {note: '[department]', ")
        )
        assert held(firm.world.run()) == []
        assert all(values["note"] == "Sales" for values in firm.app.all().values())


def test_different_attributes_are_counted_each_for_itself(tmp_path: Path) -> None:
    with Firm(tmp_path, 50, "") as firm:
        for number in firm.numbers[:15]:
            firm.hr.edit(number, dept="Board")
        for number in firm.numbers[15:30]:
            firm.hr.edit(number, name="other")
        assert held(firm.world.run()) == []


def test_updates_count_over_24_hours(tmp_path: Path) -> None:
    with Firm(tmp_path, 50, "") as firm:
        for first, expected in ((0, []), (10, [("app", "updates")])):
            for number in firm.numbers[first : first + 10]:
                firm.hr.edit(number, dept="Board")
            assert held(firm.world.run()) == expected
        firm.world.wait(days=1)
        assert held(firm.world.run()) == []
        assert sum(values["dept"] == "Board" for values in firm.app.all().values()) == 20


# --- the deciding function


@given(count=st.integers(0, 2000), of=st.integers(0, 2000), percent=st.integers(0, 100), smallest=st.integers(1, 60))
def test_a_share_is_too_much_only_above_the_limit_and_only_of_enough(
    count: int, of: int, percent: int, smallest: int
) -> None:
    found = too_many(count, of, percent, smallest)
    assert found == (of >= smallest and count > of * percent / 100)
    assert not (found and percent == 100 and count <= of)


# --- schedules


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """(system, whether everything was asked for) of each read."""
    found: list[tuple[str, bool]] = []
    real = MemoryConnector.read

    def read(connector: MemoryConnector, wanted: Any, since: str | None) -> Iterator[Page]:
        found.append((connector.system, since is None))
        return real(connector, wanted, since)

    monkeypatch.setattr(MemoryConnector, "read", read)
    return found


def test_a_system_is_read_whole_when_its_time_has_come_and_for_changes_in_between(
    tmp_path: Path, reads: list[tuple[str, bool]]
) -> None:
    with World(tmp_path) as world:
        world.source("hr", "worker", mapping=HR, extra="read: {changes: 5 minutes, all: 24 hours}\n")
        for hours in (0, 12, 11, 2, 1):
            world.wait(hours=hours)
            world.run()
        assert reads == [("hr", True), ("hr", False), ("hr", False), ("hr", True), ("hr", False)]


def test_a_system_that_cannot_tell_what_changed_is_read_whole_each_time(
    tmp_path: Path, reads: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = MemoryConnector.spec
    monkeypatch.setattr(
        MemoryConnector, "spec", replace(spec, capabilities=replace(spec.capabilities, reads_changes=False))
    )
    with World(tmp_path) as world:
        world.source("hr", "worker", mapping=HR)
        world.run()
        world.run()
        assert reads == [("hr", True), ("hr", True)]


def test_what_is_held_waits_for_a_person_and_nothing_else_is_wrong(tmp_path: Path) -> None:
    with Firm(tmp_path, 6, f"deletes: 3, {NO_PERCENT}") as firm:
        firm.leave(0, 4)
        result = firm.world.run()
        assert (kinds(result["held"]), result["errors"]) == (["deletes"], [])
        assert result["pending"] == 4
