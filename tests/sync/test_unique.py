"""Unique values: reserved tentatively, given out in one serial step, never twice, and not given back to the dead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muster.connectors.kit.memory import MemoryConnector
from muster.connectors.kit.memory_system import MemorySystem
from muster.model.errors import AuthFailed
from muster.model.objects import ConnectorObject, Page
from muster.model.values import Document, Value
from muster.store.database import Row, Session
from tests.sync.world import MemorySide, World, changed, kinds

META = """
person:
  computed:
    login:
      value: >-
        SelectUniqueValue(ToLower([givenName]), ToLower([givenName] & "." & [surname]),
        ToLower([givenName] & "." & [surname] & "2"))
      enforce: once
      unique: logins
"""
HR = """
identity: person
project: true
join:
  - employeeId: '[id]'
inbound:
  precedence: 10
  flows: {employeeId: '[id]', givenName: '[first]', surname: '[last]', active: '[live] <> "no"'}
"""
APP = """
identity: person
join:
  - employeeId: '[emp]'
outbound:
  provision: '[active]'
  deprovision: delete
  flows: {login: '[login]', emp: '[employeeId]', name: '[surname]'}
"""
OWN = APP.replace(
    "'[login]'",
    "{value: 'SelectUniqueValue(ToLower([givenName]), ToLower([givenName] & \".\" & [surname]))', enforce: once}",
)
ADA: Document = {"first": "Ada", "last": "Byron"}
ADA2: Document = {"first": "Ada", "last": "Young"}


def company(world: World, rows: dict[str, Document], app: str = APP) -> tuple[MemorySide, MemorySide]:
    if app == APP:
        world.write("metaverse.yaml", META)
    hr = world.source("hr", "worker", rows=rows, mapping=HR)
    return hr, world.target("app", "account", mapping=app)


def logins(app: MemorySide) -> dict[str, str]:
    """Employee number → login."""
    return {str(values.get("emp")): anchor for anchor, values in app.all().items()}


def reserved(world: World) -> list[str]:
    with world.muster() as muster, muster.database.read() as session:
        return [row[0] for row in session.rows("SELECT value FROM reserved ORDER BY value")]


# --- giving out


def test_the_first_free_candidate_is_given_in_the_order_of_anchors(world: World) -> None:
    _, app = company(world, {"2": ADA2, "1": ADA, "3": {"first": "Bo", "last": "Dahl"}})
    world.run()
    assert logins(app) == {"1": "ada", "2": "ada.young", "3": "bo"}


def test_the_better_source_is_served_first(world: World) -> None:
    world.write("metaverse.yaml", META)
    world.source("a", "worker", rows={"1": ADA}, mapping=HR.replace("precedence: 10", "precedence: 20"))
    world.source("z", "worker", rows={"9": ADA2}, mapping=HR)
    app = world.target("app", "account", mapping=APP)
    world.run()
    assert logins(app) == {"9": "ada", "1": "ada.byron"}


def test_across_runs_first_come_is_kept(world: World) -> None:
    hr, app = company(world, {"5": ADA})
    world.run()
    hr.put("1", id="1", **ADA2)
    world.run()
    assert logins(app) == {"5": "ada", "1": "ada.young"}


def test_what_was_given_stays_when_the_name_changes(world: World) -> None:
    hr, app = company(world, {"1": ADA})
    world.run()
    hr.edit("1", first="Augusta")
    world.run(full=True)
    assert logins(app) == {"1": "ada"}
    assert world.identity("1")["login"] == "ada"


def test_when_all_candidates_are_taken_the_message_says_so_and_nobody_else_is_stopped(world: World) -> None:
    rows: dict[str, Document] = {str(n): ADA for n in range(1, 5)}
    _, app = company(world, rows | {"9": {"first": "Bo", "last": "Dahl"}})
    result = world.run()
    messages = [e["message"] for e in result["errors"] if e["kind"] == "expression"]
    assert len(messages) == 1
    assert "all 3 candidates are taken (last tried 'ada.byron2')" in messages[0]
    assert "metaverse.yaml:5" in messages[0]
    assert sorted(logins(app)) == ["1", "2", "3", "9"]


def test_a_name_that_cannot_be_had_is_one_error_and_nothing_is_made_of_its_lack(world: World) -> None:
    hr, app = company(world, {str(n): ADA for n in range(1, 5)})
    world.write("metaverse.yaml", META + '    mail: \'Join("@", [login], "x")\'\n')
    box = world.target("box", "mailbox", anchor="address", mapping=APP.replace("login: '[login]'", "address: '[mail]'"))
    result = world.run()
    assert kinds(result["errors"]) == ["expression"]
    assert "candidates are taken" in result["errors"][0]["message"]
    assert "last good value" not in result["errors"][0]["message"]
    assert (sorted(logins(app)), sorted(logins(box))) == (["1", "2", "3"], ["1", "2", "3"])
    hr.edit("4", last="Young")
    assert world.run()["errors"] == []
    assert box.values("ada.young@x")["emp"] == "4"


def test_a_name_of_one_system_that_cannot_be_had_is_one_error(world: World) -> None:
    hr, app = company(world, {"1": ADA, "2": ADA, "3": ADA}, OWN)
    assert kinds(world.run()["errors"]) == ["unique"]
    assert sorted(logins(app)) == ["1", "2"]
    hr.edit("3", last="Young")
    assert world.run()["errors"] == []
    assert sorted(logins(app)) == ["1", "2", "3"]


def test_what_is_worked_out_once_from_a_name_waits_until_the_name_is_given(world: World) -> None:
    company(world, {"1": ADA, "2": ADA2})
    once = '    mail: {value: \'Join("@", [login], "x")\', enforce: once}\n'
    world.write("metaverse.yaml", META + once)
    world.run()
    assert [world.identity(who)["mail"] for who in "12"] == ["ada@x", "ada.young@x"]


def test_who_got_none_gets_one_when_one_becomes_possible(world: World) -> None:
    rows: dict[str, Document] = {str(n): ADA for n in range(1, 5)}
    hr, app = company(world, rows)
    world.run()
    hr.edit("4", last="Young")
    result = world.run()
    assert result["errors"] == []
    assert logins(app)["4"] == "ada.young"


def test_case_and_unicode_form_make_no_value_unique(world: World) -> None:
    _, app = company(world, {"1": {"first": "Zoë", "last": "A"}, "2": {"first": "Zoe\u0308", "last": "B"}})
    world.run()
    assert len(app.all()) == 2
    assert logins(app)["1"] == "zoë"
    assert logins(app)["2"] == "zoe\u0308.b"


# --- tentative, then firm


def test_a_typo_corrected_before_the_create_leaves_no_trace(world: World) -> None:
    hr, app = company(world, {"1": {"first": "Adda", "last": "Byron"}})
    world.plan()
    assert reserved(world) == ["adda"]
    hr.edit("1", first="Ada")
    world.run()
    assert logins(app) == {"1": "ada"}
    assert reserved(world) == ["ada"]


def test_a_typo_corrected_before_the_create_leaves_no_trace_of_a_value_of_one_system(world: World) -> None:
    hr, app = company(world, {"1": {"first": "Adda", "last": "Byron"}}, OWN)
    world.plan()
    hr.edit("1", first="Ada")
    world.run()
    assert logins(app) == {"1": "ada"}
    assert reserved(world) == ["ada"]


def test_a_create_that_fails_firms_nothing(world: World) -> None:
    hr, app = company(world, {"1": {"first": "Adda", "last": "Byron"}})
    app.system.faults.reject.add("adda")
    assert kinds(world.run()["errors"]) == ["rejected"]
    hr.edit("1", first="Ada")
    world.run()
    assert logins(app) == {"1": "ada"}
    assert reserved(world) == ["ada"]


BOX = """
identity: person
join: [{employeeId: '[emp]'}]
outbound:
  provision: '%s'
  flows: {address: '[employeeId]', emp: '[employeeId]', %s}
