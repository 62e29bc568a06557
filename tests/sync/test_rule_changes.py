"""A rule changed between two runs: what is worked out again, and what a removed or renamed mapping leaves behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.sync.people import ADA, BO, HR, Office, app_rules
from tests.sync.readings import APP, FILE
from tests.sync.readings import HR as NAMED
from tests.sync.world import MemorySide, World, changed, kinds, schema, the_change

TEAMS = """
identity: group
project: true
inbound:
  precedence: 10
  flows:
    displayName: '[id]'
    members: {references: '[%s]', to: hr/worker}
"""
GROUPS = """
identity: group
join:
  - displayName: '[name]'
outbound:
  provision: true
  flows:
    name: '[displayName]'
"""

SECOND = """
identity: person
join:
  - employeeId: '[id]'
inbound:
  precedence: %d
  flows:
    department: '[unit]'
"""


def counts(office: Office) -> dict[str, int]:
    """How many objects and identities the last run worked out."""
    with office.muster() as muster:
        muster.run()
        steps = muster.log(limit=1)["runs"][0]["steps"]
    found = {step["name"]: step["counts"] for step in steps}
    return {"in": found["inbound"]["identities"], "out": found["outbound"]["identities"]}


# --- nothing changed


def test_nothing_is_worked_out_again_while_no_rule_changed(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}) as office:
        office.run()
        office.run()
        assert counts(office) == {"in": 0, "out": 0}


def test_comments_and_the_order_of_keys_are_no_change(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}) as office:
        office.run()
        office.run()
        file = tmp_path / "mappings/app-account.yaml"
        file.write_text("# who has an account\n" + file.read_text())
        assert counts(office) == {"in": 0, "out": 0}


def test_a_changed_outbound_flow_does_not_work_the_metaverse_out_again(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}) as office:
        office.run()
        office.run()
        file = tmp_path / "mappings/app-account.yaml"
        file.write_text(file.read_text().replace("name: '[displayName]'", "name: '[surname]'"))
        assert counts(office) == {"in": 0, "out": 2}


# --- each part


def test_a_changed_inbound_flow_reaches_every_identity(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}) as office:
        office.run()
        office.mapping(
            "hr-worker", "hr", "worker", HR.replace('Join(" ", [first], [last])', 'Join(", ", [last], [first])')
        )
        office.run()
        assert office.app.values("ada")["name"] == "Byron, Ada"
        assert office.app.values("bo")["name"] == "Dahl, Bo"


def test_a_removed_inbound_flow_takes_its_value_away(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="dept: '[department]'")) as office:
        office.run()
        office.mapping("hr-worker", "hr", "worker", HR.replace("    department: '[dept]'\n", ""))
        office.run()
        assert "dept" not in office.app.values("ada")


def test_a_changed_precedence_changes_who_wins(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="dept: '[department]'")) as office:
        office.source("badges", "badge", rows={"1": {"unit": "Lab"}}, mapping=SECOND % 20)
        office.run()
        assert office.app.values("ada")["dept"] == "Maths"
        office.mapping("badges-badge", "badges", "badge", SECOND % 5)
        office.run()
        assert office.app.values("ada")["dept"] == "Lab"


def test_a_changed_source_scope_brings_in_and_puts_out(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}) as office:
        office.run()
        office.mapping("hr-worker", "hr", "worker", "scope: '[dept] = \"Maths\"'\n" + HR)
        assert changed(office.run()) == [("app", "disable", "bo")]
        office.mapping("hr-worker", "hr", "worker", HR)
        office.run()
        assert office.app.values("bo")["enabled"] is True


def test_a_changed_target_scope_lets_refused_creates_through(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(top="scope: '[name] <> \"Ada Byron\"'")) as office:
        assert kinds(office.run()["errors"]) == ["scope"]
        office.rules(top="scope: '[name] <> \"Nobody\"'")
        assert changed(office.run()) == [("app", "create", "ada")]


def test_a_changed_join_finds_objects_that_waited(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(provision="false")) as office:
        office.app.put("x", login="x", badge="1", emp="?")
        office.run()
        assert [u["anchor"] for u in office.plan()["unmanaged"]] == ["x"]
        file = tmp_path / "mappings/app-account.yaml"
        file.write_text(file.read_text().replace("employeeId: '[emp]'", "employeeId: '[badge]'"))
        office.run()
        assert office.plan()["unmanaged"] == []
        assert office.explain("x")["identity"] == office.explain("1")["identity"]


def test_project_that_is_switched_on_makes_identities_of_what_waited(tmp_path: Path) -> None:
    with Office(tmp_path, hr=HR.replace("project: true", "join:\n  - employeeId: '[id]'")) as office:
        office.run()
        assert office.app.all() == {}
        office.mapping("hr-worker", "hr", "worker", HR)
        office.run()
        assert set(office.app.all()) == {"ada"}


def test_a_changed_provision_is_asked_of_everybody(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}) as office:
        office.run()
        office.rules(provision='[department] = "Maths"')
        assert changed(office.run()) == [("app", "disable", "bo")]


def test_a_changed_deprovision_counts_from_the_instant_that_was(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.hr.edit("1", status="left")
        office.run()
        office.wait(days=20)
        office.rules(deprovision="[{do: disable}, {do: delete, after: 21 days}]")
        assert changed(office.run()) == []
        office.wait(days=1)
        assert changed(office.run()) == [("app", "delete", "ada")]


def test_clear_groups_that_is_taken_out_of_the_rules_lets_memberships_come_back(tmp_path: Path) -> None:
    with World(tmp_path, safety="safety: {percent: 100, members: 100}\n") as world:
        hr, groups = _club(world)
        world.run()
        hr.edit("1", status="left")
        world.run()
        assert groups.members("t", "member") == {"bo"}
        world.mapping("app-account", "app", "account", app_rules())
        world.run()
        assert groups.members("t", "member") == {"ada", "bo"}


def test_a_provision_that_is_removed_leaves_objects_as_they_are_and_updates_them(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.hr.edit("1", status="left")
        office.run()
        rules = app_rules().replace("  provision: '[active]'\n", "").replace("  deprovision: disable\n", "")
        office.mapping("app-account", "app", "account", rules)
        office.hr.edit("1", last="King")
        assert changed(office.run()) == [("app", "update", "ada")]
        assert office.app.values("ada")["enabled"] is False


def test_an_outbound_section_that_is_removed_takes_its_pending_changes_with_it(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        assert len(changed(office.plan())) == 1
        office.mapping("app-account", "app", "account", "identity: person\njoin:\n  - employeeId: '[emp]'\n")
        assert changed(office.run()) == []
        assert office.app.all() == {}


@pytest.mark.parametrize("part", ["protect", "unmanaged", "deleted elsewhere"])
def test_what_a_mapping_says_of_its_objects_takes_effect_at_once(tmp_path: Path, part: str) -> None:
    with Office(tmp_path) as office:
        office.app.put("ghost", login="ghost", enabled=True)
        office.run()
        office.app.edit("ada", name="Vandal")
        if part == "protect":
            office.rules(top="protect: '[login] = \"ada\"'")
            assert changed(office.run()) == []
        elif part == "unmanaged":
            office.rules(top="unmanaged: disable")
            assert ("app", "disable", "ghost") in changed(office.run())
        else:
            office.app.remove("ada")
            office.run()
            office.app.remove("ada")
            office.rules(top="deleted elsewhere: report")
            assert changed(office.run()) == []
            office.rules(top="deleted elsewhere: recreate")
            assert changed(office.run()) == [("app", "create", "ada")]


def test_a_changed_parameter_reaches_the_rules_that_use_it(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="realm: '[employeeId] & \"@\" & %realm%'")) as office:
        muster = (tmp_path / "muster.yaml").read_text()
        office.write("muster.yaml", muster + "parameters: {realm: a.example}\n")
        office.run()
        assert office.app.values("ada")["realm"] == "1@a.example"
        office.write("muster.yaml", muster + "parameters: {realm: b.example}\n")
        assert changed(office.run()) == [("app", "update", "ada")]
        assert office.app.values("ada")["realm"] == "1@b.example"


EXTENSION = """
from muster.project.extensions import expression_function

