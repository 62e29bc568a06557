"""When an attribute is written: enforce, drift, NULL, signals, confirmation, and differences that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muster.model.schema import ObjectSchema
from muster.model.values import Attribute, Document, Scalar, Value
from muster.sync.imports.documents import settled
from tests.sync.people import ADA, BO, HR, Office, app_rules
from tests.sync.world import changed, kinds, the_change

TAGS = HR.replace("    mail: '[mail]'\n", "    mail: '[mail]'\n    businessPhones: '[phones]'\n")


def attribute_of(office: Office, name: str) -> dict[str, Any]:
    """The entry of one attribute in the one pending change."""
    found: dict[str, Any] = the_change(office.plan(), "app")["attributes"][name]
    return found


# --- the anchor

LOGIN = "login: 'ToLower([givenName])'"


def test_an_anchor_that_its_flow_gives_otherwise_by_now_is_told_and_left(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}) as office:
        office.app.put("b.dahl", login="b.dahl", emp="2", name="Bo Dahl")
        office.run()
        office.hr.edit("1", first="Ida")
        office.run()
        for result in (office.plan(), office.run(), office.status()):
            assert [(note["kind"], note["anchor"]) for note in result["notes"]] == [
                ("anchor-differs", "ada"),
                ("anchor-differs", "b.dahl"),
            ]
        assert office.plan()["notes"][0]["message"] == (
            "mappings/app-account.yaml: app/account ada: login would be 'ida' by now, but an anchor is never "
            "changed. If it shall stay, say `enforce: once`; otherwise rename the object in app by hand"
        )
        assert office.app.all().keys() == {"ada", "b.dahl"}


@pytest.mark.parametrize(
    ("flow", "anchor"),
    [
        ("login: {value: 'ToLower([givenName])', enforce: once}", "ada"),
        ("login: {value: 'ToLower([givenName])', enforce: default}", "ada"),
        ("login: 'SelectUniqueValue(ToLower([givenName]), ToLower([surname]))'", "byron"),
        ("login: 'IgnoreFlowIfNullOrEmpty([mail])'", "ada"),
        ("login: '[mail]'", "ada"),
        (LOGIN, "ADA"),
    ],
)
def test_an_anchor_that_is_as_it_may_be_is_not_told(tmp_path: Path, flow: str, anchor: str) -> None:
    with Office(tmp_path, app_rules().replace(LOGIN, flow), attributes={"login": "text inexact"}) as office:
        office.app.put(anchor, login=anchor, emp="1", name="Ada Byron")
        result = office.run()
        assert (changed(result), result["notes"], result["errors"]) == ([], [], [])


# --- enforce: always


def test_always_undoes_foreign_edits_and_marks_them_as_drift(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.app.edit("ada", name="Vandal")
        assert attribute_of(office, "name") == {"from": "Vandal", "to": "Ada Byron", "drift": True}
        office.run()
        assert office.app.values("ada")["name"] == "Ada Byron"
        assert office.quiet()


def test_a_change_of_our_own_is_no_drift(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.hr.edit("1", last="King")
        assert attribute_of(office, "name") == {"from": "Ada Byron", "to": "Ada King"}


def test_a_value_that_was_equal_when_the_object_was_adopted_and_never_written_drifts_too(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.app.put("ada", login="ada", emp="1", name="Ada Byron")
        assert changed(office.run()) == []
        office.app.edit("ada", name="Vandal")
        assert attribute_of(office, "name") == {"from": "Vandal", "to": "Ada Byron", "drift": True}


def test_a_difference_found_at_adoption_is_no_drift(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.app.put("ada", login="ada", emp="1", name="Ada Noel")
        assert attribute_of(office, "name") == {"from": "Ada Noel", "to": "Ada Byron"}


def test_a_value_set_by_another_hand_where_we_have_none_is_drift(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="title: '[jobTitle]'")) as office:
        office.run()
        office.app.edit("ada", title="Queen")
        assert attribute_of(office, "title") == {"from": "Queen", "to": None, "drift": True}
        office.run()
        assert "title" not in office.app.values("ada")
        office.app.edit("ada", title="Queen")
        assert attribute_of(office, "title") == {"from": "Queen", "to": None, "drift": True}


# --- enforce: change


def test_change_writes_only_when_our_own_value_changes(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="dept: {value: '[department]', enforce: change}")) as office:
        office.run()
        office.app.edit("ada", dept="Vandals")
        assert changed(office.run()) == []
        office.hr.edit("1", last="King")
        office.run()
        assert office.app.values("ada")["dept"] == "Vandals"
        office.hr.edit("1", dept="Computing")
        office.run()
        assert office.app.values("ada")["dept"] == "Computing"


def test_change_leaves_what_it_finds_at_adoption_and_writes_the_next_change(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="dept: {value: '[department]', enforce: change}")) as office:
        office.app.put("ada", login="ada", emp="1", name="Ada Byron", dept="Theirs")
        assert changed(office.run()) == []
        office.hr.edit("1", dept="Computing")
        office.run()
        assert office.app.values("ada")["dept"] == "Computing"


def test_change_writes_a_value_that_comes_after_a_create_without_one(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="title: {value: '[jobTitle]', enforce: change}")) as office:
        office.run()
        office.hr.edit("1", title="Countess")
        office.run()
        assert office.app.values("ada")["title"] == "Countess"
        office.hr.edit("1", title=None)
        office.run()
        assert "title" not in office.app.values("ada")


def test_change_that_another_hand_made_already_is_remembered(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="dept: {value: '[department]', enforce: change}")) as office:
        office.run()
        office.hr.edit("1", dept="Computing")
        office.app.edit("ada", dept="Computing")
        assert changed(office.run()) == []
        office.app.edit("ada", dept="Vandals")
        assert changed(office.run()) == []


# --- enforce: once and default


def test_once_writes_at_creation_and_never_again(tmp_path: Path) -> None:
    with Office(
        tmp_path, app_rules(flows="dept: {value: '[department]', enforce: once}"), people={"1": ADA, "2": BO}
    ) as office:
        office.app.put("b", login="b", emp="2", name="Bo Dahl")
        office.run()
        assert office.app.values("ada")["dept"] == "Maths"
        assert "dept" not in office.app.values("b")
        office.app.edit("ada", dept="Vandals")
        office.hr.edit("1", dept="Computing")
        assert changed(office.run()) == []


def test_default_writes_only_while_the_system_has_none(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="dept: {value: '[department]', enforce: default}")) as office:
        office.run()
        assert office.app.values("ada")["dept"] == "Maths"
        office.app.edit("ada", dept="Theirs")
        office.hr.edit("1", dept="Computing")
        assert changed(office.run()) == []
        office.app.edit("ada", dept=None)
        office.run()
        assert office.app.values("ada")["dept"] == "Computing"
        office.hr.edit("1", dept=None)
        assert changed(office.run()) == []
        assert office.app.values("ada")["dept"] == "Computing"


# --- many values


def phones(office: Office) -> list[Scalar]:
    held = office.app.values("ada").get("phones") or []
    assert isinstance(held, list)
    return held


def test_many_values_are_added_and_removed_one_by_one(tmp_path: Path) -> None:
    rules = app_rules(flows="phones: '[businessPhones]'")
    with Office(
        tmp_path, rules, hr=TAGS, people={"1": {**ADA, "phones": ["1", "2"]}}, attributes={"phones": "[text]"}
    ) as office:
        office.run()
        assert phones(office) == ["1", "2"]
        office.hr.edit("1", phones=["2", "3"])
        assert attribute_of(office, "phones") == {"add": ["3"], "remove": ["1"]}
        office.run()
        assert sorted(map(str, phones(office))) == ["2", "3"]


def test_foreign_values_among_many_are_drift_and_removed(tmp_path: Path) -> None:
    rules = app_rules(flows="phones: '[businessPhones]'")
    with Office(
        tmp_path, rules, hr=TAGS, people={"1": {**ADA, "phones": ["1", "2"]}}, attributes={"phones": "[text]"}
    ) as office:
        office.run()
        office.app.edit("ada", phones=["1", "9"])
        assert attribute_of(office, "phones") == {"add": ["2"], "remove": ["9"], "drift": True}
        office.hr.edit("1", phones=["1", "3"])
        assert attribute_of(office, "phones")["drift"] is True
        office.run()
        assert sorted(map(str, phones(office))) == ["1", "3"]


def test_with_change_only_the_values_that_we_want_otherwise_are_touched(tmp_path: Path) -> None:
    rules = app_rules(flows="phones: {value: '[businessPhones]', enforce: change}")
    with Office(
        tmp_path, rules, hr=TAGS, people={"1": {**ADA, "phones": ["1", "2"]}}, attributes={"phones": "[text]"}
    ) as office:
        office.run()
        office.app.edit("ada", phones=["1", "2", "9"])
        assert changed(office.run()) == []
        steps: list[tuple[list[Scalar], list[str]]] = [
            (["2", "3"], ["2", "3", "9"]),
            (["2", "4"], ["2", "4", "9"]),
            (["2"], ["2", "9"]),
        ]
        for wanted, shown in steps:
            office.hr.edit("1", phones=wanted)
            office.run()
            assert sorted(map(str, phones(office))) == shown
            assert office.quiet()


def test_with_change_values_in_another_case_are_the_same(tmp_path: Path) -> None:
    rules = app_rules(flows="phones: {value: '[businessPhones]', enforce: change}")
    with Office(
        tmp_path, rules, hr=TAGS, people={"1": {**ADA, "phones": ["a"]}}, attributes={"phones": "[text] inexact"}
    ) as office:
        office.run()
        office.app.edit("ada", phones=["A", "B"])
        office.run()
        office.hr.edit("1", phones=["a", "b"])
        assert changed(office.run()) == []


# --- NULL and the signals


def test_null_is_omitted_on_create_and_clears_on_update(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="title: '[jobTitle]'"), people={"1": {**ADA}}) as office:
        assert "title" not in the_change(office.plan(), "app")["attributes"]
        office.hr.edit("1", title="Countess")
        office.run()
        office.hr.edit("1", title=None)
        assert attribute_of(office, "title") == {"from": "Countess", "to": None}
        office.run()
        assert "title" not in office.app.values("ada")
        assert office.quiet()


@pytest.mark.parametrize("expression", ["IgnoreAttributeFlow()", "IgnoreAttributeFlow"])
def test_ignore_attribute_flow_leaves_the_value(tmp_path: Path, expression: str) -> None:
    flow = f"title: 'IIF([jobTitle] = \"-\", {expression}, [jobTitle])'"
    with Office(tmp_path, app_rules(flows=flow), people={"1": {**ADA, "title": "-"}}) as office:
        assert "title" not in the_change(office.plan(), "app")["attributes"]
        office.run()
        office.app.edit("ada", title="Theirs")
        assert changed(office.run()) == []
        office.hr.edit("1", title="Countess")
        office.run()
        assert office.app.values("ada")["title"] == "Countess"


def test_ignore_this_flow_leaves_the_value(tmp_path: Path) -> None:
    rules = app_rules(flows="title: 'IIF(IsPresent([jobTitle]), [jobTitle], IgnoreThisFlow)'", top="dialect: connect")
    rules = rules.replace("'ToLower([givenName])'", "'LCase([givenName])'")
    with Office(tmp_path, rules) as office:
        office.app.put("ada", login="ada", emp="1", name="Ada Byron", title="Theirs")
        assert changed(office.run()) == []
        office.hr.edit("1", title="Countess")
        office.run()
        assert office.app.values("ada")["title"] == "Countess"


def test_ignore_object_flow_leaves_the_whole_object(tmp_path: Path) -> None:
    flow = "title: 'IIF([jobTitle] = \"-\", IgnoreObjectFlow(), [jobTitle])'"
    with Office(tmp_path, app_rules(flows=flow), people={"1": {**ADA, "title": "-"}}) as office:
        assert changed(office.run()) == []
        office.hr.edit("1", title="Countess")
        office.run()
        office.hr.edit("1", title="-", last="King")
        office.app.edit("ada", emp="77")
        assert changed(office.run()) == []
        office.hr.edit("1", status="left")
        assert changed(office.run()) == [("app", "disable", "ada")]


def test_a_flow_that_fails_keeps_the_value_and_the_others_go_on(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="rank: 'CNum([jobTitle])'"), people={"1": {**ADA, "title": "7"}}) as office:
        office.run()
        office.hr.edit("1", title="many", last="King")
        result = office.run()
        assert kinds(result["errors"]) == ["expression"]
        assert "mappings/app-account.yaml:" in result["errors"][0]["message"]
        assert str(office.app.values("ada")["rank"]) == "7"
        assert office.app.values("ada")["name"] == "Ada King"


def test_alternatives_of_a_flow_are_tried_in_order(tmp_path: Path) -> None:
    flow = """
