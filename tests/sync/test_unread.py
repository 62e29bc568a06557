"""What was never read of an object is unknown, not NULL: object by object, until a read has brought it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from muster.model.objects import ConnectorObject, Page, ReadProblem
from tests.sync.readings import APP, COMPLETE, HR, Script, two, worker
from tests.sync.world import World, changed, kinds

TOWN = HR.replace("    mail: '[mail]'\n", "    city: 'Coalesce([town], \"nowhere\")'\n")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, safety="safety: {percent: 100}\n") as made:
        yield made


@pytest.fixture
def script(world: World, monkeypatch: pytest.MonkeyPatch) -> Script:
    """HR as the test says; people are in no town unless they say so."""
    two(world, {})
    world.mapping("hr-worker", "hr", "worker", TOWN)
    return Script(monkeypatch)


def shows(script: Script, *objects: ConnectorObject) -> None:
    script.pages = [Page(objects=list(objects), watermark="a", complete_for=COMPLETE, last=True)]


def towns(world: World, *people: str) -> list[object]:
    return [world.identity(who).get("city") for who in people]


def test_an_object_that_is_shown_in_part_lacks_the_rest_and_another_does_not(world: World, script: Script) -> None:
    shows(script, worker("1", whole=False, id="1", name="Half"), worker("2"))
    assert world.run()["errors"] == []
    assert towns(world, "1", "2") == [None, "nowhere"]
    assert world.identity("1")["displayName"] == "Half"


def test_everything_is_read_again_until_nothing_is_lacking(world: World, script: Script) -> None:
    shows(script, worker("1", whole=False, id="1", name="Half"))
    world.run()
    shows(script, worker("1", name="Half", town="Bath"))
    world.run()
    world.run()
    assert script.asked == [None, None, "a"]
    assert towns(world, "1") == ["Bath"]


def test_a_part_that_brings_the_rest_ends_the_wait(world: World, script: Script) -> None:
    shows(script, worker("1", whole=False, id="1", name="Half"))
    world.run()
    shows(script, worker("1", whole=False, town="Bath"))
    world.run()
    world.run()
    assert (towns(world, "1"), script.asked) == (["Bath"], [None, None, "a"])


def test_what_becomes_known_to_be_null_ends_the_wait_too(world: World, script: Script) -> None:
    shows(script, worker("1", whole=False, id="1", name="Half"))
    world.run()
    shows(script, worker("1", name="Half"))
    world.run()
    assert towns(world, "1") == ["nowhere"]


def test_a_part_of_an_object_that_was_gone_says_nothing_of_the_rest(world: World, script: Script) -> None:
    shows(script, worker("1", name="Ada", town="Bath"), worker("2"))
    world.run()
    shows(script, worker("2"))
    world.run(full=True)
    shows(script, worker("1", whole=False, id="1", name="Ada"), worker("2"))
    world.run(full=True)
    assert towns(world, "1") == ["Bath"]
    shows(script, worker("1", name="Ada"), worker("2"))
    world.run()
    assert towns(world, "1") == ["nowhere"]


def test_an_object_that_could_not_be_read_lacks_what_is_newly_asked_for(world: World, script: Script) -> None:
    world.mapping("hr-worker", "hr", "worker", HR)
    shows(script, worker("1"), worker("2"))
    world.run()
    world.mapping("hr-worker", "hr", "worker", TOWN)
    problem = ReadProblem("worker", "1", "worker 1 is broken")
    script.pages = [Page(objects=[worker("2")], problems=[problem], complete_for=COMPLETE, last=True)]
    assert kinds(world.run()["errors"]) == ["read"]
    assert towns(world, "1", "2") == [None, "nowhere"]
    shows(script, worker("1"), worker("2"))
    world.run()
    assert towns(world, "1", "2") == ["nowhere", "nowhere"]


def test_an_object_in_a_part_that_is_not_read_lacks_it_too(world: World, script: Script) -> None:
    world.mapping("hr-worker", "hr", "worker", HR)
    both = frozenset({("worker", "north"), ("worker", "south")})
    north, south = worker("1", partition="north"), worker("2", partition="south")
    script.pages = [Page(objects=[north, south], complete_for=both, watermark="a", last=True)]
    world.run()
    world.mapping("hr-worker", "hr", "worker", TOWN)
    some = frozenset({("worker", "south")})
    script.pages = [Page(objects=[south], complete_for=some, watermark="b", last=True)]
    world.run()
    assert towns(world, "1", "2") == [None, "nowhere"]


def test_a_join_line_waits_for_what_was_not_read_and_no_later_line_decides(world: World, script: Script) -> None:
    lines = "join:\n  - employeeId: '[badge]'\n  - employeeId: '[id]'\n"
    world.mapping("hr-worker", "hr", "worker", TOWN.replace("join:\n  - employeeId: '[id]'\n", lines))
    shows(script, worker("1", whole=False, id="1", name="Half"), worker("2"))
    world.run()
    assert world.status()["identities"] == {"person": 1}
    shows(script, worker("1", name="Half"), worker("2"))
    world.run()
    assert world.status()["identities"] == {"person": 2}


class Accounts:
    """`app` shows its account `u1` in part, without the number and the mail address."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hr, self.app = two(world, {"1": {"name": "Ada", "mail": "ada@x"}})
        script = Script(monkeypatch, "app")
        self.asked = script.asked
        self.part = ConnectorObject("account", "u1", {"login": "u1", "name": "Ada"}, whole=False)
        script.pages = [Page(objects=[self.part], complete_for=frozenset({("account", "")}), watermark="a", last=True)]


def test_an_account_whose_join_attribute_was_not_read_is_not_taken_for_nobodys(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = Accounts(world, monkeypatch)
    accounts.app.put("u1", login="u1", name="Ada", emp="1")
    world.mapping("app-account", "app", "account", "unmanaged: delete" + APP)
    assert changed(world.run()) == []
    assert accounts.app.values("u1")["emp"] == "1"


def test_an_attribute_that_was_not_read_is_not_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = Accounts(world, monkeypatch)
    accounts.part.values["emp"] = "1"
    accounts.app.put("u1", login="u1", name="Ada", emp="1", mail="kept@x")
    world.mapping("app-account", "app", "account", APP.replace("'[mail]'", "{value: '[mail]', enforce: default}"))
    assert changed(world.run()) == []
    assert accounts.app.values("u1")["mail"] == "kept@x"


def test_an_account_whose_protection_was_not_read_is_protected(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = Accounts(world, monkeypatch)
    accounts.part.values.update(emp="1", name="Somebody")
    accounts.app.put("u1", login="u1", name="Somebody", emp="1", mail="kept@x", locked="yes")
    world.mapping("app-account", "app", "account", "protect: '[locked] = \"yes\"'" + APP)
    assert changed(world.run()) == []
