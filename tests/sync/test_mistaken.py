"""A system that is another than the one that was known (a lab's clone under the same address) is left alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from muster.agents.remote import Remote
from muster.app.asking import ask_systems
from muster.connectors.kit.guard import Guard, RetryPolicy
from muster.connectors.kit.memory import MemoryConnector, MemoryObject, MemorySettings
from muster.connectors.kit.memory_system import MemorySystem
from muster.model.changes import Action, Change
from muster.model.errors import ProjectError, SessionLost, Unreachable
from muster.model.objects import Page
from muster.model.schema import mistaken
from tests.agents.wire import Agents, only
from tests.connectors.subjects import account
from tests.sync.readings import APP, HR, active, numbered, two
from tests.sync.world import MemorySide, World, changed, kinds


@pytest.mark.parametrize(
    ("known", "found", "told"),
    [
        ({}, {"": "S-2"}, None),
        ({"": "S-1"}, {}, None),
        ({"": "S-1"}, {"": "S-1"}, None),
        ({"a": "S-1"}, {"b": "S-2"}, None),
        ({"": "S-1"}, {"": "S-2"}, "ad: this is another system: S-2, and what is known of it comes from S-1."),
        ({"a": "S-1", "b": "S-2"}, {"a": "S-1", "b": "S-3"}, "another system (domain b): S-3"),
    ],
)
def test_a_part_that_was_known_as_something_else_is_a_mistake(
    known: dict[str, str], found: dict[str, str], told: str | None
) -> None:
    message = mistaken("ad", known, found)
    assert (message is None) if told is None else (told in (message or ""))


def test_another_system_is_neither_read_nor_written(world: World) -> None:
    hr, app = two(world, numbered(3))
    app.system.identities = {"": "S-1"}
    world.run()
    app.system.identities = {"": "S-2"}
    app.edit("u001", first="Another")
    before = app.all()
    hr.edit("001", first="Changed")
    result = world.run()
    assert kinds(result["errors"]) == ["settings"]
    assert "S-2, and what is known of it comes from S-1" in result["errors"][0]["message"]
    assert app.all() == before
    app.system.identities = {"": "S-1"}
    assert world.run()["errors"] == []


def test_a_source_that_is_another_system_takes_nobody_away(world: World) -> None:
    hr, app = two(world, numbered(3))
    hr.system.identities = {"": "S-1"}
    world.run()
    hr.system.identities = {"": "S-2"}
    hr.remove("001")
    result = world.run(full=True, allow_deletes=True)
    assert kinds(result["errors"]) == ["settings"]
    assert (changed(result), len(active(app))) == ([], 3)


def test_a_part_that_did_not_answer_meanwhile_is_still_known(world: World) -> None:
    hr, _ = two(world, numbered(3))
    for known in ({"a": "S-1", "b": "S-2"}, {"a": "S-1"}):
        hr.system.identities = known
        assert world.run()["errors"] == []
    hr.system.identities = {"a": "S-1", "b": "S-3"}
    assert "(domain b): S-3" in world.run()["errors"][0]["message"]


def test_what_was_never_read_may_turn_out_to_be_another(world: World) -> None:
    hr, _ = two(world, {})
    for known in ("S-1", "S-2"):
        hr.system.identities = {"": known}
        assert world.run()["errors"] == []


class Breaks(MemoryConnector):
    """Loses its connection when it is read; the next one leads elsewhere."""

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        if self.memory.identities == {"": "S-1"}:
            self.memory.identities = {"": "S-2"}
            raise Unreachable("far: gone")
        return super().read(wanted, since)


def test_a_connection_made_anew_to_another_system_is_refused(tmp_path: Path) -> None:
    system = MemorySystem("once", [account()])
    system.identities = {"": "S-1"}
    made = Breaks("far", MemorySettings(system="once"), {"account": MemoryObject()}, tmp_path)
    with Guard(made, system="far", retry=RetryPolicy(first=0)) as guard:
        guard.expect(guard.schema().identities)
        with pytest.raises(ProjectError, match="far: this is another system: S-2"):
            list(guard.read({"account": ["login"]}))
    system.close()


def test_another_agent_that_reaches_another_system_writes_nothing(tmp_path: Path) -> None:
    system = MemorySystem("far", [account()])
    system.identities = {"": "S-1"}
    agents = Agents({}, tmp_path, only(MemoryConnector), ())
    remote: Remote = agents.remote("far", MemoryConnector, {"system": "far"}, {"account": None})
    with remote:
        remote.schema()
        agents.lines[0].close()
        system.identities = {"": "S-2"}
        change = Change(1, "account", Action.CREATE, "A1", {"id": "A1", "login": "u1"})
        with pytest.raises(SessionLost):
            remote.check()
        with pytest.raises(ProjectError, match="far: this is another system: S-2"):
            list(remote.write(iter([change])))
    agents.close()
    assert system.count() == 0
    system.close()


# --- another one that is meant

JOINED = """
identity: person
join:
  - employeeId: '[emp]'
