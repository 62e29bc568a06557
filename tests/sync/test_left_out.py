"""Members that a group cannot have are told, each run anew, and nothing is wrong: the rest goes through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from muster.cli.exitcodes import of_result
from tests.sync.town import ACCOUNTS, GROUPS, LARGE, NO_LIMITS, PEOPLE, TEAMS, Town
from tests.sync.world import MemorySide, World, changed, schema

DN = 'dn: \'Join("", "CN=", [%s], ",DC=", Left([%s], 1))\''


def told(result: dict[str, Any]) -> list[str]:
    assert of_result(result) == 0, result
    return [note["message"] for note in result["notes"] if note["kind"] == "left-out"]


def test_a_group_that_contains_itself(tmp_path: Path) -> None:
    with Town(tmp_path, ()) as town:
        town.world.mapping("teams-team", "teams", "team", TEAMS.replace(", to: hr/worker", ""))
        town.team("t")
        town.team("u")
        town.team("t", "t", "u")
        (message,) = told(town.world.run())
        assert "app/group t of " in message
        assert "would contain itself, so that is left out. Take it out of its own members" in message
        assert town.members() == {"u"}
        town.world.run(full=True)
        again = town.world.run()
        assert (changed(again), told(again)) == ([], [message])
        town.teams.edges("t", "member", remove=["t"])
        assert told(town.world.run()) == []
        town.teams.edges("t", "member", add=["t"])
        assert told(town.world.run()) == [message]
        town.app.edges("t", "member", add=["t"])
        town.world.run()
        assert town.members() == {"u"}


def test_a_member_of_another_forest(tmp_path: Path) -> None:
    with World(tmp_path, safety=NO_LIMITS) as world:
        people = world.source("hr", "worker", mapping=PEOPLE)
        teams = world.source("teams", "team", mapping=TEAMS, attributes=LARGE)
        named: dict[str, Any] = {"naming": "dn", "name_is_dn": True}
        app = world.system(
            "app", schema("account", "login", {}, **named), schema("group", "id", LARGE, enabled=False, **named)
        )
        app.realms = {"dc=a": "dc=a", "dc=b": "dc=b"}
        flow = DN % ("employeeId", "employeeId")
        world.mapping("app-account", "app", "account", ACCOUNTS.replace("flows: {", f"flows: {{{flow}, ") % "delete")
        named_group = "    id: '[displayName]'\n    " + DN % ("displayName", "displayName")
        world.mapping("app-group", "app", "group", GROUPS.replace("    id: '[displayName]'", named_group) % "")
        group = MemorySide(app, "group")
        for key in ("a1", "a2", "b1"):
            people.put(key, id=key)
        teams.put("at", id="at")
        teams.edges("at", "member", ["a1"])
        assert told(world.run()) == []
        teams.edges("at", "member", ["a2", "b1"])
        (message,) = told(world.run())
        assert "1 member is in another forest, and a group has members of its own forest only" in message
        assert {name.lower() for name in group.members("at", "member")} == {"cn=a1,dc=a", "cn=a2,dc=a"}
        again = world.run()
        assert (changed(again), told(again)) == ([], [message])
        people.remove("b1")
        world.run(allow_deletes=True)
        assert told(world.run()) == []
