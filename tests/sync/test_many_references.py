"""`[owners.mail]`: through a reference of many values a path gives a list."""

from __future__ import annotations

from typing import Any

import pytest

from muster.model.values import Scalar, items
from tests.sync.world import World, the_change

PERSON = """
identity: person
project: true
inbound:
  precedence: 10
  flows:
    employeeId: '[id]'
    mail: '[mail]'
    otherMails: '[others]'
    department: '[dept]'
    manager: {reference: '[boss]', to: worker}
"""
TEAM = """
identity: group
project: true
inbound:
  precedence: 10
  flows: {displayName: '[name]', owners: {references: '[owner]', to: hr/worker}}
"""
APP = """
identity: group
join: [{displayName: '[name]'}]
outbound:
  provision: true
  flows:
    name: '[displayName]'
    shown: '%s'
"""
PEOPLE = {"1": {"mail": "c@x"}, "2": {"mail": "a@x", "boss": "1"}, "3": {"mail": "b@x", "boss": "1"}}


class Teams:
    """HR with three people, a team that the first two own, and an application that shows what it reads of them."""

    def __init__(self, world: World, path: str, *, large: bool = False) -> None:
        self.world = world
        self.large = large
        self.hr = world.source("hr", "worker", rows=PEOPLE, mapping=PERSON, attributes={"others": "[text]"})
        kind = "[reference] large" if large else "[reference]"
        self.source = world.source("src", "team", mapping=TEAM, attributes={"owner": kind})
        self.app = world.target("app", "team", anchor="name", mapping=APP % path, attributes={"shown": "[text]"})
        self.own("2", "1")

    def own(self, *anchors: str) -> None:
        """The team is owned by these."""
        if self.large:
            had = self.source.members("a", "owner") if "a" in self.source.all() else set()
            self.source.put("a", id="a", name="A")
            self.source.edges("a", "owner", {*anchors} - had, had - {*anchors})
        else:
            self.source.put("a", id="a", name="A", owner=list(anchors))

    def run(self) -> dict[str, Any]:
        """`muster run`, without errors."""
        result = self.world.run()
        assert result["errors"] == []
        return result

    def shown(self) -> list[Scalar]:
        """What the application shows once all is done, sorted: it keeps its own order."""
        self.run()
        assert self.run()["changes"] == []
        return sorted(items(self.app.values("A").get("shown")), key=str)


@pytest.mark.parametrize("large", [False, True])
def test_a_path_through_many_gives_all_values_sorted(world: World, large: bool) -> None:
    teams = Teams(world, "[owners.mail]", large=large)
    assert teams.shown() == ["a@x", "c@x"]
    teams.own("1", "3")
    assert teams.shown() == ["b@x", "c@x"]
    teams.hr.edit("3", mail="z@x")
    assert teams.shown() == ["c@x", "z@x"]
    teams.hr.edit("1", mail=None)
    assert teams.shown() == ["z@x"]
    teams.own()
    assert teams.shown() == []


def test_the_order_in_which_they_stand_in_the_source_changes_nothing(world: World) -> None:
    teams = Teams(world, "[owners.mail]")
    teams.run()
    teams.own("1", "2")
    assert teams.run()["changes"] == []


def test_whom_nobody_knows_and_whoever_has_no_value_is_left_out(world: World) -> None:
    teams = Teams(world, "[owners.mail]")
    teams.hr.edit("2", mail=None)
    teams.own("1", "2", "9")
    assert teams.shown() == ["c@x"]
    teams.hr.put("9", id="9", mail="n@x")
    assert teams.shown() == ["c@x", "n@x"]


def test_lists_and_further_references_are_followed_from_each_and_every_value_stands_once(world: World) -> None:
    teams = Teams(world, 'Split(Join(",", [owners.otherMails], "-", [owners.manager.mail]), ",")')
    teams.own("1", "2", "3")
    teams.hr.edit("1", others=["q@x", "p@x"])
    teams.hr.edit("2", others=["p@x"])
    assert teams.shown() == ["-", "c@x", "p@x", "q@x"]