outbound:
  provision: 'true'
  flows:
    emp: '[employeeId]'
    name: '[displayName]'
"""


def rebuilt(world: World, side: MemorySide, *, key: str = "") -> None:
    """The system is built anew: the same people under other anchors, and it is another."""
    for anchor, values in side.all().items():
        side.remove(anchor)
        if anchor != "2":
            side.put(f"new-{anchor}", **{**values, **({key: f"new-{anchor}"} if key else {})})
    side.system.identities = {"": "S-2"}


def forget(world: World, system: str, *, sure: bool = True) -> dict[str, Any]:
    with world.muster() as muster:
        return muster.forget(system, sure=sure, by="ada")


def test_a_system_that_takes_the_place_of_another_is_joined_anew(world: World) -> None:
    world.source("hr", "worker", rows=numbered(20), mapping=HR)
    app = world.target("app", "account", mapping=JOINED, anchor="id", assigned=True)
    app.system.identities = {"": "S-1"}
    world.run()
    rebuilt(world, app, key="id")
    lost = app.all().popitem()[0]
    app.remove(lost)
    assert kinds(world.run()["errors"]) == ["settings"]
    with world.muster() as muster:
        asked = {one.system: (one.ok, one.message) for one in ask_systems(muster.project)}
    assert asked["hr"][0]
    assert not asked["app"][0]
    assert "this is another system: S-2, and what is known of it comes from S-1" in asked["app"][1]
    assert "takes the old one's place: muster forget app" in asked["app"][1]

    shown = forget(world, "app", sure=False)
    assert shown == {"system": "app", "was": ["S-1"], "objects": 20, "joined": 20, "forgotten": False}
    assert kinds(world.run()["errors"]) == ["settings"], "only looked at"
    forget(world, "app")
    app.system.faults.unreachable = True
    assert changed(world.run()) == [], "nothing is forgotten before the new one was read"
    app.system.faults.unreachable = False
    before = app.all()
    result = world.run()
    assert (result["errors"], result["held"]) == ([], [])
    assert [one[:2] for one in changed(result)] == [("app", "create")], "whom the new one lacks"
    assert before.items() <= app.all().items()
    assert len(app.all()) == 20
    assert (changed(world.run()), world.status()["systems"][0]["objects"]) == ([], 20)


def test_a_source_that_takes_the_place_of_another_takes_nobody_away(world: World) -> None:
    people = {f"{n}": {"name": f"N{n}", "emp": f"{n}"} for n in range(20)}
    mapping = HR.replace("'[id]'", "'[emp]'")
    hr = world.source("hr", "worker", rows=people, mapping=mapping)
    app = world.target("app", "account", mapping=APP)
    hr.system.identities = {"": "S-1"}
    world.run()
    rebuilt(world, hr, key="id")
    forget(world, "hr")
    result = world.run()
    assert (result["errors"], result["held"]) == ([], [])
    assert [one[:2] for one in changed(result)] == [("app", "disable")], "the one who is not in the new one"
    assert len(active(app)) == 19
