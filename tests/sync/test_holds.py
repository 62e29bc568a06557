"""Holds: what workflows, reviewers and operators ask of an identity, for how long, and which of them wins."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from muster.model.errors import ProjectError
from muster.sync.provisioning.holds import drop_hold
from tests.sync.people import ADA, BO, Office, app_rules
from tests.sync.world import changed, kinds, the_change

WHY: dict[str, Any] = {"by": "reviewer", "why": "left the project"}


def release(office: Office) -> None:
    """Take every hold away."""
    with office.muster() as muster:
        with muster.database.read() as session:
            numbers = [row[0] for row in session.rows("SELECT id FROM hold")]
        with muster.database.write() as session:
            for number in numbers:
                drop_hold(session, number)


# --- the kinds


def test_disabled_switches_the_account_off_and_on_again_when_the_hold_ends(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}) as office:
        office.run()
        office.hold("ada", "disabled", **WHY)
        change = the_change(office.run(), "app")
        assert (change["action"], change["anchor"]) == ("disable", "ada")
        assert change["reason"]["rule"] == "hold by reviewer: left the project"
        assert office.app.values("ada")["enabled"] is False
        assert office.app.values("bo")["enabled"] is True
        assert office.quiet()
        release(office)
        office.run()
        assert office.app.values("ada")["enabled"] is True


def test_a_foreign_enable_against_a_hold_is_undone(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="enabled: '[active]'")) as office:
        office.run()
        office.hold("ada", "disabled", **WHY)
        office.run()
        office.app.edit("ada", enabled=True)
        change = the_change(office.run(), "app")
        assert (change["action"], change["attributes"]["enabled"]["drift"]) == ("disable", True)
        assert change["reason"]["rule"].startswith("hold by reviewer")


def test_other_values_are_kept_in_step_while_the_account_is_held_disabled(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="enabled: '[active]'")) as office:
        office.run()
        office.hold("ada", "disabled", **WHY)
        office.run()
        office.hr.edit("1", last="King")
        change = the_change(office.run(), "app")
        assert (change["action"], set(change["attributes"])) == ("update", {"name"})
        assert change["reason"]["rule"] == "name"
        assert office.app.values("ada")["enabled"] is False


def test_an_account_is_not_made_while_it_is_held_disabled(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": {**ADA, "status": "soon"}}) as office:
        office.run()
        office.hold("1", "disabled", **WHY)
        office.hr.edit("1", status="active")
        assert changed(office.run()) == []
        release(office)
        assert changed(office.run()) == [("app", "create", "ada")]


def test_absent_deletes_the_object_and_keeps_it_away_until_the_hold_ends(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.hold("ada", "absent", **WHY)
        change = the_change(office.run(), "app")
        assert (change["action"], change["reason"]["rule"]) == ("delete", "hold by reviewer: left the project")
        assert office.app.all() == {}
        assert office.quiet()
        release(office)
        office.run()
        assert set(office.app.all()) == {"ada"}


def test_a_value_is_held_against_the_sources(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="dept: '[department]'")) as office:
        office.run()
        office.hold("ada", "value", attribute="department", value="Secret", **WHY)
        office.run()
        assert office.app.values("ada")["dept"] == "Secret"
        office.hr.edit("1", dept="Computing")
        assert changed(office.run()) == []
        assert office.identity("ada")["department"] == "Secret"
        release(office)
        office.run()
        assert office.app.values("ada")["dept"] == "Computing"


def test_a_value_of_one_mapping_is_held_in_that_systems_object_only(tmp_path: Path) -> None:
    rules = app_rules(flows="dept: '[department]'")
    with Office(tmp_path, rules) as office:
        other = office.target("other", "account", mapping=rules)
        office.run()
        office.hold("1", "value", mapping="app-account", attribute="dept", value="Here", **WHY)
        office.run()
        assert office.app.values("ada")["dept"] == "Here"
        assert other.values("ada")["dept"] == "Maths"
        office.app.edit("ada", dept="Vandal")
        office.run()
        assert office.app.values("ada")["dept"] == "Here"


def test_a_hold_on_one_mapping_leaves_the_others_alone(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        other = office.target("other", "account", mapping=app_rules())
        office.run()
        office.hold("1", "absent", mapping="app-account", **WHY)
        assert changed(office.run()) == [("app", "delete", "ada")]
        assert set(other.all()) == {"ada"}
        release(office)
        office.run()
        office.hold("1", "disabled", **WHY)
        assert sorted(changed(office.run())) == [("app", "disable", "ada"), ("other", "disable", "ada")]


def test_a_mapping_that_only_updates_takes_nothing_away_for_a_hold(tmp_path: Path) -> None:
    updates = "identity: person\njoin:\n  - employeeId: '[emp]'\noutbound:\n  flows:\n    name: '[displayName]'\n"
    with Office(tmp_path) as office:
        other = office.target("other", "account", mapping=updates)
        other.put("x", login="x", emp="1", enabled=True)
        office.run()
        office.hold("1", "absent", **WHY)
        assert changed(office.run()) == [("app", "delete", "ada")]
        release(office)
        office.hold("1", "disabled", **WHY)
        office.run()
        assert other.values("x")["enabled"] is True


# --- how long


def test_until_ends_the_hold_at_that_instant(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.hold("ada", "disabled", until=office.now + timedelta(days=3), **WHY)
        office.run()
        office.wait(days=2, hours=23, minutes=59)
        assert changed(office.run()) == []
        office.wait(minutes=1)
        assert changed(office.run()) == [("app", "update", "ada")]
        assert office.app.values("ada")["enabled"] is True


def test_a_held_value_ends_at_that_instant(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="dept: '[department]'")) as office:
        office.run()
        office.hold("ada", "value", attribute="department", value="X", until=office.now + timedelta(days=3), **WHY)
        office.run()
        assert office.app.values("ada")["dept"] == "X"
        office.wait(days=3)
        office.run()
        assert office.app.values("ada")["dept"] == "Maths"


@pytest.mark.parametrize("kind", ["disabled", "absent"])
def test_a_condition_keeps_the_hold_in_force_while_it_is_true(tmp_path: Path, kind: str) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.hold("ada", kind, condition='[department] = "Maths"', **WHY)
        office.run()
        assert office.app.all().get("ada", {}).get("enabled", False) is False
        office.hr.edit("1", dept="Computing")
        office.run()
        assert office.app.values("ada")["enabled"] is True
        office.hr.edit("1", dept="Maths")
        office.run()
        assert office.app.all().get("ada", {}).get("enabled", False) is False


def test_the_condition_of_a_held_value_looks_at_what_the_sources_say(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="dept: '[department]'")) as office:
        office.run()
        office.hold("ada", "value", attribute="department", value="Secret", condition='[department] = "Maths"', **WHY)
        for _ in range(3):
            office.run()
            assert office.app.values("ada")["dept"] == "Secret"
        office.hr.edit("1", dept="Computing")
        office.run()
        assert office.app.values("ada")["dept"] == "Computing"


@pytest.mark.parametrize("kind", ["disabled", "value"])
def test_a_condition_on_the_clock_ends_the_hold_when_its_time_comes(tmp_path: Path, kind: str) -> None:
    people = {"1": {**ADA, "leaves": "2026-03-12T09:00:00Z"}}
    more: dict[str, Any] = {"attribute": "department", "value": "X"} if kind == "value" else {}
    with Office(tmp_path, app_rules(flows="dept: '[department]'"), people=people) as office:
        office.run()
        office.hold("ada", kind, condition="[employeeLeaveDateTime] > Now()", **more, **WHY)
        assert len(changed(office.run())) == 1
        office.wait(days=9, hours=23)
        assert changed(office.run()) == []
        office.wait(hours=1)
        assert len(changed(office.run())) == 1
        assert (office.app.values("ada")["dept"], office.app.values("ada")["enabled"]) == ("Maths", True)


def test_a_condition_that_fails_keeps_the_hold(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.hold("ada", "disabled", condition="CBool([department])", **WHY)
        office.run()
        assert office.app.values("ada")["enabled"] is False


# --- the strictest wins


def test_the_strictest_hold_wins(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.hold("ada", "disabled", by="a", why="first")
        office.hold("ada", "absent", by="b", why="second", until=office.now + timedelta(days=1))
        change = the_change(office.run(), "app")
        assert (change["action"], change["reason"]["rule"]) == ("delete", "hold by b: second")
        office.wait(days=1)
        assert changed(office.run()) == []


def test_a_hold_is_stricter_than_a_deprovisioning_that_leaves(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(deprovision="leave")) as office:
        office.run()
        office.hr.edit("1", status="left")
        office.hold("ada", "disabled", **WHY)
        assert changed(office.run()) == [("app", "disable", "ada")]


def test_a_deprovisioning_that_deletes_goes_on_under_a_hold_that_disables(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(deprovision="[{do: disable}, {do: delete, after: 2 days}]")) as office:
        office.run()
        office.hold("ada", "disabled", **WHY)
        office.hr.edit("1", status="left")
        office.run()
        office.wait(days=2)
        assert changed(office.run()) == [("app", "delete", "ada")]


def test_a_hold_is_stricter_than_provision_and_says_who_and_why_in_the_plan(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.hold("ada", "disabled", by="it-security", why="phishing, ticket 4711")
        change = the_change(office.plan(), "app")
        assert change["reason"]["rule"] == "hold by it-security: phishing, ticket 4711"


def test_a_hold_wins_over_a_flow_that_ignores_the_object(tmp_path: Path) -> None:
    flow = "title: 'IIF([jobTitle] = \"-\", IgnoreObjectFlow(), [jobTitle])'"
    with Office(tmp_path, app_rules(flows=flow)) as office:
        office.run()
        office.hr.edit("1", title="-")
        office.run()
        office.hold("ada", "disabled", **WHY)
        assert changed(office.run()) == [("app", "disable", "ada")]


def test_losses_by_holds_count_against_the_limits(tmp_path: Path) -> None:
    people = {str(n): {"first": f"P{n}", "last": "X", "status": "active"} for n in range(6)}
    with Office(tmp_path, people=people, safety="safety: {deletes: 1, percent: 100}\n") as office:
        office.run()
        office.hold("p1", "absent", **WHY)
        office.hold("p2", "disabled", **WHY)
        assert kinds(office.run()["held"]) == ["deletes"]


# --- asked wrongly


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("gone", {}, "absent, disabled or value"),
        ("disabled", {"condition": "[department"}, "condition"),
        ("disabled", {"mapping": "nobody"}, "no mapping 'nobody'"),
        ("absent", {"mapping": "hr-worker"}, "never creates, disables or deletes"),
        ("value", {}, "attribute"),
        ("value", {"attribute": "departmant", "value": "x"}, "departmant"),
    ],
)
def test_a_hold_that_could_never_work_is_refused(
    tmp_path: Path, kind: str, options: dict[str, Any], message: str
) -> None:
    with Office(tmp_path) as office:
        office.run()
        with pytest.raises(ProjectError, match=message.replace("'", ".")):
            office.hold("ada", kind, **options, **WHY)
