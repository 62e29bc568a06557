"""A plan follows its own consequences: what systems will answer, and objects that the same plan makes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.app.results import Attempt, follow
from muster.connectors.kit.memory import MemoryConnector
from muster.model.changes import Change, Outcome, Result
from muster.sync.references.ordering import levels
from muster.sync.run import ROUNDS
from tests.sync.world import MemorySide, World, changed, the_change

LATER = "<known after apply>"
HR = """
identity: person
project: true
inbound:
  precedence: 10
  flows:
    employeeId: '[id]'
    displayName: '[name]'
    active: 'true'
    manager: {reference: '[boss]', to: worker}
"""
AD = """
identity: person
join: [{employeeId: '[emp]'}]
inbound: {precedence: 50, flows: {onPremisesObjectGuid: '[guid]'}}
outbound:
  provision: '[active]'
  flows:
    emp: '[employeeId]'
    name: '[displayName]'
"""
APP = """
identity: person
join: [{employeeId: '[login]'}]
%s
outbound:
  provision: '[active]'
  flows:
    login: '[employeeId]'
    note: '[%s]'
    manager: {reference: '[manager]'}
"""


def office(world: World, *people: tuple[str, str | None]) -> Any:
    rows = {key: {"name": key, **({"boss": boss} if boss else {})} for key, boss in people}
    return world.source("hr", "worker", rows=rows, mapping=HR)


def test_a_value_that_a_system_will_answer_is_known_after_apply_and_stands_in_the_same_plan(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.write("metaverse.yaml", "person: {attributes: {onPremisesObjectGuid: text}}")
        office(world, ("1", None))
        ad = world.target("ad", "user", anchor="guid", assigned=True, mapping=AD)
        app = world.target("app", "account", mapping=APP % ("", "onPremisesObjectGuid"))
        plan = world.plan()
        assert changed(plan) == [("ad", "create", None), ("app", "create", "1")]
        assert the_change(plan, "app")["attributes"]["note"] == {"from": None, "to": LATER}
        result = world.apply()
        assert result["errors"] == []
        assert [app.values("1")["note"]] == list(ad.all())
        assert result["summary"] == plan["summary"]
        assert the_change(result, "app")["attributes"]["note"] == {"from": None, "to": app.values("1")["note"]}
        assert the_change(result, "ad")["anchor"] == app.values("1")["note"]
        assert world.plan()["changes"] == []


def test_an_object_whose_anchor_a_system_will_answer_is_made_when_the_answer_is_there(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.write("metaverse.yaml", "person: {attributes: {onPremisesObjectGuid: text}}")
        office(world, ("1", "1"))
        ad = world.target("ad", "user", anchor="guid", assigned=True, mapping=AD)
        text = (APP % ("", "onPremisesObjectGuid")).replace("login:", "emp:").replace("[login]", "[emp]")
        app = world.target("app", "account", mapping=text.replace("note:", "login:"))
        plan = world.plan()
        result = world.apply()
        assert (result["errors"], result["failed"], result["stale"]) == ([], {}, [])
        assert app.all().keys() == ad.all().keys()
        assert result["summary"] == plan["summary"]
        assert the_change(result, "app")["attributes"]["login"]["to"] == next(iter(app.all()))


def test_what_a_system_never_answered_is_not_told_as_written(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.write("metaverse.yaml", "person: {attributes: {onPremisesObjectGuid: text}}")
        office(world, ("1", None))
        world.target("ad", "user", anchor="guid", assigned=True, mapping=AD, attributes={"room": "text required"})
        world.target("app", "account", mapping=APP % ("", "onPremisesObjectGuid"))
        assert "note" not in the_change(world.run(), "app", "1")["attributes"]


def test_an_update_that_depends_on_an_answer_is_in_the_plan_with_its_reason(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.write("metaverse.yaml", "person: {attributes: {onPremisesObjectGuid: text}}")
        office(world, ("1", None))
        app = world.target("app", "account", mapping=APP % ("", "onPremisesObjectGuid"))
        world.run()
        ad = world.target("ad", "user", anchor="guid", assigned=True, mapping=AD)
        change = the_change(world.plan(), "app")
        assert (change["action"], change["attributes"]) == ("update", {"note": {"from": None, "to": LATER}})
        assert (change["reason"]["rule"], change["reason"]["line"]) == ("note", 11)
        world.apply()
        assert [app.values("1")["note"]] == list(ad.all())


def test_answers_are_followed_from_system_to_system(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.write(
            "metaverse.yaml",
            "person: {attributes: {onPremisesObjectGuid: text, appNumber: text}}",
        )
        office(world, ("1", None))
        ad = world.target("ad", "user", anchor="guid", assigned=True, mapping=AD)
        inbound = "inbound: {precedence: 60, flows: {appNumber: '[number]'}}"
        text = (
            (APP % (inbound, "onPremisesObjectGuid")).replace("login: '[emp", "emp: '[emp").replace("[login]", "[emp]")
        )
        app = world.target("app", "account", anchor="number", assigned=True, mapping=text)
        wiki = world.target("wiki", "page", mapping=APP % ("", "appNumber"))
        plan = world.plan()
        assert [the_change(plan, name)["attributes"]["note"]["to"] for name in ("app", "wiki")] == [LATER, LATER]
        world.apply()
        assert [values["note"] for values in app.all().values()] == list(ad.all())
        assert [wiki.values("1")["note"]] == list(app.all())
        assert world.plan()["changes"] == []


def test_what_depends_on_an_answer_that_never_came_is_not_written(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.write("metaverse.yaml", "person: {attributes: {onPremisesObjectGuid: text}}")
        office(world, ("1", None))
        ad = world.target("ad", "user", anchor="guid", assigned=True, mapping=AD, attributes={"room": "text required"})
        app = world.target("app", "account", mapping=APP % ("", "onPremisesObjectGuid"))
        world.run()
        assert (ad.all(), "note" in app.values("1")) == ({}, False)
        plan = world.plan()
        assert the_change(plan, "app")["attributes"] == {"note": {"from": None, "to": LATER}}


# --- references to objects of the same plan


def test_referenced_objects_are_made_first_and_the_reference_with_the_create(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        chain = [str(number) for number in range(1, 9)]
        office(world, (chain[-1], None), *pairwise(chain))
        app = world.target("app", "account", mapping=APP % ("", "displayName"), attributes={"manager": "reference"})
        sent: list[Change] = []
        with noting(sent):
            plan = world.plan()
            assert the_change(plan, "app", "1")["attributes"]["manager"]["to"] == LATER
            world.apply()
        assert [change.anchor for change in sent] == chain[::-1]
        assert {key: app.values(key).get("manager") for key in chain} == dict(pairwise(chain)) | {chain[-1]: None}


class noting:
    """Remember what is written."""

    def __init__(self, found: list[Change]) -> None:
        self.found = found
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> None:
        real = MemoryConnector._write

        def write(connector: MemoryConnector, change: Change) -> Outcome:
            self.found.append(change)
            return real(connector, change)

        self._patch.setattr(MemoryConnector, "_write", write)

    def __exit__(self, *exc: object) -> None:
        self._patch.undo()


@pytest.mark.parametrize("assigned", [False, True])
def test_references_in_a_circle_are_written_in_a_second_pass_of_the_same_apply(tmp_path: Path, assigned: bool) -> None:
    with World(tmp_path) as world:
        office(world, ("1", "2"), ("2", "3"), ("3", "1"), ("4", "4"))
        text = APP % ("", "displayName")
        if assigned:
            text = text.replace("    login: '[employeeId]'", "    emp: '[employeeId]'").replace("[login]", "[emp]")
        app = world.target(
            "app",
            "account",
            anchor="number" if assigned else "login",
            assigned=assigned,
            mapping=text,
            attributes={"manager": "reference"},
        )
        plan = world.plan()
        result = world.apply()
        assert result["errors"] == [] == result["stale"]
        assert result["summary"] == plan["summary"] == {"app": {"create": 4, "update": 0, "disable": 0, "delete": 0}}
        number = {str(v["emp" if assigned else "login"]): key for key, v in app.all().items()}
        managers = {who: app.values(key).get("manager") for who, key in number.items()}
        assert managers == {"1": number["2"], "2": number["3"], "3": number["1"], "4": number["4"]}
        told = {change["anchor"]: change["attributes"]["manager"]["to"] for change in result["changes"]}
        assert told == {number[who]: managers[who] for who in number}
        with world.muster() as muster:
            assert muster.log(run=result["run"])["runs"][0]["summary"] == plan["summary"]
        assert world.plan()["changes"] == []


def test_a_reference_to_an_object_that_could_not_be_made_is_left_for_later(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        office(world, ("1", None), ("2", "1"))
        app = world.target("app", "account", mapping=APP % ("", "displayName"), attributes={"manager": "reference"})
        app.system.faults.reject.add("1")
        world.run()
        assert "manager" not in app.values("2")
        app.system.faults.reject.clear()
        world.run()
        assert app.values("2")["manager"] == "1"


# --- rounds


def test_a_run_goes_on_until_quiet_and_ends_after_five_rounds_at_the_latest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with World(tmp_path) as world:
        world.write("metaverse.yaml", "person: {attributes: {ticks: text}}")
        office(world, ("1", None))
        app = world.target("app", "account", mapping=APP % (
            "inbound: {precedence: 50, flows: {ticks: '[tick]'}}", "ticks"
        ))  # fmt: skip
        real, count = MemoryConnector._write, 0

        def restless(connector: MemoryConnector, change: Change) -> Outcome:
            nonlocal count
            count += 1
            outcome = real(connector, change)
            outcome.values["tick"] = str(count)
            return outcome

        monkeypatch.setattr(MemoryConnector, "_write", restless)
        world.run()
        assert count == ROUNDS == 5
        assert app.values("1")["note"] == "4"


def test_a_second_run_with_nothing_changed_plans_and_writes_nothing(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.write("metaverse.yaml", "person: {attributes: {onPremisesObjectGuid: text}}")
        office(world, ("1", "2"), ("2", "1"))
        world.target("ad", "user", anchor="guid", assigned=True, mapping=AD)
        world.target("app", "account", mapping=APP % ("", "onPremisesObjectGuid"), attributes={"manager": "reference"})
        world.run()
        sent: list[Change] = []
        with noting(sent):
            assert world.run()["changes"] == []
            assert world.run(full=True)["changes"] == []
        assert sent == []


# --- several attempts at one object

ROOM = (1, 7, 0)


@pytest.mark.parametrize(
    ("attempts", "parts", "overtaken"),
    [
        ([("create", True), ("update", True), ("update", True)], {0: [1, 2]}, set()),
        ([("update", True), ("update", True)], {0: [1]}, set()),
        ([("create", False), ("create", True), ("update", True)], {1: [2]}, {0}),
        ([("create", True), ("update", False)], {}, set()),
        ([("create", True), ("update", False), ("update", True)], {0: [2]}, {1}),
        ([("update", True), ("disable", True)], {}, set()),
        ([("create", True), ("delete", True)], {}, set()),
        ([("create", False), ("create", False)], {}, {0}),
    ],
)
def test_what_completes_a_change_is_told_with_it(
    attempts: list[tuple[str, bool]], parts: dict[int, list[int]], overtaken: set[int]
) -> None:
    found = follow(Attempt(number, ROOM, action, done) for number, (action, done) in enumerate(attempts))
    assert (found.parts, found.overtaken) == (parts, overtaken)


def test_changes_of_different_objects_have_nothing_to_do_with_each_other() -> None:
    assert follow([Attempt(1, ROOM, "create", True), Attempt(2, (1, 7, 4), "update", True)]).untold == set()


# --- the deciding function

GRAPHS = st.dictionaries(st.integers(1, 12), st.lists(st.integers(1, 12), max_size=4), max_size=12)


@given(after=GRAPHS)
def test_without_a_circle_everything_stands_behind_what_it_refers_to(after: dict[int, list[int]]) -> None:
    acyclic = {one: [other for other in others if other < one] for one, others in after.items()}
    found = levels(acyclic)
    assert all(found[one] > found[other] for one, others in acyclic.items() for other in others if other in found)


@given(after=GRAPHS)
def test_a_circle_is_cut_and_everything_gets_its_place(after: dict[int, list[int]]) -> None:
    found = levels(after)
    assert after.keys() <= found.keys()
    assert all(0 <= level <= len(found) for level in found.values())


# --- values that are read through a reference

THROUGH = """
identity: person
join: [{employeeId: '[login]'}]
outbound:
  provision: '[active]'
  flows:
    login: '[employeeId]'
    boss: '[%s]'
