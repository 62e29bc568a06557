"""Provisioning on demand: one person in one system, step by step, without reading or writing anybody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from muster.cli.exitcodes import CHANGES, DONE, HELD, WRONG, of_provision
from muster.connectors.kit.memory import MemoryConnector
from muster.model.changes import Change, Outcome, Result
from muster.model.errors import ProjectError
from tests.sync.people import ADA, BO, Office, app_rules
from tests.sync.town import Town
from tests.sync.world import changed

PEOPLE = {"1": ADA, "2": BO}
FILTERS = """
scope:
  filters:
    - [{attribute: department, operator: EQUALS, value: Sales}, {attribute: jobTitle, operator: IS NOT NULL}]
    - [{attribute: department, operator: EQUALS, value: Maths}]
"""


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads a system whole fails."""

    def read(*_: Any, **__: Any) -> Any:
        raise AssertionError("a system was read whole")

    monkeypatch.setattr(MemoryConnector, "read", read)


def demand(office: Office, who: str, **options: Any) -> dict[str, Any]:
    """`muster provision app WHO --json`."""
    with office.muster() as muster:
        return muster.provision("app", who, **options)


def steps(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The steps of the one object."""
    (one,) = document["objects"]
    return {step["name"]: step for step in one["steps"]}


def told(document: dict[str, Any]) -> dict[str, str]:
    """What each step says."""
    return {name: f"{step['status']}: {step['description']}" for name, step in steps(document).items()}


@pytest.mark.usefixtures("unread")
def test_somebody_whom_no_run_has_read_yet_gets_the_account_and_nobody_else_does(tmp_path: Path) -> None:
    with Office(tmp_path, people=PEOPLE) as office:
        document = demand(office, "2")
        assert told(document) == {
            "import": "success: hr/worker 2: read now",
            "scope": "success: in scope",
            "match": "success: no object there is this one's",
            "export": "success: create: done",
        }
        assert (document["name"], of_provision(document)) == ("Bo Dahl", DONE)
        assert office.app.all().keys() == {"bo"}
        assert {"attribute": "name", "from": None, "to": "Bo Dahl"} in steps(document)["export"]["details"]["modified"]


def test_a_run_after_it_has_nothing_left_to_do_for_that_person(tmp_path: Path) -> None:
    with Office(tmp_path, people=PEOPLE) as office:
        demand(office, "2")
        assert changed(office.run()) == [("app", "create", "ada")]
        assert office.quiet()


def test_only_what_concerns_the_person_is_written_of_what_is_due(tmp_path: Path, request: Any) -> None:
    with Office(tmp_path, people=PEOPLE) as office:
        office.run()
        office.hr.edit("1", last="King")
        office.hr.edit("2", last="Dale")
        request.getfixturevalue("unread")
        document = demand(office, "bo")
        assert told(document)["export"] == "success: update: done"
        assert steps(document)["export"]["details"]["modified"] == [
            {"attribute": "name", "from": "Bo Dahl", "to": "Bo Dale"}
        ]
        assert (office.app.values("ada")["name"], office.app.values("bo")["name"]) == ("Ada Byron", "Bo Dale")
        assert told(demand(office, "bo"))["export"] == "skipped: everything is as it should be"


def test_a_dry_run_shows_everything_and_writes_nothing(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        document = demand(office, "1", dry_run=True)
        assert told(document)["export"] == "skipped: create: --dry-run: nothing is written"
        assert (of_provision(document), office.app.all()) == (CHANGES, {})
        assert changed(office.run()) == [("app", "create", "ada")]


def test_each_clause_of_a_scope_is_shown_with_what_it_compares(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(more=FILTERS), people=PEOPLE) as office:
        document = demand(office, "2")
        assert told(document)["scope"] == "skipped: out of scope"
        assert told(document)["export"] == "skipped: nothing is to be there"
        scope = steps(document)["scope"]["details"]["scope"]
        assert [(group["passes"], [one["passes"] for one in group["clauses"]]) for group in scope["groups"]] == [
            (False, [True, False]),
            (False, [False]),
        ]
        assert scope["groups"][1]["clauses"][0] == {
            "attribute": "department",
            "operator": "EQUALS",
            "value": "Maths",
            "actual": "Sales",
            "passes": False,
        }


def test_an_account_of_another_hand_is_found_by_the_join_lines(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.app.put("lady", login="lady", emp="1", name="Lady Ada")
        document = demand(office, "1")
        match = steps(document)["match"]
        assert match["description"] == "account lady: join line 1"
        (pair,) = match["details"]["lines"][0]["pairs"]
        assert (pair["value"], pair["object"], pair["shown"]) == ("1", "[emp]", "1")
        assert told(document)["export"] == "success: update: done"
        assert office.app.all()["lady"]["name"] == "Ada Byron"


def test_a_refusal_is_told_with_the_systems_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: MemoryConnector, change: Change) -> Outcome:
        return Outcome(change.key, Result.REJECTED, change.anchor, reason="no licence left")

    monkeypatch.setattr(MemoryConnector, "_write", refuse)
    with Office(tmp_path) as office:
        document = demand(office, "1")
        assert told(document)["export"] == "failure: no licence left"
        assert of_provision(document) == WRONG


def test_a_disable_over_the_limits_waits_for_a_person(tmp_path: Path) -> None:
    with Office(tmp_path, safety="safety: {deletes: 0}\n") as office:
        office.run()
        office.hr.edit("1", status="left")
        document = demand(office, "1")
        assert told(document)["export"].startswith("failure: held by a safety limit of app")
        assert (of_provision(document), office.app.values("ada")["enabled"]) == (HELD, True)


def test_a_source_object_that_is_gone_is_for_a_run_to_judge(tmp_path: Path) -> None:
    with Office(tmp_path, people=PEOPLE) as office:
        office.run()
        office.hr.remove("1")
        document = demand(office, "ada")
        assert told(document)["import"].startswith("failure: ")
        assert "not there any more" in document["errors"][0]["message"]
        assert office.app.values("ada")["enabled"] is True


def test_an_account_that_another_hand_deleted_is_made_again(tmp_path: Path) -> None:
    with Office(tmp_path, people=PEOPLE) as office:
        office.run()
        office.app.remove("bo")
        document = demand(office, "2")
        assert told(document)["export"] == "success: create: done"
        assert document["objects"][0]["changes"][0]["reason"]["rule"] == "deleted elsewhere: recreate"


def test_what_a_changed_rule_asks_of_everybody_waits_for_the_next_run(tmp_path: Path) -> None:
    with Office(tmp_path, people=PEOPLE) as office:
        office.run()
        office.rules(flows="dept: '[department]'")
        demand(office, "2")
        assert [office.app.values(name).get("dept") for name in ("ada", "bo")] == [None, "Sales"]
        office.run()
        assert office.app.values("ada")["dept"] == "Maths"


def test_status_still_tells_what_the_last_run_left(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="dept: 'CDate([department])'")) as office:
        office.run()
        before = office.status()["errors"]
        demand(office, "1")
        assert office.status()["errors"] == before != []


@pytest.mark.parametrize(
    ("system", "who", "message"), [("ap", "1", "There is no system 'ap'"), ("app", "7", "No object '7' in .hr/worker.")]
)
def test_nobody_and_nowhere_are_told(tmp_path: Path, system: str, who: str, message: str) -> None:
    with Office(tmp_path) as office, office.muster() as muster, pytest.raises(ProjectError, match=message):
        muster.provision(system, who)


def test_a_group_is_made_with_those_of_its_members_who_have_an_account(tmp_path: Path) -> None:
    with Town(tmp_path, "abc") as town:
        town.team("t", "a", "b", "c")
        town.team("other", "a")
        town.world.plan()
        with town.world.muster() as muster:
            for who in ("a", "b", "t"):
                document = muster.provision("app", who)
                assert document["objects"][0]["steps"][-1]["status"] == "success"
        assert town.members() == {"a", "b"}
        assert "other" not in town.app.all()
        town.world.run()
        assert town.members() == {"a", "b", "c"}


def test_what_changed_in_a_group_since_the_last_run_is_written_for_that_group_alone(tmp_path: Path) -> None:
    with Town(tmp_path, "abc") as town:
        town.team("t", "a")
        town.team("other", "a")
        town.world.run()
        for team in ("t", "other"):
            town.teams.edges(team, "member", add=["b"])
        town.world.plan()
        with town.world.muster() as muster:
            (one,) = muster.provision("app", "t")["objects"]
        assert one["steps"][-1]["details"]["modified"] == [{"attribute": "member", "add": ["b"], "remove": []}]
        assert (town.members(), town.app.members("other", "member")) == ({"a", "b"}, {"a"})
