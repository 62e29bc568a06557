"""What a mapping may do (`actions`), whom it is about (`scope`), and what becomes of who leaves that scope."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.app.check import CheckFailed
from tests.sync.people import ADA, BO, Office, app_rules
from tests.sync.world import changed

SALES = "scope: {filters: [[{attribute: department, operator: EQUALS, value: Sales}]]}\n"


def test_without_create_nothing_is_made_and_who_leaves_is_still_disabled(tmp_path: Path) -> None:
    rules = app_rules(more="actions: [update, delete]")
    with Office(tmp_path, rules, people={"1": ADA, "2": BO}) as office:
        office.app.put("bo", login="bo", emp="2", name="Old", enabled=True)
        office.run()
        assert office.app.all().keys() == {"bo"}
        assert office.app.values("bo")["name"] == "Bo Dahl"
        office.hr.edit("2", status="left")
        office.run()
        assert office.app.values("bo")["enabled"] is False


def test_without_update_accounts_are_written_when_they_are_made_and_left_until_they_go(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(more="actions: [create, delete]")) as office:
        office.run()
        office.hr.edit("1", last="King")
        office.app.edit("ada", emp="1", dept="Theirs")
        assert changed(office.run()) == []
        assert office.app.values("ada")["name"] == "Ada Byron"
        office.hr.edit("1", status="left")
        office.run()
        assert office.app.values("ada")["enabled"] is False


def test_without_delete_nobody_is_disabled_or_deleted(tmp_path: Path) -> None:
    rules = app_rules(more="actions: [create, update]").replace("  deprovision: disable\n", "")
    with Office(tmp_path, rules) as office:
        office.run()
        office.hr.edit("1", status="left")
        assert changed(office.run()) == []
        assert office.app.values("ada")["enabled"] is True


def test_an_action_that_is_allowed_again_catches_up(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(more="actions: [create, delete]")) as office:
        office.run()
        office.hr.edit("1", last="King")
        office.run()
        office.rules()
        office.run()
        assert office.app.values("ada")["name"] == "Ada King"


def test_filter_groups_say_whom_an_outbound_mapping_is_about(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(more=SALES), people={"1": ADA, "2": BO}) as office:
        office.run()
        assert office.app.all().keys() == {"bo"}
        office.hr.edit("2", dept="Maths")
        office.run()
        assert office.app.values("bo")["enabled"] is False
        office.hr.edit("2", dept="Sales")
        office.run()
        assert office.app.values("bo")["enabled"] is True


@pytest.mark.parametrize(
    ("said", "left"), [("leave", {"enabled": True}), ("disable", {"enabled": False}), ("delete", None)]
)
def test_who_leaves_the_scope_and_who_leaves_the_company_are_told_apart(
    tmp_path: Path, said: str, left: dict[str, bool] | None
) -> None:
    rules = app_rules(deprovision="disable", more=f"{SALES}out of scope: {said}")
    people = {"1": ADA | {"dept": "Sales"}, "2": BO}
    with Office(tmp_path, rules, people=people) as office:
        office.run()
        office.hr.edit("1", status="left")
        office.hr.edit("2", dept="Maths")
        result = office.run()
        assert office.app.values("ada")["enabled"] is False
        found = office.app.all().get("bo")
        assert (found and {"enabled": found["enabled"]}) == left
        rules_told = {change["anchor"]: change["reason"]["rule"] for change in result["changes"]}
        assert rules_told["ada"] == "deprovision: disable"
        assert rules_told.get("bo") == (None if said == "leave" else f"out of scope: {said}")


def test_who_left_the_scope_and_then_the_company_loses_the_account_that_was_left(tmp_path: Path) -> None:
    rules = app_rules(more=f"{SALES}out of scope: leave")
    with Office(tmp_path, rules, people={"2": BO}) as office:
        office.run()
        office.hr.edit("2", dept="Maths")
        office.run()
        (told,) = office.explain("2")["systems"]
        assert (told["deprovision"][0]["do"], told["scope"]["passes"]) == ("leave", False)
        office.hr.edit("2", status="left")
        office.run()
        assert office.app.values("bo")["enabled"] is False


def test_a_scope_that_cannot_be_worked_out_changes_nothing(tmp_path: Path) -> None:
    rules = app_rules(more="scope: 'CDate([department]) > Now()'", deprovision="delete")
    with Office(tmp_path, rules, people={"2": BO | {"dept": "2030-01-01"}}) as office:
        office.run()
        office.hr.edit("2", dept="no date")
        result = office.run()
        assert [error["kind"] for error in result["errors"]] == ["expression"]
        assert office.app.all().keys() == {"bo"}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("actions: [create]", "`deprovision` never happens: `actions` leaves `delete` out"),
        ("out of scope: leave", "`out of scope` needs `scope` beside it"),
        ("scope: '[departmnt] = \"Sales\"'", "unknown attribute `departmnt` of `person`"),
        ("actions: [create, disable]", "disable"),
    ],
)
def test_what_does_not_go_together_is_told_by_check(tmp_path: Path, more: str, told: str) -> None:
    with Office(tmp_path, app_rules(more=more)) as office, pytest.raises(CheckFailed) as error:
        office.run()
    assert told in str(error.value)
