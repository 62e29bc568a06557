"""The clock is an input: instants at which answers change, and from which delays are counted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.sync.people import ADA, BO, HR, Office, app_rules
from tests.sync.world import START, changed

DELETES = "[{do: disable}, {do: delete, after: 30 days}]"


def at(office: Office, text: str) -> None:
    office.now = datetime.fromisoformat(text).replace(tzinfo=UTC)


# --- comparisons give the instant


def test_a_comparison_with_now_in_provision_changes_at_that_instant_without_any_import(tmp_path: Path) -> None:
    rules = app_rules(provision="[employeeLeaveDateTime] > Now()")
    with Office(tmp_path, rules, people={"1": {**ADA, "leaves": "2026-03-10T17:00:00Z"}}) as office:
        office.run()
        at(office, "2026-03-10T16:59:59")
        assert changed(office.run()) == []
        at(office, "2026-03-10T17:00:00")
        assert changed(office.run()) == [("app", "disable", "ada")]


def test_provision_that_becomes_true_with_time_makes_the_object_then(tmp_path: Path) -> None:
    rules = app_rules(provision="[employeeLeaveDateTime] <= Now()")
    with Office(tmp_path, rules, people={"1": {**ADA, "leaves": "2026-03-10T08:00:00Z"}}) as office:
        assert changed(office.run()) == []
        at(office, "2026-03-10T08:00:00")
        assert changed(office.run()) == [("app", "create", "ada")]


def test_an_object_that_nobody_wants_yet_is_wanted_when_its_time_comes(tmp_path: Path) -> None:
    rules = app_rules(
        provision="[employeeLeaveDateTime] <= Now()", deprovision="[{do: disable}, {do: delete, after: 90 days}]"
    )
    with Office(tmp_path, rules, people={"1": {**ADA, "leaves": "2026-03-10T08:00:00Z"}}) as office:
        office.app.put("ada", login="ada", emp="1", enabled=True)
        office.run()
        assert office.app.values("ada")["enabled"] is False
        at(office, "2026-03-10T08:00:00")
        office.run()
        assert office.app.values("ada")["enabled"] is True
        assert office.app.values("ada")["name"] == "Ada Byron"


def test_an_inbound_flow_changes_at_its_instant(tmp_path: Path) -> None:
    hr = HR.replace("""active: '[status] = "active"'""", "active: '[leaves] > Now()'")
    with Office(tmp_path, hr=hr, people={"1": {**ADA, "leaves": "2026-03-10T17:00:00Z"}}) as office:
        office.run()
        at(office, "2026-03-10T16:59:59")
        assert changed(office.run()) == []
        at(office, "2026-03-10T17:00:00")
        assert changed(office.run()) == [("app", "disable", "ada")]


def test_an_outbound_flow_changes_at_its_instant(tmp_path: Path) -> None:
    rules = app_rules(flows='note: \'IIF([employeeLeaveDateTime] > Now(), "here", "leaving")\'')
    with Office(tmp_path, rules, people={"1": {**ADA, "leaves": "2026-03-10T17:00:00Z"}}) as office:
        office.run()
        assert office.app.values("ada")["note"] == "here"
        at(office, "2026-03-10T17:00:00")
        office.run()
        assert office.app.values("ada")["note"] == "leaving"


def test_a_computed_value_changes_at_its_instant(tmp_path: Path) -> None:
    with Office(
        tmp_path, app_rules(flows="note: '[jobTitle]'"), people={"1": {**ADA, "leaves": "2026-03-10T17:00:00Z"}}
    ) as office:
        office.write(
            "metaverse.yaml",
            """
            person:
              computed:
                jobTitle: {value: 'IIF([employeeLeaveDateTime] > Now(), "here", "leaving")'}
            """,
        )
        office.run()
        at(office, "2026-03-10T17:00:00")
        office.run()
        assert office.app.values("ada")["note"] == "leaving"


def test_a_source_object_leaves_scope_at_its_instant(tmp_path: Path) -> None:
    hr = "scope: '[leaves] > Now()'\n" + HR
    people = {"1": {**ADA, "leaves": "2026-03-10T17:00:00Z"}, "2": {**BO, "leaves": "2027-01-01T00:00:00Z"}}
    with Office(tmp_path, hr=hr, people=people) as office:
        office.run()
        at(office, "2026-03-10T16:59:59")
        assert changed(office.run()) == []
        at(office, "2026-03-10T17:00:00")
        assert changed(office.run()) == [("app", "disable", "ada")]


def test_a_source_object_comes_into_scope_at_its_instant(tmp_path: Path) -> None:
    hr = "scope: '[leaves] <= Now()'\n" + HR
    with Office(tmp_path, hr=hr, people={"1": {**ADA, "leaves": "2026-03-10T17:00:00Z"}}) as office:
        office.run()
        assert office.app.all() == {}
        at(office, "2026-03-10T17:00:00")
        office.run()
        assert set(office.app.all()) == {"ada"}


def test_protection_ends_at_its_instant(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(top="protect: '[freeze] > Now()'")) as office:
        office.app.put("ada", login="ada", emp="1", name="?", freeze="2026-03-10T17:00:00Z")
        assert changed(office.run()) == []
        at(office, "2026-03-10T17:00:00")
        assert changed(office.run()) == [("app", "update", "ada")]


# --- any other use, daily


def test_any_other_use_of_now_is_looked_at_once_a_day(tmp_path: Path) -> None:
    rules = app_rules(flows="note: 'FormatDateTime(Now(), , , \"yyyy-MM-dd\")'")
    with Office(tmp_path, rules) as office:
        office.run()
        before = office.app.values("ada")["note"]
        at(office, "2026-03-02T23:59:59")
        assert changed(office.run()) == []
        at(office, "2026-03-03T00:00:00")
        assert changed(office.run()) == [("app", "update", "ada")]
        assert office.app.values("ada")["note"] != before
        at(office, "2026-03-03T23:00:00")
        assert changed(office.run()) == []


# --- from when delays are counted


@pytest.mark.parametrize("where", ["provision", "inbound"])
@pytest.mark.parametrize(("day", "action"), [(39, "disable"), (40, "delete")])
def test_delays_count_from_the_instant_and_not_from_the_run_that_saw_it(
    tmp_path: Path, where: str, day: int, action: str
) -> None:
    hr = HR.replace("""active: '[status] = "active"'""", "active: '[leaves] > Now()'") if where == "inbound" else HR
    provision = "[active]" if where == "inbound" else "[employeeLeaveDateTime] > Now()"
    rules = app_rules(provision=provision, deprovision=DELETES)
    with Office(tmp_path, rules, hr=hr, people={"1": {**ADA, "leaves": "2026-03-12T09:00:00Z"}}) as office:
        office.run()
        office.wait(days=day)
        assert changed(office.run()) == [("app", action, "ada")]


def test_what_a_source_said_counts_from_the_run_that_saw_it_although_time_passed_too(tmp_path: Path) -> None:
    rules = app_rules(
        provision="[active]",
        deprovision=DELETES,
        flows='note: \'IIF([employeeLeaveDateTime] > Now(), "here", "leaving")\'',
    )
    with Office(tmp_path, rules, people={"1": {**ADA, "leaves": "2026-03-03T09:00:00Z"}}) as office:
        office.run()
        office.wait(days=40)
        office.hr.edit("1", status="left")
        assert changed(office.run()) == [("app", "disable", "ada")]
        office.wait(days=29)
        assert changed(office.run()) == []
        office.wait(days=1)
        assert changed(office.run()) == [("app", "delete", "ada")]


def test_with_several_instants_gone_by_the_one_that_ended_it_counts(tmp_path: Path) -> None:
    rules = app_rules(
        provision='[employeeLeaveDateTime] > Now() or DateAdd("d", 20, [employeeLeaveDateTime]) > Now()',
        deprovision=DELETES,
    )
    with Office(tmp_path, rules, people={"1": {**ADA, "leaves": "2026-03-12T09:00:00Z"}}) as office:
        office.run()
        office.wait(days=10 + 20 + 29)
        assert changed(office.run()) == [("app", "disable", "ada")]
        office.wait(days=1)
        assert changed(office.run()) == [("app", "delete", "ada")]


def test_an_object_whose_answer_never_changes_with_time_is_never_looked_at_again(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.run()
        office.wait(days=400)
        with office.muster() as muster:
            muster.run()
            steps = muster.log(limit=1)["runs"][0]["steps"]
        counts = {step["name"]: step["counts"] for step in steps}
        assert counts["inbound"]["identities"] == 0
        assert counts["outbound"]["identities"] == 0


def test_the_clock_of_the_world_starts_where_the_tests_say(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="note: 'FormatDateTime(Now(), , , \"yyyy-MM-dd\")'")) as office:
        assert office.now == START
        office.run()
        assert str(office.app.values("ada")["note"]).startswith("2026-03-02")


# --- a clock that was ahead


LEAVES = HR.replace("""active: '[status] = "active"'""", "active: '[leaves] > Now()'")


def test_what_a_clock_that_was_ahead_did_is_undone_when_it_is_put_right(tmp_path: Path) -> None:
    with Office(tmp_path, hr=LEAVES, people={"1": {**ADA, "leaves": "2026-06-01T00:00:00Z"}}) as office:
        office.run()
        at(office, "2030-01-01T00:00:00")
        assert changed(office.run()) == [("app", "disable", "ada")]
        at(office, "2026-03-03T09:00:00")
        document = office.run()
        assert changed(office.plan()) == []
        assert office.app.values("ada")["enabled"] is True
        note = next(note for note in document["notes"] if note["kind"] == "clock")
        assert "2026-03-03 09:00 UTC" in note["message"]
        assert "2030-01-01 00:00 UTC" in note["message"]
        assert office.run()["notes"] == []


def test_a_plan_with_a_later_clock_leaves_nothing_behind_for_the_next_run(tmp_path: Path) -> None:
    with Office(tmp_path, hr=LEAVES, people={"1": {**ADA, "leaves": "2026-06-01T00:00:00Z"}}) as office:
        office.run()
        at(office, "2026-07-01T00:00:00")
        assert changed(office.plan()) == [("app", "disable", "ada")]
        at(office, "2026-03-03T09:00:00")
        assert changed(office.run()) == []
        assert office.app.values("ada")["enabled"] is True


def test_delays_that_a_clock_that_was_ahead_began_count_from_when_it_is_put_right(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(deprovision=DELETES), people={"1": ADA}) as office:
        office.run()
        office.hr.remove("1")
        at(office, "2030-01-01T00:00:00")
        assert changed(office.run()) == [("app", "disable", "ada")]
        at(office, "2026-03-03T09:00:00")
        assert changed(office.run()) == []
        at(office, "2026-04-02T09:00:00")
        assert changed(office.run()) == [("app", "delete", "ada")]


def test_clocks_of_two_machines_may_differ_a_little(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA}) as office:
        office.run()
        office.wait(minutes=-4)
        assert office.run()["notes"] == []
