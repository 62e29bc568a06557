"""Plans: what was shown is what is done, once, and nothing that has gone stale."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muster.model.changes import Change, Outcome, Result
from muster.model.errors import ProjectError
from muster.sync.plan_document import LATER, approved, plan_key
from tests.sync.answers import APP, PLAIN, Office, answering, told
from tests.sync.world import changed, kinds, the_change

# --- what was shown is what is done


def test_a_plan_writes_nothing_and_apply_writes_what_it_showed(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada", "Bo") as office:
        path = office.file()
        assert office.app.all() == {}
        result = office.world.apply(path)
        assert changed(result) == changed(json.loads(path.read_text()))
        assert office.app.all().keys() == {"ada", "bo"}


def test_apply_does_not_do_what_came_up_after_the_plan(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada") as office:
        path = office.file()
        office.hr.put("2", id="2", name="Bo")
        office.world.apply(path)
        assert office.app.all().keys() == {"ada"}
        assert changed(office.world.plan()) == [("app", "create", "bo")]


def test_apply_leaves_out_by_name_what_has_gone_stale_and_does_the_rest(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada", "Bo", "Cy") as office:
        office.world.run()
        for number in "123":
            office.hr.edit(number, dept="Sales")
        path = office.file()
        office.hr.edit("2", dept="Board")
        office.app.edit("cy", dept="Garage")
        result = office.world.apply(path)
        assert [change["anchor"] for change in result["stale"]] == ["bo", "cy"]
        assert len(told("stale", result)) == 2
        assert {key: values.get("dept") for key, values in office.app.all().items()} == {
            "ada": "Sales",
            "bo": None,
            "cy": "Garage",
        }


def test_apply_leaves_an_account_alone_that_another_hand_gave_to_somebody_else_since_the_plan(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada", "Bo", "Cy") as office:
        office.world.run()
        for number in "123":
            office.hr.edit(number, status="left")
        path = office.file()
        office.app.edit("ada", emp="77")
        office.app.edit("cy", emp=None, name="Somebody Else")
        result = office.world.apply(path)
        assert [change["anchor"] for change in result["stale"]] == ["ada", "cy"]
        assert (changed(result), kinds(result["notes"])) == ([("app", "delete", "bo")], ["other-key"])
        assert office.app.all().keys() == {"ada", "cy"}
        path = office.file()
        assert [one["known_by"] for one in json.loads(path.read_text())["changes"]] == [["employeeId=77"], []]
        office.world.apply(path)
        assert office.app.all() == {}, "the second plan said whose account it may be"


def test_a_plan_that_was_applied_is_said_to_be_done_and_done_no_second_time(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada", "Bo") as office:
        path = office.file()
        first = office.world.apply(path)
        office.app.remove("ada")
        result = office.world.apply(path)
        assert (changed(result), result["stale"], kinds(result["errors"])) == ([], [], [])
        assert notes(result) == [f"plan {first['plan']}: was done already, in run {first['run']}"]
        assert office.app.all().keys() == {"bo"}


def test_what_another_hand_undid_after_a_plan_was_applied_is_not_done_again_by_that_plan(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada") as office:
        office.world.run()
        office.hr.edit("1", dept="Sales")
        path = office.file()
        office.world.apply(path)
        office.app.edit("ada", dept=None)
        assert changed(office.world.apply(path)) == []
        assert "dept" not in office.app.values("ada")


def test_a_plan_of_which_a_part_was_done_names_the_run_and_does_the_rest(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada", "Bo") as office:
        path = office.file()

        def refuse(change: Change, write: Callable[[], Outcome]) -> Outcome:
            return (
                write() if change.anchor == "ada" else Outcome(change.key, Result.RETRY, change.anchor, reason="busy")
            )

        with answering(refuse):
            first = office.world.apply(path)
        result = office.world.apply(path)
        assert changed(result) == [("app", "create", "bo")]
        assert notes(result) == [f"plan {first['plan']}: 1 of its 2 changes was done already, in run {first['run']}"]
        assert (result["stale"], result["errors"]) == ([], [])


def test_what_a_run_did_in_the_meantime_is_said_to_be_done_also_when_it_was_worked_out_again(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada") as office:
        path = office.file()
        office.hr.edit("1", surname="Byron")
        run = office.world.run()
        result = office.world.apply(path)
        assert notes(result) == [f"plan 1: was done already, in run {run['run']}"]
        assert (changed(result), result["stale"]) == ([], [])


def notes(result: Mapping[str, Any]) -> list[str]:
    """What a run said besides."""
    return [note["message"] for note in result["notes"]]


def test_a_plan_file_that_was_altered_is_refused(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada") as office:
        path = office.file()
        document = json.loads(path.read_text())
        document["changes"][0]["attributes"]["name"]["to"] = "Eve"
        path.write_text(json.dumps(document))
        with pytest.raises(ProjectError, match="was altered since it was made"):
            office.world.apply(path)
        assert office.app.all() == {}


@pytest.mark.parametrize(
    "forge",
    [
        lambda plan: plan["changes"].pop(),
        lambda plan: plan["changes"][0].update(name="Somebody else"),
        lambda plan: plan["changes"][0]["reason"].update(rule="provision: as you asked"),
        lambda plan: plan["summary"]["app"].update(create=0),
        lambda plan: plan.update(summary={}),
        lambda plan: plan["held"].append({"kind": "deletes", "message": "fine"}),
        lambda plan: plan.update(errors=["none"]),
        lambda plan: plan.pop("notes"),
        lambda plan: plan.update(comment="read and agreed"),
    ],
)
def test_whatever_of_a_plan_file_was_altered_it_is_refused(
    tmp_path: Path, forge: Callable[[dict[str, Any]], object]
) -> None:
    with Office(tmp_path, "Ada", "Bo") as office:
        path = office.file()
        document = json.loads(path.read_text())
        forge(document)
        path.write_text(json.dumps(document))
        with pytest.raises(ProjectError, match=r"was altered since it was made\. Make a new plan: muster plan -o"):
            office.world.apply(path)
        assert office.app.all() == {}


def test_a_plan_file_outlives_many_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("muster.app.plans._KEPT", 2)
    with Office(tmp_path, "Ada") as office:
        path = office.file()
        with answering(lambda change, _: Outcome(change.key, Result.RETRY, change.anchor, reason="busy")):
            for _ in range(4):
                office.world.run()
        office.world.plan()
        assert changed(office.world.apply(path)) == [("app", "create", "ada")]


def test_a_plan_file_may_be_laid_out_otherwise(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada") as office:
        path = office.file()
        document = json.loads(path.read_text())
        path.write_text(json.dumps(dict(reversed(document.items())), separators=(",", ":")))
        assert changed(office.world.apply(path)) == [("app", "create", "ada")]


def test_a_plan_of_another_store_and_a_file_that_is_no_plan_are_refused(tmp_path: Path) -> None:
    with Office(tmp_path / "one", "Ada") as one, Office(tmp_path / "two", "Bo") as two:
        path = one.file()
        with pytest.raises(ProjectError, match="this store made no such plan"):
            two.world.apply(path)
        path.write_text(json.dumps({"plan": "1", "digest": 7, "changes": []}))
        with pytest.raises(ProjectError, match="this store made no such plan"):
            one.world.apply(path)
        for text in ("", "{}", "[1, 2]", "changes: none"):
            path.write_text(text)
            with pytest.raises(ProjectError, match="is not a plan"):
                one.world.apply(path)
        with pytest.raises(ProjectError, match="cannot be read"):
            one.world.apply(tmp_path / "missing.json")


def test_apply_without_a_file_takes_the_last_plan_that_was_shown(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada") as office:
        office.world.plan()
        office.hr.put("2", id="2", name="Bo")
        office.world.apply()
        assert office.app.all().keys() == {"ada"}


def test_apply_without_a_file_plans_anew_where_no_plan_was_ever_shown(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada") as office:
        assert changed(office.world.apply()) == [("app", "create", "ada")]
        office.world.run()
        office.hr.put("2", id="2", name="Bo")
        assert changed(office.world.apply()) == [("app", "create", "bo")]


def test_apply_without_a_file_writes_nothing_that_nobody_saw_when_the_last_plan_is_used_up(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada") as office:
        office.world.plan()
        run = office.world.apply()["run"]
        office.hr.put("2", id="2", name="Bo")
        refused = office.world.apply()
        assert (changed(refused), refused["errors"][0]["message"]) == (
            [],
            f"the last plan, {run - 1}, is used up (run {run}), and 1 change is due that it did not show: "
            "`muster plan` to see what, or `muster run`",
        )
        assert office.app.all().keys() == {"ada"}
        office.world.plan()
        assert changed(office.world.apply()) == [("app", "create", "bo")]


def test_apply_without_a_file_refuses_after_a_plan_that_had_gone_stale(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada") as office:
        office.world.run()
        office.hr.edit("1", dept="Sales")
        office.world.plan()
        office.hr.edit("1", dept="Board")
        assert [change["anchor"] for change in office.world.apply()["stale"]] == ["ada"]
        assert kinds(office.world.apply()["errors"]) == ["used-up"]
        assert "dept" not in office.app.values("ada")


def test_a_run_overtakes_the_last_plan(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada") as office:
        office.world.plan()
        office.world.run()
        office.hr.put("2", id="2", name="Bo")
        assert kinds(office.world.apply()["errors"]) == ["used-up"]


def test_apply_without_a_file_after_a_used_up_plan_is_done_where_nothing_is_left_to_do(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada") as office:
        office.world.plan()
        office.world.apply()
        again = office.world.apply()
        assert (again["changes"], again["errors"], again["stale"]) == ([], [], [])


def test_a_plan_that_was_held_back_is_there_for_the_next_apply(tmp_path: Path) -> None:
    with Office(tmp_path, *"abcdefghij") as office:
        office.world.run()
        office.world.write("muster.yaml", "project: test\nsafety: {percent: 10}\n")
        for number in "1234":
            office.hr.edit(number, status="left")
        office.world.plan()
        assert kinds(office.world.apply()["held"]) == ["percent"]
        office.hr.edit("5", status="left")
        result = office.world.apply(allow_deletes=True)
        assert [anchor for _, _, anchor in changed(result)] == ["a", "b", "c", "d"]
        assert kinds(office.world.apply()["errors"]) == ["used-up"]


def test_a_plan_of_one_system_is_applied_to_that_system_alone(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada") as office:
        wiki = office.world.target("wiki", "account", mapping=APP % PLAIN)
        office.world.plan(system="wiki")
        office.world.apply()
        assert (office.app.all(), list(wiki.all())) == ({}, ["ada"])


def change(entry: dict[str, Any], action: str = "update") -> dict[str, Any]:
    """A change of one attribute, as a plan shows it."""
    return {
        "mapping": "app-group",
        "object_type": "group",
        "identity": "g1",
        "action": action,
        "anchor": "t",
        "attributes": {"member": entry},
        "reason": {"rule": "member"},
    }


def ended(*known_by: str) -> dict[str, Any]:
    """A delete of an object that shows this of the join lines."""
    return {**change({"from": "a", "to": "b"}, "delete"), "known_by": list(known_by)}


def doubted(why: str) -> dict[str, Any]:
    """A change to an object that may be somebody else's."""
    return {**change({"from": "a", "to": "b"}), "doubts": [why]}


