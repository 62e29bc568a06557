"""Names that are taken: an object in the way of one to be made waits for a person, and lets go by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from muster.connectors.kit.memory import MemoryConnector
from muster.model.changes import Change, Outcome, Result
from tests.sync.people import ADA, BO, Office, app_rules
from tests.sync.world import MemorySide, World, changed, kinds


def cases(world: World) -> list[tuple[str, str, int]]:
    """Cause, anchor and the number of candidates of each open case."""
    with world.muster() as muster:
        return [(case["cause"], case["anchor"], len(case["candidates"])) for case in muster.joins()["cases"]]


def decide(world: World, kind: str, **options: str) -> None:
    with world.muster() as muster:
        muster.decide(kind, by="ops@acme.example", **options)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An account `ada` of nobody, and Ada, whose account is to be called so."""
    with Office(tmp_path, people={"1": ADA, "2": BO}) as made:
        made.app.put("ada", login="ada", name="Somebody")
        yield made


def test_an_anchor_that_is_taken_is_a_case_and_holds_nobody_else(office: Office) -> None:
    result = office.run()
    assert changed(result) == [("app", "create", "bo")]
    assert (kinds(result["held"]), result["errors"]) == (["clash"], [])
    assert cases(office) == [("clash", "ada", 1)]
    again = office.run()
    assert (kinds(again["held"]), again["errors"], again["changes"]) == (["clash"], [], [])


def test_the_case_names_whom_it_is_about_and_the_command_that_decides_it(office: Office) -> None:
    (problem,) = office.plan()["held"]
    who = office.explain("1")["identity"]
    assert (problem["anchor"], problem["identities"]) == ("ada", [who])
    assert f"login that is to be given to Ada Byron (hr/worker 1, {who})" in problem["message"]
    with office.muster() as muster:
        (case,) = muster.joins()["cases"]
    assert case["commands"] == [f"muster joins accept app/account ada {who}"]
    assert case["commands"][0] in problem["message"]


def test_a_person_may_say_that_it_is_theirs(office: Office) -> None:
    office.plan()
    decide(office, "accept", system="app", anchor="ada", identity="1")
    result = office.run()
    assert (result["held"], result["errors"]) == ([], [])
    assert office.app.values("ada")["emp"] == "1"
    assert office.quiet()


def test_it_closes_when_the_object_goes(office: Office) -> None:
    office.run()
    office.app.remove("ada")
    result = office.run()
    assert (result["held"], cases(office)) == ([], [])
    assert office.app.values("ada")["emp"] == "1"


def test_it_closes_when_another_name_is_to_be_given(office: Office) -> None:
    office.run()
    office.hr.edit("1", first="Augusta")
    result = office.run()
    assert (result["held"], cases(office)) == ([], [])
    assert sorted(office.app.all()) == ["ada", "augusta", "bo"]


def test_it_closes_when_nothing_is_to_be_made_any_more(office: Office) -> None:
    office.run()
    office.hr.edit("1", status="left")
    assert (office.run()["held"], cases(office)) == ([], [])


def test_it_closes_when_the_person_goes(office: Office) -> None:
    office.run()
    office.hr.remove("1")
    assert (office.run()["held"], cases(office)) == ([], [])


def test_it_closes_when_the_rules_come_to_tie_the_object(office: Office) -> None:
    office.run()
    rules = app_rules().replace("  - employeeId: '[emp]'\n", "  - employeeId: '[emp]'\n  - givenName: '[login]'\n")
    office.mapping("app-account", "app", "account", rules)
    assert (office.run()["held"], cases(office)) == ([], [])
    assert office.app.values("ada")["emp"] == "1"


def test_it_stays_when_the_object_changes_and_is_still_in_the_way(office: Office) -> None:
    office.run()
    office.app.edit("ada", name="Somebody Else")
    assert kinds(office.run()["held"]) == ["clash"]
    assert cases(office) == [("clash", "ada", 1)]


