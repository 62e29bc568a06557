"""References by a number that a second person gets: they go on leading to the one who had it first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from muster.model.values import Value
from muster.sync.references.key_owners import add_keys, end_since, key_owners, next_since
from tests.sync.world import MemorySide, World, changed

JOIN = "join: [{employeeId: '[number]'}]\n"
HR = f"""
identity: person
project: true
{JOIN}\
inbound:
  precedence: 10
  flows:
    employeeId: '[number]'
    displayName: '[name]'
    manager: {{reference: '[boss]', to: person.employeeId}}
"""
GUESTS = f"""
identity: person
project: true
{JOIN}\
inbound:
  precedence: %d
  flows: {{employeeId: '[number]', displayName: '[name]'}}
"""
APP = """
identity: person
outbound:
  provision: 'true'
  flows: {login: '[displayName]', boss: {reference: '[manager]'}, chief: '[manager.displayName]'}
"""


class Firm:
    """Bo's manager is Ada, by her number; the guest Cy has none yet."""

    def __init__(self, world: World, guests: int = 20) -> None:
        self.world = world
        rows: dict[str, dict[str, Value]] = {"1": {"number": "1", "name": "Ada"}, "2": {"name": "Bo", "boss": "1"}}
        self.hr = world.source("hr", "worker", mapping=HR, rows=rows)
        self.guests: MemorySide = world.source("side", "guest", mapping=GUESTS % guests, rows={"g1": {"name": "Cy"}})
        self.app = world.target("app", "account", mapping=APP)
        world.run()

    def bosses(self, who: str = "Bo") -> tuple[Value, Value]:
        """Whom the account names as manager: by its login, and by what people call him."""
        values = self.app.values(who)
        return values.get("boss"), values.get("chief")

    def refuse(self, anchor: str) -> None:
        with self.world.muster() as muster:
            muster.decide("refuse", by="ops@acme.example", system="side", anchor=anchor)


def told(document: dict[str, Any], level: str) -> list[str]:
    return [one["message"] for one in document[level] if one["kind"] in ("shared-key", "unresolved-reference")]


@pytest.fixture
def firm(world: World) -> Firm:
    return Firm(world)


def test_somebody_elses_typo_takes_nobodys_reports_away(firm: Firm) -> None:
    assert firm.bosses() == ("Ada", "Ada")
    firm.guests.edit("g1", number="1")
    result = firm.world.run()
    assert firm.bosses() == ("Ada", "Ada")
    assert not any("boss" in change["attributes"] for change in result["changes"])
    (message,) = told(result, "held")
    ada, cy = (firm.world.explain(name)["identity"] for name in ("Ada", "Cy"))
    assert message == (
        f"person: employeeId '1' is that of Ada (hr/worker 1, {ada}), and now also of Cy (side/guest g1, {cy}). What "
        "refers to it goes on leading to the first. Correct the employeeId of the one who has it by mistake, where it "
        "comes from"
    )
    again = firm.world.run(full=True)
    assert (changed(again), told(again, "held")) == ([], [message])


def test_new_references_lead_to_the_first_too(firm: Firm) -> None:
    firm.guests.edit("g1", number="1")
    firm.world.run()
    firm.hr.put("3", id="3", number="3", name="Di", boss="1")
    firm.world.run()
    assert firm.bosses("Di") == ("Ada", "Ada")


def test_one_decision_that_they_are_two_people_is_enough_and_the_references_stay(firm: Firm) -> None:
    firm.guests.edit("g1", number="1")
    firm.world.run()
    firm.refuse("g1")
    result = firm.world.run()
    assert (result["held"], result["errors"], len(told(result, "notes"))) == ([], [], 1)
    assert firm.bosses() == ("Ada", "Ada")
    assert firm.world.run(full=True)["held"] == []


def test_a_typo_that_is_mended_leaves_no_trace(firm: Firm) -> None:
    firm.guests.edit("g1", number="1")
    firm.world.run()
    firm.guests.edit("g1", number=None)
    result = firm.world.run()
    assert (result["held"], told(result, "notes"), firm.bosses()) == ([], [], ("Ada", "Ada"))


def test_when_the_first_loses_the_number_it_leads_to_the_other(firm: Firm) -> None:
    firm.guests.edit("g1", number="1")
    firm.world.run()
    firm.refuse("g1")
    firm.hr.edit("1", number="9")
    result = firm.world.run()
    assert (told(result, "held"), told(result, "notes"), firm.bosses()[1]) == ([], [], "Cy")


@pytest.mark.parametrize("guests", [5, 20])
def test_of_two_who_get_a_number_in_one_run_neither_came_first(tmp_path: Path, guests: int) -> None:
    """Whoever is worked out first."""
    with World(tmp_path) as world:
        firm = Firm(world)
        for name, kind, text in (("hr", "worker", HR), ("side", "guest", GUESTS % guests)):
            world.mapping(f"{name}-{kind}", name, kind, text.replace(JOIN, ""))
        firm.hr.edit("2", boss="7")
        firm.guests.put("g2", id="g2", number="7", name="Ed")
        firm.hr.put("7", id="7", number="7", name="Flo")
        result = world.run()
        assert firm.bosses() == (None, None)
        assert "2 says '7' (2 have it)" in told(result, "notes")[0]


def test_a_step_that_was_killed_and_done_again_is_one(world: World) -> None:
    Firm(world)
    with world.muster() as muster, muster.database.write() as session:
        since = next_since(session)
        add_keys(session, [(99, "7", 1, since)])
        assert key_owners(session, 99, ["7"]) == {"7": 1}
        add_keys(session, [(99, "7", 2, next_since(session))])
        assert key_owners(session, 99, ["7"]) == {}
        session.delete("identity_key", ("sig", "key", "identity"), [(99, "7", 2)])
        end_since(session)
        add_keys(session, [(99, "7", number, next_since(session)) for number in (1, 2, 3)])
        assert key_owners(session, 99, ["7"]) == {"7": 1}