"""


def through(world: World, path: str, *people: tuple[str, str | None]) -> tuple[Any, Any]:
    """People whose account in `app` holds something of their manager that only `ad` can tell."""
    world.write("metaverse.yaml", """
        person:
          attributes: {onPremisesObjectGuid: text, badge: text}
          computed: {badge: {value: 'Join("", "#", [onPremisesObjectGuid])'}}
    """)  # fmt: skip
    office(world, *people)
    ad = world.target("ad", "user", anchor="guid", assigned=True, mapping=AD)
    return ad, world.target("app", "account", mapping=THROUGH % path)


def guid(ad: Any, number: str) -> str:
    """The id that the system gave somebody."""
    return next(str(key) for key, values in ad.all().items() if values["emp"] == number)


@pytest.mark.parametrize(("path", "shown"), [("manager.onPremisesObjectGuid", "%s"), ("manager.badge", "#%s")])
@pytest.mark.parametrize("verb", ["run", "apply"])
def test_what_a_system_will_answer_of_a_manager_is_known_after_apply(
    tmp_path: Path, path: str, shown: str, verb: str
) -> None:
    with World(tmp_path) as world:
        ad, app = through(world, path, ("1", "2"), ("2", None))
        plan = world.plan()
        assert the_change(plan, "app", "1")["attributes"]["boss"] == {"from": None, "to": LATER}
        assert "boss" not in the_change(plan, "app", "2")["attributes"]
        result = world.apply() if verb == "apply" else world.run()
        assert result["errors"] == [] == result.get("stale", [])
        assert app.values("1")["boss"] == shown % guid(ad, "2")
        assert world.plan()["changes"] == []


def test_so_is_what_it_will_answer_of_the_managers_manager(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        ad, app = through(world, "manager.manager.onPremisesObjectGuid", ("1", "2"), ("2", "3"), ("3", None))
        plan = world.plan()
        assert [c["anchor"] for c in plan["changes"] if "boss" in c["attributes"]] == ["1"]
        world.apply()
        assert app.values("1")["boss"] == guid(ad, "3")


def test_those_who_are_there_already_are_in_the_plan_in_which_their_new_manager_is_made(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        ad, app = through(world, "manager.onPremisesObjectGuid", ("1", None))
        world.run()
        hr = MemorySide(world._systems[0], "worker")
        hr.put("2", id="2", name="2")
        hr.edit("1", boss="2")
        change = the_change(world.plan(), "app", "1")
        assert (change["action"], change["attributes"]) == ("update", {"boss": {"from": None, "to": LATER}})
        hr.edit("1", boss=None)
        assert [c for c in world.plan()["changes"] if c["anchor"] == "1"] == []
        hr.edit("1", boss="2")
        world.plan()
        world.apply()
        assert app.values("1")["boss"] == guid(ad, "2")


def test_a_manager_who_could_not_be_made_leaves_nothing_behind_but_the_plan(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        ad, app = through(world, "manager.onPremisesObjectGuid", ("1", None))
        world.run()
        hr = MemorySide(world._systems[0], "worker")
        hr.put("2", id="2", name="2")
        hr.edit("1", boss="2")
        with making_nothing(ad.system):
            world.run()
        assert "boss" not in app.values("1")
        assert the_change(world.plan(), "app", "1")["attributes"]["boss"]["to"] == LATER
        world.run()
        assert app.values("1")["boss"] == guid(ad, "2")


class making_nothing:
    """A system that makes nothing."""

    def __init__(self, system: Any) -> None:
        self.system = system
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> None:
        real = MemoryConnector._write

        def write(connector: MemoryConnector, change: Change) -> Outcome:
            if connector.memory is self.system and change.action == "create":
                return Outcome(change.key, Result.RETRY, reason="as ordered")
            return real(connector, change)

        self._patch.setattr(MemoryConnector, "_write", write)

    def __exit__(self, *exc: object) -> None:
        self._patch.undo()
