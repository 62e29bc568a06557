"""The starter project from `init` to `explain`, through the command as people and programs call it."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import Answer, Command
from tests.cli.support import muster as program

NOW = "2026-11-24T08:00:00Z"


class Starter:
    """A project made by `muster init`, and its systems."""

    def __init__(self, folder: Path, command: Command | None, patch: pytest.MonkeyPatch) -> None:
        self.folder, self._command, self._patch = folder, command, patch
        found = self("init", ".", "--json")
        assert found.code == 0, found
        assert found.document["next"] == ["muster check", "muster plan", "muster apply"]

    def __call__(self, *arguments: str, now: str = NOW) -> Answer:
        """Call in this process where there is a `command`, else as a program of its own."""
        if self._command is None:
            return program(*arguments, folder=self.folder, now=now)
        self._patch.setenv("MUSTER_NOW", now)
        self._patch.chdir(self.folder)
        return self._command(*arguments)

    def document(self, *arguments: str, code: int = 0, now: str = NOW) -> Any:
        """The JSON document of a verb that ends with that exit code."""
        found = self(*arguments, "--json", now=now)
        assert found.code == code, found
        return found.document

    def accounts(self) -> dict[str, dict[str, Any]]:
        """The rows of the application's table by login."""
        with closing(sqlite3.connect(self.folder / "data" / "app.db")) as database:
            database.row_factory = sqlite3.Row
            return {row["login"]: dict(row) for row in database.execute("SELECT * FROM account")}

    def phonebook(self) -> dict[str, dict[str, Any]]:
        """The lines of the phone book by login."""
        lines = (self.folder / "data" / "phonebook.jsonl").read_text("utf-8").strip().splitlines()
        return {entry["login"]: entry for entry in map(json.loads, lines)}

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that stands in a file once."""
        path = self.folder / file
        text = path.read_text("utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), "utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "starter").mkdir()
    return tmp_path / "starter"


@pytest.fixture
def starter(folder: Path, muster: Command, monkeypatch: pytest.MonkeyPatch) -> Starter:
    return Starter(folder, muster, monkeypatch)


def test_from_init_to_explain(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starter = Starter(folder, None, monkeypatch)
    assert (starter("check").code, starter.document("check")["errors"]) == (0, [])

    planned = starter.document("plan", code=2)
    assert planned["summary"]["app"]["create"] == planned["summary"]["phonebook"]["create"] == 5
    assert (planned["held"], planned["errors"]) == ([], [])
    assert {one["name"] for one in planned["changes"]} == {
        "Ingrid Sørensen",
        "Tomás Núñez",
        "Aoife O'Brien",
        "Anna Meyer",
    }
    change = next(one for one in planned["changes"] if one["system"] == "app")
    assert {"system", "object_type", "action", "anchor", "identity", "attributes", "reason"} <= set(change)
    assert {"mapping", "line", "rule", "source"} <= set(change["reason"])
    assert starter.accounts() == {}

    shown = starter("plan")
    assert (shown.code, "aoife.obrien" in shown.out) == (2, True)

    done = starter.document("apply")
    assert done["summary"]["app"]["create"] == 5
    accounts = starter.accounts()
    assert set(accounts) == {"ingrid.sorensen", "tomas.nunez", "aoife.obrien", "anna.meyer", "anna.meyer2"} or set(
        accounts
    ) == {"ingrid.soerensen", "tomas.nunez", "aoife.obrien", "anna.meyer", "anna.meyer2"}
    assert accounts["aoife.obrien"]["manager"] == "tomas.nunez"
    assert starter.phonebook()["aoife.obrien"]["manager"] == "Tomás Núñez"

    assert starter.document("plan")["changes"] == []

    starter.edit("data/people.csv", "1003,Aoife,O'Brien,Sales", "1003,Aoife,O'Brien,Finance")
    starter.edit("data/people.csv", "2023-02-01,", "2023-02-01,2026-11-23")
    planned = starter.document("plan", "-o", "reviewed.plan", code=2)
    assert {(one["system"], one["action"], one["anchor"]) for one in planned["changes"]} == {
        ("app", "update", "aoife.obrien"),
        ("app", "disable", "anna.meyer2"),
        ("phonebook", "update", "aoife.obrien"),
        ("phonebook", "delete", "anna.meyer2"),
    }
    update = next(one for one in planned["changes"] if (one["system"], one["action"]) == ("app", "update"))
    assert update["attributes"] == {"department": {"from": "Sales", "to": "Finance"}}

    assert starter("apply", "reviewed.plan").code == 0
    accounts = starter.accounts()
    assert (accounts["aoife.obrien"]["department"], accounts["anna.meyer2"]["active"]) == ("Finance", 0)
    assert "anna.meyer2" not in starter.phonebook()
    again = starter("apply", "reviewed.plan")
    assert (again.code, "was done already, in run" in again.out) == (0, True)
    assert starter("apply").code == 0
    assert starter("plan").code == 0

    explained = starter("explain", "1003", "app", "department")
    assert (explained.code, "Finance" in explained.out) == (0, True)
    assert re.search(r"mappings/hr-worker\.yaml:\d+", explained.out)
    for name in ("nobody", "1003 ap", "1003 app departmen"):
        unknown = starter.document("explain", *name.split(), code=1)
        assert [error["kind"] for error in unknown["errors"]] == ["not found"]

    status = starter.document("status")
    assert {system["name"] for system in status["systems"]} == {"hr", "app", "phonebook"}
    assert status["identities"] == {"person": 6} or status["identities"]["person"] >= 5
    runs = starter.document("log")["runs"]
    assert runs
    assert all(run["rehearsed"] for run in runs)
    assert starter("log").code == starter("status").code == 0


def test_a_name_without_latin_letters_gets_its_number_for_a_login(starter: Starter) -> None:
    starter.edit("data/people.csv", "1001,Ingrid,Sørensen,", "1001,陽菜,佐藤,")
    starter.edit("data/people.csv", "1002,Tomás,Núñez,", "1002,Tomás,佐藤,")
    starter.document("run")
    accounts = starter.accounts()
    assert accounts["1001"]["mail"] == "1001@example.org"
    assert accounts["tomas"]["display_name"] == "Tomás 佐藤"


def test_a_plan_file_that_cannot_be_used_says_what_to_do(starter: Starter) -> None:
    starter.edit("data/people.csv", "Aoife", "Aoifa")
    unread = starter("apply", "no-such.plan")
    assert (unread.code, "no-such.plan: cannot be read: No such file" in unread.err) == (1, True)
    assert "Make one with: muster plan -o no-such.plan" in unread.err
    unwritten = starter("plan", "-o", "nowhere/x.plan")
    assert (unwritten.code, "nowhere/x.plan: cannot be written: No such file" in unwritten.err) == (1, True)
    assert "`muster apply` makes its changes" in unwritten.err
    assert starter("apply").code == 0
    assert "aoifa.obrien" in starter.accounts()
    assert "What is due now: muster plan" in starter("apply").out


def test_explain_knows_leavers_with_and_without_an_account(starter: Starter) -> None:
    assert starter("run").code == 0
    lines = (starter.folder / "data" / "people.csv").read_text("utf-8").splitlines(keepends=True)
    (starter.folder / "data" / "people.csv").write_text("".join(one for one in lines if "Aoife" not in one), "utf-8")
    assert starter("run", "--allow-deletes").code == 0
    leaver = starter("explain", "aoife.obrien")
    assert "phonebook/entry  none there  not wanted since" in leaver.out
    assert starter("run", "--allow-deletes", now="2027-01-26T08:00:00Z").code == 0
    gone = starter("explain", "aoife.obrien")
    assert (gone.code, "'aoife.obrien' was a name of somebody who is gone: it stays reserved" in gone.err) == (1, True)


def test_a_deleted_account_comes_back_and_a_foreign_edit_is_drift(starter: Starter) -> None:
    assert starter("run").code == 0
    with closing(sqlite3.connect(starter.folder / "data" / "app.db")) as database, database:
        database.execute("UPDATE account SET display_name = 'Somebody Else' WHERE login = 'aoife.obrien'")
    planned = starter.document("plan", code=2)
    (change,) = planned["changes"]
    assert change["attributes"] == {"display_name": {"from": "Somebody Else", "to": "Aoife O'Brien", "drift": True}}
    assert "drift" in starter("plan").out
    assert starter("run").code == 0
    assert starter.accounts()["aoife.obrien"]["display_name"] == "Aoife O'Brien"


def test_a_lost_store_finds_its_accounts_again(starter: Starter) -> None:
    assert starter("run").code == 0
    before = starter.accounts()
    shutil.rmtree(starter.folder / ".muster")
    assert starter.document("plan")["changes"] == []
    assert starter("run").code == 0
    assert starter.accounts() == before


def test_a_lost_store_and_two_accounts_of_one_number_change_no_name_before_it_is_decided(starter: Starter) -> None:
    assert starter("run").code == 0
    before, phonebook = starter.accounts(), (starter.folder / "data" / "phonebook.jsonl").read_bytes()
    shutil.rmtree(starter.folder / ".muster")
    with closing(sqlite3.connect(starter.folder / "data" / "app.db")) as database, database:
        database.execute("INSERT INTO account (login, employee_number) VALUES ('adm.aoife', '1003')")
    found = starter.document("run", code=3)
    assert found["changes"] == []
    assert [(one["kind"], one["anchor"]) for one in found["held"]] == [
        ("undecided-name", None),
        ("ambiguous-join", "adm.aoife"),
        ("ambiguous-join", "aoife.obrien"),
    ]
    assert (starter.folder / "data" / "phonebook.jsonl").read_bytes() == phonebook
    identity = found["held"][0]["identities"][0]
    assert starter("joins", "accept", "app/account", "aoife.obrien", identity).code == 0
    assert starter("joins", "refuse", "app/account", "adm.aoife").code == 0
    assert starter.document("run")["changes"] == []
    assert {login: starter.accounts()[login] for login in before} == before
    assert (starter.folder / "data" / "phonebook.jsonl").read_bytes() == phonebook


def test_the_clock_brings_the_delete_thirty_days_after(starter: Starter) -> None:
    assert starter("run").code == 0
    starter.edit("data/people.csv", "2023-02-01,", "2023-02-01,2026-11-23")
    assert starter("run").code == 0
    assert starter.document("plan", "--as-of", "2026-12-23")["changes"] == []
    later = starter.document("plan", "--as-of", "2026-12-26", code=2)
    assert [(one["system"], one["action"], one["anchor"]) for one in later["changes"]] == [
        ("app", "delete", "anna.meyer2")
    ]
    shown = starter.document("plan")
    assert (shown["changes"], shown["rehearsed"]) == ([], True)
    assert starter("run", now="2026-12-26T08:00:00Z").code == 0
    assert "anna.meyer2" not in starter.accounts()


def test_an_empty_file_stops_its_system_and_deletes_nobody(starter: Starter) -> None:
    assert starter("run").code == 0
    before = starter.accounts()
    (starter.folder / "data" / "people.csv").write_bytes(b"")
    found = starter("run")
    assert found.code == 1
    assert "data/people.csv" in found.err
    assert "Traceback" not in found.err
    assert starter.accounts() == before


def test_losing_everybody_is_held(starter: Starter) -> None:
    assert starter("run").code == 0
    before = starter.accounts()
    heading = (starter.folder / "data" / "people.csv").read_text("utf-8").splitlines()[0]
    (starter.folder / "data" / "people.csv").write_text(heading + "\n", "utf-8")
    found = starter("run", "--json")
    assert found.code == 3
    assert found.document["held"]
    assert starter.accounts() == before

    allowed = starter.document("run", "--allow-deletes")
    assert allowed["held"] == []
    assert [note["kind"] for note in allowed["notes"]] == ["percent", "percent"]
    assert not any(account["active"] for account in starter.accounts().values())
    assert starter("plan").code == 0


def test_to_look_at_what_follows_from_many_deletions_allows_none(starter: Starter) -> None:
    assert starter("run").code == 0
    before = starter.accounts()
    people = starter.folder / "data" / "people.csv"
    people.write_text(people.read_text("utf-8").splitlines()[0] + "\n", "utf-8")
    starter.edit("muster.yaml", "percent: 50", "percent: 100")
    starter.edit("systems/hr.yaml", "connector: flatfile", "connector: flatfile\nsafety: {percent: 10}")
    assert starter("run").code == 3

    shown = starter.document("plan", "--allow-deletes", "-o", "big.plan", code=2)
    assert {one["action"] for one in shown["changes"]} == {"delete", "disable"}
    assert starter("run").code == 3, "to look is not to allow"
    assert starter.accounts() == before

    done = starter.document("apply", "big.plan", "--allow-deletes")
    assert done["stale"] == []
    assert not any(account["active"] for account in starter.accounts().values())
    again = starter.document("apply", "big.plan", "--allow-deletes")
    assert [note["kind"] for note in again["notes"]] == ["done-before"]


def test_check_names_file_line_and_column_of_everything_that_is_wrong(starter: Starter) -> None:
    starter.edit("mappings/hr-worker.yaml", "    surname: '[last_name]'", "    surnam: '[last_name]'")
    starter.edit("mappings/app-account.yaml", "system: app\n", "system: ap\n")
    found = starter("check")
    assert (found.code, found.out) == (1, "")
    places = [line for line in found.err.splitlines() if re.match(r"[\w./-]+:\d+:\d+: ", line)]
    assert any(line.startswith("mappings/app-account.yaml:3:9: ") and "`app`" in line for line in places)
    assert any(line.startswith("mappings/hr-worker.yaml:16:5: ") and "`surname`" in line for line in places)
    errors = starter.document("check", code=1)["errors"]
    assert {"file", "line", "column", "message", "suggestion"} == set(errors[0])
    assert {(error["file"], error["suggestion"]) for error in errors} >= {
        ("mappings/app-account.yaml", "app"),
        ("mappings/hr-worker.yaml", "surname"),
    }
    refused = starter("plan", "--json")
    assert refused.code == 1
    assert refused.document["errors"] == errors


def test_schema_writes_what_editors_read(starter: Starter) -> None:
    written = starter.document("schema")["schemas"]
    assert ".muster/schemas/mapping.json" in written
    assert all((starter.folder / name).is_file() for name in written)


def test_a_project_in_a_folder_above_or_named_with_c_is_found(starter: Starter, tmp_path: Path) -> None:
    assert program("check", folder=starter.folder / "data").code == 0
    assert program("-C", str(starter.folder), "check", folder=tmp_path).code == 0
    assert program("check", folder=tmp_path).code == 1


def test_init_refuses_a_folder_that_holds_something(starter: Starter) -> None:
    found = starter("init", ".")
    assert (found.code, "not empty" in found.err) == (1, True)
