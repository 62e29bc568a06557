"""Whether an object should exist: provision, what is found before it is made, deleted elsewhere, unmanaged, protect."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sync.people import ADA, BO, HR, Office, app_rules
from tests.sync.world import MemorySide, World, changed, kinds, schema, the_change

UPDATES = """
identity: person
join:
  - employeeId: '[emp]'
outbound:
  flows:
    name: '[displayName]'
"""


# --- provision


def test_provision_decides_who_has_an_object(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": {**BO, "status": "left"}}) as office:
        office.run()
        assert set(office.app.all()) == {"ada"}
        office.hr.edit("2", status="active")
        office.run()
        assert set(office.app.all()) == {"ada", "bo"}


def test_provision_true_means_everybody(tmp_path: Path) -> None:
    rules = app_rules().replace("provision: '[active]'", "provision: true")
    with Office(tmp_path, rules, people={"1": ADA, "2": {**BO, "status": "left"}}) as office:
        office.run()
        assert set(office.app.all()) == {"ada", "bo"}


def test_without_provision_a_mapping_only_updates(tmp_path: Path) -> None:
    with Office(tmp_path, UPDATES, people={"1": ADA, "2": BO}) as office:
        office.app.put("x", login="x", emp="1", enabled=True)
        office.run()
        assert office.app.all() == {"x": {"login": "x", "emp": "1", "enabled": True, "name": "Ada Byron"}}
        office.hr.edit("1", status="left", last="King")
        office.run()
        assert office.app.values("x")["name"] == "Ada King"
        assert office.app.values("x")["enabled"] is True
        office.hr.remove("1")
        office.run()
        assert office.app.values("x")["enabled"] is True


def test_a_mapping_that_only_updates_does_not_make_again_what_another_hand_deleted(tmp_path: Path) -> None:
    with Office(tmp_path, UPDATES) as office:
        office.app.put("x", login="x", emp="1")
        office.run()
        office.app.remove("x")
        assert changed(office.run()) == []
        assert office.app.all() == {}


def test_a_provision_that_fails_leaves_everything_as_it_is_and_says_where(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(provision="CBool([jobTitle])"), people={"1": {**ADA, "title": "true"}}) as office:
        office.run()
        assert set(office.app.all()) == {"ada"}
        office.hr.edit("1", title="perhaps", last="King")
        result = office.run()
        assert kinds(result["errors"]) == ["expression"]
        assert "mappings/app-account.yaml:" in result["errors"][0]["message"]
        assert office.app.values("ada")["enabled"] is True
        assert office.app.values("ada")["name"] == "Ada King"


def test_a_provision_that_is_null_is_false(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(provision="[jobTitle]"), people={"1": {**ADA, "title": "true"}, "2": BO}) as office:
        office.run()
        assert set(office.app.all()) == {"ada"}
        office.hr.edit("1", title=None)
        office.run()
        assert office.app.values("ada")["enabled"] is False


# --- look before it is made


def test_an_object_that_the_join_rules_find_in_the_connector_space_is_taken_and_none_is_made(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.app.put("lovelace", login="lovelace", emp="1", name="?")
        assert changed(office.plan()) == [("app", "update", "lovelace")]
        office.run()
        assert set(office.app.all()) == {"lovelace"}


def test_an_object_that_waited_unmanaged_is_taken_when_its_person_comes(tmp_path: Path) -> None:
    with Office(tmp_path, people={"2": BO}) as office:
        office.app.put("lovelace", login="lovelace", emp="1")
        office.run()
        assert set(office.app.all()) == {"lovelace", "bo"}
        office.hr.put("1", id="1", **ADA)
        office.run()
        assert set(office.app.all()) == {"lovelace", "bo"}
        assert office.app.values("lovelace")["name"] == "Ada Byron"


def test_an_object_that_a_read_did_not_show_is_found_in_the_system_before_one_is_made(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.app.put("zzz", login="zzz", emp="9")
        office.app.put("lovelace", login="lovelace", emp="1")
        office.app.system.faults.break_after_pages = 1
        office.app.system.page_size = 1
        office.run()
        assert set(office.app.all()) == {"lovelace", "zzz"}
        assert office.app.values("lovelace")["name"] == "Ada Byron"


def test_one_is_made_when_the_system_has_none_although_it_could_not_be_read(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.app.put("yyy", login="yyy", emp="8")
        office.app.system.faults.break_after_pages = 1
        office.app.system.page_size = 1
        office.app.put("zzz", login="zzz", emp="9")
        office.run()
        assert set(office.app.all()) == {"ada", "yyy", "zzz"}


def test_a_create_that_the_mappings_own_scope_would_reject_is_refused(tmp_path: Path) -> None:
    rules = app_rules(top="scope: '[name] <> \"Bo Dahl\"'")
    with Office(tmp_path, rules, people={"1": ADA, "2": BO}) as office:
        result = office.run()
        assert set(office.app.all()) == {"ada"}
        assert kinds(result["errors"]) == ["scope"]
        assert "the mapping's own scope would not take it in" in result["errors"][0]["message"]
        assert kinds(office.run()["errors"]) == ["scope"]


# --- gone by another hand


def test_what_another_hand_deleted_is_made_again(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.app.remove("ada")
        change = the_change(office.plan(), "app")
        assert (change["action"], change["reason"]["rule"]) == ("create", "deleted elsewhere: recreate")
        office.run()
        assert set(office.app.all()) == {"ada"}
        assert office.quiet()


def test_deleted_elsewhere_report_tells_and_makes_nothing(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(top="deleted elsewhere: report")) as office:
        office.run()
        office.app.remove("ada")
        for _ in range(2):
            result = office.run()
            assert changed(result) == []
            assert "deleted-elsewhere" in kinds(result["notes"])
        assert office.app.all() == {}


def test_an_object_deleted_after_it_was_no_longer_wanted_is_not_missed(tmp_path: Path) -> None:
    with Office(
        tmp_path, app_rules(top="deleted elsewhere: report"), safety="safety: {deletes: 1, percent: 100}\n"
    ) as o:
        o.run()
        o.hr.edit("1", status="left")
        o.run()
        o.app.remove("ada")
        assert kinds(o.run()["notes"]) == []
        o.wait(days=2)
        o.hr.edit("1", status="active")
        result = o.run()
        assert changed(result) == [("app", "create", "ada")]
        assert result["changes"][0]["reason"]["rule"] == "provision"


def test_re_creations_count_against_the_delete_limit(tmp_path: Path) -> None:
    people = {str(n): {"first": f"P{n}", "last": "X", "status": "active"} for n in range(20)}
    with Office(
        tmp_path, app_rules(deprovision="delete"), people=people, safety="safety: {deletes: 3, percent: 50}\n"
    ) as office:
        office.run()
        for n in (1, 2):
            office.hr.edit(str(n), status="left")
        office.run()
        assert len(office.app.all()) == 18
        for n in (3, 4):
            office.app.remove(f"p{n}")
        result = office.run()
        assert kinds(result["held"]) == ["deletes"]
        assert len(office.app.all()) == 16
        office.run(allow_deletes=True)
        assert len(office.app.all()) == 18


# --- objects that nobody owns


def test_unmanaged_objects_are_reported_and_left_alone(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.app.put("ghost", login="ghost", emp="99", enabled=True)
        plan = office.plan()
        assert [(u["system"], u["object_type"], u["anchor"]) for u in plan["unmanaged"]] == [
            ("app", "account", "ghost")
        ]
        office.run()
        assert office.app.values("ghost")["enabled"] is True
        assert [u["anchor"] for u in office.status()["unmanaged"]] == ["ghost"]


def test_unmanaged_disable_switches_off_what_nobody_owns_and_again_when_another_hand_switches_it_on(
    tmp_path: Path,
) -> None:
    with Office(tmp_path, app_rules(top="unmanaged: disable")) as office:
        office.app.put("ghost", login="ghost", emp="99", enabled=True)
        assert ("app", "disable", "ghost") in changed(office.run())
        assert office.app.values("ghost")["enabled"] is False
        assert office.quiet()
        office.app.edit("ghost", enabled=True)
        office.run()
        assert office.app.values("ghost")["enabled"] is False


def test_an_unmanaged_object_that_was_switched_off_is_switched_on_when_its_owner_comes(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(top="unmanaged: disable")) as office:
        office.app.put("ghost", login="ghost", emp="2", enabled=True)
        office.run()
        assert office.app.values("ghost")["enabled"] is False
        office.hr.put("2", id="2", **BO)
        office.run()
        assert office.app.values("ghost")["enabled"] is True


def test_unmanaged_delete_deletes_and_counts_against_the_limits(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(top="unmanaged: delete"), safety="safety: {deletes: 1, percent: 100}\n") as office:
        office.app.put("ghost", login="ghost", emp="98")
        office.app.put("spook", login="spook", emp="99")
        assert kinds(office.run()["held"]) == ["deletes"]
        assert {"ghost", "spook"} <= set(office.app.all())
        office.run(allow_deletes=True)
        assert set(office.app.all()) == {"ada"}


def test_what_muster_made_is_not_unmanaged_when_it_is_let_go(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.drop("mappings/app-account.yaml")
        with office.muster() as muster:
            muster.retire("app-account", by="ada")
        office.mapping(
            "app-other", "app", "account", app_rules(top="unmanaged: delete", provision="[active] and false")
        )
        office.mapping("app-other", "app", "account", UPDATES.replace("[emp]", "[badge]") + "\nunmanaged: delete\n")
        office.run()
        assert set(office.app.all()) == {"ada"}


def test_an_object_of_a_case_is_not_unmanaged(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(top="unmanaged: delete")) as office:
        office.run()
        office.app.put("second", login="second", emp="1")
        result = office.run()
        assert kinds(result["held"]) == ["ambiguous-join"]
        assert set(office.app.all()) == {"ada", "second"}


# --- protect


def test_protected_objects_are_never_touched_although_nobody_owns_them(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(top="unmanaged: delete\nprotect: '[login] = \"root\"'")) as office:
        office.app.put("root", login="root", enabled=True)
        office.app.put("ghost", login="ghost", enabled=True)
        office.run()
        assert set(office.app.all()) == {"ada", "root"}


def test_protected_objects_are_not_updated_disabled_or_deleted(tmp_path: Path) -> None:
    rules = app_rules(top="protect: '[vip] = \"yes\"'", deprovision="delete")
    with Office(tmp_path, rules) as office:
        office.app.put("boss", login="boss", emp="1", name="The Boss", vip="yes", enabled=True)
        assert changed(office.run()) == []
        office.hr.edit("1", status="left")
        assert changed(office.run()) == []
        office.hold("1", "absent", by="x", why="y")
        assert changed(office.run()) == []
        assert office.app.values("boss")["name"] == "The Boss"
        office.app.edit("boss", vip=None)
        assert changed(office.run()) == [("app", "delete", "boss")]


def test_a_protect_that_fails_protects(tmp_path: Path) -> None:
    rules = app_rules(top="protect: 'CBool([vip])'\nunmanaged: delete")
    with Office(tmp_path, rules) as office:
        office.app.put("boss", login="boss", emp="1", vip="who knows")
        office.app.put("ghost", login="ghost", vip="who knows")
        assert changed(office.run()) == []
        assert set(office.app.all()) == {"boss", "ghost"}


def test_a_protected_group_keeps_its_members(tmp_path: Path) -> None:
    with World(tmp_path, safety="safety: {percent: 100}\n") as world:
        world.source("hr", "worker", rows={"1": ADA, "2": BO}, mapping=HR)
        teams = world.system("teams", schema("team", "id", {"member": "[reference] large"}, enabled=False))
        world.mapping(
            "teams-team",
            "teams",
            "team",
            "identity: group\nproject: true\ninbound:\n  precedence: 10\n  flows:\n    displayName: '[id]'\n"
            "    members: {references: '[member]', to: hr/worker}\n",
        )
        app = world.system(
            "app",
            schema("account", "login", {}),
            schema("group", "name", {"member": "[reference] large"}, enabled=False),
        )
        world.mapping("app-account", "app", "account", app_rules())
        world.mapping(
            "app-group",
            "app",
            "group",
            "identity: group\njoin:\n  - displayName: '[name]'\nprotect: '[locked] = \"yes\"'\noutbound:\n"
            "  provision: true\n  flows:\n    name: '[displayName]'\n    member: {references: '[members]'}\n",
        )
        groups = MemorySide(app, "group")
        teams.put("team", "t", {"id": "t"})
        teams.put_edges("team", "t", "member", ["1", "2"])
        groups.put("t", name="t", locked="yes")
        world.run()
        assert groups.members("t", "member") == set()
        groups.edit("t", locked=None)
        world.run()
        assert groups.members("t", "member") == {"ada", "bo"}


# --- the plan as programs read it


def test_the_plan_says_what_the_configuration_page_promises(tmp_path: Path) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}) as office:
        office.app.put("old", login="old", emp="1", name="Someone")
        office.app.put("ghost", login="ghost")
        plan = office.plan()
        assert plan["summary"] == {"app": {"create": 1, "update": 1, "disable": 0, "delete": 0}}
        assert plan["held"] == [] == plan["errors"]
        update = the_change(plan, "app", "old")
        assert update["attributes"] == {"name": {"from": "Someone", "to": "Ada Byron"}}
        create = the_change(plan, "app", "bo")
        assert create["attributes"] == {
            "login": {"from": None, "to": "bo"},
            "emp": {"from": None, "to": "2"},
            "name": {"from": None, "to": "Bo Dahl"},
            "enabled": {"from": None, "to": True},
        }
        for change, action in ((update, "update"), (create, "create")):
            assert (change["system"], change["object_type"], change["action"]) == ("app", "account", action)
            assert isinstance(change["identity"], str)
            assert change["reason"]["mapping"] == "mappings/app-account.yaml"
            assert isinstance(change["reason"]["line"], int)
            assert change["reason"]["source"] == {
                "system": "hr",
                "object": "worker",
                "anchor": "1" if change is update else "2",
                "attribute": change["reason"]["source"]["attribute"],
            }
        assert update["reason"]["rule"] == "name"
        lines = (tmp_path / "mappings/app-account.yaml").read_text().splitlines()
        assert "name: '[displayName]'" in lines[update["reason"]["line"] - 1]
        assert create["reason"]["rule"] == "provision"
        assert "provision:" in lines[create["reason"]["line"] - 1]


def test_explain_shows_the_change_that_is_planned(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.plan()
        (app,) = office.explain("1")["systems"]
        assert (app["pending"]["action"], app["pending"]["anchor"]) == ("create", "ada")
        office.run()
        assert office.explain("1")["systems"][0]["pending"] is None


def test_entries_of_held_and_errors_have_the_promised_names(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(top="scope: '[name] <> \"Bo Dahl\"'"), people={"1": ADA, "2": BO}) as office:
        office.app.put("a", login="a", emp="1")
        office.app.put("b", login="b", emp="1")
        plan = office.plan()
        for entry in (*plan["held"], *plan["errors"]):
            assert {"kind", "system", "anchor", "identities", "message"} <= set(entry)
        assert kinds(plan["held"]) == ["ambiguous-join", "ambiguous-join"]
        assert kinds(plan["errors"]) == ["scope"]


# --- staging


@pytest.mark.parametrize("where", ["system", "project"])
def test_staging_plans_everything_and_writes_nothing(tmp_path: Path, where: str) -> None:
    with Office(tmp_path) as office:
        file = tmp_path / ("systems/app.yaml" if where == "system" else "muster.yaml")
        before = file.read_text()
        file.write_text(f"{before}staging: true\n")
        assert changed(office.plan()) == [("app", "create", "ada")]
        assert changed(office.run()) == []
        assert changed(office.apply()) == []
        assert office.app.all() == {}
        said = {"system": "systems/app.yaml: `staging: true`", "project": "muster.yaml: `staging: true`"}[where]
        for result in (office.plan(), office.run()):
            assert [note["kind"] for note in result["notes"]] == ["staging"]
            assert result["notes"][0]["message"].startswith(said)
        file.write_text(before)
        assert changed(office.run()) == [("app", "create", "ada")]
        assert set(office.app.all()) == {"ada"}
