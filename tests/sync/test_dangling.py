"""No reference outlives what it names: whoever refers to an account that goes is written before it goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from muster.connectors.kit.memory import MemoryConnector
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.values import Value
from tests.sync.world import MemorySide, World, changed, schema, the_change

LATER = "<known after apply>"
PEOPLE = """
identity: person
project: true
inbound:
  precedence: 10
  flows:
    employeeId: '[id]'
    displayName: '[name]'
    active: 'Not([status] = "left")'
    manager: {reference: '[boss]', to: worker}
"""
ACCOUNTS = """
identity: person
join: [{employeeId: '[login]'}]
outbound:
  provision: '[active]'
  deprovision: %s
  flows:
    login: '[employeeId]'
    manager: {reference: '[manager]'%s}
"""
TEAMS = """
identity: group
project: true
inbound:
  precedence: 10
  flows: {displayName: '[id]', members: {references: '[member]', to: hr/worker}}
"""
GROUPS = """
identity: group
join: [{displayName: '[id]'}]
outbound:
  provision: 'true'
  deprovision: delete
  flows: {id: '[displayName]', member: {references: '[members]'%s}}
"""
NO_LIMITS = "safety: {percent: 100, members: 100, updates: 100}"


class Strict:
    """A system with foreign keys: no value may name an account that is not there, at any instant."""

    def __init__(self, world: Firm) -> None:
        self.world = world
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> None:
        real = MemoryConnector._write

        def write(connector: MemoryConnector, change: Change) -> Outcome:
            if change.action is Action.DELETE and change.type == "account":
                holders = self.world.referring(str(change.anchor))
                if holders:
                    return Outcome(change.key, Result.REJECTED, change.anchor, reason=f"is referred to by {holders}")
            return real(connector, change)

        self._patch.setattr(MemoryConnector, "_write", write)

    def __exit__(self, *exc: object) -> None:
        self._patch.undo()


class Firm:
    """People and teams in sources; accounts with managers, and groups, in one target."""

    def __init__(
        self,
        folder: Path,
        people: Mapping[str, str | None],
        *,
        enforce: str = "",
        deprovision: str = "delete",
        members: str = "[reference] large",
        group_enforce: str = "",
    ) -> None:
        self.world = World(folder, safety=NO_LIMITS)
        self.hr = self.world.source("hr", "worker", mapping=PEOPLE)
        for key, boss in people.items():
            self.hire(key, boss)
        self.teams = self.world.source("teams", "team", mapping=TEAMS, attributes={"member": "[text]"})
        self.system = self.world.system(
            "app",
            schema("account", "login", {"manager": "reference"}),
            schema("group", "id", {"member": members}, enabled=False),
        )
        self.rules(enforce, deprovision)
        self.world.mapping(
            "app-group", "app", "group", GROUPS % (f", enforce: {group_enforce}" if group_enforce else "")
        )
        self.app = MemorySide(self.system, "account")
        self.groups = MemorySide(self.system, "group")
        self.large = "large" in members

    def rules(self, enforce: str = "", deprovision: str = "delete") -> None:
        self.world.mapping(
            "app-account", "app", "account", ACCOUNTS % (deprovision, f", enforce: {enforce}" if enforce else "")
        )

    def hire(self, key: str, boss: str | None = None, **values: Value) -> None:
        row: dict[str, Value] = {"id": key, "name": f"N{key}", **values}
        self.hr.put(key, **row, **({"boss": boss} if boss else {}))

    def leave(self, *keys: str) -> None:
        for key in keys:
            self.hr.edit(key, status="left")

    def team(self, name: str, *members: str) -> None:
        self.teams.put(name, id=name, member=list(members))

    def managers(self) -> dict[str, Value]:
        return {key: values.get("manager") for key, values in self.app.all().items()}

    def members(self, name: str) -> set[str]:
        if self.large:
            return self.groups.members(name, "member")
        found = self.groups.values(name).get("member") or []
        assert isinstance(found, list)
        return set(map(str, found))

    def referring(self, anchor: str) -> list[str]:
        """Who refers to an account, itself apart."""
        found = [key for key, boss in self.managers().items() if boss == anchor and key != anchor]
        return found + [key for key in self.groups.all() if anchor in self.members(key)]

    def run(self) -> dict[str, Any]:
        """A run that the system's foreign keys let through."""
        with Strict(self):
            result = self.world.run()
        assert result["errors"] == [] == result["held"]
        assert self.world.plan()["changes"] == []
        return result

    def __enter__(self) -> Firm:
        return self

    def __exit__(self, *exc: object) -> None:
        self.world.close()