def test_what_is_adopted_keeps_all_whom_the_list_names(world: World) -> None:
    teams = Teams(world, "[owners.mail]")
    teams.app.put("A", name="A", shown=["c@x", "a@x"])
    assert teams.run()["changes"] == []


def test_a_value_that_one_of_them_lacks_because_of_a_fault_makes_the_list_wait(world: World) -> None:
    teams = Teams(world, "[owners.badge]")
    world.write(
        "metaverse.yaml",
        "person: {computed: {badge: {value: 'ToUpper([mail]) & CStr(CDate([department]))'}}}",
    )
    for anchor in ("1", "2"):
        teams.hr.edit(anchor, dept="2026-01-01")
    teams.app.put("A", name="A", shown=["C@X1/1/2026 12:00:00 AM", "kept"])
    teams.hr.edit("2", dept="none")
    assert [p["kind"] for p in world.run()["errors"]] == ["expression"]
    assert "kept" in items(teams.app.values("A")["shown"])
    teams.hr.edit("2", dept="2026-01-01")
    shown = teams.shown()
    assert len(shown) == 2
    assert "kept" not in shown


def test_computed_values_see_the_list_and_the_reference_itself(world: World) -> None:
    teams = Teams(world, "[mailNickname]")
    world.write(
        "metaverse.yaml",
        'group: {computed: {mailNickname: {value: \'Join(",", [owners.mail]) & " " & CStr(Count([owners]))\'}}}',
    )
    assert teams.shown() == ["a@x,c@x 2"]
    teams.own("3", "2", "1")
    teams.hr.edit("3", mail="d@x")
    assert teams.shown() == ["a@x,c@x,d@x 3"]


def test_the_best_of_two_large_sources_gives_the_list(world: World) -> None:
    teams = Teams(world, "[owners.mail]", large=True)
    second = TEAM.replace("10", "5").replace("displayName: '[name]', ", "") + "join: [{displayName: '[name]'}]\n"
    other = world.source(
        "better", "team", mapping=second.replace("project: true\n", ""), attributes={"owner": "[reference] large"}
    )
    other.put("b", id="b", name="A")
    assert teams.shown() == ["a@x", "c@x"]
    other.edges("b", "owner", ["3"])
    assert teams.shown() == ["b@x"]


def test_a_hold_on_the_reference_gives_the_list(world: World) -> None:
    teams = Teams(world, "[owners.mail]", large=True)
    teams.run()
    world.hold("A", "value", by="ops", why="test", attribute="owners", value=["3"])
    assert teams.shown() == ["b@x"]


def test_member_of_follows_references_of_the_groups(world: World) -> None:
    teams = Teams(world, "[displayName]")
    world.mapping(
        "src-team", "src", "team", TEAM.replace("owners:", "members: {references: '[owner]', to: hr/worker}, owners:")
    )
    people = world.target(
        "crm",
        "user",
        mapping=APP.replace("group", "person").replace("displayName", "employeeId") % "[memberOf.owners.mail]",
        anchor="name",
        attributes={"shown": "[text]"},
    )
    teams.run()
    assert items(people.values("1")["shown"]) == ["a@x", "c@x"]
    assert "shown" not in people.values("3")
    teams.hr.edit("1", mail="n@x")
    assert the_change(teams.run(), "crm", "2")["attributes"]["shown"] == {"add": ["n@x"], "remove": ["c@x"]}


def test_a_short_group_has_its_members_as_values_by_a_reference_of_its_own(world: World) -> None:
    teams = Teams(world, "[displayName]", large=True)
    teams.run()
    world.mapping("app-team", "app", "team", APP % "[people.mail]")
    world.write("metaverse.yaml", "group: {attributes: {people: [reference]}}")
    flows = "members: {references: '[owner]', to: hr/worker}, people: {references: '[owner]', to: hr/worker}, owners:"
    world.mapping("src-team", "src", "team", TEAM.replace("owners:", flows))
    assert teams.shown() == ["a@x", "c@x"]
    teams.own("1", "3")
    assert teams.shown() == ["b@x", "c@x"]
    teams.own()
    assert teams.shown() == []
