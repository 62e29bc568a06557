"""The shortest way through the whole engine."""

from __future__ import annotations

from pathlib import Path

from tests.sync.world import World, changed

HR = """
identity: person
project: true
inbound:
  precedence: 10
  flows:
    employeeId: '[id]'
    givenName: '[first]'
    surname: '[last]'
    displayName: 'Join(" ", [first], [last])'
    active: '[status] = "active"'
    manager: {reference: '[boss]', to: worker}
"""
APP = """
identity: person
join:
  - employeeId: '[emp]'
outbound:
  provision: '[active]'
  deprovision: disable
  flows:
    login: 'ToLower(Join(".", [givenName], [surname]))'
    emp: '[employeeId]'
    name: '[displayName]'
    manager: {reference: '[manager]'}
"""
ROWS = {
    "1": {"first": "Ada", "last": "Byron", "status": "active"},
    "2": {"first": "Bo", "last": "Dahl", "status": "active", "boss": "1"},
    "3": {"first": "Cy", "last": "Young", "status": "left", "boss": "1"},
}


def test_a_person_in_hr_gets_an_account_and_keeps_it_in_step(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        hr = world.source("hr", "worker", rows=ROWS, mapping=HR)
        app = world.target("app", "account", mapping=APP, attributes={"manager": "reference"})
        plan = world.plan()
        assert changed(plan) == [("app", "create", "ada.byron"), ("app", "create", "bo.dahl")]
        assert plan["errors"] == plan["held"] == []
        result = world.apply()
        assert result["errors"] == [] == result["stale"]
        assert app.all() == {
            "ada.byron": {"login": "ada.byron", "emp": "1", "name": "Ada Byron", "enabled": True},
            "bo.dahl": {"login": "bo.dahl", "emp": "2", "name": "Bo Dahl", "enabled": True, "manager": "ada.byron"},
        }
        assert world.plan()["changes"] == []

        hr.edit("2", last="Dahl-Berg", status="left")
        hr.edit("1", first="Ada Augusta")
        result = world.run()
        assert changed(result) == [("app", "update", "ada.byron"), ("app", "disable", "bo.dahl")]
        assert app.values("bo.dahl")["enabled"] is False
        assert world.plan()["changes"] == []
