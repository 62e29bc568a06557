"""`plan --as-of`: the net changes from today to the start of a day, without a trace."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.app.combining import combined
from muster.model.errors import ProjectError
from tests.sync.people import ADA, BO, HR, Office, app_rules
from tests.sync.world import changed, kinds, schema, the_change

STEPS = "[{do: disable}, {do: delete, after: 30 days}]"
LEAVES = app_rules(provision="[employeeLeaveDateTime] > Now()", deprovision=STEPS)


def people(**leaves: str) -> dict[str, dict[str, Any]]:
    return {"1": {**ADA, "leaves": leaves["ada"]}, "2": {**BO, "leaves": leaves["bo"]}}


def test_it_shows_what_time_will_have_brought_by_the_start_of_that_day(tmp_path: Path) -> None:
    with Office(tmp_path, LEAVES, people=people(ada="2026-03-10T17:00:00Z", bo="2026-04-20T00:00:00Z")) as office:
        office.run()
        assert changed(office.plan(as_of=date(2026, 3, 10))) == []
        plan = office.plan(as_of=date(2026, 3, 11))
        assert changed(plan) == [("app", "disable", "ada")]
        assert plan["summary"]["app"] == {"create": 0, "update": 0, "disable": 1, "delete": 0}
        assert changed(office.plan(as_of=date(2026, 4, 9))) == [("app", "disable", "ada")]
        assert changed(office.plan(as_of=date(2026, 4, 10))) == [("app", "delete", "ada")]
        assert sorted(changed(office.plan(as_of=date(2026, 4, 20)))) == [
            ("app", "delete", "ada"),
            ("app", "disable", "bo"),
        ]


def test_steps_that_lie_one_after_the_other_are_lived_through_in_order(tmp_path: Path) -> None:
    hr = HR.replace("""active: '[status] = "active"'""", "active: '[leaves] > Now()'")
    steps = "[{do: disable, after: 2 days}, {do: delete, after: 30 days}]"
    with Office(
        tmp_path,
        app_rules(deprovision=steps),
        hr=hr,
        people=people(ada="2026-03-10T17:00:00Z", bo="2027-01-01T00:00:00Z"),
    ) as office:
        office.run()
        assert changed(office.plan(as_of=date(2026, 3, 12))) == []
        assert changed(office.plan(as_of=date(2026, 3, 13))) == [("app", "disable", "ada")]
        assert changed(office.plan(as_of=date(2026, 4, 9))) == [("app", "disable", "ada")]
        assert changed(office.plan(as_of=date(2026, 4, 10))) == [("app", "delete", "ada")]


def test_a_day_that_is_past_is_refused(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.now = datetime(2026, 3, 2, 23, 30, tzinfo=timezone(timedelta(hours=-5)))  # it is March 3 in UTC
        with pytest.raises(ProjectError, match=r"--as-of 2026-03-02: that day is past; it is 2026-03-03 \(UTC\)"):
            office.plan(as_of=date(2026, 3, 2))
        assert changed(office.plan(as_of=date(2026, 3, 3))) == [("app", "create", "ada")]
        assert office.status()["last_run"] is None


def test_what_is_pending_today_is_part_of_the_difference(tmp_path: Path) -> None:
    with Office(tmp_path, LEAVES, people=people(ada="2026-03-10T17:00:00Z", bo="2026-04-20T00:00:00Z")) as office:
        plan = office.plan(as_of=date(2026, 3, 9))
        assert changed(plan) == [("app", "create", "ada"), ("app", "create", "bo")]
        plan = office.plan(as_of=date(2026, 3, 20))
        create = the_change(plan, "app", "ada")
        assert create["action"] == "create"
        assert create["attributes"]["enabled"] == {"from": None, "to": False}
        assert changed(office.plan(as_of=date(2026, 5, 1))) == [("app", "create", "bo")]


def test_a_change_that_is_taken_back_before_that_day_is_not_shown(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.hold("ada", "disabled", by="x", why="holiday", until=office.now + timedelta(days=5))
        assert changed(office.plan(as_of=date(2026, 3, 5))) == [("app", "disable", "ada")]
        assert changed(office.plan(as_of=date(2026, 3, 9))) == []


def test_every_system_is_foreseen(tmp_path: Path) -> None:
    with Office(tmp_path, LEAVES, people=people(ada="2026-03-10T17:00:00Z", bo="2027-01-01T00:00:00Z")) as office:
        office.system("crm", schema("contact", "id", {"boss": "reference"}, assigned=True))
        office.mapping(
            "crm-contact",
            "crm",
            "contact",
            "identity: person\njoin:\n  - employeeId: '[number]'\noutbound:\n"
            "  provision: '[employeeLeaveDateTime] <= Now()'\n  flows:\n    number: '[employeeId]'\n"
            "    name: '[displayName]'\n",
        )
        office.run()
        plan = office.plan(as_of=date(2026, 3, 11))
        assert sorted(changed(plan)) == [("app", "disable", "ada"), ("crm", "create", None)]


def test_members_that_come_and_go_add_up(tmp_path: Path) -> None:
    first = {"action": "update", "anchor": "g", "attributes": {"m": {"add": ["a", "b"], "remove": ["c"]}}}
    then = {"action": "update", "anchor": "g", "attributes": {"m": {"add": ["c", "d"], "remove": ["a"]}}}
    both = combined(first, then)
    assert both is not None
    assert both["attributes"] == {"m": {"add": ["b", "d"], "remove": []}}


VALUES = st.sampled_from([None, "a", "b"])
CHANGES = st.lists(st.dictionaries(st.sampled_from(["x", "y"]), VALUES, min_size=1), min_size=1, max_size=5)


@given(start=st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["a", "b"])), steps=CHANGES)
def test_the_net_of_many_changes_leads_from_the_first_state_to_the_last(
    start: dict[str, Any], steps: list[dict[str, Any]]
) -> None:
    now, net = dict(start), None
    for step in steps:
        attributes = {name: {"from": now.get(name), "to": to} for name, to in step.items() if now.get(name) != to}
        if not attributes:
            continue
        change = {"action": "update", "anchor": "o", "attributes": attributes}
        net = change if net is None else combined(net, change)
        now.update(step)
    expected = {
        name: {"from": start.get(name), "to": now.get(name)} for name in ("x", "y") if start.get(name) != now.get(name)
    }
    assert (net["attributes"] if net is not None else {}) == expected


MEMBERS = st.sets(st.sampled_from("abcd"))


@given(states=st.lists(MEMBERS, min_size=2, max_size=6))
def test_the_net_of_many_member_changes_leads_from_the_first_state_to_the_last(states: list[set[str]]) -> None:
    net: dict[str, Any] | None = None
    for before, after in pairwise(states):
        if before == after:
            continue
        entry = {"add": sorted(after - before), "remove": sorted(before - after)}
        change = {"action": "update", "anchor": "g", "attributes": {"m": entry}}
        net = change if net is None else combined(net, change)
    entry = net["attributes"]["m"] if net is not None else {"add": [], "remove": []}
    assert set(entry["add"]) == states[-1] - states[0]
    assert set(entry["remove"]) == states[0] - states[-1]


# --- leaves no trace


def test_it_leaves_no_trace(tmp_path: Path) -> None:
    with Office(tmp_path, LEAVES, people=people(ada="2026-03-10T17:00:00Z", bo="2026-04-20T00:00:00Z")) as office:
        office.run()
        office.plan()
        before = _everything(office)
        held = office.app.all()
        office.plan(as_of=date(2026, 12, 1))
        office.plan(identity="ada")
        assert _everything(office) == before
        assert office.app.all() == held
        assert changed(office.apply()) == []


def test_it_says_what_would_be_held_on_the_way(tmp_path: Path) -> None:
    crowd = {
        str(n): {"first": f"P{n}", "last": "X", "status": "active", "leaves": "2026-03-10T17:00:00Z"} for n in range(6)
    }
    with Office(tmp_path, LEAVES, people=crowd, safety="safety: {deletes: 3, percent: 100}\n") as office:
        office.run()
        plan = office.plan(as_of=date(2026, 3, 11))
        assert kinds(plan["held"]) == ["deletes"]
        assert plan["summary"]["app"]["disable"] == 6


def test_it_can_be_asked_for_one_system_and_for_one_identity(tmp_path: Path) -> None:
    with Office(tmp_path, LEAVES, people=people(ada="2026-03-10T17:00:00Z", bo="2026-03-10T17:00:00Z")) as office:
        office.target("other", "account", mapping=LEAVES)
        office.run()
        day = date(2026, 3, 11)
        assert changed(office.plan(as_of=day, system="other")) == [
            ("other", "disable", "ada"),
            ("other", "disable", "bo"),
        ]
        assert sorted(changed(office.plan(as_of=day, identity="1"))) == [
            ("app", "disable", "ada"),
            ("other", "disable", "ada"),
        ]


def test_a_plan_for_another_day_cannot_be_applied(tmp_path: Path) -> None:
    with Office(tmp_path, LEAVES, people=people(ada="2026-03-10T17:00:00Z", bo="2026-04-20T00:00:00Z")) as office:
        office.run()
        plan = office.plan(as_of=date(2026, 12, 1))
        assert plan["plan"] is None


def test_daily_rules_are_lived_through_day_by_day(tmp_path: Path) -> None:
    rules = app_rules(flows="note: 'FormatDateTime(Now(), , , \"yyyy-MM-dd\")'")
    with Office(tmp_path, rules) as office:
        office.run()
        entry = the_change(office.plan(as_of=date(2026, 3, 20)), "app")["attributes"]["note"]
        assert str(entry["from"]).startswith("2026-03-02")
        assert str(entry["to"]).startswith("2026-03-20")


def _everything(office: Office) -> dict[str, str]:
    """Every table of the store but the log of runs, as digests."""
    found: dict[str, str] = {}
    with office.muster() as muster, muster.database.read() as session:
        for (table,) in session.rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"):
            rows = sorted(map(repr, session.rows(f"SELECT * FROM {table}")))
            found[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found
