"""No longer wanted: the steps, their delays, what suspends and cancels them, and the account's switch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.model import dn
from muster.model.schema import ObjectSchema
from muster.model.values import Attribute, Type
from muster.sync.provisioning.deprovisioning import moved_name
from tests.sync.people import ADA, BO, Office, app_rules
from tests.sync.world import changed, kinds, the_change

STEPS = "[{do: disable}, {do: delete, after: 30 days}]"


def left(office: Office, who: str = "1") -> None:
    office.hr.edit(who, status="left")


# --- steps and delays


def test_without_deprovision_the_account_is_disabled(tmp_path: Path) -> None:
    rules = app_rules().replace("  deprovision: disable\n", "")
    with Office(tmp_path, rules) as office:
        office.run()
        left(office)
        change = the_change(office.plan(), "app")
        assert (change["action"], change["attributes"]) == ("disable", {"enabled": {"from": True, "to": False}})
        assert change["reason"]["rule"] == "deprovision: disable"
        office.run()
        assert office.app.values("ada")["enabled"] is False
        assert office.quiet()


def test_delays_count_from_the_instant_at_which_it_became_false(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(deprovision=STEPS)) as office:
        office.run()
        left(office)
        office.run()
        office.wait(days=20)
        office.hr.edit("1", last="King")
        assert changed(office.run()) == []
        office.wait(days=9, hours=23)
        assert changed(office.run()) == []
        office.wait(hours=1)
        assert changed(office.run()) == [("app", "delete", "ada")]
        assert office.app.all() == {}
        assert office.quiet()


def test_steps_whose_time_has_long_come_are_taken_together(tmp_path: Path) -> None:
    steps = "[{do: disable}, {do: clear groups, after: 1 day}, {do: delete, after: 90 days}]"
    with Office(tmp_path, app_rules(deprovision=steps)) as office:
        office.run()
        left(office)
        office.run()
        office.wait(days=200)
        assert changed(office.run()) == [("app", "delete", "ada")]


def test_it_is_cancelled_when_the_object_is_wanted_again(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(deprovision=STEPS)) as office:
        office.run()
        left(office)
        office.run()
        assert office.app.values("ada")["enabled"] is False
        office.wait(days=20)
        office.hr.edit("1", status="active")
        change = the_change(office.run(), "app")
        assert change["attributes"] == {"enabled": {"from": False, "to": True}}
        assert "drift" not in change["attributes"]["enabled"]
        office.wait(days=20)
        assert changed(office.run()) == []
        left(office)
        office.run()
        office.wait(days=20)
        assert changed(office.run()) == []
        office.wait(days=10)
        assert changed(office.run()) == [("app", "delete", "ada")]


def test_ordinary_flows_are_suspended_while_it_lasts_and_catch_up_afterwards(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        left(office)
        office.run()
        office.hr.edit("1", last="King")
        office.app.edit("ada", name="Vandal")
        assert changed(office.run()) == []
        assert office.app.values("ada")["name"] == "Vandal"
        office.hr.edit("1", status="active")
        office.run()
        assert office.app.values("ada") == {"login": "ada", "emp": "1", "name": "Ada King", "enabled": True}


def test_leave_leaves_the_object_as_it_is(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(deprovision="leave")) as office:
        office.run()
        left(office)
        assert changed(office.run()) == []
        assert office.app.values("ada")["enabled"] is True
        office.app.edit("ada", name="Vandal")
        assert changed(office.run()) == []


def test_delete_deletes_at_once(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(deprovision="delete")) as office:
        office.run()
        left(office)
        assert changed(office.run()) == [("app", "delete", "ada")]
        office.hr.edit("1", status="active")
        change = the_change(office.run(), "app")
        assert (change["action"], change["reason"]["rule"]) == ("create", "provision")


def test_an_identity_whose_last_source_went_is_deprovisioned_and_then_gone(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(deprovision=STEPS), people={"1": ADA, "2": BO}) as office:
        office.run()
        office.hr.remove("1")
        assert changed(office.run(allow_deletes=True)) == [("app", "disable", "ada")]
        assert office.identity("ada")["displayName"] == "Ada Byron"
        office.wait(days=30)
        office.run()
        assert set(office.app.all()) == {"bo"}
        with pytest.raises(Exception, match="ada"):
            office.identity("ada")


def test_a_leaver_who_comes_back_before_the_end_is_the_same_identity(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(deprovision=STEPS), people={"1": ADA, "2": BO}) as office:
        office.run()
        who = office.explain("ada")["identity"]
        office.hr.remove("1")
        office.run(allow_deletes=True)
        office.hr.put("1", id="1", **ADA)
        assert changed(office.run()) == [("app", "update", "ada")]
        assert office.app.values("ada")["enabled"] is True
        assert office.explain("1")["identity"] == who


def test_an_object_found_while_nobody_wants_it_counts_from_then(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(deprovision=STEPS), people={"1": {**ADA, "status": "left"}}) as office:
        office.run()
        office.wait(days=100)
        office.app.put("ada", login="ada", emp="1", enabled=True)
        assert changed(office.run()) == [("app", "disable", "ada")]
        office.wait(days=29)
        assert changed(office.run()) == []
        office.wait(days=1)
        assert changed(office.run()) == [("app", "delete", "ada")]


def test_a_step_that_fails_is_tried_again_and_its_delay_does_not_start_anew(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(deprovision=STEPS)) as office:
        office.run()
        left(office)
        office.app.system.faults.reject.add("ada")
        office.run()
        office.wait(days=30)
        assert kinds(office.run()["errors"]) == ["rejected"]
        office.app.system.faults.reject.clear()
        assert changed(office.run()) == [("app", "delete", "ada")]


def test_a_system_without_a_switch_says_so(tmp_path: Path) -> None:
    with Office(tmp_path, enabled=False) as office:
        office.run()
        left(office)
        result = office.run()
        assert kinds(result["errors"]) == ["deprovision"]
        assert "say `delete` or `leave`" in result["errors"][0]["message"]


# --- the switch


def test_a_foreign_enable_is_undone_and_is_drift(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        left(office)
        office.run()
        office.app.edit("ada", enabled=True)
        change = the_change(office.run(), "app")
        assert (change["action"], change["attributes"]["enabled"]["drift"]) == ("disable", True)
        assert office.app.values("ada")["enabled"] is False


@pytest.mark.parametrize("flows", ["", "enabled: '[active]'"])
def test_a_foreign_disable_is_never_undone(tmp_path: Path, flows: str) -> None:
    with Office(tmp_path, app_rules(flows=flows)) as office:
        office.run()
        office.app.edit("ada", enabled=False)
        assert changed(office.run()) == []
        office.hr.edit("1", last="King")
        office.run()
        assert office.app.values("ada")["enabled"] is False
        assert office.app.values("ada")["name"] == "Ada King"


@pytest.mark.parametrize("flows", ["", "enabled: '[active]'"])
def test_a_foreign_disable_is_told_until_it_is_undone_or_the_person_leaves(tmp_path: Path, flows: str) -> None:
    with Office(tmp_path, app_rules(flows=flows), people={"1": ADA, "2": BO}) as office:
        office.run()
        for who in ("ada", "bo"):
            office.app.edit(who, enabled=False)
        for result in (office.plan(), office.run(), office.status()):
            assert [(note["kind"], note["anchor"]) for note in result["notes"]] == [
                ("disabled-elsewhere", "ada"),
                ("disabled-elsewhere", "bo"),
            ]
        assert "app/account ada: another hand disabled it" in office.status()["notes"][0]["message"]
        assert (office.plan()["errors"], office.plan()["held"]) == ([], [])
        office.app.edit("ada", enabled=True)
        office.hr.edit("2", status="left")
        office.run()
        assert office.run()["notes"] == office.status()["notes"] == []


def test_an_account_that_only_a_hold_disabled_is_no_foreign_disable(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.hold("ada", "disabled", by="x", why="y")
        office.run()
        assert office.run()["notes"] == []


@pytest.mark.parametrize("flows", ["", "enabled: '[active]'"])
def test_what_another_hand_disabled_before_the_leaving_stays_so_after_the_return_and_is_told(
    tmp_path: Path, flows: str
) -> None:
    with Office(tmp_path, app_rules(flows=flows)) as office:
        office.run()
        office.app.edit("ada", enabled=False)
        left(office)
        assert changed(office.run()) == []
        office.hr.edit("1", status="active")
        result = office.run()
        assert changed(result) == []
        assert kinds(result["notes"]) == ["disabled-elsewhere"]
        assert office.app.values("ada")["enabled"] is False


@pytest.mark.parametrize("flows", ["", "enabled: '[active]'"])
def test_an_account_found_disabled_is_not_enabled(tmp_path: Path, flows: str) -> None:
    with Office(tmp_path, app_rules(flows=flows)) as office:
        office.app.put("ada", login="ada", emp="1", name="Ada Byron", enabled=False)
        assert changed(office.run()) == []
        assert office.app.values("ada")["enabled"] is False


def test_an_account_made_disabled_by_its_flow_is_enabled_by_its_flow(tmp_path: Path) -> None:
    with Office(
        tmp_path,
        app_rules(provision="IsPresent([employeeId])", flows="enabled: '[active]'"),
        people={"1": {**ADA, "status": "soon"}},
    ) as office:
        office.run()
        assert office.app.values("ada")["enabled"] is False
        office.hr.edit("1", status="active")
        office.run()
        assert office.app.values("ada")["enabled"] is True
        office.hr.edit("1", status="left")
        assert changed(office.run()) == [("app", "disable", "ada")]
        office.app.edit("ada", enabled=True)
        change = the_change(office.run(), "app")
        assert (change["action"], change["attributes"]["enabled"]["drift"]) == ("disable", True)


# --- move


DN: dict[str, Any] = {
    "naming": "dn",
    "name_is_dn": True,
    "assigned": True,
}


PEOPLE = """
identity: person
join:
  - employeeId: '[emp]'
