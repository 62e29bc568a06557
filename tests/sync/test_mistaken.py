"""A system that is another than the one that was known (a lab's clone under the same address) is left alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from muster.agents.remote import Remote
from muster.connectors.kit.guard import Guard, RetryPolicy
from muster.connectors.kit.memory import MemoryConnector, MemoryObject, MemorySettings
from muster.connectors.kit.memory_system import MemorySystem
from muster.model.changes import Action, Change
from muster.model.errors import ProjectError, SessionLost, Unreachable
from muster.model.objects import Page
from muster.model.schema import mistaken
from tests.agents.wire import Agents, only
from tests.connectors.subjects import account
from tests.sync.readings import active, numbered, two
from tests.sync.world import World, changed, kinds


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
