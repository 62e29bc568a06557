"""What an agent does with the calls of an engine: no more than it is asked, and nothing it says holds a secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import structlog

from muster.agents import codec
from muster.agents import remote as remoting
from muster.agents.codec import dump, load
from muster.agents.host import Host
from muster.agents.protocol import LineClosed
from muster.connectors.kit.guard import ConnectorBug, Guard, RetryPolicy
from muster.connectors.kit.memory import MemoryConnector
from muster.connectors.kit.memory_system import MemorySystem
from muster.model.changes import Action, Change
from muster.model.errors import AuthFailed, IncompleteRead, Unreachable
from muster.model.objects import ConnectorObject, Page
from muster.model.secrets import Secret
from tests.agents.wire import Agents, only
from tests.connectors.subjects import account


class Counting(MemoryConnector):
    """Counts the pages that it was asked for."""

    asked = 0

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        for number in range(1000):
            type(self).asked += 1
            yield Page([ConnectorObject("account", f"A{number}", {"login": "x"})], last=number == 999)


class Leaky(MemoryConnector):
    """Raises what no connector may, with the password in it."""

    def get(self, object_type: str, anchor: str) -> ConnectorObject | None:
        tried = self._settings.password
        raise ValueError(f"tried {tried.reveal() if tried else ''}")


@pytest.fixture
def system() -> Iterator[MemorySystem]:
    made = MemorySystem("far", [account()])
    yield made
    made.close()


def guard(agents: Agents, kind: type[MemoryConnector], **settings: Any) -> Guard:
    made: Any = agents.remote("far", kind, {"system": "far", **settings}, {"account": None})
    return Guard(made, system="far", retry=RetryPolicy(first=0))


def test_a_read_is_never_ahead_of_who_reads(system: MemorySystem, tmp_path: Path) -> None:
    agents = Agents({}, tmp_path, only(Counting))
    with guard(agents, Counting) as opened:
        pages = opened.read({"account": ["login"]})
        for number in range(1, 6):
            next(pages)
            assert Counting.asked == number
        del pages
        assert opened.check().ok
    assert Counting.asked == 5
    agents.close()


def test_changes_are_taken_a_message_at_a_time(system: MemorySystem, tmp_path: Path) -> None:
    taken = 0

    def changes() -> Iterator[Change]:
        nonlocal taken
        for taken in range(1, 2001):
            yield Change(taken, "account", Action.CREATE, f"A{taken}", {"id": f"A{taken}", "login": f"u{taken}"})

    agents = Agents({}, tmp_path, only(MemoryConnector))
    with guard(agents, MemoryConnector) as opened:
        for number, _ in enumerate(opened.write(changes()), 1):
            assert taken <= number + remoting.CHANGES
    agents.close()


def test_a_bug_is_called_one_and_shows_no_secret(system: MemorySystem, tmp_path: Path) -> None:
    system.password = Secret("open-sesame-42")
    agents = Agents({"far": "open-sesame-42"}, tmp_path, only(Leaky))
    with structlog.testing.capture_logs() as logs, guard(agents, Leaky, password="${secret:far}") as opened:
        with pytest.raises(ConnectorBug, match=r"ValueError: tried \*\*\* \(on the agent dc1\)"):
            opened.get("account", "A1")
        assert opened.check().ok
    agents.close()
    assert "ValueError" in str(logs)
    assert "open-sesame-42" not in str(logs)


def test_nothing_that_the_engine_sends_holds_the_systems_secret(system: MemorySystem, tmp_path: Path) -> None:
    system.password = Secret("open-sesame-42")
    agents = Agents({"far": "open-sesame-42"}, tmp_path, only(MemoryConnector))
    with guard(agents, MemoryConnector, password="${secret:far}") as opened:
        opened.schema()
    agents.close()
    assert b"open-sesame" not in b"".join(agents.lines[0].calls)


def test_another_system_file_does_not_get_the_secret(system: MemorySystem, tmp_path: Path) -> None:
    system.password = Secret("open-sesame-42")
    agents = Agents({"far": "open-sesame-42"}, tmp_path, only(MemoryConnector))
    settings = {"system": "far", "password": "${secret:far}"}
    with Guard(agents.remote("far", MemoryConnector, settings, {"account": None}), system="far") as opened:
        assert opened.check().ok
    sessions = system.sessions
    other: Any = agents.remote("near", MemoryConnector, settings, {"account": None})
    said = r"^near: the agent dc2: its secret 'far' is bound to other settings \(system: far → near\)\. Nothing was"
    with pytest.raises(AuthFailed, match=said), Guard(other, system="near"):
        pass
    assert system.sessions == sessions
    agents.close()


class Script:
    """Calls that are made one after the other, whatever is answered."""

    def __init__(self, *calls: dict[str, Any]) -> None:
        self._calls = list(calls)
        self.holds = True
        self.answers: list[dict[str, Any]] = []

    def next(self, answer: bytes | None) -> bytes:
        if answer is not None:
            self.answers.append(load(answer))
        if not self._calls:
            raise LineClosed
        return dump(self._calls.pop(0))

    def held(self) -> bool:
        return self.holds


OPEN = {"do": "open", "protocol": 1, "system": "far", "connector": "memory", "settings": {"system": "far"}}


def answered(*calls: dict[str, Any], allowed: list[str] | None = None) -> list[dict[str, Any]]:
    script = Script(*calls)
    Host(script, "dc1", lambda name: name, Path(), allowed=allowed).run()
    return script.answers


def test_calls_that_are_none(system: MemorySystem) -> None:
    opening = {**OPEN, "objects": {"account": None}}
    answers = answered({"do": "check"}, opening, {"do": "dance"}, {"do": "next", "stream": 7}, {"do": "get"})
    assert [("bug" in one) for one in answers] == [True, False, True, True, True]
    assert "'check' before `open`" in answers[0]["bug"]


def test_an_agent_that_speaks_otherwise_says_so(system: MemorySystem) -> None:
    (answer,) = answered({**OPEN, "objects": {}, "protocol": 9})
    kind, message, _ = answer["error"]
    assert kind == Unreachable.__name__
    assert "Install one version of Muster on the server and on its agents" in message


def test_an_agents_administrator_says_what_it_runs(system: MemorySystem) -> None:
    (answer,) = answered({**OPEN, "objects": {}}, allowed=["ldap", "sql"])
    kind, message, _ = answer["error"]
    assert kind == AuthFailed.__name__
    assert "does not run the connector 'memory': its own administrator allows ldap, sql" in message


def test_no_file_shows_the_agents_own_secrets(system: MemorySystem, tmp_path: Path) -> None:
    opening = {
        **OPEN,
        "connector": "flatfile",
        "settings": {},
        "objects": {"x": {"path": "secrets/ad", "anchor": "id"}},
    }
    script = Script(opening)
    Host(script, "dc1", lambda name: name, tmp_path).run()
    kind, message, _ = script.answers[0]["error"]
    assert kind == AuthFailed.__name__
    assert "secrets/ad is not shown through an agent: only files in its folder" in message


def test_a_connector_that_the_agent_has_not(system: MemorySystem) -> None:
    (answer,) = answered({**OPEN, "objects": {}, "connector": "mainframe"})
    kind, message, _ = answer["error"]
    assert kind == Unreachable.__name__
    assert "far: the agent dc1: There is no connector 'mainframe'" in message


def test_what_is_no_longer_this_agents_is_not_written(system: MemorySystem) -> None:
    change = codec.change_out(Change(1, "account", Action.CREATE, "A1", {"id": "A1", "login": "u"}), None, more=False)
    script = Script(
        {**OPEN, "objects": {"account": None}},
        {"do": "write", "stream": 1, "changes": [change], "final": True},
    )
    script.holds = False
    Host(script, "dc1", lambda name: name, Path()).run()
    assert script.answers[1] == {"then": "end", "outcomes": []}
    assert system.count() == 0


def test_an_object_that_is_too_large_is_named(
    system: MemorySystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muster.agents.host.LARGEST", 1000)
    system.put("account", "A1", {"id": "A1", "login": "x" * 2000})
    agents = Agents({}, tmp_path, only(MemoryConnector))
    with guard(agents, MemoryConnector) as opened, pytest.raises(IncompleteRead, match="too large for an agent"):
        opened.get("account", "A1")
    agents.close()
