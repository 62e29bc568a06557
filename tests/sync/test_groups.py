"""Large references: an edge at a time, in and out, and nothing is lost by not being seen."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from muster.connectors.kit.memory import MemoryConnector
from muster.model.changes import Change, Outcome, Result
from muster.model.objects import EdgePage, Page
from muster.store.audit import verify
from tests.sync.town import GROUPS, TEAMS, Town, edges_of
from tests.sync.world import World, changed, the_change

# --- from a source to a target


def test_members_go_from_a_source_group_to_a_target_group_and_follow_it(tmp_path: Path) -> None:
    with Town(tmp_path, "abc") as town:
        town.team("t", "a", "b")
        town.world.run()
        assert town.members() == {"a", "b"}
        assert town.world.plan()["changes"] == []
        town.teams.edges("t", "member", add=["c"], remove=["a"])
        assert edges_of(town.world.plan()) == {"add": ["c"], "remove": ["a"]}
        town.world.apply()
        assert town.members() == {"b", "c"}
        assert town.world.plan()["changes"] == []


def test_one_member_more_is_one_value_whatever_is_there_already(tmp_path: Path) -> None:
    people = [f"p{number:03}" for number in range(400)]
    with Town(tmp_path, people) as town:
        town.team("t", *people[:-1])
        town.world.run()
        written: list[Change] = []
        town.teams.edges("t", "member", [people[-1]])
        with watched(written):
            town.world.run()
        assert [(change.action, change.values) for change in written] == [("update", {})]
        assert town.members() == set(people)


class watched:
    """Note what the memory connector is asked to write, its edges used up."""

    def __init__(self, found: list[Change], answer: Result | None = None) -> None:
        self.found = found
        self.answer = answer
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> None:
        real = MemoryConnector._write

        def write(connector: MemoryConnector, change: Change) -> Outcome:
            self.found.append(change)
            if self.answer is not None:
                return Outcome(change.key, self.answer, change.anchor, reason="as ordered")
            return real(connector, change)

        self._patch.setattr(MemoryConnector, "_write", write)

    def __exit__(self, *exc: object) -> None:
        self._patch.undo()


def test_a_whole_read_of_a_group_finds_what_was_added_and_what_was_removed(tmp_path: Path) -> None:
    with Town(tmp_path, "abcd") as town:
        town.team("t", "a", "b", "c")
        town.world.run()
        town.teams.edges("t", "member", add=["d"], remove=["a", "b"])
        town.world.run(full=True)
        assert town.members() == {"c", "d"}


def test_members_that_are_only_added_stay_when_they_leave_the_team_and_come_back_when_another_hand_takes_them(
    tmp_path: Path,
) -> None:
    with Town(tmp_path, "abc", enforce="add") as town:
        town.team("t", "a", "b")
        town.world.run()
        town.teams.edges("t", "member", add=["c"], remove=["a"])
        town.world.run()
        assert town.members() == {"a", "b", "c"}
        town.app.edges("t", "member", remove=["b"])
        town.world.run()
        assert town.members() == {"a", "b", "c"}


def test_a_read_that_cannot_prove_that_it_saw_all_members_removes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Town(tmp_path, "abcd") as town:
        town.team("t", "a", "b", "c")
        town.world.run()
        town.teams.edges("t", "member", add=["d"], remove=["a", "b", "c"])
        real = MemoryConnector.read

        def some(connector: MemoryConnector, wanted: Any, since: str | None) -> Iterator[Page]:
            for page in real(connector, wanted, since):
                for edge in page.edges:
                    edge.whole = False
                yield page

        with monkeypatch.context() as patch:
            patch.setattr(MemoryConnector, "read", some)
            town.world.run(full=True)
        assert town.members() == {"a", "b", "c", "d"}
        town.world.run(full=True)
        assert town.members() == {"d"}


def test_a_group_that_comes_in_many_pages_is_whole_only_with_its_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Town(tmp_path, "abcd") as town:
        town.team("t", "a", "b", "c", "d")
        real = MemoryConnector.read

        def paged(connector: MemoryConnector, wanted: Any, since: str | None) -> Iterator[Page]:
            for page in real(connector, wanted, since):
                page.edges = [
                    EdgePage(edge.type, edge.anchor, edge.attribute, [value], whole=edge.whole, last=value == last)
                    for edge in page.edges
                    for last in edge.values[-1:]
                    for value in edge.values
                ]
                yield page

        monkeypatch.setattr(MemoryConnector, "read", paged)
        town.world.run(full=True)
        assert town.members() == {"a", "b", "c", "d"}
        town.world.run(full=True)
        assert town.members() == {"a", "b", "c", "d"}


# --- what others do to a group


def test_drift_in_members_is_undone_both_ways(tmp_path: Path) -> None:
    with Town(tmp_path, "abc") as town:
        town.team("t", "a", "b")
        town.world.run()
        town.app.edges("t", "member", add=["c"], remove=["a"])
        assert edges_of(town.world.plan()) == {"add": ["a"], "remove": ["c"]}
        town.world.run()
        assert town.members() == {"a", "b"}


def test_members_whom_nobody_knows_are_taken_out_where_the_group_is_enforced(tmp_path: Path) -> None:
    with Town(tmp_path, "ab") as town:
        town.team("t", "a", "b")
        town.world.run()
        town.system.put("account", "ghost", {"login": "ghost"})
        town.app.edges("t", "member", add=["ghost", "never-heard-of"])
        assert edges_of(town.world.plan()) == {"add": [], "remove": ["ghost", "never-heard-of"]}
        town.world.run()
        assert town.members() == {"a", "b"}


def test_a_full_comparison_finds_members_that_were_there_before_we_were(tmp_path: Path) -> None:
    with Town(tmp_path, "ab") as town:
        town.team("t", "a")
        town.system.put("group", "t", {"id": "t"})
        town.app.edges("t", "member", add=["old"])
        town.world.run()
        assert town.members() == {"a"}


def test_enforce_change_leaves_what_others_added_and_does_not_put_back_what_they_took_out(tmp_path: Path) -> None:
    with Town(tmp_path, "abcd", enforce="change") as town:
        town.team("t", "a", "b")
        town.world.run()
        town.app.edges("t", "member", add=["c"], remove=["a"])
        assert town.world.run()["changes"] == []
        town.teams.edges("t", "member", add=["d"], remove=["b"])
        town.world.run()
        assert town.members() == {"c", "d"}


def test_enforce_once_sets_the_members_at_creation_only(tmp_path: Path) -> None:
    with Town(tmp_path, "abc", enforce="once") as town:
        town.team("t", "a", "b")
        town.world.run()
        assert town.members() == {"a", "b"}
        town.teams.edges("t", "member", add=["c"])
        assert town.world.run()["changes"] == []


def test_enforce_default_fills_an_empty_group_only(tmp_path: Path) -> None:
    with Town(tmp_path, "abc", enforce="default") as town:
        town.system.put("group", "t", {"id": "t"})
        town.system.put("group", "u", {"id": "u"})
        town.app.edges("u", "member", add=["x"])
        town.team("t", "a")
        town.team("u", "a")
        town.world.run()
        assert (town.members("t"), town.members("u")) == ({"a"}, {"x"})


# --- members without an account, or with one only now


def test_members_who_get_their_account_in_the_same_plan_are_in_that_plan(tmp_path: Path) -> None:
    with Town(tmp_path, "ab") as town:
        town.team("t", "a")
        town.world.run()
        town.hr.put("c", id="c")
        town.teams.edges("t", "member", add=["c"])
        plan = town.world.plan()
        assert changed(plan) == [("app", "create", "c"), ("app", "update", "t")]
        assert edges_of(plan) == {"add": ["<known after apply>"], "remove": []}
        town.world.apply()
        assert town.members() == {"a", "c"}
        assert town.world.plan()["changes"] == []


def test_a_member_since_long_who_gets_an_account_now_is_in_that_plan_too(tmp_path: Path) -> None:
    with Town(tmp_path, "ab") as town:
        town.hr.edit("b", status="left")
        town.team("t", "a", "b")
        town.world.run()
        assert town.members() == {"a"}
        town.hr.edit("b", status=None)
        plan = town.world.plan()
        assert changed(plan) == [("app", "create", "b"), ("app", "update", "t")]
        town.world.apply()
        assert town.members() == {"a", "b"}


def test_a_member_whose_account_could_not_be_made_waits_for_it(tmp_path: Path) -> None:
    with Town(tmp_path, "ab") as town:
        town.team("t", "a", "b")
        town.system.faults.reject.add("b")
        town.world.run()
        assert town.members() == {"a"}
        town.system.faults.reject.clear()
        town.world.run()
        assert town.members() == {"a", "b"}


def test_a_member_who_leaves_and_loses_the_account_is_gone_from_the_group(tmp_path: Path) -> None:
    with Town(tmp_path, "ab") as town:
        town.team("t", "a", "b")
        town.world.run()
        town.hr.edit("b", status="left")
        town.world.run()
        town.app.edges("t", "member", remove=["b"])
        town.world.run()
        assert town.members() == {"a"}
        assert town.world.plan()["changes"] == []


def test_edges_that_changed_while_the_group_was_to_go_are_not_forgotten(tmp_path: Path) -> None:
    with Town(tmp_path, "abc") as town:
        town.world.mapping(
            "app-group",
            "app",
            "group",
            (GROUPS % "").replace("provision: 'true'", "provision: '[description] <> \"off\"'\n  deprovision: leave"),
        )
        town.world.mapping("teams-team", "teams", "team", TEAMS.replace("flows: {", "flows: {description: '[state]', "))
        town.team("t", "a", "b")
        town.world.run()
        town.teams.edit("t", state="off")
        town.teams.edges("t", "member", add=["c"], remove=["a"])
        town.world.run()
        assert town.members() == {"a", "b"}
        town.teams.edit("t", state="on")
        town.world.run()
        assert town.members() == {"b", "c"}


@pytest.mark.parametrize("deprovision", ["delete", "leave"])
def test_a_group_that_is_to_be_there_only_later_is_made_with_all_its_members(tmp_path: Path, deprovision: str) -> None:
    with Town(tmp_path, "abc") as town:
        late = f"provision: '[description] <> \"off\"'\n  deprovision: {deprovision}"
        town.world.mapping("app-group", "app", "group", (GROUPS % "").replace("provision: 'true'", late))
        town.world.mapping("teams-team", "teams", "team", TEAMS.replace("flows: {", "flows: {description: '[state]', "))
        town.team("t", "a", "b")
        town.teams.edit("t", state="off")
        town.world.run()
        assert town.app.all() == {}
        town.teams.edit("t", state="on")
        assert edges_of(town.world.plan()) == {"add": ["a", "b"], "remove": []}
        town.world.apply()
        assert town.members() == {"a", "b"}
        town.app.remove("t")
        town.world.run()
        assert town.members() == {"a", "b"}
        assert town.world.plan(full=True)["changes"] == []


def test_ignore_object_flow_leaves_the_members_too(tmp_path: Path) -> None:
    with Town(tmp_path, "abcd") as town:
        flow = "flows:\n    note: 'IIF([description] = \"hands off\", IgnoreObjectFlow(), [description])'"
        town.world.mapping("app-group", "app", "group", (GROUPS % "").replace("flows:", flow))
        town.world.mapping("teams-team", "teams", "team", TEAMS.replace("flows: {", "flows: {description: '[state]', "))
        town.team("t", "a", "b")
        town.world.run()
        town.teams.edit("t", state="hands off")
        town.teams.edges("t", "member", add=["c"], remove=["a"])
        town.app.edges("t", "member", add=["d"])
        town.hr.edit("b", status="left")
        assert changed(town.world.run()) == [("app", "delete", "b")]
        town.hr.edit("c", status="left")
        town.world.run()
        assert town.members() == {"a", "b", "d"}
        town.teams.edit("t", state="on")
        town.hr.edit("c", status=None)
        town.world.run()
        assert town.members() == {"c"}
        assert town.world.plan(full=True)["changes"] == []


# --- failures, reasons, size


@pytest.mark.parametrize("result", [Result.RETRY, Result.REJECTED])
def test_members_that_could_not_be_written_are_written_by_the_next_run(tmp_path: Path, result: Result) -> None:
    with Town(tmp_path, "ab") as town:
        town.team("t", "a")
        town.world.run()
        town.teams.edges("t", "member", add=["b"])
        written: list[Change] = []
        with watched(written, result):
            town.world.run()
        assert len(written) == 1
        assert town.members() == {"a"}
        assert edges_of(town.world.plan()) == {"add": ["b"], "remove": []}
        town.world.run()
        assert town.members() == {"a", "b"}


def test_a_change_of_members_has_a_reason_with_its_source_group(tmp_path: Path) -> None:
    with Town(tmp_path, "ab") as town:
        town.team("t", "a")
        town.world.run()
        town.teams.edges("t", "member", add=["b"])
        reason = the_change(town.world.plan(), "app", "t")["reason"]
        assert reason == {
            "mapping": "mappings/app-group.yaml",
            "line": 10,
            "rule": "member",
            "source": {"system": "teams", "object": "team", "anchor": "t", "attribute": "members"},
        }


def test_what_a_run_did_to_a_group_is_told_with_its_members(tmp_path: Path) -> None:
    with Town(tmp_path, "ab") as town:
        town.team("t", "a")
        town.world.run()
        town.teams.edges("t", "member", add=["b"], remove=["a"])
        assert edges_of(town.world.run()) == {"add": ["b"], "remove": ["a"]}


def test_the_members_of_a_large_group_never_stand_in_memory_at_once(tmp_path: Path) -> None:
    people = [f"p{number:05}" for number in range(20_000)]
    with Town(tmp_path, people) as town:
        town.team("t", *people)
        town.world.run()
        assert len(town.members()) == len(people)
        newcomer = "newcomer"
        town.hr.put(newcomer, id=newcomer)
        town.teams.edges("t", "member", [newcomer])
        with town.world.muster() as muster:
            tracemalloc.start()
            result = muster.run()
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert changed(result) == [("app", "create", newcomer), ("app", "update", "t")]
        assert len(town.members()) == len(people) + 1
        assert peak < 20_000_000


def test_what_a_group_showed_is_forgotten_with_it(tmp_path: Path) -> None:
    with Town(tmp_path, "ab") as town:
        town.world.mapping(
            "app-group", "app", "group", (GROUPS % "").replace("'true'", "'true'\n  deprovision: delete")
        )
        town.team("t", "a", "b")
        town.world.run()
        town.teams.remove("t")
        town.world.run()
        town.world.run()
        assert town.app.all() == {}
        assert counted(town.world, "SELECT COUNT(*) FROM shown") == 0
        assert counted(town.world, "SELECT COUNT(*) FROM edge") == 0


def counted(world: World, query: str) -> int:
    """One number from the store."""
    with world.muster() as muster, muster.database.read() as session:
        return int(session.value(query))


def test_a_flow_of_members_that_is_new_is_held_against_what_every_group_shows(tmp_path: Path) -> None:
    with Town(tmp_path, "ab") as town:
        town.world.mapping(
            "app-group", "app", "group", (GROUPS % "").replace("    member: {references: '[members]'}\n", "")
        )
        town.team("t", "a", "b")
        town.team("u")
        town.world.run()
        town.app.edges("t", "member", ["ghost"])
        town.app.edges("u", "member", ["ghost"])
        town.world.run()
        town.groups()
        town.world.run()
        assert (town.members("t"), town.members("u")) == ({"a", "b"}, set())


def test_the_audit_trail_seals_how_many_and_which_members_a_change_had(tmp_path: Path) -> None:
    with Town(tmp_path, "ab") as town:
        town.team("t", "a")
        town.world.run()
        town.teams.edges("t", "member", add=["b"], remove=["a"])
        town.world.run()
        with town.world.muster() as muster, muster.database.read() as session:
            data = session.value(
                "SELECT p.doc FROM change c JOIN payload p ON p.change = c.id WHERE c.sealed IS NOT NULL "
                "ORDER BY c.id DESC LIMIT 1"
            )
            assert list(verify(session)) == []
        edges = orjson.loads(data)["edges"]["member"]
        assert (edges["add"], edges["remove"]) == (1, 1)
