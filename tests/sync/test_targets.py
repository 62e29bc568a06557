"""A flow to an attribute that a system does not have is told before anything is read or written."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.model.schema import ENABLED, ObjectSchema
from muster.model.values import Attribute
from tests.sync.world import MemorySide, World, changed

HR = """
identity: person
project: true
inbound: {precedence: 10, flows: {employeeId: '[id]', displayName: '[name]'}}
"""
APP = """
identity: person
outbound:
  provision: 'true'
  flows:
    login: '[employeeId]'
    {name}: '[displayName]'
"""
TITLES = Attribute("titles", many=True, exact=False)
ACCOUNT = ObjectSchema(
    "account",
    "login",
    {"login": Attribute("login"), "displayName": Attribute("displayName"), "titles": TITLES},
    aliases={"login": "login", "displayname": "displayName", "titles": "titles", "2.5.4.12": "titles"},
    paths=r"phones\[\w+\]",
    apart={"secret": "`password:` sets it"},
    called="class person",
    advice="load its schema",
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.source("hr", "worker", mapping=HR, rows={"1": {"name": "Ada"}})
    return world


def account(world: World, name: str) -> MemorySide:
    side = MemorySide(world.system("app", ACCOUNT), "account")
    world.mapping("app-account", "app", "account", APP.replace("{name}", name))
    return side


@pytest.mark.parametrize("name", ["displayName", "DISPLAYNAME", "titles", "2.5.4.12", "phones[work]"])
def test_a_name_that_the_system_knows_is_never_refused(name: str) -> None:
    assert ACCOUNT.has(name)


def test_another_name_of_an_attribute_has_as_many_values_as_the_first() -> None:
    found = ACCOUNT.attribute("2.5.4.12")
    assert (found.name, found.many, found.exact) == ("2.5.4.12", True, False)


def test_enabled_is_there_where_accounts_can_be_switched() -> None:
    assert not ACCOUNT.has(ENABLED)
    assert ObjectSchema("account", "login", {}, can_enable=True).has(ENABLED)
    assert ObjectSchema("account", "login", {}, open=True).has("anything")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("displayNmae", "has no attribute `displayNmae`: load its schema. Did you mean `displayName`? "),
        ("shoeSize", "has no attribute `shoeSize`: load its schema. "),
        ("secret", "no flow writes `secret`: `password:` sets it. "),
    ],
)
def test_a_flow_to_a_name_that_it_does_not_know_is_told_with_its_place(world: World, name: str, told: str) -> None:
    side = account(world, name)
    for document in (world.plan(), world.run()):
        (error,) = document["errors"]
        assert (error["kind"], error["system"]) == ("settings", "app")
        assert error["message"].startswith("mappings/app-account.yaml:9:5: app: account (class person)")
        assert told + "Nothing is read from app or written to it until that is mended" in error["message"]
        assert changed(document, "app") == []
    assert side.all() == {}


def test_when_it_is_mended_everything_goes_on_and_the_other_systems_never_stopped(world: World) -> None:
    account(world, "displayName")
    world.run()
    wiki = world.target("wiki", "page", mapping=APP.replace("{name}", "name"))
    world.mapping("app-account", "app", "account", APP.replace("{name}", "shoeSize"))
    assert [error["system"] for error in world.run()["errors"]] == ["app"]
    assert list(wiki.all()) == ["1"]
    world.mapping("app-account", "app", "account", APP.replace("{name}", "displayName"))
    again = world.run()
    assert (again["errors"], changed(again, "app")) == ([], [])
