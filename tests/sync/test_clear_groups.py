"""`clear groups`: out of every group, and back into them when the object is wanted again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sync.people import ADA, BO, HR, app_rules
from tests.sync.world import MemorySide, World, changed, kinds, schema, the_change

GROUPS = """
identity: group
join:
  - displayName: '[name]'
outbound:
  provision: true
  flows:
    name: '[displayName]'
    member: {references: '[members]'%s}
"""
TEAMS = """
identity: group
project: true
inbound:
  precedence: 10
  flows:
    displayName: '[id]'
    members: {references: '[member]', to: hr/worker}
"""
SEEN = "identity: group\njoin:\n  - mail: '[mail]'\n"
CLEAR = "[{do: disable}, {do: clear groups}]"


class Club(World):
    """People with accounts in `app`, groups there that Muster keeps (`enforce`), and others that it only sees."""

    def __init__(self, folder: Path, *, enforce: str = "", size: str = "[reference] large", kept: bool = True) -> None:
        super().__init__(folder, safety="safety: {percent: 100, members: 100}\n")
        self.hr = self.source("hr", "worker", rows={"1": ADA, "2": BO}, mapping=HR)
        teams = self.system("teams", schema("team", "id", {"member": "[reference] large"}, enabled=False))
        self.mapping("teams-team", "teams", "team", TEAMS)
        app = self.system(
            "app", schema("account", "login", {}), schema("group", "name", {"member": size}, enabled=False)
        )
        self.mapping("app-account", "app", "account", app_rules(deprovision=CLEAR))
        self.mapping("app-group", "app", "group", GROUPS % enforce if kept else SEEN)
        self.teams, self.app, self.groups = (
            MemorySide(teams, "team"),
            MemorySide(app, "account"),
            MemorySide(app, "group"),
        )
        self.large = "large" in size

    def team(self, name: str, *members: str) -> None:
        self.teams.put(name, id=name)
        self.teams.edges(name, "member", add=members)

    def group(self, name: str, *members: str) -> None:
        if self.large:
            self.groups.put(name, name=name)
            self.groups.edges(name, "member", add=members)
        else:
            self.groups.put(name, name=name, member=list(members))

    def members(self, name: str) -> set[str]:
        if self.large:
            return self.groups.members(name, "member")
        held = self.groups.values(name).get("member") or []
        assert isinstance(held, list)
        return {str(one) for one in held}


@pytest.mark.parametrize("size", ["[reference] large", "[reference]"])
@pytest.mark.parametrize("enforce", ["", ", enforce: change", ", enforce: once", ", enforce: default"])
def test_clear_groups_takes_the_object_out_of_the_groups_that_muster_keeps(
    tmp_path: Path, enforce: str, size: str
) -> None:
    with Club(tmp_path, enforce=enforce, size=size) as club:
        club.team("t", "1", "2")
        club.run()
        assert club.members("t") == {"ada", "bo"}
        club.hr.edit("1", status="left")
        club.run()
        assert club.members("t") == {"bo"}
        assert club.app.values("ada")["enabled"] is False
        assert changed(club.plan()) == []


@pytest.mark.parametrize("size", ["[reference] large", "[reference]"])
def test_clear_groups_takes_the_object_out_of_groups_that_muster_does_not_manage(tmp_path: Path, size: str) -> None:
    with Club(tmp_path, size=size, kept=False) as club:
        club.run()
        club.group("wild", "ada", "bo")
        club.group("other", "ada")
        club.run()
        assert changed(club.plan()) == []
        club.hr.edit("1", status="left")
        plan = club.plan()
        assert sorted(changed(plan)) == [
            ("app", "disable", "ada"),
            ("app", "update", "other"),
            ("app", "update", "wild"),
        ]
        change = the_change(plan, "app", "wild")
        assert change["attributes"]["member"]["remove"] == ["ada"]
        assert change["object_type"] == "group"
        assert change["reason"]["rule"] == "deprovision: clear groups"
        assert change["reason"]["mapping"] == "mappings/app-account.yaml"
        assert change["identity"] == the_change(plan, "app", "ada")["identity"]
        result = club.apply()
        assert result["errors"] == [] == result["stale"]
        assert club.members("wild") == {"bo"}
        assert club.members("other") == set()
        assert changed(club.plan()) == []


def test_clear_groups_names_the_types_that_it_could_not_look_at(tmp_path: Path) -> None:
    with Club(tmp_path) as club:
        member = {"member": "[reference] large"}
        app = club.system(
            "app",
            schema("account", "login", {}),
            schema("group", "name", member, enabled=False),
            schema("squad", "name", member, enabled=False),
            schema("printer", "name", {}, enabled=False),
        )
        squads = MemorySide(app, "squad")
        squads.put("x", name="x")
        squads.edges("x", "member", add=["ada"])
        club.run()
        assert club.plan()["notes"] == []
        club.hr.edit("1", status="left")
        notes = [note for note in club.run()["notes"] if note["kind"] == "unseen-groups"]
        assert [(note["system"], note["object_type"]) for note in notes] == [("app", "squad")]
        assert "mappings/app-account.yaml:" in notes[0]["message"]
        assert "`object: squad` and `identity: group`" in notes[0]["message"]
        assert squads.members("x", "member") == {"ada"}
        club.mapping("app-squad", "app", "squad", "identity: group\n")
        club.run()
        club.hr.edit("1", status="active")
        club.run()
        club.hr.edit("1", status="left")
        assert kinds(club.run()["notes"]) == []
        assert squads.members("x", "member") == set()


def test_edges_stay_away_while_the_object_is_cleared(tmp_path: Path) -> None:
    with Club(tmp_path) as club:
        club.team("t", "1", "2")
        club.run()
        club.hr.edit("1", status="left")
        club.run()
        club.team("u", "1")
        club.teams.edges("t", "member", remove=["1"])
        club.run()
        club.teams.edges("t", "member", add=["1"])
        club.run()
        assert club.members("t") == {"bo"}
        assert club.members("u") == set()


def test_another_hand_that_puts_a_cleared_object_into_a_group_is_undone(tmp_path: Path) -> None:
    with Club(tmp_path, kept=False) as club:
        club.group("wild", "ada", "bo")
        club.run()
        club.run()
        club.hr.edit("1", status="left")
        club.run()
        assert club.members("wild") == {"bo"}
        club.groups.edges("wild", "member", add=["ada"])
        club.group("new", "ada")
        club.run()
        assert club.members("wild") == {"bo"}
        assert club.members("new") == set()


@pytest.mark.parametrize("size", ["[reference] large", "[reference]"])
def test_edges_come_back_when_the_object_is_wanted_again(tmp_path: Path, size: str) -> None:
    with Club(tmp_path, size=size) as club:
        club.team("t", "1", "2")
        club.run()
        club.hr.edit("1", status="left")
        club.run()
        club.hr.edit("1", status="active")
        club.run()
        assert club.members("t") == {"ada", "bo"}
        assert changed(club.plan()) == []


def test_clear_groups_waits_for_its_delay(tmp_path: Path) -> None:
    with Club(tmp_path) as club:
        club.mapping("app-account", "app", "account", app_rules(deprovision="[{do: clear groups, after: 7 days}]"))
        club.team("t", "1", "2")
        club.run()
        club.hr.edit("1", status="left")
        club.run()
        club.wait(days=6)
        club.run()
        assert club.members("t") == {"ada", "bo"}
        club.wait(days=1)
        club.run()
        assert club.members("t") == {"bo"}


def test_a_protected_group_is_not_cleared(tmp_path: Path) -> None:
    with Club(tmp_path, kept=False) as club:
        club.mapping("app-group", "app", "group", f"{SEEN}protect: '[name] = \"wild\"'\n")
        club.group("wild", "ada")
        club.group("other", "ada")
        club.run()
        club.hr.edit("1", status="left")
        club.run()
        assert club.members("wild") == {"ada"}
        assert club.members("other") == set()


def test_a_cleared_membership_ends_for_those_who_read_it_too(tmp_path: Path) -> None:
    with Club(tmp_path, kept=False) as club:
        club.mapping(
            "app-group",
            "app",
            "group",
            "identity: group\nproject: true\ninbound:\n  precedence: 20\n  flows:\n    mailNickname: '[name]'\n"
            "    members: {references: '[member]'}\n",
        )
        club.group("wild", "ada", "bo")
        club.run()
        club.run()
        club.hr.edit("1", status="left")
        club.run()
        assert club.identity("wild")["members"] == club.explain("bo")["identity"]


def test_the_limit_of_members_holds_for_cleared_groups(tmp_path: Path) -> None:
    with Club(tmp_path, kept=False) as club:
        club.write("muster.yaml", "project: test\nstore: sqlite:///.muster/state.db\nsafety: {percent: 100}\n")
        for n in range(60):
            club.hr.put(f"p{n}", id=f"p{n}", first=f"P{n}", last="X", status="active")
        club.run()
        club.group("wild", *(f"p{n}" for n in range(60)))
        club.run()
        for n in range(20):
            club.hr.edit(f"p{n}", status="left")
        result = club.run()
        assert "members" in kinds(result["held"])
        assert len(club.members("wild")) == 60


def test_group_changes_that_fail_are_tried_again(tmp_path: Path) -> None:
    with Club(tmp_path, kept=False) as club:
        club.group("wild", "ada")
        club.group("other", "ada")
        club.run()
        club.hr.edit("1", status="left")
        club.app.system.faults.reject |= {"wild", "other"}
        assert kinds(club.run()["errors"]) == ["rejected", "rejected"]
        club.app.system.faults.reject.clear()
        club.run()
        assert club.members("wild") == set() == club.members("other")
