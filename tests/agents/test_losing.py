"""An agent that goes away in the middle costs time and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from muster.agents.remote import Remote
from muster.app import muster as app
from muster.connectors.kit.contract import Capabilities
from muster.connectors.kit.guard import Guard, RetryPolicy
from muster.connectors.kit.memory import MemoryConnector
from muster.connectors.kit.memory_system import MemorySystem
from muster.model.changes import Action, Change, EdgeChange, Outcome, Result
from muster.model.errors import AuthFailed, SessionLost, Unreachable
from muster.model.secrets import Secret
from muster.model.values import Value
from tests.agents.wire import Agents, only
from tests.connectors.subjects import account
from tests.sync.world import World


class Slow(MemoryConnector):
    """Answers to what it was given only when it has five."""

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        held: list[Change] = []
        for change in changes:
            held.append(change)
            if len(held) == 5:
                yield from super().write(held)
                held = []
        yield from super().write(held)


@pytest.fixture
def system() -> Iterator[MemorySystem]:
    made = MemorySystem("far", [account()], page_size=2)
    yield made
    made.close()


def behind(
    system: MemorySystem, folder: Path, *deaths: int | None, kind: type[MemoryConnector] = MemoryConnector
) -> tuple[Agents, Guard]:
    agents = Agents({}, folder, only(kind), deaths)
    remote: Any = agents.remote("far", kind, {"system": system.name}, {"account": None})
    return agents, Guard(remote, system="far", retry=RetryPolicy(first=0))


def creates(count: int) -> list[Change]:
    return [
        Change(n, "account", Action.CREATE, f"A{n}", {"id": f"A{n}", "login": f"u{n}"}) for n in range(1, count + 1)
    ]


@pytest.mark.parametrize("dies_at", range(2, 8))
def test_a_write_goes_on_with_another_agent(dies_at: int, system: MemorySystem, tmp_path: Path) -> None:
    agents, guard = behind(system, tmp_path, dies_at, kind=Slow)
    with guard:
        outcomes = {outcome.key: outcome.result for outcome in guard.write(iter(creates(1_203)))}
    agents.close()
    assert sorted(outcomes) == list(range(1, 1_204))
    assert set(outcomes.values()) <= {Result.DONE, Result.EXISTS}
    assert system.count() == 1_203
    assert len(agents.lines) == 2


def test_what_was_answered_is_not_sent_again(system: MemorySystem, tmp_path: Path) -> None:
    agents, guard = behind(system, tmp_path, 4)
    with guard:
        outcomes = [outcome.result for outcome in guard.write(iter(creates(1_000)))]
    agents.close()
    # `open`, two messages with their outcomes, and the third that was done and never answered for
    assert outcomes.count(Result.EXISTS) == 200
    assert outcomes.count(Result.DONE) == 800


@pytest.mark.parametrize("dies_at", range(2, 9))
def test_edges_that_are_read_once_are_written_whole(dies_at: int, system: MemorySystem, tmp_path: Path) -> None:
    system.put("account", "G", {"id": "G", "login": "g"})
    targets = [f"t{n}" for n in range(20_000)]
    edges = (EdgeChange("members", targets[at : at + 700], []) for at in range(0, 20_000, 700))
    agents, guard = behind(system, tmp_path, dies_at)
    with guard:
        outcomes = list(guard.write([Change(1, "account", Action.UPDATE, "G", edges=edges)]))
    agents.close()
    assert [outcome.result for outcome in outcomes] == [Result.DONE]
    stored = system.get("account", "G")
    assert stored is not None
    assert sorted(stored.edges["members"]) == sorted(targets)


def test_a_create_that_nothing_names_is_never_sent_twice(tmp_path: Path) -> None:
    kind = account(assigned=True)
    nameless = MemorySystem("nameless", [type(kind)(kind.name, kind.anchor, kind.attributes, assigned=True)])
    agents, guard = behind(nameless, tmp_path, 3)
    changes = [Change(n, "account", Action.CREATE, None, {"login": f"u{n}"}) for n in range(1, 4)]
    with guard:
        guard.schema()
        outcomes = list(guard.write(iter(changes)))
    agents.close()
    assert [outcome.result for outcome in outcomes] == [Result.RETRY] * 3
    assert "the next run looks first" in outcomes[0].reason
    assert nameless.count() == 3
    nameless.close()


def test_a_change_that_kills_every_agent_does_not_kill_all_of_them(system: MemorySystem, tmp_path: Path) -> None:
    agents, guard = behind(system, tmp_path, 2, 2, 2, 2, 2)
    with guard:
        outcomes = list(guard.write(iter(creates(3))))
    agents.close()
    assert [outcome.result for outcome in outcomes] == [Result.RETRY] * 3
    assert isinstance(guard.broken, SessionLost)
    assert len(agents.lines) == 3


def test_what_was_looked_up_is_looked_up_again(system: MemorySystem, tmp_path: Path) -> None:
    system.put("account", "A1", {"id": "A1", "login": "ada"})
    agents, guard = behind(system, tmp_path, 2, 2)
    with guard:
        found = guard.get("account", "A1")
    agents.close()
    assert found is not None
    assert found.values["login"] == "ada"
    assert len(agents.lines) == 3


def test_a_password_is_not_set_twice(system: MemorySystem, tmp_path: Path) -> None:
    system.put("account", "A1", {"id": "A1", "login": "ada"})
    agents, guard = behind(system, tmp_path, 2)
    with guard:
        outcome = guard.set_password("account", "A1", Secret("a-new-password"))
        again = guard.set_password("account", "A1", Secret("a-new-password"))
    agents.close()
    assert (outcome.result, again.result) == (Result.RETRY, Result.DONE)
    assert "may be set already" in outcome.reason


class Acting(MemoryConnector):
    """Makes a pass for each key, and says what it is."""

    spec = replace(MemoryConnector.spec, capabilities=Capabilities(finds=True, sets_passwords=True, actions=("pass",)))
    made: ClassVar[dict[str, str]] = {}

    def act(self, object_type: str, anchor: str, action: str, parameters: Mapping[str, Value], key: str) -> Outcome:
        secret = self.made.setdefault(key, f"{anchor}-{parameters['minutes']}")
        return Outcome(0, Result.DONE, anchor, reason=f"the pass is {secret}", secret=Secret(secret))


def test_an_action_is_asked_for_again_under_its_key(system: MemorySystem, tmp_path: Path) -> None:
    Acting.made.clear()
    agents, guard = behind(system, tmp_path, 2, kind=Acting)
    with guard:
        outcome = guard.act("account", "A1", "pass", {"minutes": 60}, "key-1")
    agents.close()
    assert (outcome.result, outcome.secret, outcome.reason) == (Result.DONE, Secret("A1-60"), "the pass is ***")
    assert Acting.made == {"key-1": "A1-60"}
    assert len(agents.lines) == 2


def test_a_read_tells_that_its_agent_is_lost(system: MemorySystem, tmp_path: Path) -> None:
    for n in range(9):
        system.put("account", f"A{n}", {"id": f"A{n}", "login": f"u{n}"})
    agents, guard = behind(system, tmp_path, 4)
    with guard:
        pages = guard.read({"account": ["login"]})
        assert len(next(pages).objects) == 2
        assert len(next(pages).objects) == 2
        with pytest.raises(SessionLost, match="far: the agent dc1 is gone"):
            next(pages)
        assert sum(len(page.objects) for page in guard.read({"account": ["login"]})) == 9
    agents.close()


def test_calls_come_between_those_of_a_read_and_of_a_write(system: MemorySystem, tmp_path: Path) -> None:
    for n in range(9):
        system.put("account", f"A{n}", {"id": f"A{n}", "login": f"u{n}"})
    agents, guard = behind(system, tmp_path)
    with guard:
        for page in guard.read({"account": ["login"]}):
            for item in page.objects:
                found = guard.find("account", {"login": item.values["login"]})
                assert [one.anchor for one in found] == [item.anchor]
        for outcome in guard.write(iter(creates(500))):
            assert guard.get("account", str(outcome.anchor)) is not None
    agents.close()


def test_a_write_that_nobody_follows_to_its_end_ends(system: MemorySystem, tmp_path: Path) -> None:
    agents, guard = behind(system, tmp_path)
    with guard:
        outcomes = guard.write(iter(creates(1_000)))
        next(outcomes)
        del outcomes
        assert guard.get("account", "A1") is not None
        assert {outcome.result for outcome in guard.write(iter(creates(3)))} == {Result.EXISTS}
    agents.close()
    assert system.count() == 200


def test_what_is_wrong_on_the_agent_is_told_with_its_name(system: MemorySystem, tmp_path: Path) -> None:
    agents = Agents({}, tmp_path, only(MemoryConnector))
    settings = {"system": system.name, "password": "${secret:far}"}
    with (
        pytest.raises(AuthFailed, match=r"far: the agent dc1: The secret 'far' is not set"),
        Guard(remote(agents, settings)),
    ):
        pass
    with pytest.raises(AuthFailed, match=r"dc\d: system: Field required"), Guard(remote(agents, {})):
        pass
    with pytest.raises(Unreachable, match="there is no memory system"), Guard(remote(agents, {"system": "nobody"})):
        pass
    agents.close()


def remote(agents: Agents, settings: dict[str, Any]) -> Any:
    made: Remote = agents.remote("far", MemoryConnector, settings, {"account": None})
    return made


# --- a whole run


@pytest.mark.parametrize("dies_at", range(2, 9))
def test_a_run_loses_nothing_with_its_agent(dies_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path)
    rows = {f"{n}": {"employee_id": f"{n}", "login": f"u{n}"} for n in range(40)}
    hr = world.source("hr", "worker", rows=rows, mapping=HR)
    app_side = world.target("app", "account", anchor="login", mapping=APP)
    hr.system.page_size = 7
    agents = {name: Agents({}, tmp_path, only(MemoryConnector), (dies_at,)) for name in ("hr", "app")}

    def connect(system: Any, *_: Any) -> Guard:
        made: Any = agents[system.name].remote(system.name, MemoryConnector, system.settings, system.objects)
        return Guard(made, system=system.name, retry=RetryPolicy(first=0))

    monkeypatch.setattr(app, "connect", connect)
    done = world.run()
    for one in agents.values():
        one.close()
    assert done["errors"] == []
    assert len(app_side.all()) == 40
    assert sum(len(one.lines) for one in agents.values()) > 2
    world.close()


HR = """
    identity: person
    join: [{employeeId: '[employee_id]'}]
    project: true
    inbound:
      precedence: 10
      flows: {employeeId: '[employee_id]', mailNickname: '[login]'}
"""
APP = """
    identity: person
    join: [{mailNickname: '[login]'}]
    outbound:
      provision: true
      flows: {login: '[mailNickname]'}
"""
