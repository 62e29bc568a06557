"""The job of a system: paused, resumed, restarted with a reset scope; each decision is in the audit trail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from muster.connectors.kit.memory import MemoryConnector
from muster.model.changes import Change, Outcome
from muster.model.errors import ProjectError
from muster.store.opening import open_store
from tests.sync.people import ADA, BO, Office, app_rules
from tests.sync.world import changed

PEOPLE = {"1": ADA, "2": BO}


def job(office: Office, verb: str, *given: Any, **more: Any) -> dict[str, Any]:
    """`muster job VERB app --json`."""
    with office.muster() as muster:
        found: dict[str, Any] = getattr(muster, verb)("app", *given, by="eve", **more)
        return found


def kinds(result: dict[str, Any], level: str) -> list[tuple[str, str]]:
    """What a run told at this level."""
    return [(problem["kind"], problem["system"]) for problem in result[level]]


def test_a_paused_system_is_neither_read_nor_written_and_the_others_go_on(tmp_path: Path) -> None:
    with Office(tmp_path, people=PEOPLE) as office:
        office.run()
        assert job(office, "pause", why="migration") == {"system": "app", "state": "paused", "changed": True}
        wiki = office.target(
            "wiki", "page", mapping="identity: person\noutbound: {provision: 'true', flows: {login: '[employeeId]'}}\n"
        )
        office.app.edit("bo", name="Vandal")
        office.hr.edit("1", last="King")
        result = office.run()
        assert kinds(result, "notes") == [("paused", "app")]
        assert result["notes"][0]["message"].startswith("app: eve paused it on 2026-03-02 09:00 UTC (migration), so it")
        assert (office.app.values("ada")["name"], len(wiki.all())) == ("Ada Byron", 2)
        assert next(one for one in office.status()["systems"] if one["name"] == "app")["paused"]["by"] == "eve"
        assert job(office, "resume")["changed"] is True
        office.run()
        assert (office.app.values("ada")["name"], office.app.values("bo")["name"]) == ("Ada King", "Bo Dahl")


class OneByOne:
    """A pace of one change a batch."""

    size = 1

    def worked(self, rows: int, seconds: float) -> None:
        """It stays as it is."""


def test_a_run_that_is_at_work_stops_where_somebody_pauses_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = MemoryConnector._write
    with Office(tmp_path, people=PEOPLE) as office:

        def write(connector: MemoryConnector, change: Change) -> Outcome:
            job(office, "pause")
            return real(connector, change)

        monkeypatch.setattr("muster.sync.exporting.Pace", OneByOne)
        monkeypatch.setattr(MemoryConnector, "_write", write)
        office.run()
        assert len(office.app.all()) == 1
        monkeypatch.setattr(MemoryConnector, "_write", real)
        job(office, "resume")
        office.run()
        assert office.app.all().keys() == {"ada", "bo"}


def test_provisioning_on_demand_goes_on_while_the_job_is_paused(tmp_path: Path) -> None:
    with Office(tmp_path, people=PEOPLE) as office:
        job(office, "pause")
        with office.muster() as muster:
            muster.provision("app", "1")
        assert office.app.all().keys() == {"ada"}


def test_a_restart_reads_everything_again_lifts_the_quarantine_and_resumes(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        job(office, "pause")
        assert job(office, "restart")["reset"] == ["escrows", "quarantine-state", "watermark"]
        office.run()
        step = next(step for step in _last_run(office)["steps"] if (step["name"], step["system"]) == ("import", "app"))
        assert step["counts"]["full"] is True
        assert office.quiet()


def test_a_value_that_did_not_stick_is_tried_again_after_escrows_were_reset(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        for _ in range(4):
            office.app.edit("ada", name="Stubborn")
            office.run()
        assert kinds(office.run(), "notes") == [("does-not-stick", "app")]
        job(office, "restart", ["escrows"])
        assert changed(office.run()) == [("app", "update", "ada")]


def test_force_deletes_lets_one_run_go_beyond_the_limits(tmp_path: Path) -> None:
    with Office(tmp_path, people=PEOPLE, safety="safety: {deletes: 0}\n") as office:
        office.run()
        office.hr.edit("1", status="left")
        assert kinds(office.run(), "held") == [("deletes", "app")]
        job(office, "restart", ["force-deletes"])
        assert office.plan()["held"] == []
        result = office.run()
        assert (changed(result), kinds(result, "held")) == ([("app", "disable", "ada")], [])
        office.hr.edit("2", status="left")
        assert kinds(office.run(), "held") == [("deletes", "app")]


def test_full_resets_everything_but_what_deletes_and_loses_no_account(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="title: {value: '[jobTitle]', enforce: change}"), people=PEOPLE) as office:
        office.run()
        assert "force-deletes" not in job(office, "restart", ["full"])["reset"]
        assert changed(office.run()) == []
        assert office.quiet()


def test_who_decided_what_and_why_stands_in_the_audit_trail(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        job(office, "pause", why="migration")
        job(office, "pause", why="again")
        job(office, "restart", ["full"])
        with open_store("sqlite:///.muster/state.db", tmp_path) as store, store.read() as session:
            decided = session.rows("SELECT kind, made_by FROM decided ORDER BY id")
            whats = [row[0] for row in session.rows("SELECT what FROM audit ORDER BY seq")]
        assert decided == [("pause", "eve"), ("restart", "eve")]
        assert whats == ["job pause", "job restart"]
        with office.muster() as muster:
            assert muster.audit()["breaches"] == []


@pytest.mark.parametrize(
    ("reset", "message"),
    [(["watermarks"], "--reset watermarks: there is no such part. Did you mean `watermark`?"), (["x"], "There are")],
)
def test_a_part_that_there_is_not_is_told_with_those_there_are(tmp_path: Path, reset: list[str], message: str) -> None:
    with Office(tmp_path) as office, pytest.raises(ProjectError) as error:
        job(office, "restart", reset)
    assert message in str(error.value)


def _last_run(office: Office) -> dict[str, Any]:
    with office.muster() as muster:
        found: dict[str, Any] = muster.log(limit=1)["runs"][0]
        return found