"""


def test_a_name_is_firm_by_what_was_written_with_it_and_by_nothing_else(world: World) -> None:
    hr, app = company(world, {"1": {"first": "Adda", "last": "Byron"}})
    world.mapping("app-account", "app", "account", APP.replace("'[active]'", "'[surname] = \"Lovelace\"'"))
    box = world.target("box", "mailbox", anchor="address", mapping=BOX % ("[active]", "of: '[surname]'"))
    world.run()
    assert box.values("1")["of"] == "Byron"
    hr.edit("1", first="Ada", last="Lovelace")
    world.run()
    assert logins(app) == {"1": "ada"}
    assert reserved(world) == ["ada"]


def test_a_name_is_firm_once_something_that_is_made_of_it_was_written(world: World) -> None:
    hr, app = company(world, {"1": {"first": "Adda", "last": "Byron"}})
    world.write("metaverse.yaml", META + '    mail: \'Join("@", [login], "x")\'\n')
    world.mapping("app-account", "app", "account", APP.replace("'[active]'", "'[surname] = \"Lovelace\"'"))
    world.target("box", "mailbox", anchor="address", mapping=BOX % ("[active]", "mail: '[mail]'"))
    world.run()
    hr.edit("1", first="Ada", last="Lovelace")
    world.run()
    assert logins(app) == {"1": "adda"}


def test_a_name_that_ones_own_account_shows_is_firm(world: World) -> None:
    hr, app = company(world, {"1": ADA})
    app.put("ada", login="ada", emp="1")
    world.plan()
    hr.edit("1", first="Augusta")
    world.run()
    assert world.identity("1")["login"] == "ada"


def test_two_names_of_one_person_in_one_scope_are_both_nobody_elses(world: World) -> None:
    people: dict[str, Document] = {"1": {"first": "Ada", "last": "Byron"}, "2": {"first": "Byron", "last": "Ada"}}
    hr, app = company(world, people, APP.replace("name:", "alias: '[alias]', name:"))
    alias = META.partition("login:")[2].replace("logins", "names")
    alias = alias.replace("givenName", "x").replace("surname", "givenName").replace("[x]", "[surname]")
    names = META.replace("logins", "names") + "    alias:" + alias
    world.write("metaverse.yaml", "person:\n  attributes: {alias: text}\n" + names.partition("person:\n")[2])
    world.plan()
    taken = ["ada", "ada.byron", "byron", "byron.ada"]
    assert reserved(world) == taken
    world.run()
    assert sorted([*app.all(), *(str(values["alias"]) for values in app.all().values())]) == taken
    hr.edit("1", first="Zoe")
    world.run()
    assert reserved(world) == taken


def test_a_typo_in_one_of_two_names_leaves_no_trace_of_it_alone(world: World) -> None:
    flow = "{value: 'SelectUniqueValue(ToLower([givenName]), [givenName])', unique: names, enforce: once}"
    other = flow.replace("givenName", "surname")
    hr, app = company(world, {"1": {"first": "Adda", "last": "Byron"}}, APP.replace("'[login]'", flow))
    box = world.target("box", "mailbox", anchor="login", mapping=APP.replace("'[login]'", other))
    world.plan()
    assert reserved(world) == ["adda", "byron"]
    hr.edit("1", first="Ada")
    world.plan()
    assert reserved(world) == ["ada", "byron"]
    world.run()
    assert (list(app.all()), list(box.all())) == (["ada"], ["byron"])


@pytest.mark.parametrize("app_mapping", [APP, OWN], ids=["computed", "of one system"])
def test_the_store_is_asked_by_the_batch_who_holds_a_name(
    world: World, app_mapping: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    people: dict[str, Document] = {str(n): {"first": f"N{n}", "last": "X"} for n in range(100, 140)}
    company(world, people, app_mapping)
    asked: list[str] = []
    rows = Session.rows

    def counted(session: Session, sql: str, *values: Any) -> list[Row]:
        asked.append(sql)
        return rows(session, sql, *values)

    monkeypatch.setattr(Session, "rows", counted)
    world.plan()
    assert sum("FROM reserved WHERE scope" in sql for sql in asked) < 10


def test_a_tentative_value_is_kept_while_it_is_still_among_the_candidates(world: World) -> None:
    hr, app = company(world, {"1": ADA, "2": ADA2})
    world.plan()
    hr.edit("1", first="Augusta")
    world.run()
    assert logins(app) == {"1": "augusta", "2": "ada.young"}


def test_a_value_that_is_always_worked_out_follows_the_name_and_may_go_back(world: World) -> None:
    world.write("metaverse.yaml", META.replace("      enforce: once\n", ""))
    hr = world.source("hr", "worker", rows={"1": ADA, "2": ADA2}, mapping=HR)
    mapping = APP.replace("login: '[login]', ", "login: '[employeeId]', nick: '[login]', ")
    app = world.target("app", "account", mapping=mapping)
    world.run()
    hr.edit("1", first="Augusta")
    world.run()
    assert {a: v["nick"] for a, v in app.all().items()} == {"1": "augusta", "2": "ada.young"}
    assert world.run(full=True)["changes"] == []
    hr.put("3", id="3", first="Ada", last="New")
    world.run()
    assert app.values("3")["nick"] == "ada.new"
    hr.edit("1", first="Ada")
    world.run()
    assert app.values("1")["nick"] == "ada"
    assert world.run(full=True)["changes"] == []


# --- who is avoided


def test_candidates_avoid_unmanaged_objects(world: World) -> None:
    _, app = company(world, {"1": ADA})
    app.put("ada", login="ada", name="somebody else")
    world.run()
    assert logins(app)["1"] == "ada.byron"
    assert app.values("ada")["name"] == "somebody else"


def test_candidates_of_one_systems_own_attribute_avoid_unmanaged_objects(world: World) -> None:
    _, app = company(world, {"1": ADA}, OWN)
    app.put("ADA", login="ADA")
    world.run()
    assert logins(app)["1"] == "ada.byron"


@pytest.mark.parametrize("app_mapping", [APP, OWN], ids=["computed", "of one system"])
def test_an_object_that_appears_before_the_create_is_avoided_after_all(world: World, app_mapping: str) -> None:
    _, app = company(world, {"1": ADA}, app_mapping)
    world.plan()
    app.put("ada", login="ada")
    result = world.run()
    assert result["errors"] == []
    assert logins(app)["1"] == "ada.byron"
    assert reserved(world) == ["ada.byron"]


@pytest.mark.parametrize("app_mapping", [APP, OWN], ids=["computed", "of one system"])
def test_an_object_that_only_the_create_finds_is_avoided_by_the_next_candidate(
    world: World, app_mapping: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, app = company(world, {"1": ADA}, app_mapping)
    app.put("ada", login="ada", name="hidden from every reading")
    listed = MemorySystem.listed
    monkeypatch.setattr(MemorySystem, "listed", lambda *asked: (entry for entry in listed(*asked) if entry[0] != "ada"))
    result = world.run()
    assert result["errors"] == []
    assert logins(app) == {"1": "ada.byron"}
    assert app.values("ada")["name"] == "hidden from every reading"


class Hidden:
    """`app` has an object that no reading shows and `find` does; `asked` are the values it was asked for."""

    def __init__(self, patch: pytest.MonkeyPatch, anchor: str) -> None:
        self.asked: list[Value] = []
        read, find = MemoryConnector.read, MemoryConnector.find_any

        def reading(
            connector: MemoryConnector, wanted: Mapping[str, Sequence[str]], since: str | None
        ) -> Iterator[Page]:
            for page in read(connector, wanted, since):
                page.objects = [item for item in page.objects if item.anchor != anchor]
                yield page

        def finding(
            connector: MemoryConnector, kind: str, attribute: str, values: Sequence[Value]
        ) -> Iterator[ConnectorObject]:
            self.asked.extend(values)
            return find(connector, kind, attribute, values)

        patch.setattr(MemoryConnector, "read", reading)
        patch.setattr(MemoryConnector, "find_any", finding)


@pytest.mark.parametrize("app_mapping", [APP, OWN], ids=["computed", "of one system"])
def test_a_plan_avoids_what_only_a_search_in_the_system_finds(
    world: World, app_mapping: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, app = company(world, {"1": ADA, "2": {"first": "Bo", "last": "Dahl"}}, app_mapping)
    app.put("ada", login="ada", name="hidden from every reading")
    hidden = Hidden(monkeypatch, "ada")
    plan = world.plan()
    assert changed(plan) == [("app", "create", "ada.byron"), ("app", "create", "bo")]
    assert sorted(map(str, hidden.asked)) == ["ada", "ada.byron", "bo"]
    assert world.run()["errors"] == []
    assert logins(app)["1"] == "ada.byron"


@pytest.mark.parametrize("app_mapping", [APP, OWN], ids=["computed", "of one system"])
def test_a_system_is_asked_for_new_names_only(world: World, app_mapping: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hr, _ = company(world, {"1": ADA, "2": {"first": "Bo", "last": "Dahl"}}, app_mapping)
    world.run()
    hidden = Hidden(monkeypatch, "nobody")
    hr.edit("1", last="King")
    hr.put("3", id="3", first="Cy", last="Ray")
    world.run()
    assert hidden.asked == ["cy"]
    world.run(full=True)
    assert hidden.asked == ["cy"]


def test_an_account_that_only_a_search_finds_is_adopted_by_the_join_rules(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, app = company(world, {"1": ADA})
    app.put("ada", login="ada", emp="1")
    Hidden(monkeypatch, "ada")
    assert changed(world.plan()) == [("app", "update", "ada")]


def test_a_system_that_cannot_be_asked_stops_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, app = company(world, {"1": ADA})

    def down(*_: object) -> Iterator[ConnectorObject]:
        raise AuthFailed("app: you may not search")

    monkeypatch.setattr(MemoryConnector, "find_any", down)
    assert kinds(world.run()["errors"]) == ["refused"]
    assert logins(app) == {"1": "ada"}


def test_an_unmanaged_object_that_is_gone_blocks_nothing(world: World) -> None:
    hr, app = company(world, {})
    app.put("ada", login="ada")
    world.run()
    app.remove("ada")
    hr.put("1", id="1", **ADA)
    world.run()
    assert logins(app) == {"1": "ada"}


def test_ones_own_account_does_not_block_ones_own_name(world: World) -> None:
    _, app = company(world, {"1": ADA})
    app.put("ada", login="ada", emp="1")
    world.run()
    assert logins(app) == {"1": "ada"}
    assert world.identity("1")["login"] == "ada"


def test_one_scope_may_be_shared_by_attributes_of_several_systems(world: World) -> None:
    world.write("metaverse.yaml", "")
    world.drop("metaverse.yaml")
    world.source("hr", "worker", rows={"1": ADA, "2": ADA2}, mapping=HR)
    flow = "{value: 'SelectUniqueValue(ToLower([givenName]), ToLower([givenName] & \".\" & [surname]))', unique: names}"
    app = world.target(
        "app", "account", mapping=APP.replace("'[login]'", flow).replace("'[active]'", "'[surname] = \"Byron\"'")
    )
    mail = world.target(
        "mail", "box", mapping=APP.replace("'[login]'", flow).replace("'[active]'", "'[surname] = \"Young\"'")
    )
    world.run()
    assert (logins(app), logins(mail)) == ({"1": "ada"}, {"2": "ada.young"})


# --- leaving


def test_the_name_of_somebody_who_is_gone_stays_reserved(world: World) -> None:
    hr, app = company(world, {"1": ADA})
    world.run()
    hr.remove("1")
    assert changed(world.run()) == [("app", "delete", "ada")]
    assert world.status()["identities"] == {}
    hr.put("2", id="2", **ADA2)
    world.run()
    assert logins(app) == {"2": "ada.young"}
    assert reserved(world) == ["ada", "ada.young"]


def test_the_name_of_somebody_who_never_had_an_account_is_free_again(world: World) -> None:
    hr, app = company(world, {"1": ADA | {"live": "no"}})
    world.run()
    hr.remove("1")
    world.run()
    hr.put("2", id="2", **ADA2)
    world.run()
    assert logins(app) == {"2": "ada"}


def test_two_people_that_are_merged_keep_the_names_of_both(world: World) -> None:
    hr, app = company(world, {"1": ADA})
    world.mapping("hr-worker", "hr", "worker", "several: true" + HR)
    world.run()
    hr.put("2", id="2", **ADA2, live="no")
    world.run()
    with world.muster() as muster:
        muster.decide("merge", by="ops", identity="2", into="1")
    world.run()
    assert world.identity("1")["login"] == "ada"
    assert logins(app) == {"1": "ada"}
    assert world.run(full=True)["changes"] == []


def test_a_name_that_a_merge_sets_free_goes_to_who_waits_for_it_in_the_same_run(world: World) -> None:
    hr, app = company(world, {"1": ADA, "2": ADA | {"live": "no"}})
    world.mapping("hr-worker", "hr", "worker", "several: true" + HR)
    app.put("ada.byron2", login="ada.byron2")
    world.run()
    hr.put("3", id="3", **ADA)
    assert kinds(world.run()["errors"]) == ["expression"]
    with world.muster() as muster:
        muster.decide("merge", by="ops", identity="2", into="1")
    assert world.run()["errors"] == []
    assert logins(app)["3"] == "ada.byron"


# --- for all inputs


PEOPLE = st.lists(st.tuples(st.sampled_from(["Ada", "ada", "Bo"]), st.sampled_from(["X", "Y"])), min_size=1, max_size=5)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PEOPLE, PEOPLE)
def test_no_two_accounts_ever_share_a_name_and_none_changes_its_own(
    tmp_path_factory: pytest.TempPathFactory, first: list[tuple[str, str]], second: list[tuple[str, str]]
) -> None:
    with World(tmp_path_factory.mktemp("world")) as world:
        hr, app = company(world, {})
        given_out: dict[str, str] = {}
        for people in (first, second, first):
            for number, (name, surname) in enumerate(people):
                hr.put(str(number), id=str(number), first=name, last=surname)
            world.run()
            now = logins(app)
            assert len({login.casefold() for login in now.values()}) == len(now)
            assert given_out.items() <= now.items()
            given_out = now