title:
  - {when: '[department] = "Maths"', value: '"Mathematician"'}
  - {value: '[jobTitle]'}
"""
    with Office(
        tmp_path, app_rules(flows=flow), people={"1": {**ADA, "title": "Boss"}, "2": {**BO, "title": "Boss"}}
    ) as office:
        office.run()
        assert office.app.values("ada")["title"] == "Mathematician"
        assert office.app.values("bo")["title"] == "Boss"


# --- what the system itself ignores


@pytest.mark.parametrize(
    ("spec", "ours", "theirs"),
    [
        ("text inexact", "Straße", "STRASSE"),
        ("text", "Zoe\u0308", "Zo\u00eb"),
        ("datetime", "2026-01-31T17:00:00Z", "2026-01-31T18:00:00+01:00"),
        ("integer", "7", 7),
        ("boolean", "true", True),
    ],
)
def test_differences_that_the_system_ignores_are_none(tmp_path: Path, spec: str, ours: str, theirs: Value) -> None:
    rules = app_rules(flows="title: '[jobTitle]'")
    with Office(tmp_path, rules, people={"1": {**ADA, "title": ours}}, attributes={"title": spec}) as office:
        office.app.put("ada", login="ada", emp="1", name="Ada Byron", title=theirs)
        assert changed(office.run()) == []
        office.app.edit("ada", title=None)
        assert changed(office.run()) == [("app", "update", "ada")]


def test_case_matters_where_the_schema_says_so(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.app.put("ada", login="ada", emp="1", name="ADA BYRON")
        assert changed(office.run()) == [("app", "update", "ada")]


@settings(max_examples=60)
@given(values=st.lists(st.sampled_from(["a", "B", "c", "é", "E\u0301"]), max_size=5), seed=st.randoms())
def test_the_order_of_many_values_is_no_difference(values: list[str], seed: Any) -> None:
    from_system = list(values)
    seed.shuffle(from_system)
    kind = Attribute("tags", many=True, exact=False)
    stick = settled(
        {"tags": (1, 1)},
        {"tags": list(values)},
        {},
        {"tags": [one.swapcase() for one in from_system]},
        ObjectSchema("account", "login", {"tags": kind}),
        2,
    )
    assert stick == {}


# --- confirmation, and what does not stick


class Stubborn(Office):
    """A system that turns the name into something else after every write."""

    def run_and_change_back(self) -> dict[str, Any]:
        result = self.run()
        self.app.edit("ada", name="STUCK")
        return result


def test_a_value_that_comes_back_different_three_times_is_reported_and_left(tmp_path: Path) -> None:
    with Stubborn(tmp_path) as office:
        for _ in range(3):
            result = office.run_and_change_back()
            assert len(changed(result)) == 1
            assert kinds(result["notes"]) == []
        for _ in range(3):
            result = office.run()
            assert changed(result) == []
            assert kinds(result["notes"]) == ["does-not-stick"]
            assert "name was written 3 times" in result["notes"][0]["message"]
            assert result["errors"] == []


def test_what_does_not_stick_is_left_although_other_attributes_go_on(tmp_path: Path) -> None:
    with Stubborn(tmp_path, app_rules(flows="dept: '[department]'")) as office:
        for _ in range(3):
            office.run_and_change_back()
        for number in range(4):
            office.hr.edit("1", dept=f"D{number}")
            office.app.edit("ada", colour=f"c{number}")
            result = office.run()
            assert the_change(result, "app")["attributes"].keys() == {"dept"}
            assert kinds(result["notes"]) == ["does-not-stick"]


def test_a_new_value_of_ours_is_tried_again(tmp_path: Path) -> None:
    with Stubborn(tmp_path) as office:
        for _ in range(3):
            office.run_and_change_back()
        office.run()
        office.hr.edit("1", last="King")
        assert len(changed(office.run())) == 1
        assert office.app.values("ada")["name"] == "Ada King"
        assert office.quiet()


def test_what_did_not_stick_and_is_mended_is_enforced_again(tmp_path: Path) -> None:
    with Stubborn(tmp_path) as office:
        for _ in range(3):
            office.run_and_change_back()
        office.run()
        office.app.edit("ada", name="Ada Byron")
        assert kinds(office.run()["notes"]) == []
        office.run()
        office.app.edit("ada", name="Vandal")
        assert len(changed(office.run())) == 1
        assert office.app.values("ada")["name"] == "Ada Byron"


def test_a_foreign_editor_after_confirmed_writes_is_undone_however_often(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        for number in range(6):
            assert office.quiet()
            office.app.edit("ada", name=f"Vandal {number}")
            result = office.run()
            assert len(changed(result)) == 1
            assert kinds(result["notes"]) == []
        assert office.app.values("ada")["name"] == "Ada Byron"


def test_a_disable_that_does_not_stick_is_left_and_reported(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.run()
        office.hr.edit("1", status="left")
        for _ in range(3):
            assert len(changed(office.run())) == 1
            office.app.edit("ada", enabled=True)
        result = office.run()
        assert changed(result) == []
        assert kinds(result["notes"]) == ["does-not-stick"]


@given(
    wrote=st.text("ab", max_size=2),
    before=st.text("ab", max_size=2),
    shown=st.text("ab", max_size=2),
    times=st.integers(1, 5),
    age=st.integers(0, 5),
)
def test_a_value_is_confirmed_when_it_shows_or_showed_since_it_was_written(
    wrote: str, before: str, shown: str, times: int, age: int
) -> None:
    kind = ObjectSchema("account", "login", {})
    written: Document = {"name": wrote}
    left = settled({"name": (times, 10)}, written, {"name": before}, {"name": shown}, kind, 10 + age)
    showed_in_between = age > 1 and before == wrote
    if shown == wrote or showed_in_between:
        assert left == {}
    else:
        assert left == {"name": (times, 10)}


# --- default values, and values that are only added


def test_a_default_is_written_when_the_object_is_made_and_never_again(tmp_path: Path) -> None:
    flow = "title: {value: '[jobTitle]', default: '\"Staff\"'}"
    with Office(tmp_path, app_rules(flows=flow), people={"1": ADA, "2": BO | {"title": "Clerk"}}) as office:
        office.app.put("bo", login="bo", emp="2", name="Bo Dahl")
        office.run()
        assert (office.app.values("ada")["title"], office.app.values("bo")["title"]) == ("Staff", "Clerk")
        assert office.quiet()
        office.app.edit("ada", title="Theirs")
        assert office.quiet()


def test_a_value_that_goes_is_cleared_although_there_is_a_default(tmp_path: Path) -> None:
    flow = "title: {value: '[jobTitle]', default: '\"Staff\"'}"
    with Office(tmp_path, app_rules(flows=flow)) as office:
        office.run()
        office.hr.edit("1", title="Countess")
        assert attribute_of(office, "title") == {"from": "Staff", "to": "Countess"}
        office.run()
        office.hr.edit("1", title=None)
        assert attribute_of(office, "title") == {"from": "Countess", "to": None}
        office.run()
        assert office.quiet()


def test_a_default_leaves_what_it_finds_at_adoption(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="title: {value: '[jobTitle]', default: '\"Staff\"'}")) as office:
        office.app.put("ada", login="ada", emp="1", name="Ada Byron", title="Theirs")
        assert changed(office.run()) == []


@pytest.mark.parametrize("enforce", ["once", "always", "default"])
def test_a_default_goes_with_every_enforce(tmp_path: Path, enforce: str) -> None:
    flow = f"title: {{value: '[jobTitle]', enforce: {enforce}, default: 'RandomString(8, 0, 0, 0, 8, )'}}"
    with Office(tmp_path, app_rules(flows=flow)) as office:
        office.run()
        assert len(str(office.app.values("ada")["title"])) == 8
        assert office.quiet()


def test_add_adds_single_values_and_takes_none_away(tmp_path: Path) -> None:
    flow = "tags: {value: '[businessPhones]', enforce: add}"
    with Office(
        tmp_path,
        app_rules(flows=flow),
        hr=TAGS,
        people={"1": ADA | {"phones": ["a", "b"]}},
        attributes={"tags": "[text]"},
    ) as office:
        office.app.put("ada", login="ada", emp="1", name="Ada Byron", tags=["own", "a"])
        assert attribute_of(office, "tags") == {"add": ["b"], "remove": []}
        office.run()
        office.hr.edit("1", phones=["c"])
        assert attribute_of(office, "tags") == {"add": ["c"], "remove": []}
        office.run()
        assert set(office.app.values("ada")["tags"]) == {"own", "a", "b", "c"}  # type: ignore[arg-type]
        office.hr.edit("1", phones=None)
        assert office.quiet()
        office.hr.edit("1", phones=["c"])
        office.app.edit("ada", tags=["own"])
        assert attribute_of(office, "tags") == {"add": ["c"], "remove": [], "drift": True}


def test_add_replaces_a_single_value_and_never_clears_it(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="title: {value: '[jobTitle]', enforce: add}")) as office:
        office.run()
        office.hr.edit("1", title="Countess")
        office.run()
        office.hr.edit("1", title="Analyst")
        office.run()
        assert office.app.values("ada")["title"] == "Analyst"
        office.hr.edit("1", title=None)
        assert office.quiet()
