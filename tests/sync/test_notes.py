"""What is only worth knowing is told in each run while it holds, and nobody is worked out for it again."""

from __future__ import annotations

from pathlib import Path

from tests.sync.people import ADA, Office, app_rules
from tests.sync.world import World, changed, kinds


def reworked(world: World) -> int:
    """How many identities the last run worked out, inbound and outbound."""
    with world.muster() as muster:
        (run,) = muster.log(limit=1)["runs"]
    return sum(step["counts"].get("identities", 0) for step in run["steps"])


def test_an_object_out_of_scope_is_told_in_each_run_and_worked_out_in_none(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(top="scope: '[locked] <> \"yes\"'")) as office:
        office.run()
        office.app.edit("ada", locked="yes")
        first = office.run()
        assert reworked(office) > 0
        for _ in range(2):
            again = office.run()
            assert again["notes"] == first["notes"]
            assert kinds(again["notes"]) == ["out-of-scope"]
            assert again["notes"][0]["message"].startswith("mappings/app-account.yaml: app/account ada: has left")
            assert again["notes"][0]["anchor"] == "ada"
            assert reworked(office) == 0
        office.app.edit("ada", locked=None)
        assert office.run()["notes"] == []


def test_what_is_wrong_is_worked_out_again_in_each_run(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(flows="title: 'CDate([displayName])'")) as office:
        errors = office.run()["errors"]
        assert kinds(errors) == ["expression"]
        assert office.run()["errors"] != []
        assert reworked(office) > 0


def test_a_note_goes_with_its_identity(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(top="deleted elsewhere: report")) as office:
        office.run()
        office.app.remove("ada")
        assert kinds(office.run()["notes"]) == ["deleted-elsewhere"]
        office.hr.remove("1")
        assert office.run(allow_deletes=True)["notes"] == []
        assert office.run()["notes"] == []


def test_an_account_that_another_hand_deleted_and_made_again_is_no_plain_drift(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.app.remove("ada")
        assert changed(office.plan()) == [("app", "create", "ada")]
        office.app.put("ada", login="ada", emp="1", name="Somebody Else")
        for plan in (office.plan(), office.plan()):
            (note,) = plan["notes"]
            assert (changed(plan), note["kind"]) == ([("app", "update", "ada")], "made-again")
            assert "app/account ada: was deleted and made again by another hand. Find out who" in note["message"]
        assert office.explain("1")["objects"][0]["state"] == "made again by another hand"
        assert kinds(office.run()["notes"]) == ["made-again"]
        assert office.plan()["notes"] == []
        office.app.edit("ada", name="Else")
        assert office.plan()["notes"] == []


def test_an_account_remade_for_somebody_else_between_two_reads_is_no_plain_drift(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.app.put("ada", login="ada", emp="77", name="Somebody Else")
        for plan in (office.plan(), office.plan()):
            (note,) = plan["notes"]
            assert (changed(plan), note["kind"], plan["held"]) == ([("app", "update", "ada")], "other-key", [])
            assert note["message"] == (
                "mappings/app-account.yaml: app/account ada: shows employeeId '77', but is joined to Ada Byron "
                f"({note['identities'][0]}), who has employeeId '1' (mappings/app-account.yaml:6): another hand "
                "changed that, or made it anew for somebody else. If it is somebody else's, before these changes are "
                "applied: muster joins split app/account ada"
            )
        assert kinds(office.run()["notes"]) == ["other-key"]
        assert (office.app.values("ada")["emp"], office.plan()["notes"]) == ("1", [])


def test_a_leaver_s_account_that_shows_another_number_is_told_with_what_becomes_of_it(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(deprovision="delete")) as office:
        office.run()
        office.hr.edit("1", status="left")
        office.app.edit("ada", emp="77")
        plan = office.plan()
        assert (changed(plan), kinds(plan["notes"])) == ([("app", "delete", "ada")], ["other-key"])
        with office.muster() as muster:
            muster.decide("split", by="ops@acme.example", system="app", anchor="ada")
        assert (office.run()["changes"], office.app.values("ada")["emp"]) == ([], "77")


def test_a_number_that_another_line_outweighs_or_that_only_we_change_is_no_strangers(tmp_path: Path) -> None:
    lines = app_rules().replace("join:\n", "join:\n  - mail: '[mail]'\n")
    people = {"1": {**ADA, "mail": "ada@acme.example"}}
    with Office(tmp_path, lines.replace("  flows:\n", "  flows:\n    mail: '[mail]'\n"), people=people) as office:
        office.run()
        office.app.edit("ada", emp="77", name="Else")
        assert (changed(office.plan()), office.plan()["notes"]) == ([("app", "update", "ada")], [])
        office.run()
        office.hr.edit("1", mail="ada.byron@acme.example")
        assert (changed(office.plan()), office.plan()["notes"]) == ([("app", "update", "ada")], [])


def test_a_leaver_s_account_that_another_hand_made_again_is_told_with_what_becomes_of_it(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(deprovision="delete")) as office:
        office.run()
        office.hr.edit("1", status="left")
        office.app.remove("ada")
        office.run()
        office.app.put("ada", login="ada", emp="1", name="Somebody Else")
        plan = office.plan()
        assert (changed(plan), kinds(plan["notes"])) == ([("app", "delete", "ada")], ["made-again"])


def test_an_account_that_is_back_as_it_was_is_not_told(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        before = office.app.values("ada")
        office.app.remove("ada")
        office.plan()
        office.app.put("ada", **before)
        plan = office.plan()
        assert (plan["changes"], plan["notes"]) == ([], [])


def test_a_person_is_named_in_what_is_told(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(top="scope: 'false'")) as office:
        (error,) = office.run()["errors"]
        assert f"app/account for Ada Byron ({error['identities'][0]}): cannot be created" in error["message"]
