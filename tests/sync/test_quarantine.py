"""Quarantine: a system that refuses most of what it is sent is left alone, longer each time, until a success."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from muster.cli.exitcodes import CHANGES, HELD, of_plan
from muster.connectors.kit.memory import MemoryConnector
from muster.model.changes import Change, Outcome, Result
from muster.project.configuration import Place, System
from muster.store.opening import open_store
from muster.sync.safety.quarantine import WAITS, judge
from tests.sync.world import World

HR = """
identity: person
project: true
inbound:
  precedence: 10
  flows: {employeeId: '[id]', displayName: '[name]', manager: {reference: '[boss]', to: person.employeeId}}
"""
APP = """
identity: person
outbound:
  provision: 'true'
  flows: {login: '[employeeId]', name: '[displayName]', manager: {reference: '[manager]'}}
"""


class Shop:
    """So many people, and an application that refuses some of them."""

    def __init__(self, folder: Path, people: int, refused: int, extra: str = "") -> None:
        self.world = World(folder)
        self.hr = self.world.source("hr", "worker", mapping=HR)
        self.names = [f"{number:03}" for number in range(people)]
        for name in self.names:
            self.hr.put(name, id=name)
        self.app = self.world.target("app", "account", mapping=APP, attributes={"manager": "reference"}, extra=extra)
        self.sent: list[str | None] = []
        self.refused = set(self.names[:refused])
        self._patch = pytest.MonkeyPatch()
        real = MemoryConnector._write

        def write(connector: MemoryConnector, change: Change) -> Outcome:
            if connector.system != "app":
                return real(connector, change)
            self.sent.append(change.anchor)
            if change.anchor in self.refused:
                return Outcome(change.key, Result.REJECTED, change.anchor, reason="no")
            return real(connector, change)

        self._patch.setattr(MemoryConnector, "_write", write)

    def __enter__(self) -> Shop:
        return self

    def __exit__(self, *exc: object) -> None:
        self._patch.undo()
        self.world.close()

    def run(self) -> tuple[int, list[str]]:
        """How many changes were sent, and what is held."""
        self.sent.clear()
        result = self.world.run()
        return len(self.sent), [problem["kind"] for problem in result["held"]]


@pytest.mark.parametrize(
    ("people", "refused", "quarantined"), [(50, 20, False), (50, 21, True), (49, 49, False), (60, 60, True)]
)
def test_more_than_40_percent_failing_of_50_changes_brings_quarantine(
    tmp_path: Path, people: int, refused: int, quarantined: bool
) -> None:
    with Shop(tmp_path, people, refused) as shop:
        assert shop.run() == (people, ["quarantine"] if quarantined else [])
        assert shop.run() == ((0, ["quarantine"]) if quarantined else (refused, []))


def test_a_system_file_may_say_when_errors_bring_quarantine(tmp_path: Path) -> None:
    with Shop(tmp_path, 5, 1, "quarantine: {percent: 10, minimum: 3}\n") as shop:
        assert shop.run() == (5, ["quarantine"])


def test_tries_in_quarantine_wait_longer_each_time_from_minutes_to_a_day(tmp_path: Path) -> None:
    with Shop(tmp_path, 60, 60) as shop:
        assert shop.run()[0] == 60
        for wait in (*WAITS, WAITS[-1]):
            minutes = wait // 60_000_000
            shop.world.wait(minutes=minutes - 1)
            assert shop.run() == (0, ["quarantine"])
            shop.world.wait(minutes=1)
            assert shop.run() == (60, ["quarantine"])
    assert (WAITS[0], WAITS[-1]) == (5 * 60_000_000, 24 * 60 * 60_000_000)
    assert all(one < other for one, other in pairwise(WAITS))


def test_quarantine_ends_with_a_success_and_nothing_is_lost(tmp_path: Path) -> None:
    with Shop(tmp_path, 60, 60) as shop:
        shop.run()
        shop.refused.clear()
        shop.hr.put("new", id="new")
        assert shop.run() == (0, ["quarantine"])
        shop.world.wait(minutes=5)
        assert shop.run() == (61, [])
        assert shop.app.all().keys() == {*shop.names, "new"}
        shop.refused.add("last")
        shop.hr.put("last", id="last")
        assert shop.run() == (1, [])


def test_a_failing_try_of_few_changes_keeps_a_system_in_quarantine(tmp_path: Path) -> None:
    with Shop(tmp_path, 60, 60) as shop:
        shop.run()
        for name in shop.names[2:]:
            shop.hr.remove(name)
        shop.world.run(allow_deletes=True)
        shop.world.wait(minutes=5)
        assert shop.run() == (2, ["quarantine"])
        shop.world.wait(minutes=5)
        assert shop.run() == (0, ["quarantine"])


def test_the_other_systems_go_on_while_one_is_in_quarantine(tmp_path: Path) -> None:
    with Shop(tmp_path, 60, 60) as shop:
        shop.run()
        wiki = shop.world.target("wiki", "page", mapping=APP, attributes={"manager": "reference"})
        assert shop.run() == (0, ["quarantine"])
        assert len(wiki.all()) == 60


def test_status_says_that_a_system_is_left_alone_and_until_when(tmp_path: Path) -> None:
    with Shop(tmp_path, 60, 60) as shop:
        shop.run()
        systems: dict[str, Any] = {one["name"]: one["quarantine"] for one in shop.world.status()["systems"]}
        assert systems["hr"] is None
        assert "60 of 60 changes failed" in systems["app"]
        assert "2026-03-02 09:05 UTC" in systems["app"]


def test_a_quarantine_that_a_clock_that_was_ahead_began_is_over_when_it_is_put_right(tmp_path: Path) -> None:
    with Shop(tmp_path, 60, 60) as shop:
        right = shop.world.now
        shop.world.wait(days=1000)
        assert shop.run() == (60, ["quarantine"])
        shop.world.now = right
        shop.refused.clear()
        assert shop.run() == (60, [])


def test_a_plan_says_that_a_system_is_left_alone_and_what_to_do(tmp_path: Path) -> None:
    with Shop(tmp_path, 60, 60) as shop:
        shop.run()
        whole, one = shop.world.plan(), shop.world.plan(identity="001")
        assert [len(plan["changes"]) for plan in (whole, one)] == [60, 1]
        for plan in (whole, one):
            (held,) = plan["held"]
            assert (held["kind"], held["system"], of_plan(plan)) == ("quarantine", "app", HELD)
            assert "60 of 60 changes failed. It is left alone until 2026-03-02 09:05 UTC; nothing" in held["message"]
            assert held["message"].endswith("Mend that; the first run after that time writes there again")
        shop.world.wait(minutes=5)
        plan = shop.world.plan()
        assert (plan["held"], of_plan(plan)) == ([], CHANGES)


def test_what_is_shown_of_a_day_to_come_is_not_held_by_a_quarantine_of_now(tmp_path: Path) -> None:
    with Shop(tmp_path, 60, 60) as shop:
        shop.run()
        assert shop.world.plan(as_of=date(2026, 3, 20))["held"] == []


def test_changes_that_only_write_references_count_for_the_absolute_limit_alone(tmp_path: Path) -> None:
    system = System("app", Place("systems/app.yaml", 1, 1), "memory", {}, {})
    with open_store("sqlite:///state.db", tmp_path) as store:
        assert judge(store, system, 10, 90, 0, references=60) is None
        assert judge(store, system, 10, 59_999, 0, references=59_999) is None
        assert judge(store, system, 10, 60_000, 0, references=60_000) is not None


def test_managers_that_are_refused_bring_no_quarantine(tmp_path: Path) -> None:
    with Shop(tmp_path, 5, 0, "quarantine: {percent: 10, minimum: 3}\n") as shop:
        assert shop.run() == (5, [])
        shop.refused = set(shop.names)
        for name in shop.names[1:]:
            shop.hr.edit(name, boss="000")
        assert shop.run() == (4, [])
        shop.hr.edit("000", id="000", name="Zoe")
        assert shop.run() == (5, ["quarantine"])


def test_so_many_failures_bring_quarantine_whatever_share_they_are(tmp_path: Path) -> None:
    with Shop(tmp_path, 10, 2, "quarantine: {failures: 2}\n") as shop:
        assert shop.run() == (10, ["quarantine"])
