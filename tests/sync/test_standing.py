"""What `status` and `log` say: what is open now, what the last run had to tell, which run came to no end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from muster.model.errors import StoreError
from muster.store.leases import leased
from tests.sync.people import ADA, BO, Office, app_rules
from tests.sync.world import kinds


def messages(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["message"] for entry in entries]


def test_status_tells_what_the_last_run_told(tmp_path: Path) -> None:
    rules = app_rules(flows="x: 'Error([surname])'").replace("identity: person", "identity: person\ndialect: connect")
    with Office(tmp_path, rules, people={"1": ADA, "2": BO}) as office:
        run = office.run()
        status = office.status()
        assert messages(status["errors"]) == messages(run["errors"]) != []
        assert (status["held"], status["notes"]) == ([], [])
        office.rules()
        office.run()
        assert office.status()["errors"] == []


def test_status_tells_what_a_limit_holds(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}, safety="safety: {deletes: 0}\n") as office:
        office.run()
        office.hr.edit("1", status="left")
        run = office.run()
        assert kinds(run["held"]) == ["deletes"]
        assert office.status()["held"] == run["held"]


def test_status_names_frozen_objects_as_they_are_now(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.drop("mappings/app-account.yaml")
        (now,) = office.status()["held"]
        assert (now["kind"], now["system"], now["object_type"]) == ("frozen", "app", "account")
        assert office.run()["held"] == [now]
        assert office.status()["held"] == [now]
        with office.muster() as muster:
            muster.retire("app-account", by="ada")
        assert office.status()["held"] == []


def test_a_case_is_told_once_and_by_one_name(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}) as office:
        office.app.put("x", login="x", emp="1")
        office.app.put("y", login="y", emp="1")
        run = office.run()
        status = office.status()
        assert kinds(run["held"]) == kinds(status["cases"]) == ["ambiguous-join", "ambiguous-join"]
        assert [case["cause"] for case in status["cases"]] == ["rivals", "rivals"]
        assert status["held"] == []
        with office.muster() as muster:
            assert [(case["kind"], case["cause"]) for case in muster.joins()["cases"]] == [
                ("ambiguous-join", "rivals"),
                ("ambiguous-join", "rivals"),
            ]


def test_a_run_that_was_killed_says_so_and_one_that_failed_says_why(tmp_path: Path) -> None:
    with Office(tmp_path) as office:

        def fail(*_: object, **__: object) -> None:
            raise StoreError("the disk is full")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("muster.sync.run.import_system", fail)
            with pytest.raises(StoreError):
                office.run()
        with office.muster() as muster:
            (failed,) = muster.log()["runs"]
            assert (failed["state"], failed["problems"][0]["message"]) == ("failed", "the disk is full")
            assert messages(office.status()["errors"]) == ["the disk is full"]
            with muster.database.write() as session:
                session.run("UPDATE run SET state = 'running', ended = NULL")
            assert muster.log()["runs"][0]["state"] == "killed"
            assert office.status()["last_run"]["state"] == "killed"
        office.run()
        with office.muster() as muster:
            assert [run["state"] for run in muster.log()["runs"]] == ["done", "killed"]


def test_the_log_tells_what_was_held_what_went_wrong_and_what_is_worth_knowing(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}, safety="safety: {deletes: 0}\n") as office:
        office.run()
        office.hr.edit("1", status="left")
        office.run(allow_deletes=True)
        office.hr.edit("2", status="left")
        office.run()
        with office.muster() as muster:
            levels = [[problem["level"] for problem in run["problems"]] for run in muster.log()["runs"]]
        assert levels == [["held"], ["note"], []]


def test_the_log_says_what_a_plan_showed_and_what_a_run_wrote(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}) as office:
        plan = office.plan()
        office.run()
        office.plan()
        with office.muster() as muster:
            shown = [(run["verb"], run["summary"]) for run in muster.log()["runs"]]
    made = {"app": {"create": 2, "update": 0, "disable": 0, "delete": 0}}
    assert plan["summary"] == made
    assert shown == [("plan", {}), ("run", made), ("plan", made)]


def test_a_run_that_works_shows_what_it_wrote_so_far_and_a_killed_one_what_it_had(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}) as office:
        run = office.run()
        with office.muster() as muster, muster.database.write() as session:
            session.run("UPDATE run SET state = 'running', ended = NULL, summary = NULL")
        with office.muster() as muster:
            with leased(muster.database, ["project"], "run"):
                (working,) = muster.log()["runs"]
            (killed,) = muster.log()["runs"]
        assert (working["state"], working["summary"]) == ("running", run["summary"])
        assert (killed["state"], killed["summary"]) == ("killed", run["summary"])
        office.run()
        with office.muster() as muster:
            assert muster.log()["runs"][1]["summary"] == run["summary"]