def actions(document: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    return [(action, anchor) for _, action, anchor in changed(document, "app")]


# --- accounts that go


def test_whoever_refers_to_an_account_that_goes_is_written_before_it_goes(tmp_path: Path) -> None:
    with Firm(tmp_path, {"1": None, "2": "1", "3": "1"}) as firm:
        firm.team("t", "1", "2")
        firm.run()
        firm.leave("1")
        plan = firm.world.plan()
        assert actions(plan) == [("update", "2"), ("update", "3"), ("update", "t"), ("delete", "1")]
        assert the_change(plan, "app", "2")["attributes"] == {"manager": {"from": "1", "to": None}}
        assert the_change(plan, "app", "t")["attributes"] == {"member": {"add": [], "remove": ["1"]}}
        with Strict(firm):
            result = firm.world.apply()
        assert result["errors"] == [] == result["stale"]
        assert (firm.managers(), firm.members("t")) == ({"2": None, "3": None}, {"2"})
        assert firm.world.plan()["changes"] == []
        assert firm.world.plan(full=True)["changes"] == []


def test_a_reference_goes_over_to_the_next_manager_before_the_account_of_the_old_one_goes(tmp_path: Path) -> None:
    with Firm(tmp_path, {"1": None, "2": "1"}) as firm:
        firm.run()
        firm.hire("9")
        firm.hr.edit("2", boss="9")
        firm.leave("1")
        assert actions(firm.world.plan()) == [("create", "9"), ("update", "2"), ("delete", "1")]
        firm.run()
        assert firm.managers() == {"2": "9", "9": None}


@pytest.mark.parametrize("when", ["in this run", "in an earlier run", "before there was any account"])
@pytest.mark.parametrize("members", ["[reference] large", "[reference]"])
def test_what_is_left_does_not_depend_on_when_the_account_went(tmp_path: Path, when: str, members: str) -> None:
    with Firm(tmp_path, {"1": None, "2": "1"}, members=members) as firm:
        if when != "before there was any account":
            firm.run()
        if when == "in an earlier run":
            firm.leave("1")
            firm.run()
        firm.leave("1")
        firm.hire("3", "1")
        firm.team("t", "1", "2", "3")
        firm.run()
        assert (firm.managers(), firm.members("t")) == ({"2": None, "3": None}, {"2", "3"})
        firm.hr.edit("1", status=None)
        firm.run()
        assert (firm.managers(), firm.members("t")) == ({"1": None, "2": "1", "3": "1"}, {"1", "2", "3"})


def test_an_account_that_stays_after_all_keeps_those_who_refer_to_it(tmp_path: Path) -> None:
    with Firm(tmp_path, {"1": None, "2": "1"}) as firm:
        firm.team("t", "1", "2")
        firm.run()
        firm.leave("1")
        assert len(firm.world.plan()["changes"]) == 3
        firm.hr.edit("1", status=None)
        assert firm.world.plan()["changes"] == []


def test_an_account_deleted_by_another_hand_and_not_made_again_leaves_nobody_behind(tmp_path: Path) -> None:
    with Firm(tmp_path, {"1": None, "2": "1"}) as firm:
        firm.world.mapping("app-account", "app", "account", ACCOUNTS % ("delete", "") + "deleted elsewhere: report\n")
        firm.team("t", "1", "2")
        firm.run()
        firm.app.remove("1")
        firm.run()
        assert (firm.managers(), firm.members("t")) == ({"2": None}, {"2"})


def test_explain_says_whom_a_reference_waits_for(tmp_path: Path) -> None:
    with Firm(tmp_path, {"1": None, "2": "1"}) as firm:
        firm.run()
        firm.leave("1")
        firm.run()
        flow = firm.world.explain("2", "app", "manager")["systems"][0]["flows"][0]
        assert flow["value"] is None
        assert [who["name"] for who in flow["waits"]] == ["N1"]


# --- accounts that are not kept in step


@pytest.mark.parametrize("enforce", ["once", "change", "default"])
def test_what_enforce_leaves_alone_is_taken_out_when_its_account_goes(tmp_path: Path, enforce: str) -> None:
    with Firm(tmp_path, {"1": None, "2": "1", "3": None}, enforce=enforce) as firm:
        firm.run()
        firm.app.edit("2", manager="3")
        firm.run()
        firm.leave("3")
        plan = firm.world.plan()
        assert actions(plan) == [("update", "2"), ("delete", "3")]
        change = the_change(plan, "app", "2")
        assert change["reason"]["rule"] == "delete of what it refers to"
        assert change["reason"]["source"] == {"system": "app", "object": "account", "anchor": "3"}
        firm.run()
        assert firm.managers()["2"] in (None, "1")


@pytest.mark.parametrize("enforce", ["once", "change", "default"])
@pytest.mark.parametrize("members", ["[reference] large", "[reference]"])
def test_so_are_members_that_enforce_leaves_in(tmp_path: Path, enforce: str, members: str) -> None:
    with Firm(tmp_path, {"1": None, "2": None, "3": None}, members=members, group_enforce=enforce) as firm:
        firm.team("t", "1")
        firm.run()
        if firm.large:
            firm.groups.edges("t", "member", add=["2", "3"])
        else:
            firm.groups.edit("t", member=["1", "2", "3"])
        firm.leave("2")
        firm.run()
        assert firm.members("t") == {"1", "3"}


def test_an_account_that_is_being_deprovisioned_loses_a_manager_who_goes(tmp_path: Path) -> None:
    steps = "[{do: disable}, {after: 30 days, do: delete}]"
    with Firm(tmp_path, {"1": None, "2": "1"}, deprovision=steps) as firm:
        firm.run()
        firm.leave("1")
        firm.run()
        firm.world.wait(days=10)
        firm.hr.remove("2")
        firm.run()
        assert firm.managers() == {"1": None, "2": "1"}
        firm.world.wait(days=20)
        assert actions(firm.run()) == [("update", "2"), ("delete", "1")]
        firm.world.wait(days=10)
        assert actions(firm.run()) == [("delete", "2")]


def test_a_group_that_is_being_deprovisioned_loses_members_who_go(tmp_path: Path) -> None:
    with Firm(tmp_path, {"1": None, "2": None}) as firm:
        firm.world.mapping(
            "app-group",
            "app",
            "group",
            (GROUPS % "").replace("'true'\n  deprovision: delete", "'[description] <> \"off\"'\n  deprovision: leave"),
        )
        firm.world.mapping("teams-team", "teams", "team", TEAMS.replace("flows: {", "flows: {description: '[state]', "))
        firm.team("t", "1", "2")
        firm.run()
        firm.teams.edit("t", state="off")
        firm.run()
        firm.leave("1")
        firm.run()
        assert firm.members("t") == {"2"}


def test_a_protected_account_keeps_its_reference_and_the_delete_is_refused_by_the_system(tmp_path: Path) -> None:
    with Firm(tmp_path, {"1": None, "2": "1"}) as firm:
        firm.world.mapping("app-account", "app", "account", ACCOUNTS % ("delete", "") + "protect: '[login] = \"2\"'\n")
        firm.run()
        firm.leave("1")
        assert actions(firm.world.plan()) == [("delete", "1")]
        with Strict(firm):
            assert [problem["kind"] for problem in firm.world.run()["errors"]] == ["rejected"]


# --- accounts that go together


def test_accounts_that_go_together_go_in_the_order_that_leaves_no_reference_behind(tmp_path: Path) -> None:
    with Firm(tmp_path, {"1": None, "2": "1", "3": "2", "4": "3"}) as firm:
        firm.run()
        firm.leave("1", "2", "3", "4")
        assert actions(firm.world.plan()) == [("delete", key) for key in "4321"]
        firm.run()
        assert firm.app.all() == {}


def test_a_circle_of_accounts_that_go_together_is_cut_first(tmp_path: Path) -> None:
    with Firm(tmp_path, {"1": "3", "2": "1", "3": "2", "4": "4"}) as firm:
        firm.run()
        firm.leave("1", "2", "3", "4")
        plan = firm.world.plan()
        assert sorted(action for action, _ in actions(plan)) == ["delete"] * 4 + ["update"]
        assert actions(plan)[0][0] == "update"
        with Strict(firm):
            result = firm.world.apply()
        assert result["errors"] == [] == result["stale"]
        assert firm.app.all() == {}


def test_a_group_that_goes_with_its_members_goes_first(tmp_path: Path) -> None:
    with Firm(tmp_path, {"1": None, "2": None}) as firm:
        firm.team("t", "1", "2")
        firm.run()
        firm.teams.remove("t")
        firm.leave("1", "2")
        plan = firm.world.plan()
        assert actions(plan) == [("delete", "t"), ("delete", "1"), ("delete", "2")]
        firm.run()


# --- managers without an account


def external(firm: Firm, *keys: str) -> None:
    """Whoever is one of these has no account."""
    for key in keys:
        firm.hr.edit(key, status="left")


def test_a_manager_without_an_account_takes_the_place_of_the_old_one_as_nobody(tmp_path: Path) -> None:
    with Firm(tmp_path, {"1": None, "2": "1", "9": None}) as firm:
        external(firm, "9")
        firm.run()
        firm.hr.edit("2", boss="9")
        plan = firm.world.plan()
        assert the_change(plan, "app")["attributes"] == {"manager": {"from": "1", "to": None}}
        note = next(note for note in plan["notes"] if note["kind"] == "waiting")
        assert "manager is N9, who has no object in app" in note["message"]
        firm.run()
        assert firm.managers() == {"1": None, "2": None}
        firm.hr.edit("9", status=None)
        firm.run()
        assert firm.managers() == {"1": None, "2": "9", "9": None}


def test_a_manager_who_gets_an_account_in_the_same_plan_is_written_without_a_gap(tmp_path: Path) -> None:
    with Firm(tmp_path, {"1": None, "2": "1"}) as firm:
        firm.run()
        firm.hire("9")
        firm.hr.edit("2", boss="9")
        plan = firm.world.plan()
        assert the_change(plan, "app", "2")["attributes"] == {"manager": {"from": "1", "to": LATER}}
        written: list[Any] = []
        with Noting(written):
            firm.world.apply()
        assert written == [("create", "9", None), ("update", "2", "9")]


def test_a_manager_since_long_who_gets_an_account_now_is_in_that_plan(tmp_path: Path) -> None:
    with Firm(tmp_path, {"1": None, "2": "9", "9": None}) as firm:
        external(firm, "9")
        firm.run()
        firm.hr.edit("9", status=None)
        plan = firm.world.plan()
        assert actions(plan) == [("create", "9"), ("update", "2")]
        firm.world.apply()
        assert firm.managers()["2"] == "9"
        assert firm.world.plan()["changes"] == []


def test_a_manager_whose_account_could_not_be_made_does_not_leave_the_old_one_in_place(tmp_path: Path) -> None:
    with Firm(tmp_path, {"1": None, "2": "1"}) as firm:
        firm.run()
        firm.hire("9")
        firm.hr.edit("2", boss="9")
        firm.system.faults.reject.add("9")
        firm.world.run()
        assert firm.managers() == {"1": None, "2": None}
        firm.system.faults.reject.clear()
        firm.run()
        assert firm.managers()["2"] == "9"


def test_an_account_that_is_made_again_is_not_written_to_those_who_name_it_as_before(tmp_path: Path) -> None:
    with Firm(tmp_path, {"1": None, "2": "1"}) as firm:
        firm.team("t", "1", "2")
        firm.run()
        firm.app.remove("1")
        written: list[Any] = []
        with Noting(written):
            firm.run()
        assert written == [("create", "1", None)]


class Noting:
    """Notes what is written: (action, anchor, manager)."""

    def __init__(self, found: list[Any]) -> None:
        self.found = found
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> None:
        real = MemoryConnector.write

        def write(connector: MemoryConnector, changes: Iterable[Change]) -> Any:
            def noted() -> Iterable[Change]:
                for change in changes:
                    self.found.append((change.action.value, change.anchor, change.values.get("manager")))
                    yield change

            return real(connector, noted())

        self._patch.setattr(MemoryConnector, "write", write)

    def __exit__(self, *exc: object) -> None:
        self._patch.undo()
