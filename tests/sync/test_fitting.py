"""A rule over an attribute that a system does not have is told before anything is read or written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from muster.app.check import loaded
from muster.model.schema import ENABLED, ObjectSchema, SystemSchema
from muster.model.values import Attribute, Type
from muster.project.diagnostics import Diagnostic
from muster.sync.rules.fitting import misfits
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
MADE = Attribute("made", writable="never")
BOSS = Attribute("boss", Type.REFERENCE)
ACCOUNT = ObjectSchema(
    "account",
    "login",
    {"login": Attribute("login"), "displayName": Attribute("displayName"), "titles": TITLES}
    | {"made": MADE, "boss": BOSS},
    aliases={"login": "login", "displayname": "displayName", "titles": "titles", "2.5.4.12": "titles"},
    paths=r"phones\[\w+\]",
    apart={"secret": "`password:` sets it"},
    unread=frozenset({"secret"}),
    optional=r"msExch\w+",
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
        ("made", "`made` is read-only: the system sets it itself, whatever a flow says. Take the flow out. "),
        ("titles;lang-de", "`titles;lang-de` has an option, and options are not supported: write `titles`. "),
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


# --- reading

JOIN = "join: [{employeeId: '[login]'}]\n"
READING = {
    "join": "join: [{employeeId: '[NAME]'}]",
    "scope": f"{JOIN}scope: '\"x\" <> [NAME]'",
    "clause": f"{JOIN}scope:\n  filters:\n    - - {{attribute: NAME, operator: EQUALS, value: a}}",
    "rule": f"{JOIN}scope: {{rule: \"NAME eq 'a'\"}}",
    "primary": f"{JOIN}several: true\nprimary: '[NAME] = \"a\"'",
    "protect": f"{JOIN}protect: '[NAME] = \"a\"'",
    "flow": f"{JOIN}inbound: {{flows: {{surname: 'Trim([NAME])'}}}}",
    "when": f"{JOIN}inbound: {{flows: {{surname: {{value: '[login]', when: '[NAME] = \"a\"'}}}}}}",
    "reference": f"{JOIN}inbound: {{flows: {{manager: {{reference: '[NAME]'}}}}}}",
}
MAKES = "outbound: {provision: 'true', flows: {login: '[employeeId]', titles: '[displayName]'}}\n"


def reader(world: World, rules: str) -> MemorySide:
    """An account that is there, and a mapping of these rules."""
    side = MemorySide(world.system("app", ACCOUNT), "account")
    side.put("1", login="1", displayName="Ada")
    world.mapping("app-account", "app", "account", f"identity: person\n{rules}\n{MAKES}")
    return side


def told(world: World, rules: str) -> list[Diagnostic]:
    """What is said of a mapping of these rules."""
    reader(world, rules)
    found = loaded(world.folder)
    assert found.project is not None, found.errors
    return misfits(found.project, "app", SystemSchema({"account": ACCOUNT}))


@pytest.mark.parametrize("where", READING)
def test_a_rule_that_reads_what_the_system_lacks_is_told_with_its_place(world: World, where: str) -> None:
    rules = READING[where]
    before = f"system: app\nobject: account\nidentity: person\n{rules}".partition("NAME")[0].split("\n")
    (error,) = told(world, rules.replace("NAME", "displayNmae"))
    assert str(error) == (
        f"mappings/app-account.yaml:{len(before)}:{len(before[-1]) + 1}: app: account (class person) has no attribute "
        "`displayNmae`: load its schema. Did you mean `displayName`?"
    )
    assert told(world, rules.replace("NAME", "DISPLAYNAME")) == []


def test_several_references_into_an_attribute_of_one_value_are_refused(world: World) -> None:
    into = "outbound: {provision: 'true', flows: {login: '[employeeId]', NAME: {references: '[assistants]'}}}"
    world.write("metaverse.yaml", "person: {attributes: {assistants: {type: reference, many: true}}}")
    world.mapping("app-account", "app", "account", "identity: person\n" + into.replace("NAME", "boss"))
    world.system("app", ACCOUNT)
    found = loaded(world.folder)
    assert found.project is not None, found.errors
    (error,) = misfits(found.project, "app", SystemSchema({"account": ACCOUNT}))
    assert str(error).startswith("mappings/app-account.yaml:4:")
    assert "`boss` takes one value, and `references` writes several" in str(error)


@pytest.mark.parametrize("name", ["login", "2.5.4.12", "phones[work]", "made", "boss"])
def test_no_rule_over_what_is_there_is_refused(world: World, name: str) -> None:
    assert told(world, READING["join"].replace("NAME", name)) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("secret", ": `secret` is never shown: it is a secret or the server's own affair. Take it out"),
        ("boss.mail", ": `boss.mail` leads to another object, and a mapping reads its own alone. Flow `boss` into"),
        ("titles;lang-de", ": `titles;lang-de` has an option, and options are not supported: write `titles`"),
    ],
)
def test_what_is_there_and_cannot_be_read_is_told_as_that(world: World, name: str, said: str) -> None:
    (error,) = told(world, READING["join"].replace("NAME", name))
    assert error.message.startswith(f"app: account (class person){said}")


def test_what_other_rights_could_write_is_left_out_and_no_reason_to_stop(world: World) -> None:
    reader(world, f"{JOIN}".rstrip())
    world.mapping("app-account", "app", "account", APP.replace("{name}", "made"))
    project = loaded(world.folder).project
    assert project is not None
    (hint,) = misfits(project, "app", SystemSchema({"account": replace(ACCOUNT, left_out=frozenset({"made"}))}))
    assert (hint.severity, hint.line) == ("hint", 9)


@pytest.mark.parametrize(
    "rules",
    [
        "scope: 'not IsPresent([shoeSize])'",
        "scope: '[msexchType] <> 1'",
        "scope: {filters: [[{attribute: shoeSize, operator: IS NULL}]]}",
        "inbound: {flows: {surname: 'IIF(IsNullOrEmpty([shoeSize]), [displayName], [shoeSize])'}}",
        "inbound: {flows: {surname: {value: '[shoeSize]', when: 'IsPresent([shoeSize])'}}}",
    ],
)
def test_a_mapping_that_asks_whether_an_attribute_is_there_is_not_refused_where_it_is_not(
    world: World, rules: str
) -> None:
    assert {one.severity for one in told(world, JOIN + rules)} == {"hint"}
    assert world.plan()["errors"] == []


def test_while_a_join_reads_what_is_not_there_nobody_gets_a_second_account(world: World) -> None:
    join = READING["join"]
    side = reader(world, join.replace("NAME", "lgoin"))
    for document in (world.plan(), world.run()):
        (error,) = document["errors"]
        assert (error["kind"], error["system"]) == ("settings", "app")
        assert "`login`? Nothing is read from app or written to it until that is mended" in error["message"]
        assert changed(document, "app") == []
    assert side.all() == {"1": {"login": "1", "displayName": "Ada"}}
    world.mapping("app-account", "app", "account", f"identity: person\n{join.replace('NAME', 'login')}\n{MAKES}")
    assert (world.run()["errors"], side.values("1")["titles"]) == ([], ["Ada"])
    world.mapping("app-account", "app", "account", f"identity: person\n{join.replace('NAME', 'lgoin')}\n{MAKES}")
    world.run()
    world.mapping("app-account", "app", "account", f"identity: person\n{join.replace('NAME', 'login')}\n{MAKES}")
    assert (changed(world.run(), "app"), list(side.all())) == ([], ["1"])