@pytest.mark.parametrize(
    ("shown", "pending", "allowed"),
    [
        (change({"from": "a", "to": "b"}), change({"from": "a", "to": "b"}), True),
        (change({"from": "a", "to": "b"}), change({"from": "x", "to": "b"}), False),
        (change({"from": "a", "to": "b"}), change({"from": "a", "to": LATER}), False),
        (change({"from": "a", "to": LATER}), change({"from": "a", "to": "c"}), True),
        (change({"add": ["a", LATER], "remove": ["x"]}), change({"add": ["a", "b"], "remove": ["x"]}), True),
        (change({"add": ["a", LATER], "remove": ["x"]}), change({"add": ["b"], "remove": []}), True),
        (change({"add": ["a", LATER], "remove": ["x"]}), change({"add": ["a", "b", "c"], "remove": []}), False),
        (change({"add": ["a", LATER], "remove": ["x"]}), change({"add": ["a"], "remove": ["y"]}), False),
        (change({"from": None, "to": ["a", LATER]}, "create"), change({"add": ["b"], "remove": []}), True),
        (change({"from": None, "to": ["a", LATER]}, "create"), change({"add": ["b", "c"], "remove": []}), False),
        (
            change({"from": None, "to": ["a", LATER]}, "create"),
            change({"from": None, "to": ["a", "b"]}, "create"),
            True,
        ),
        (change({"add": ["a"], "remove": []}), change({"from": [], "to": ["a"]}), False),
        (change({"from": "a", "to": "b"}), doubted("shows 7"), False),
        (doubted("shows 7"), change({"from": "a", "to": "b"}), True),
        (doubted("shows 7"), doubted("shows 7"), True),
        (doubted("shows 7"), doubted("shows 8"), False),
        (ended("employeeId=1"), ended("employeeId=1"), True),
        (ended("employeeId=1"), ended("employeeId=2"), False),
        (ended("employeeId=1", "login=ada"), ended("login=ada"), False),
        (ended("employeeId=1"), change({"from": "a", "to": "b"}, "delete"), True),
    ],
)
def test_a_change_may_do_what_was_shown_and_as_much_more_as_was_not_known_yet(
    shown: dict[str, Any], pending: dict[str, Any], allowed: bool
) -> None:
    assert approved(pending, {plan_key(shown): shown}) is allowed


