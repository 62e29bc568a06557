"""`memberOf`: the groups of somebody as values."""

from __future__ import annotations

from muster.model.values import Scalar, items
from tests.sync.records import APP, HR
from tests.sync.world import World, changed, schema

GROUPS = """
identity: group
project: true
inbound: {precedence: 10, flows: {displayName: '[name]', mail: '[mail]', members: {references: '[member]', to: worker}}}
"""


def groups(world: World, expression: str) -> None:
    """HR with two people and two groups, and an application that shows who is in which."""
    system = world.system(
        "hr",
        schema("worker", "id", {}, enabled=False),
        schema("team", "id", {"member": "[reference] large"}, enabled=False),
    )
    world.mapping("hr-worker", "hr", "worker", HR)
    world.mapping("hr-team", "hr", "team", GROUPS)
    for anchor in ("1", "2"):
        system.put("worker", anchor, {"id": anchor, "name": f"N{anchor}", "live": "yes"})
    for anchor, name in (("a", "Zebras"), ("b", "Ants")):
        system.put("team", anchor, {"id": anchor, "name": name, "mail": f"{anchor}@x"})
        system.put_edges("team", anchor, "member", ["1"])
    world.target(
        "app",
        "account",
        attributes={"teams": "[text]"},
        mapping=APP.replace("dept: '[department]'", f"teams: '{expression}'"),
    )


def edit_team(world: World, anchor: str, add: list[str], remove: list[str]) -> None:
    system = next(s for s in world._systems if "team" in s.types)
    system.put_edges("team", anchor, "member", add, remove)


def shown(world: World, anchor: str) -> list[Scalar]:
    system = next(s for s in world._systems if "account" in s.types)
    stored = system.get("account", anchor)
    assert stored is not None
    return items(stored.values.get("teams"))


def test_member_of_is_the_names_of_the_groups_sorted(world: World) -> None:
    groups(world, "[memberOf]")
    world.run()
    assert (shown(world, "u1"), shown(world, "u2")) == (["Ants", "Zebras"], [])
    edit_team(world, "a", ["2"], ["1"])
    world.run()
    assert (shown(world, "u1"), shown(world, "u2")) == (["Ants"], ["Zebras"])
    assert world.run()["changes"] == []


def test_member_of_follows_the_name_of_a_group(world: World) -> None:
    groups(world, "[memberOf]")
    world.run()
    system = next(s for s in world._systems if "team" in s.types)
    system.put("team", "b", {"id": "b", "name": "Bees"})
    world.run()
    assert sorted(map(str, shown(world, "u1"))) == ["Bees", "Zebras"]
    system.remove("team", "b")
    world.run(allow_deletes=True)
    assert shown(world, "u1") == ["Zebras"]


def test_member_of_gives_other_attributes_of_the_groups_by_a_path(world: World) -> None:
    groups(world, "[memberOf.mail]")
    world.run()
    assert shown(world, "u1") == ["a@x", "b@x"]


def test_member_of_may_decide_who_has_an_account(world: World) -> None:
    groups(world, "[memberOf]")
    world.mapping("app-account", "app", "account", APP.replace("'[active]'", "'Contains([memberOf], \"Ants\") > 0'"))
    result = world.run()
    assert result["errors"] == []
    assert changed(result) == [("app", "create", "u1")]
    edit_team(world, "b", ["2"], ["1"])
    assert sorted(changed(world.run())) == [("app", "create", "u2"), ("app", "disable", "u1")]