outbound:
  provision: '[active]'
  deprovision:
    - do: disable
    - do: move
      to: '"OU=Leavers,DC=x"'
    - {do: delete, after: 30 days}
  flows:
    dn: 'Join("", "CN=", EscapeDN([displayName]), ",OU=", [department], ",DC=x")'
    emp: '[employeeId]'
"""


def test_move_moves_the_object_to_the_place_and_back_when_it_is_wanted_again(tmp_path: Path) -> None:
    with Office(tmp_path, PEOPLE, anchor="guid", **DN) as office:
        office.run()
        (anchor,) = office.app.all()
        assert office.app.values(anchor)["dn"] == "CN=Ada Byron,OU=Maths,DC=x"
        left(office)
        change = the_change(office.run(), "app")
        assert change["action"] == "disable"
        assert change["attributes"]["dn"]["to"] == "CN=Ada Byron,OU=Leavers,DC=x"
        assert office.app.values(anchor)["dn"] == "CN=Ada Byron,OU=Leavers,DC=x"
        assert office.quiet()
        office.app.edit(anchor, dn="CN=Ada Byron,OU=Maths,DC=x")
        change = the_change(office.run(), "app")
        assert change["attributes"]["dn"]["drift"] is True
        office.hr.edit("1", status="active")
        office.run()
        assert office.app.values(anchor)["dn"] == "CN=Ada Byron,OU=Maths,DC=x"
        assert office.app.values(anchor)["enabled"] is True
        assert office.quiet()


def test_move_without_places_says_so(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(deprovision="[{do: move, to: '\"Leavers\"'}]")) as office:
        office.run()
        left(office)
        result = office.run()
        assert kinds(result["errors"]) == ["deprovision"]
        assert "have no place" in result["errors"][0]["message"]


NAMES = st.text("ABCabc019 äß,+=\\", min_size=1, max_size=8).map(lambda text: text.strip() or "x")


def _escaped(text: str) -> str:
    return "".join(f"\\{letter}" if letter in ",+=\\" else letter for letter in text)


@given(own=NAMES, container=NAMES)
def test_a_moved_object_keeps_its_own_part_and_stands_right_below_the_container(own: str, container: str) -> None:
    kind = ObjectSchema(
        "user", "guid", {"dn": Attribute("dn"), "guid": Attribute("guid", Type.TEXT)}, naming="dn", name_is_dn=True
    )
    place = f"OU={_escaped(container)},DC=x"
    name = moved_name(kind, f"CN={_escaped(own)},OU=Here,DC=x", place)
    assert dn.normal(dn.parent(name)) == dn.normal(place)
    assert dn.normal(dn.split(name)[0]) == dn.normal(f"CN={_escaped(own)}")
    assert moved_name(kind, name, name) == name
    assert dn.normal(moved_name(kind, name, place)) == dn.normal(name)
