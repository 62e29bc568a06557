"""The provisioning log: what was done to each object, with the fields of Graph's provisioningObjectSummary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from muster.app.provisioning_log import Wanted
from muster.connectors.kit.memory import MemoryConnector
from muster.model.changes import Change, Outcome, Result
from muster.sync.clock import micros
from tests.sync.people import ADA, BO, Office, app_rules

FIELDS = {
    "id", "activityDateTime", "jobId", "cycleId", "changeId", "provisioningAction", "provisioningStatusInfo",
    "provisioningSteps", "sourceIdentity", "targetIdentity", "sourceSystem", "targetSystem", "modifiedProperties",
    "durationInMilliseconds", "initiatedBy", "servicePrincipal", "tenantId",
}  # fmt: skip


def entries(office: Office, **wanted: Any) -> list[dict[str, Any]]:
    """`muster log --provisioning --json`."""
    with office.muster() as muster:
        found: list[dict[str, Any]] = muster.provisioning_log(Wanted(**wanted))["value"]
        return found


def test_an_entry_says_who_what_how_and_by_which_steps(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.hr.edit("1", last="King", title="Countess")
        office.rules(flows="title: '[jobTitle]'\npassword: '[department]'")
        office.run()
        update, create = entries(office)
        assert update.keys() == create.keys() == FIELDS
        assert [one["provisioningAction"] for one in (update, create)] == ["update", "create"]
        assert update["provisioningStatusInfo"] == {"status": "success", "errorInformation": None}
        assert [(step["provisioningStepType"], step["status"]) for step in update["provisioningSteps"]] == [
            ("import", "success"),
            ("scoping", "success"),
            ("matching", "success"),
            ("export", "success"),
        ]
        assert (update["sourceIdentity"]["id"], update["sourceIdentity"]["displayName"]) == ("1", "Ada King")
        assert (update["sourceSystem"]["id"], update["targetSystem"]["id"]) == ("hr", "app")
        assert (update["targetIdentity"]["id"], update["targetIdentity"]["identityType"]) == ("ada", "account")
        assert (update["tenantId"], update["jobId"], update["cycleId"]) == ("test", "test.app", "2")
        modified = {one["displayName"]: (one["oldValue"], one["newValue"]) for one in update["modifiedProperties"]}
        assert modified == {
            "name": ("Ada Byron", "Ada King"),
            "title": (None, "Countess"),
            "password": (None, "***"),
        }
        assert update["initiatedBy"] == {"id": None, "displayName": "muster run", "initiatorType": "system"}
        assert isinstance(update["durationInMilliseconds"], int)


def test_what_failed_is_told_with_the_systems_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = MemoryConnector._write

    def write(connector: MemoryConnector, change: Change) -> Outcome:
        if change.anchor == "bo":
            return Outcome(change.key, Result.REJECTED, change.anchor, reason="no licence left")
        return real(connector, change)

    monkeypatch.setattr(MemoryConnector, "_write", write)
    with Office(tmp_path, people={"1": ADA, "2": BO}) as office:
        office.run()
        (failed,) = entries(office, failed=True)
        assert failed["targetIdentity"]["id"] == "bo"
        assert failed["provisioningStatusInfo"]["status"] == "failure"
        assert failed["provisioningStatusInfo"]["errorInformation"]["reason"] == "no licence left"
        assert failed["provisioningSteps"][-1]["description"] == "no licence left"


def test_entries_are_chosen_by_person_system_run_and_day_newest_first(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}) as office:
        office.run()
        office.wait(days=1)
        office.hr.edit("1", last="King")
        office.run()
        assert [one["targetIdentity"]["id"] for one in entries(office, who="ada")] == ["ada", "ada"]
        assert [one["provisioningAction"] for one in entries(office, limit=1)] == ["update"]
        assert len(entries(office, run=1)) == 2
        assert len(entries(office, since=micros(office.now))) == 1
        assert (len(entries(office, system="app")), entries(office, system="hr")) == (3, [])


def test_who_asked_for_it_on_demand_is_its_initiator(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        with office.muster() as muster:
            muster.provision("app", "1", by="eve")
        (entry,) = entries(office)
        assert entry["initiatedBy"] == {"id": "eve", "displayName": "eve", "initiatorType": "user"}


def test_deletes_that_a_limit_holds_back_are_staged(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}, safety="safety: {deletes: 0}\n") as office:
        office.run()
        assert entries(office, staged=True) == []
        office.hr.edit("1", status="left")
        office.run()
        (entry,) = entries(office, staged=True)
        assert entry.keys() == FIELDS
        assert (entry["provisioningAction"], entry["targetIdentity"]["id"]) == ("stagedDelete", "ada")
        assert entry["provisioningStatusInfo"]["status"] == "skipped"
        assert "`safety: deletes` allows 0" in entry["provisioningStatusInfo"]["errorInformation"]["reason"]
        office.run(allow_deletes=True)
        assert entries(office, staged=True) == []


FILTERS = """
scope:
  filters:
    - [{attribute: department, operator: EQUALS, value: Sales}]
"""


def test_who_is_passed_over_is_told_with_the_reason_and_no_run_writes_it_down(tmp_path: Path) -> None:
    people = {"1": ADA, "2": BO, "3": {**BO, "first": "Cy", "status": "gone"}}
    with Office(tmp_path, app_rules(more=FILTERS), people=people) as office:
        office.run()
        ada, cy = sorted(entries(office, skipped=True), key=lambda one: str(one["sourceIdentity"]["displayName"]))
        assert ada.keys() == cy.keys() == FIELDS
        assert {one["provisioningStatusInfo"]["status"] for one in (ada, cy)} == {"skipped"}
        told = [one["provisioningSteps"][0] for one in (ada, cy)]
        assert [step["description"] for step in told] == [
            "out of scope: department is 'Maths', asked: EQUALS Sales",
            "not to be provisioned: [active] is false",
        ]
        assert {(step["name"], step["status"], step["details"]["SkipReason"]) for step in told} == {
            ("EntrySynchronizationSkip", "skipped", "NotEffectivelyEntitled")
        }
        assert [one["provisioningAction"] for one in entries(office)] == ["create"]

        office.wait(hours=1)
        office.hr.edit("2", dept="Maths")
        office.run()
        (bo,) = entries(office, skipped=True, who="2")
        assert (bo["activityDateTime"], bo["targetIdentity"]["id"]) == ("2026-03-02T10:00:00Z", "bo")
        office.hr.edit("1", dept="Sales")
        office.run()
        assert entries(office, skipped=True, who="1") == []
