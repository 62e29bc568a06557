"""Where the members of a group come from: two sources, a system that is read and written, a small attribute."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sync.town import ACCOUNTS, GROUPS, LARGE, TEAMS, Town
from tests.sync.world import MemorySide, schema

# --- two sources


SECOND = """
identity: group
join: [{displayName: '[id]'}]
project: true
inbound:
  precedence: %d
  flows:
    displayName: '[id]'
    members: {references: '[member]', to: hr/worker%s}
"""


def test_merge_union_holds_the_members_of_both_sources(tmp_path: Path) -> None:
    with Town(tmp_path, "abc") as town:
        union = ", merge: union"
        town.world.mapping("teams-team", "teams", "team", TEAMS.replace("to: hr/worker", "to: hr/worker" + union))
        more = town.world.source("more", "team", mapping=SECOND % (20, union), attributes=LARGE)
        town.team("t", "a", "b")
        more.put("t", id="t")
        more.edges("t", "member", add=["b", "c"])
        town.world.run()
        assert town.members() == {"a", "b", "c"}
        town.teams.edges("t", "member", remove=["b"])
        town.world.run()
        assert town.members() == {"a", "b", "c"}
        more.edges("t", "member", remove=["b"])
        town.world.run()
        assert town.members() == {"a", "c"}


@pytest.mark.parametrize(("precedence", "first"), [(20, {"a", "b"}), (5, {"c"})])
def test_without_merge_the_source_of_the_best_precedence_that_shows_members_wins(
    tmp_path: Path, precedence: int, first: set[str]
) -> None:
    with Town(tmp_path, "abc") as town:
        more = town.world.source("more", "team", mapping=SECOND % (precedence, ""), attributes=LARGE)
        town.team("t", "a", "b")
        more.put("t", id="t")
        more.edges("t", "member", add=["c"])
        town.world.run()
        assert town.members() == first
        winner, members = (town.teams, ["a", "b"]) if precedence == 20 else (more, ["c"])
        winner.edges("t", "member", remove=members)
        town.world.run()
        assert town.members() == {"a", "b", "c"} - first
        winner.edges("t", "member", add=members)
        town.world.run()
        assert town.members() == first


# --- read and written by one mapping


BOTH = """
identity: group
project: true
join: [{displayName: '[id]'}]
inbound:
  precedence: 30
  flows: {displayName: '[id]', members: {references: '[member]', merge: union}}
outbound:
  flows: {member: {references: '[members]'}}
"""


def test_edges_that_we_wrote_are_no_input_when_the_system_shows_them(tmp_path: Path) -> None:
    with Town(tmp_path, "abc") as town:
        town.world.mapping("teams-team", "teams", "team", TEAMS.replace("to: hr/worker", "to: hr/worker, merge: union"))
        town.world.mapping("app-group", "app", "group", BOTH)
        town.system.put("group", "t", {"id": "t"})
        town.team("t", "a", "b")
        town.world.run()
        town.world.run()
        assert town.members() == {"a", "b"}
        town.world.run(full=True)
        town.teams.edges("t", "member", remove=["b"])
        town.world.run()
        assert town.members() == {"a"}


def test_a_member_that_another_hand_added_to_a_group_that_is_read_stays(tmp_path: Path) -> None:
    with Town(tmp_path, "abc") as town:
        town.world.mapping("teams-team", "teams", "team", TEAMS.replace("to: hr/worker", "to: hr/worker, merge: union"))
        town.world.mapping("app-group", "app", "group", BOTH)
        town.system.put("group", "t", {"id": "t"})
        town.team("t", "a")
        town.world.run()
        town.system.put("account", "ghost", {"login": "ghost"})
        town.app.edges("t", "member", add=["c", "ghost"])
        assert town.world.run()["changes"] == []
        assert town.members() == {"a", "c", "ghost"}
        town.app.edges("t", "member", remove=["c"])
        assert town.world.run()["changes"] == []
        assert town.members() == {"a", "ghost"}


def test_members_whom_nobody_knows_stay_in_a_group_that_is_its_own_source(tmp_path: Path) -> None:
    with Town(tmp_path, "ab") as town:
        town.world.mapping("app-group", "app", "group", BOTH)
        town.system.put("group", "t", {"id": "t"})
        town.app.edges("t", "member", add=["ghost", "phantom"])
        town.world.run()
        town.world.run(full=True)
        assert town.members() == {"ghost", "phantom"}


# --- a large group into a small attribute


def test_a_large_source_feeds_a_small_many_valued_attribute(tmp_path: Path) -> None:
    with Town(tmp_path, "abc") as town:
        wiki = town.world.system(
            "wiki",
            schema("account", "login", {}),
            schema("group", "id", {"member": "[reference]"}, enabled=False),
        )
        town.world.mapping("wiki-account", "wiki", "account", ACCOUNTS % "delete")
        town.world.mapping("wiki-group", "wiki", "group", GROUPS % "")
        town.team("t", "a", "b")
        town.world.run()
        town.teams.edges("t", "member", add=["c"], remove=["a"])
        town.world.run()
        members = MemorySide(wiki, "group").values("t")["member"]
        assert isinstance(members, list)
        assert set(members) == {"b", "c"}