# --- questions that leave no trace


@pytest.mark.parametrize("question", [{"identity": "1"}, {"as_of": date(2026, 4, 1)}])
def test_a_question_leaves_no_trace_and_takes_no_write_lock(tmp_path: Path, question: dict[str, Any]) -> None:
    with Office(tmp_path, "Ada", "Bo") as office:
        office.world.run()
        office.hr.edit("1", name="Ida")
        office.hr.edit("2", dept="Board")
        store = tmp_path / ".muster" / "state.db"
        with office.world.muster() as muster, contextmanager(locked)(store):
            before = fingerprint(store)
            plan = muster.plan(**question)
            assert fingerprint(store) == before
        assert "ada" in [anchor for _, _, anchor in changed(plan)]
        assert len(office.world.plan()["changes"]) == 2
        assert office.app.values("ada")["name"] == "Ada"


def locked(store: Path) -> Iterator[None]:
    """Another process is writing."""
    connection = sqlite3.connect(store, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.rollback()
        connection.close()


def fingerprint(store: Path) -> dict[str, str]:
    """The contents of every table."""
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {
        name: hashlib.sha256(repr(connection.execute(f"SELECT * FROM {name}").fetchall()).encode()).hexdigest()
        for name in tables
    }
    connection.close()
    return found


def test_a_question_about_one_identity_shows_its_changes_only_and_cannot_be_applied(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada", "Bo") as office, office.world.muster() as muster:
        plan = muster.plan(identity="2")
        assert changed(plan) == [("app", "create", "bo")]
        with pytest.raises(ProjectError, match="cannot be applied"):
            muster.write_plan(plan, tmp_path / "plan.json")


@pytest.mark.parametrize("more", [{}, {"as_of": date(2026, 4, 1)}])
def test_a_question_about_one_identity_has_its_notes_only(tmp_path: Path, more: dict[str, Any]) -> None:
    with Office(tmp_path, "Ada", "Bo") as office:
        office.world.run()
        for who in ("ada", "bo"):
            office.app.edit(who, enabled=False)
        assert [note["anchor"] for note in office.world.plan(identity="2", **more)["notes"]] == ["bo"]


# --- one pending change an identity and mapping


def test_a_newer_change_replaces_one_that_was_not_sent(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada") as office:
        office.world.run()
        office.hr.edit("1", dept="Sales")
        office.world.plan()
        office.hr.edit("1", dept="Board", name="Ada B")
        plan = office.world.plan()
        assert the_change(plan, "app")["attributes"] == {
            "dept": {"from": None, "to": "Board"},
            "name": {"from": "Ada", "to": "Ada B"},
        }
        office.hr.edit("1", dept=None, name="Ada")
        assert office.world.plan()["changes"] == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from("12"),
        st.sampled_from([{"dept": "Sales"}, {"dept": None}, {"status": "left"}, {"status": None}, {"name": "Eve"}]),
        st.sampled_from(["plan", "run", "nothing"]),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_there_is_at_most_one_pending_change_an_identity_and_mapping(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, dict[str, Any], str]]
) -> None:
    with Office(tmp_path_factory.mktemp("office"), "Ada", "Bo") as office:
        for number, edit, then in steps:
            office.hr.edit(number, **edit)
            if then == "plan":
                office.world.plan()
            elif then == "run":
                office.world.run()
            assert all(count == 1 for _, _, count in office.pending())
        office.world.run()
        assert office.pending() == []
        assert office.world.plan()["changes"] == []


# --- reasons


def test_every_change_has_a_reason_with_file_line_rule_and_source(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada", "Bo", "Cy", "Di") as office:
        office.world.run()
        office.hr.edit("1", dept="Sales")
        office.hr.edit("2", status="left")
        office.hr.put("9", id="9", name="Zoe")
        office.app.remove("cy")
        office.app.edit("di", name="Other")
        reasons = {change["anchor"]: change["reason"] for change in office.world.plan()["changes"]}
        lines = (tmp_path / "mappings" / "app-account.yaml").read_text().splitlines()

        def line(text: str) -> int:
            return next(number for number, one in enumerate(lines, 1) if one.strip().startswith(text))

        def reason(text: str, rule: str, anchor: str, attribute: str) -> dict[str, Any]:
            source = {"system": "hr", "object": "worker", "anchor": anchor, "attribute": attribute}
            return {"mapping": "mappings/app-account.yaml", "line": line(text), "rule": rule, "source": source}

        assert reasons == {
            "ada": reason("dept:", "dept", "1", "department"),
            "bo": reason("deprovision:", "deprovision: delete", "2", "active"),
            "zoe": reason("provision:", "provision", "9", "active"),
            "cy": reason("provision:", "deleted elsewhere: recreate", "3", "active"),
            "di": reason("name:", "name", "4", "displayName"),
        }
