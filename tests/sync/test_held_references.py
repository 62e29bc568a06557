"""References that a hold sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from muster.model.errors import ProjectError
from muster.sync.provisioning.holds import drop_hold
from tests.sync.bosses import APP, PERSON, TEAM, held, two_people
from tests.sync.world import MemorySide, World, schema

WHY: dict[str, Any] = {"by": "hr", "why": "acting manager"}


def release(world: World) -> None:
    """Take every hold away."""
    with world.muster() as muster:
        with muster.database.read() as session:
            numbers = [row[0] for row in session.rows("SELECT id FROM hold")]
        with muster.database.write() as session:
            for number in numbers:
                drop_hold(session, number)


@pytest.mark.parametrize(
    ("to", "boss", "acting"),
    [("person.employeeId", "1", "3"), ("person.mail", "ada@x", "CY@x"), ("worker", "1", "3"), ("hr/worker", "1", "3")],
)
def test_a_held_reference_names_its_target_as_its_source_does(tmp_path: Path, to: str, boss: str, acting: str) -> None:
    with World(tmp_path) as world:
        hr, app = two_people(world, to, boss)
        hr.put("3", id="3", mail="cy@x", name="Cy")
        world.run()
        world.hold("2", "value", attribute="manager", value=acting, **WHY)
        world.run()
        assert app.values("2")["manager"] == "3"
        found = next(entry for entry in world.explain("2")["attributes"] if entry["name"] == "manager")
        assert ([one["name"] for one in found["references"]], found["flows"][0]["wins"]) == (["Cy"], False)
        hr.edit("2", boss=None)
        assert world.run()["changes"] == []
        hr.edit("2", boss=boss)
        release(world)
        world.run()
        assert app.values("2")["manager"] == "1"
        assert world.plan()["changes"] == []


def test_a_reference_may_be_held_empty_or_wait_for_its_target(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        hr, app = two_people(world, "worker")
        world.run()
        world.hold("2", "value", attribute="manager", value=None, **WHY)
        world.run()
        assert "manager" not in app.values("2")
        release(world)
        world.hold("2", "value", attribute="manager", value="9", **WHY)
        world.run()
        assert "manager" not in app.values("2")
        hr.put("9", id="9", mail="late@x")
        world.run()
        assert app.values("2")["manager"] == "9"


@pytest.mark.parametrize("source", ["[reference] large", "[text]"])
@pytest.mark.parametrize("target", ["[reference] large", "[reference]"])
def test_members_that_are_held_are_all_there_are(tmp_path: Path, source: str, target: str) -> None:
    with World(tmp_path, safety="safety: {percent: 100, members: 100}") as world:
        world.source("hr", "worker", rows={key: {} for key in "abcd"}, mapping=PERSON % "worker")
        teams = world.source("teams", "team", attributes={"member": source}, mapping=TEAM % "hr/worker")
        if "large" in source:
            teams.put("t", id="t")
            teams.edges("t", "member", ["a", "b"])
        else:
            teams.put("t", id="t", member=["a", "b"])
        system = world.system("app", schema("account", "login", {}), schema("team", "id", {"member": target}))
        world.mapping("app-account", "app", "account", APP.replace("    manager: {reference: '[manager]'}\n", ""))
        world.mapping("app-team", "app", "team", """
            identity: group
            outbound:
              provision: 'true'
              flows: {id: '[displayName]', member: {references: '[members]'}}
        """)  # fmt: skip
        app = MemorySide(system, "team")
        large = "large" if "large" in target else ""
        world.run()
        assert held(app, "t", large) == {"a", "b"}
        world.hold("t", "value", attribute="members", value=["b", "c"], **WHY)
        world.run()
        assert held(app, "t", large) == {"b", "c"}
        release(world)
        world.hold("t", "value", attribute="members", value=None, **WHY)
        world.run()
        assert held(app, "t", large) == set()
        release(world)
        world.run()
        assert held(app, "t", large) == {"a", "b"}
        assert world.plan(full=True)["changes"] == []


def test_a_reference_that_no_mapping_reads_cannot_be_held(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        two_people(world, "worker")
        world.mapping(
            "hr-worker",
            "hr",
            "worker",
            (PERSON % "worker").replace("    manager: {reference: '[boss]', to: worker}\n", ""),
        )
        world.run()
        with pytest.raises(ProjectError, match="no mapping reads it"):
            world.hold("2", "value", attribute="manager", value="1", **WHY)
