"""A number that no store can hold is one person's trouble, and everybody else's day goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sync.world import World

HR = """
identity: person
project: true
inbound:
  precedence: 10
  flows:
    employeeId: '[id]'
    active: '[status] = "active"'
    count: 'CNum([count])'
"""
APP = """
identity: person
outbound:
  provision: '[active]'
  deprovision: disable
  flows: {login: '[employeeId]', badge: %s}
"""


@pytest.mark.parametrize(
    ("badge", "number", "count"),
    [
        ("[employeeId]", "99999999999999999999", "1"),
        ("[count]", "3", "18446744073709551616"),
        ("[count]", "3", "1e30"),
    ],
)
def test_a_number_of_more_than_64_bits_stops_nobody_else(tmp_path: Path, badge: str, number: str, count: str) -> None:
    with World(tmp_path) as world:
        world.write("metaverse.yaml", "person: {attributes: {count: integer}}\n")
        rows = {"1": {"status": "active"}, "2": {"status": "active"}}
        people = world.source("hr", "worker", mapping=HR, rows=rows)
        app = world.target("app", "account", mapping=APP % f"'{badge}'", attributes={"badge": "integer"})
        assert world.run()["errors"] == []
        people.put("1", status="left")
        people.put(number, status="active", count=count)
        (told,) = world.run()["errors"]
        assert "expected a whole number of 64 bits at most, found" in told["message"]
        assert app.values("1")["enabled"] is False
        assert app.values("2")["enabled"] is True