def test_two_people_wait_for_one_object_and_one_of_them_goes(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": ADA | {"last": "King"}}) as office:
        office.app.put("ada", login="ada")
        assert kinds(office.run()["held"]) == ["clash"]
        assert cases(office) == [("clash", "ada", 2)]
        office.hr.edit("2", first="Zoe")
        office.run()
        assert cases(office) == [("clash", "ada", 1)]
        assert office.app.values("zoe")["emp"] == "2"


def test_two_people_for_one_name_are_held_before_and_after_the_first_has_it_without_a_command(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": ADA | {"last": "King"}}) as office:
        plan, first, again = office.plan(), office.run(), office.run()
        assert office.app.values("ada")["emp"] == "1"
        for answer in (plan, first, again):
            assert (answer["errors"], kinds(answer["held"])) == ([], ["clash"])
            (problem,) = answer["held"]
            one, other = (office.explain(number)["identity"] for number in ("1", "2"))
            assert f"Ada Byron (hr/worker 1, {one})" in problem["message"]
            assert f"gives the same login to Ada King (hr/worker 2, {other})" in problem["message"]
            assert "Let login be unique in mappings/app-account.yaml (SelectUniqueValue)" in problem["message"]
            assert problem["message"].startswith("app/account ada ")
        assert cases(office) == [("owned", "ada", 1)]
        with office.muster() as muster:
            assert muster.joins()["cases"][0]["commands"] == []
        office.hr.edit("1", status="left")
        office.mapping("app-account", "app", "account", app_rules(deprovision="delete"))
        assert office.run()["held"] == []
        assert office.app.values("ada")["emp"] == "2"
        assert cases(office) == []


def test_an_object_that_waits_for_another_reason_too_is_told_in_every_run(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO, "3": BO | {"first": "Ada"}}) as office:
        office.run()
        office.app.put("bo2", login="bo2", emp="2")
        office.hr.edit("3", first="Bo2")
        for full in (False, True):
            assert kinds(office.run(full=full)["held"]) == ["ambiguous-join", "clash"]
        office.app.remove("bo2")
        assert office.run()["held"] == []
        assert office.app.values("bo2")["emp"] == "3"


def test_what_is_in_the_way_is_not_counted_as_nobodys(office: Office) -> None:
    assert office.plan()["unmanaged"] == []


# --- known only by the create


class Assigned:
    """Accounts whose anchor the system gives; it takes no mail address twice."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder, safety="safety: {percent: 100}\n")
        flows = "  flows: {employeeId: '[id]', mail: '[mail]'}\n"
        hr = f"identity: person\nproject: true\ninbound:\n  precedence: 10\n{flows}"
        self.hr = self.world.source("hr", "worker", rows={"1": {"mail": "ada@x"}, "2": {"mail": "bo@x"}}, mapping=hr)
        self.users: MemorySide = self.world.target(
            "app",
            "user",
            anchor="guid",
            assigned=True,
            mapping="""
            identity: person
            join: [{employeeId: '[emp]'}]
            outbound:
              provision: 'true'
              flows: {mail: '[mail]', emp: '[employeeId]'}
            """,
        )

    def refusing(self, patch: pytest.MonkeyPatch) -> None:
        real = MemoryConnector._write

        def write(connector: MemoryConnector, change: Change) -> Outcome:
            taken = {values["mail"] for values in self.users.all().values()}
            if connector.system == "app" and change.values.get("mail") in taken:
                return Outcome(change.key, Result.EXISTS)
            return real(connector, change)

        patch.setattr(MemoryConnector, "_write", write)


@pytest.fixture
def assigned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Assigned]:
    made = Assigned(tmp_path)
    with made.world:
        made.refusing(monkeypatch)
        made.users.put("g1", guid="g1", mail="ada@x", emp="77")
        yield made


def test_an_object_that_only_the_create_meets_is_a_case(assigned: Assigned) -> None:
    for _ in range(2):
        result = assigned.world.run()
        assert (kinds(result["held"]), result["errors"]) == (["exists"], [])
        assert cases(assigned.world) == [("exists", "g1", 1)]
    assert len(assigned.users.all()) == 2


def test_it_is_theirs_when_a_person_says_so(assigned: Assigned) -> None:
    assigned.world.run()
    decide(assigned.world, "accept", system="app", anchor="g1", identity="1")
    result = assigned.world.run()
    assert (result["held"], result["errors"], cases(assigned.world)) == ([], [], [])
    assert assigned.users.values("g1")["emp"] == "1"


def test_it_closes_when_the_create_succeeds(assigned: Assigned) -> None:
    assigned.world.run()
    assigned.users.edit("g1", mail="other@x")
    result = assigned.world.run()
    assert (result["held"], result["errors"], cases(assigned.world)) == ([], [], [])
    assert len(assigned.users.all()) == 3


def test_it_closes_when_something_else_is_created(assigned: Assigned) -> None:
    assigned.world.run()
    assigned.hr.edit("1", mail="ada.byron@x")
    assert (assigned.world.run()["held"], cases(assigned.world)) == ([], [])
    assert len(assigned.users.all()) == 3


def test_it_closes_when_nothing_is_to_be_created_any_more(assigned: Assigned) -> None:
    assigned.world.run()
    assigned.hr.remove("1")
    assert (assigned.world.run()["held"], cases(assigned.world)) == ([], [])
