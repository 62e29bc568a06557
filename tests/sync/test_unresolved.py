"""A reference by a key that nobody has is told, and nothing is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sync.world import MemorySide, World, changed

HR = """
identity: person
project: true
join:
  - employeeId: '[id]'
inbound:
  precedence: 10
  flows:
    employeeId: '[id]'
    displayName: '[name]'
    manager: {reference: '[boss]', to: %s}
"""
APP = """
identity: person
join: [{employeeId: '[login]'}]
outbound: {provision: 'true', flows: {login: '[employeeId]', boss: {reference: '[manager]'}}}
"""


def company(world: World, bosses: dict[str, str | None], to: str = "person.employeeId") -> MemorySide:
    """People with the numbers of their managers, and accounts."""
    hr = world.source("hr", "worker", mapping=HR % to)
    for key, boss in bosses.items():
        hr.put(key, id=key, name=f"N{key}", **({"boss": boss} if boss else {}))
    world.target("app", "account", mapping=APP)
    return hr


def told(document: dict[str, Any]) -> list[str]:
    return [note["message"] for note in document["notes"] if note["kind"] == "unresolved-reference"]


@pytest.mark.parametrize("to", ["person.employeeId", "worker"])
def test_a_manager_whom_nobody_is_is_told_in_each_run_and_is_no_error(world: World, to: str) -> None:
    hr = company(world, {"1": None, "2": "1", "3": "9999"}, to)
    message = (
        "mappings/hr-worker.yaml:13: hr/worker: 1 value names nobody as manager: 3 says '9999'. Until somebody has "
        "that key, it is left out of manager"
    )
    plan = world.plan()
    assert (told(plan), plan["errors"], plan["held"]) == ([message], [], [])
    (note,) = [one for one in plan["notes"] if one["kind"] == "unresolved-reference"]
    assert (note["anchor"], note["identities"]) == ("3", [world.explain("3")["identity"]])
    assert told(world.run()) == [message]
    again = world.run()
    assert (told(again), changed(again)) == ([message], [])
    hr.put("9999", id="9999", name="N9999")
    assert told(world.run()) == []


def test_explain_says_that_the_number_was_not_found(world: World) -> None:
    company(world, {"3": "9999"})
    world.run()
    assert world.identity("3")["manager"] == "9999 (not found)"


def test_many_are_one_line_with_their_number_and_examples(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    company(world, {str(number): "x" for number in range(10, 30)})
    (message,) = told(world.plan())
    assert "20 values name nobody as manager: 10 says 'x', 11 says 'x', 12 says 'x', …. Until" in message
    monkeypatch.setattr("muster.sync.references.unresolved._COUNTED", 10)
    (message,) = told(world.plan())
    assert "more than 10 values name nobody" in message


def test_a_number_that_two_people_have_is_told_as_such(world: World) -> None:
    company(world, {"3": "7"}).put("7", id="7", name="N7")
    other = world.source("side", "guest", mapping=HR.replace("join:\n  - employeeId: '[id]'\n", "").replace(
        "precedence: 10", "precedence: 20") % "person.employeeId")  # fmt: skip
    other.put("7", id="7", name="M7")
    assert "3 says '7' (2 have it)" in told(world.run())[0]


def test_what_is_resolved_is_not_looked_at(world: World) -> None:
    company(world, {"1": None, "2": "1", "3": "9999"})
    world.run()
    with world.muster() as muster, muster.database.read() as session:
        steps = session.rows(
            "EXPLAIN QUERY PLAN SELECT e.key FROM edge e CROSS JOIN object o CROSS JOIN identity i WHERE "
            "e.target IS NULL AND e.attribute = 1 AND e.origin <> 0 AND e.how = 1 AND o.id = e.origin "
            "AND o.mapping = 1 AND i.id = e.owner ORDER BY e.attribute, e.how, e.owner LIMIT 5"
        )
    assert "edge_unresolved" in steps[0][3]
    assert all("SCAN" not in step[3] and "TEMP" not in step[3] for step in steps)
