"""Accounts that nobody owns, and people whose generated login they show: a join line says what that means."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from muster.model.values import Document
from tests.sync.world import MemorySide, World, changed

META = """
person:
  computed:
    login:
      value: >-
        SelectUniqueValue(ToLower([givenName]), ToLower([givenName] & "." & [surname]),
        ToLower([givenName] & "." & [surname] & "2"))
      enforce: once
      unique: logins
    mail: 'Join("@", [login], "x")'
"""
HR = """
identity: person
project: true
join:
  - employeeId: '[id]'
inbound:
  precedence: 10
  flows: {employeeId: '[id]', givenName: '[first]', surname: '[last]', city: '[town]', active: '[live] <> "no"'}
"""
APP = """
identity: person
join:
  - employeeId: '[emp]'
  - login: '[login]'
outbound:
  provision: '[active]'
  deprovision: disable
  flows: {login: '[login]', emp: '[employeeId]', name: '[surname]'}
"""
ADA: Document = {"first": "Ada", "last": "Byron", "town": "London"}
ADA2: Document = {"first": "Ada", "last": "Young", "town": "Bath"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as made:
        made.write("metaverse.yaml", META)
        yield made


def company(
    world: World, rows: dict[str, Document], accounts: dict[str, Document], app: str = APP
) -> tuple[MemorySide, MemorySide]:
    """People, and accounts that were there before Muster."""
    hr = world.source("hr", "worker", rows=rows, mapping=HR)
    side = world.target("app", "account", mapping=app)
    for anchor, values in accounts.items():
        side.put(anchor, login=anchor, **values)
    return hr, side


def logins(side: MemorySide) -> dict[str, object]:
    """Anchor → employee number."""
    return {anchor: values.get("emp") for anchor, values in side.all().items()}


def decide(world: World, kind: str, **options: str) -> None:
    with world.muster() as muster:
        muster.decide(kind, by="ops@acme.example", **options)


def test_an_account_that_shows_the_login_and_no_number_is_its_persons_and_none_is_made(world: World) -> None:
    _, app = company(world, {"1": ADA}, {"ada": {"name": "A. Byron"}})
    assert changed(world.run()) == [("app", "update", "ada")]
    assert logins(app) == {"ada": "1"}
    assert world.identity("1")["login"] == "ada"
    assert world.run(full=True)["changes"] == []


def test_it_is_not_taken_in_silence(world: World) -> None:
    company(world, {"1": ADA}, {"ada": {}})
    (note,) = [note for note in world.plan()["notes"] if note["kind"] == "adopted"]
    assert (note["anchor"], note["identities"]) == ("ada", [world.explain("1")["identity"]])
    assert note["message"].startswith("mappings/app-account.yaml: app/account ada: was nobody's, shows 'ada', and is ")
    assert "(mappings/app-account.yaml:7)" in note["message"]
    assert "muster joins split app/account ada" in note["message"]
    assert [note["kind"] for note in world.plan()["notes"]] == ["adopted"], "nor in the next plan"


def test_without_a_join_line_an_equal_login_means_nothing(world: World) -> None:
    _, app = company(world, {"1": ADA}, {"ada": {}}, APP.replace("  - login: '[login]'\n", ""))
    world.run()
    assert logins(app) == {"ada": None, "ada.byron": "1"}


def test_an_account_that_shows_another_number_is_somebody_elses(world: World) -> None:
    _, app = company(world, {"1": ADA}, {"ada": {"emp": "77"}})
    world.run()
    assert logins(app) == {"ada": "77", "ada.byron": "1"}


def test_a_strangers_account_is_not_a_leavers_who_has_its_login_in_reserve(world: World) -> None:
    _, app = company(world, {"1": {**ADA, "live": "no"}}, {})
    world.run()
    app.put("ada", login="ada", emp="77")
    assert world.run()["changes"] == []
    assert app.values("ada") == {"login": "ada", "emp": "77"}
    assert [one["anchor"] for one in world.plan()["unmanaged"]] == ["ada"]


def test_who_comes_later_gets_another_login_when_a_stranger_took_the_one_in_reserve(world: World) -> None:
    hr, app = company(world, {"1": {**ADA, "live": "no"}}, {})
    world.run()
    app.put("ada", login="ada", emp="77")
    hr.edit("1", live=None)
    world.run()
    world.run()
    assert logins(app) == {"ada": "77", "ada.byron": "1"}


def test_a_create_that_was_shown_never_takes_over_what_came_in_its_place(world: World) -> None:
    _, app = company(world, {"1": ADA}, {})
    (shown,) = world.plan()["changes"]
    app.put("ada", login="ada")
    result = world.apply()
    assert (shown["action"], result["changes"], [one["anchor"] for one in result["stale"]]) == ("create", [], ["ada"])
    assert logins(app) == {"ada": None}
    (note,) = world.plan()["notes"]
    assert (note["kind"], note["anchor"]) == ("adopted", "ada"), "who made it meanwhile may have meant it for another"
    assert changed(world.run()) == [("app", "update", "ada")]
    assert world.plan()["notes"] == [], "it has the person's number since"


def test_a_line_that_only_one_side_has_a_value_for_says_nothing(world: World) -> None:
    lines = APP.replace("join:\n", "join:\n  - mobilePhone: '[phone]'\n")
    _, app = company(world, {"1": ADA}, {"ada": {"phone": "123"}}, lines)
    world.run()
    assert logins(app) == {"ada": "1"}


def test_of_two_people_the_first_by_anchor_gets_it_and_the_other_the_next_name(world: World) -> None:
    _, app = company(world, {"2": ADA2, "1": ADA}, {"ada": {}})
    result = world.run()
    assert (result["held"], result["errors"]) == ([], [])
    assert logins(app) == {"ada": "1", "ada.young": "2"}


def test_of_two_people_the_better_source_gets_it(world: World) -> None:
    _, app = company(world, {"1": ADA}, {"ada": {}})
    world.source("agency", "person", rows={"9": ADA2}, mapping=HR.replace("precedence: 10", "precedence: 5"))
    world.run()
    assert logins(app) == {"ada": "9", "ada.byron": "1"}


def test_who_has_an_account_takes_no_second_one(world: World) -> None:
    _, app = company(world, {"1": ADA}, {"olda": {"emp": "1"}, "ada": {}})
    result = world.run()
    assert result["held"] == []
    assert logins(app) == {"olda": "1", "ada": None}
    assert world.identity("1")["login"] == "ada.byron"


def test_two_accounts_that_the_login_fits_are_nobodys(world: World) -> None:
    _, app = company(world, {"1": ADA}, {"ada": {}, "Ada": {}})
    result = world.run()
    assert result["held"] == []
    assert logins(app) == {"ada": None, "Ada": None, "ada.byron": "1"}


def test_an_account_in_each_of_two_systems_is_taken_and_one_stranger_among_them_prevents_it(world: World) -> None:
    _, app = company(world, {"1": ADA, "2": {"first": "Bo", "last": "Dahl"}}, {"ada": {}, "bo": {}})
    other = world.target("other", "account", mapping=APP)
    other.put("ada", login="ada")
    other.put("bo", login="bo", emp="77")
    world.run()
    assert (logins(app), logins(other)) == (
        {"ada": "1", "bo": None, "bo.dahl": "2"},
        {"ada": "1", "bo": "77", "bo.dahl": "2"},
    )


def test_every_pair_of_the_line_must_match(world: World) -> None:
    lines = APP.replace("- login: '[login]'\n", "- login: '[login]'\n    city: '[town]'\n")
    people: dict[str, Document] = {"1": ADA, "2": {"first": "Bo", "last": "Dahl", "town": "Bath"}}
    _, app = company(world, people, {"ada": {"town": "London"}, "bo": {"town": "York"}}, lines)
    world.run()
    assert logins(app) == {"ada": "1", "bo": None, "bo.dahl": "2"}


def test_a_line_may_compare_what_is_made_of_the_login(world: World) -> None:
    lines = APP.replace("- login: '[login]'", "- mail: '[mail]'")
    people: dict[str, Document] = {"1": ADA, "2": {"first": "Bo", "last": "Dahl"}}
    _, app = company(world, people, {"ada": {"mail": "ada@x"}, "bo": {"mail": "bo@elsewhere"}}, lines)
    world.run()
    assert logins(app) == {"ada": "1", "bo": None, "bo.dahl": "2"}


def test_an_account_out_of_the_mappings_scope_is_avoided(world: World) -> None:
    _, app = company(world, {"1": ADA}, {"ada": {"kind": "service"}}, "scope: '[kind] = NULL'" + APP)
    world.run()
    assert logins(app) == {"ada": None, "ada.byron": "1"}


def test_the_name_of_an_adopted_account_is_kept_when_the_person_is_renamed(world: World) -> None:
    hr, app = company(world, {"1": ADA}, {"ada": {}})
    world.plan()
    hr.edit("1", first="Augusta")
    world.run()
    assert logins(app) == {"ada": "1"}
    assert world.identity("1")["login"] == "ada"


def test_an_account_that_is_split_off_keeps_its_name_and_the_person_gets_another(world: World) -> None:
    _, app = company(world, {"1": ADA}, {"ada": {}})
    world.plan()
    decide(world, "split", system="app", anchor="ada")
    result = world.run()
    assert (result["held"], result["errors"]) == ([], [])
    assert logins(app) == {"ada": None, "ada.byron": "1"}
    assert world.run(full=True)["changes"] == []


def test_an_account_that_was_refused_for_one_person_is_taken_by_the_next(world: World) -> None:
    hr, app = company(world, {}, {"ada": {}})
    hr.put("1", id="1", **ADA, live="no")
    world.mapping("app-account", "app", "account", APP.replace("  - login: '[login]'\n", ""))
    world.run()
    decide(world, "refuse", system="app", anchor="ada", identity="1")
    world.mapping("app-account", "app", "account", APP)
    hr.put("2", id="2", **ADA2)
    world.run()
    assert logins(app) == {"ada": "2"}


def test_an_account_moved_to_another_person_takes_its_name_along(world: World) -> None:
    people: dict[str, Document] = {"1": ADA, "2": {"first": "Bo", "last": "Dahl", "live": "no"}}
    _, app = company(world, people, {"ada": {}})
    world.plan()
    decide(world, "accept", system="app", anchor="ada", identity="2")
    result = world.run()
    assert (result["held"], result["errors"], result["notes"]) == ([], [], [])
    assert logins(app) == {"ada": None, "ada.byron": "1"}
    assert app.values("ada")["enabled"] is False
    assert [entry["anchor"] for entry in world.explain("2")["objects"]] == ["ada", "2"]