@expression_function
def Shout(text):
    return text.upper() + "%s"
"""


@pytest.mark.parametrize("where", ["outbound", "inbound", "provision", "computed"])
def test_a_changed_extension_reaches_the_rules_that_call_it(tmp_path: Path, where: str) -> None:
    hr = HR.replace("jobTitle: '[title]'", "jobTitle: 'Shout([dept])'") if where == "inbound" else HR
    rules = {
        "outbound": app_rules(flows="loud: 'Shout([department])'"),
        "inbound": app_rules(flows="loud: '[jobTitle]'"),
        "provision": app_rules(provision='Shout([department]) = "MATHS!"'),
        "computed": app_rules(flows="loud: '[jobTitle]'"),
    }[where]
    with Office(tmp_path, rules, hr=hr) as office:
        if where == "computed":
            office.mapping("hr-worker", "hr", "worker", HR.replace("    jobTitle: '[title]'\n", ""))
            office.write("metaverse.yaml", "person:\n  computed:\n    jobTitle: {value: 'Shout([department])'}\n")
        office.write("extensions/loud.py", EXTENSION % "!")
        office.run()
        assert set(office.app.all()) == {"ada"}
        office.write("extensions/loud.py", EXTENSION % "?")
        office.run()
        if where == "provision":
            assert office.app.values("ada")["enabled"] is False
        else:
            assert office.app.values("ada")["loud"] == "MATHS?"


def test_a_changed_computed_value_reaches_everybody(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="alias: '[mailNickname]'")) as office:
        office.write("metaverse.yaml", "person:\n  computed:\n    mailNickname: {value: 'ToLower([surname])'}\n")
        office.run()
        assert office.app.values("ada")["alias"] == "byron"
        office.write("metaverse.yaml", "person:\n  computed:\n    mailNickname: {value: 'ToUpper([surname])'}\n")
        office.run()
        assert office.app.values("ada")["alias"] == "BYRON"


def _club(world: World, size: str = "[reference] large") -> tuple[MemorySide, MemorySide]:
    hr = world.source("hr", "worker", rows={"1": ADA, "2": BO}, mapping=HR)
    many = {"member": "[reference] large", "owner": "[reference] large"}
    teams = world.system("teams", schema("team", "id", many, enabled=False))
    world.mapping("teams-team", "teams", "team", TEAMS % "member")
    app = world.system("app", schema("account", "login", {}), schema("group", "name", {"member": size}, enabled=False))
    world.mapping("app-account", "app", "account", app_rules(deprovision="[{do: disable}, {do: clear groups}]"))
    world.mapping("app-group", "app", "group", GROUPS + "    member: {references: '[members]'}\n")
    teams.put("team", "t", {"id": "t"})
    teams.put_edges("team", "t", "member", ["1", "2"])
    teams.put_edges("team", "t", "owner", ["1"])
    return hr, MemorySide(app, "group")


def _members(groups: MemorySide) -> set[str]:
    held = groups.values("t").get("member") or sorted(groups.members("t", "member"))
    assert isinstance(held, list)
    return {str(one) for one in held}


def test_a_changed_large_reference_is_read_anew(tmp_path: Path) -> None:
    with World(tmp_path, safety="safety: {percent: 100, members: 100}\n") as world:
        _, groups = _club(world)
        world.run()
        assert groups.members("t", "member") == {"ada", "bo"}
        world.mapping("teams-team", "teams", "team", TEAMS % "owner")
        world.run()
        assert groups.members("t", "member") == {"ada"}
        world.mapping("teams-team", "teams", "team", TEAMS % "member")
        world.run()
        assert groups.members("t", "member") == {"ada", "bo"}


def test_a_removed_reference_flow_ends_its_references(tmp_path: Path) -> None:
    hr = HR + "    manager: {reference: '[boss]', to: worker}\n"
    rules = app_rules(flows="manager: {reference: '[manager]'}")
    people: dict[str, dict[str, Any]] = {"1": {**ADA}, "2": {**BO, "boss": "1"}}
    with Office(tmp_path, rules, hr=hr, people=people, attributes={"manager": "reference"}) as office:
        office.run()
        assert office.app.values("bo")["manager"] == "ada"
        office.mapping("hr-worker", "hr", "worker", HR)
        office.run()
        assert "manager" not in office.app.values("bo")


# --- removed and renamed


def test_a_removed_mapping_freezes_its_objects_until_it_is_retired(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.drop("mappings/app-account.yaml")
        office.hr.edit("1", last="King", status="left")
        result = office.run()
        assert changed(result) == []
        assert told(result) == [FROZEN % ("its 1 object", "is", "the new file")]
        assert office.app.values("ada") == {"login": "ada", "emp": "1", "name": "Ada Byron", "enabled": True}
        with office.muster() as muster:
            assert muster.retire("app-account", by="ada") == {"retired": "app-account", "objects": 1}
        assert office.run()["held"] == []


FROZEN = (
    "mapping app-account is no longer in the project; %s in app/account %s frozen: not read, not written, not deleted. "
    "If it was renamed, write `was: app-account` in %s; to let go of them: muster retire app-account"
)


def told(result: dict[str, Any]) -> list[str]:
    """What waits for a person, and what is wrong."""
    return [problem["message"] for problem in (*result["held"], *result["errors"])]


def test_a_mapping_renamed_without_was_is_told_in_one_message_and_makes_nothing_twice(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}) as office:
        office.run()
        text = (tmp_path / "mappings/app-account.yaml").read_text()
        office.drop("mappings/app-account.yaml")
        office.write("mappings/accounts.yaml", text)
        office.hr.put("3", id="3", first="Cy", last="Eld", status="active")
        for result in (office.plan(), office.run(), office.run()):
            assert told(result) == [FROZEN % ("its 2 objects", "are", "mappings/accounts.yaml")]
        assert office.app.all().keys() == {"ada", "bo", "cy"}
        office.write("mappings/accounts.yaml", f"{text}was: app-account\n")
        assert (changed(office.run()), told(office.run())) == ([], [])


def test_a_mapping_renamed_without_was_doubles_no_account_that_its_system_names(tmp_path: Path) -> None:
    rules = app_rules().replace("    login: 'ToLower([givenName])'\n", "")
    with Office(tmp_path, rules, anchor="number", assigned=True) as office:
        office.run()
        office.drop("mappings/app-account.yaml")
        office.mapping("accounts", "app", "account", rules)
        assert changed(office.run()) == []
        with office.muster() as muster:
            muster.retire("app-account", by="ada")
        assert (changed(office.run()), told(office.run())) == ([], [])
        assert len(office.app.all()) == 1
        assert office.explain("1")["systems"][0]["anchor"] == next(iter(office.app.all()))


def test_what_would_take_the_place_of_frozen_objects_is_one_error(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}) as office:
        office.run()
        office.write("metaverse.yaml", "contact: {attributes: {employeeId: text, employeeLeaveDateTime: text}}")
        office.source("agency", "worker", rows={"7": ADA, "8": BO}, mapping=HR.replace("person", "contact"))
        text = (tmp_path / "mappings/app-account.yaml").read_text()
        office.write("mappings/app-account.yaml", text.replace("identity: person", "identity: contact"))
        for result in (office.plan(), office.run()):
            assert told(result) == [
                "mapping app-account (app/account, person): mappings/app-account.yaml was turned to other objects, and "
                "its 2 objects in app/account are frozen: not read, not written, not deleted. To let go of them: "
                "muster retire 'app-account (app/account, person)'",
                "mappings/app-account.yaml: 2 creates in app/account would take the login of a frozen object of "
                "mapping app-account (app/account, person). Decide about that mapping first",
            ]
        with office.muster() as muster:
            muster.retire("app-account (app/account, person)", by="ada")
        assert kinds(office.run()["held"]) == ["clash", "clash"]


def test_what_was_done_by_a_mapping_that_is_retired_can_still_be_explained(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.drop("mappings/app-account.yaml")
        office.run()
        assert [(one["mapping"], one["state"]) for one in office.explain("1")["objects"]] == [
            ("app-account", "frozen"),
            ("hr-worker", "joined"),
        ]
        with office.muster() as muster:
            muster.retire("app-account", by="ada")
        assert [(event["mapping"], event["anchor"]) for event in office.explain("1")["history"]] == [(None, "ada")]


def test_a_removed_source_freezes_what_it_said(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="dept: '[department]'")) as office:
        office.source("badges", "badge", rows={"1": {"unit": "Lab"}}, mapping=SECOND % 5)
        office.run()
        assert office.app.values("ada")["dept"] == "Lab"
        office.drop("mappings/badges-badge.yaml")
        office.hr.edit("1", dept="Computing", last="King")
        office.run()
        assert office.app.values("ada")["dept"] == "Lab"
        assert office.app.values("ada")["name"] == "Ada King"
        with office.muster() as muster:
            muster.retire("badges-badge", by="ada")
        office.run()
        assert office.app.values("ada")["dept"] == "Computing"


def test_values_of_others_still_come_and_go_while_a_source_is_frozen(tmp_path: Path) -> None:
    with Office(
        tmp_path, app_rules(flows="dept: '[department]'\ntitle: '[jobTitle]'"), people={"1": {**ADA, "title": "X"}}
    ) as office:
        office.source("badges", "badge", rows={"1": {"unit": "Lab"}}, mapping=SECOND % 5)
        office.run()
        office.drop("mappings/badges-badge.yaml")
        office.hr.edit("1", title=None)
        office.run()
        assert "title" not in office.app.values("ada")
        assert office.app.values("ada")["dept"] == "Lab"


def test_nobody_leaves_because_the_mapping_of_their_source_was_removed(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}) as office:
        office.run()
        office.drop("mappings/hr-worker.yaml")
        assert changed(office.run()) == []
        office.app.edit("ada", name="Vandal")
        office.run()
        assert office.app.values("ada")["name"] == "Ada Byron"
        with office.muster() as muster:
            muster.retire("hr-worker", by="ada")
        assert sorted(changed(office.run())) == [("app", "disable", "ada"), ("app", "disable", "bo")]


def test_a_mapping_that_comes_back_catches_up_with_what_happened_meanwhile(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}) as office:
        office.run()
        office.drop("mappings/hr-worker.yaml")
        office.run()
        office.hr.edit("1", last="King")
        office.hr.remove("2")
        office.run()
        office.mapping("hr-worker", "hr", "worker", HR)
        office.run(allow_deletes=True)
        assert office.app.values("ada")["name"] == "Ada King"
        assert office.app.values("bo")["enabled"] is False


def test_pending_changes_of_a_removed_mapping_are_not_made(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.hr.edit("1", last="King")
        assert len(changed(office.plan())) == 1
        office.drop("mappings/app-account.yaml")
        assert changed(office.apply()) == []
        assert office.app.values("ada")["name"] == "Ada Byron"


@pytest.mark.parametrize("told", ["at once", "later"])
def test_was_follows_a_rename_without_touching_anything(tmp_path: Path, told: str) -> None:
    with Office(tmp_path, app_rules(deprovision="[{do: disable}, {do: delete, after: 30 days}]")) as office:
        office.run()
        office.hr.edit("1", status="left")
        office.run()
        text = (tmp_path / "mappings/app-account.yaml").read_text()
        office.drop("mappings/app-account.yaml")
        office.write("mappings/accounts.yaml", text)
        if told == "later":
            office.run()
        office.write("mappings/accounts.yaml", f"{text}was: app-account\n")
        result = office.run()
        assert changed(result) == []
        assert result["held"] == []
        office.wait(days=30)
        assert changed(office.run()) == [("app", "delete", "ada")]


def test_holds_follow_a_renamed_mapping(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.hold("ada", "disabled", by="x", why="y", mapping="app-account")
        office.run()
        text = (tmp_path / "mappings/app-account.yaml").read_text()
        office.drop("mappings/app-account.yaml")
        office.write("mappings/accounts.yaml", f"{text}was: app-account\n")
        assert changed(office.run()) == []
        assert office.app.values("ada")["enabled"] is False


def test_a_rename_alone_works_nothing_out_again(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}) as office:
        office.run()
        office.run()
        text = (tmp_path / "mappings/app-account.yaml").read_text()
        office.drop("mappings/app-account.yaml")
        office.write("mappings/accounts.yaml", f"{text}was: app-account\n")
        assert counts(office) == {"in": 0, "out": 0}


def test_a_mapping_that_turns_to_another_system_lets_go_of_nothing_it_held_before(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        text = (tmp_path / "mappings/app-account.yaml").read_text()
        new = MemorySide(office.system("new", schema("account", "login", {})), "account")
        office.write("mappings/app-account.yaml", text.replace("system: app", "system: new"))
        result = office.run()
        assert changed(result) == [("new", "create", "ada")]
        assert kinds(result["held"]) == ["frozen"]
        office.hr.edit("1", status="left")
        assert changed(office.run()) == [("new", "disable", "ada")]
        assert new.values("ada")["enabled"] is False
        assert office.app.values("ada")["enabled"] is True


@pytest.mark.parametrize("size", ["[reference] large", "[reference]"])
def test_references_to_objects_of_a_removed_mapping_stay(tmp_path: Path, size: str) -> None:
    with World(tmp_path, safety="safety: {percent: 100, members: 100}\n") as world:
        _, groups = _club(world, size)
        world.run()
        assert _members(groups) == {"ada", "bo"}
        world.drop("mappings/app-account.yaml")
        world.mapping(
            "app-group", "app", "group", f"{GROUPS}    member: {{references: '[members]'}}\n    note: '[displayName]'\n"
        )
        world.run()
        assert groups.values("t")["note"] == "t"
        assert _members(groups) == {"ada", "bo"}


def test_the_reason_of_a_change_names_the_rule_that_now_holds(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.rules(flows="dept: '[department]'")
        change = the_change(office.plan(), "app")
        assert change["reason"]["rule"] == "dept"
        line = (tmp_path / "mappings/app-account.yaml").read_text().splitlines()[change["reason"]["line"] - 1]
        assert "dept" in line


# --- what a system's file says


def _filed(world: World) -> MemorySide:
    """People in a file, and their accounts."""
    world.write("data/hr.csv", "id,name,mail\n" + "".join(f"{n:03},Zoé{n},n{n}@acme.example\n" for n in range(9)))
    world.write("systems/hr.yaml", FILE)
    world.mapping("hr-worker", "hr", "worker", NAMED)
    return world.target("app", "account", mapping=APP)


def _read_whole(world: World) -> bool:
    """Whether the next run reads HR whole."""
    with world.muster() as muster:
        muster.run()
        steps = muster.log(limit=1)["runs"][0]["steps"]
    (step,) = [step for step in steps if (step["name"], step["system"]) == ("import", "hr")]
    return bool(step["counts"]["full"])


def test_a_system_whose_file_says_otherwise_how_it_is_read_is_read_whole_once(world: World) -> None:
    app = _filed(world)
    world.run()
    assert not _read_whole(world)
    world.write("systems/hr.yaml", f"{FILE}staging: false\nsafety: {{percent: 20}}\nread: {{all: 2 hours}}\n")
    assert not _read_whole(world), "nothing of that is about how objects are read"
    world.write("systems/hr.yaml", FILE.replace("hr.csv}", "hr.csv, encoding: cp1252}"))
    assert len(world.plan()["changes"]) == 9
    world.write("systems/hr.yaml", "# as it was\n" + FILE)
    assert (world.plan()["changes"], app.values("u000")["name"]) == ([], "Zoé0")
    assert not _read_whole(world)


def test_settings_are_remembered_only_after_a_read_that_went_well(world: World) -> None:
    _filed(world)
    world.run()
    world.write("systems/hr.yaml", FILE.replace("anchor: id", "anchor: id, columns: {name: integer}"))
    for _ in range(2):
        assert kinds(world.run()["errors"]) == ["read"] * 9
    world.write("systems/hr.yaml", FILE.replace("data/hr.csv", "data/other.csv"))
    assert kinds(world.run()["errors"]) == ["unreachable"]
    world.write("data/other.csv", (world.folder / "data" / "hr.csv").read_text("utf-8").replace("n8@", "n9@"))
    assert [one[2] for one in changed(world.run())] == ["u008"]


def test_a_changed_anchor_is_said_by_name_and_takes_nobody_away(world: World) -> None:
    _filed(world)
    world.run()
    world.write("systems/hr.yaml", FILE.replace("anchor: id", "anchor: mail"))
    result = world.run(full=True, allow_deletes=True)
    assert [error["message"] for error in result["errors"]] == [
        "hr: the anchor of worker is mail now, and what is known of it is named by its id: all of it would be taken "
        "for gone, and as much for new. Nothing is read from hr or written to it. Correct the anchor in "
        "systems/hr.yaml. If the new one is right: muster forget hr"
    ]
    assert changed(result) == []
    world.write("systems/hr.yaml", FILE)
    assert (world.run()["errors"], _read_whole(world)) == ([], False)
    world.write("systems/hr.yaml", FILE.replace("anchor: id", "anchor: mail"))
    with world.muster() as muster:
        muster.forget("hr", sure=True, by="ada", why="the file has no other key")
    result = world.run()
    assert (changed(result), result["held"], result["errors"]) == ([], [], []), "found anew by their numbers"
    assert (world.run()["errors"], _read_whole(world)) == ([], False)
