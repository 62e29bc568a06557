"""`muster joins` and `muster audit`: a person decides whose an object is, and nobody touches the record of it."""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.support import Command

FILES = {
    "muster.yaml": "project: joins\n",
    "systems/hr.yaml": "connector: flatfile\nsettings: {path: hr.csv}\nobjects: {worker: {anchor: id}}\n",
    "systems/app.yaml": (
        "connector: sql\nsettings: {url: 'sqlite:///app.db'}\n"
        "objects: {account: {table: account, anchor: login, enabled: active}}\n"
    ),
    "mappings/hr.yaml": (
        "system: hr\nobject: worker\nidentity: person\nproject: true\n"
        "inbound: {precedence: 10, flows: {employeeId: '[id]', displayName: '[name]', mail: '[mail]'}}\n"
    ),
    "mappings/app.yaml": (
        "system: app\nobject: account\nidentity: person\njoin: [{mail: '[mail]'}]\n"
        "outbound: {flows: {name: '[displayName]'}}\n"
    ),
    "systems/crm.yaml": "connector: flatfile\nsettings: {path: crm.csv}\nobjects: {contact: {anchor: id}}\n",
    "mappings/crm.yaml": (
        "system: crm\nobject: contact\nidentity: person\nproject: true\njoin: [{mail: '[mail]'}]\n"
        "inbound: {precedence: 20, flows: {displayName: '[name]', mail: '[mail]'}}\n"
    ),
    "crm.csv": "id,name,mail\n",
    "hr.csv": "id,name,mail\n1,Ann Smith,team@acme.example\n2,Bob Smith,team@acme.example\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two people with one mail address, and the account with that address."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with closing(sqlite3.connect(tmp_path / "app.db")) as database, database:
        database.execute("CREATE TABLE account (login TEXT PRIMARY KEY, name TEXT, mail TEXT, active INTEGER)")
        database.execute("INSERT INTO account VALUES ('the team', 'Team', 'team@acme.example', 1)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MUSTER_NOW", raising=False)
    return tmp_path


def commands(muster: Command, cause: str, anchor: str) -> list[str]:
    found = [case for case in muster("joins", "--json").document["cases"] if case["anchor"] == anchor]
    assert [(case["kind"], case["cause"]) for case in found] == [("ambiguous-join", cause)]
    return [str(command) for command in found[0]["commands"]]


def typed(command: str, identity: str = "") -> Sequence[str]:
    return [identity if word == "IDENTITY" else word for word in shlex.split(command)[1:]]


@pytest.mark.usefixtures("folder")
def test_a_person_decides_whose_account_it_is(muster: Command) -> None:
    held = muster("plan", "--json")
    assert held.code == 3
    advice = "muster joins accept app/account 'the team' IDENTITY; or: muster joins refuse app/account 'the team'"
    assert held.document["held"][0]["message"].endswith(f"Decide with: {advice}")
    waiting = muster("joins", "--json")
    assert waiting.code == 3
    (case,) = waiting.document["cases"]
    assert sorted(person["displayName"] for person in case["candidates"]) == ["Ann Smith", "Bob Smith"]
    assert case["commands"] == advice.split("; or: ")
    assert muster("joins", "list", "--json").document == waiting.document
    shown = muster("joins")
    assert shown.code == 3
    for text in (case["since"][:19], *case["commands"], *(person["identity"] for person in case["candidates"])):
        assert text in shown.out

    (bob,) = (person["identity"] for person in case["candidates"] if person["displayName"] == "Bob Smith")
    decided = muster(*typed(case["commands"][0], bob), "--why", "He told me", "--json")
    assert (decided.code, decided.document["object_type"], decided.document["identity"]) == (0, "account", bob)
    assert decided.document["why"] == "He told me"
    explained = muster("explain", bob)
    assert f"accept app/account the team, by {decided.document['by']}: He told me" in explained.out
    assert muster("joins").code == 3
    planned = muster("plan", "--json")
    assert planned.code == 2
    assert [change["attributes"]["name"]["to"] for change in planned.document["changes"]] == ["Bob Smith"]
    done = muster("joins")
    assert (done.code, done.out) == (0, "No join waits for a decision.\n")
    assert muster("joins", "--json").document == {"cases": []}


@pytest.mark.usefixtures("folder")
def test_an_account_that_is_nobodys_is_refused(muster: Command) -> None:
    muster("plan")
    _, nobody = commands(muster, "several", "the team")
    assert muster(*typed(nobody)).code == 0
    assert muster("plan", "--json").document["held"] == []
    assert muster("joins").code == 0


def test_an_object_that_is_somebody_new_becomes_an_identity(folder: Path, muster: Command) -> None:
    (folder / "crm.csv").write_text("id,name,mail\nc,Cy Third,team@acme.example\n")
    muster("plan")
    accept, new = commands(muster, "several", "c")
    assert (accept, new) == ("muster joins accept crm/contact c IDENTITY", "muster joins new crm/contact c")
    assert muster(*typed(new)).code == 0
    muster("plan")
    status = muster("status", "--json").document
    assert (status["identities"], [case["anchor"] for case in status["cases"]]) == ({"person": 3}, ["the team"])


def test_a_match_found_late_is_merged_or_kept_apart_by_the_commands_shown(folder: Path, muster: Command) -> None:
    (folder / "crm.csv").write_text("id,name,mail\nc,Ann S.,private@acme.example\nd,Dee,dee@acme.example\n")
    (folder / "hr.csv").write_text("id,name,mail\n1,Ann Smith,ann@acme.example\n2,Bo,bo@acme.example\n")
    muster("plan")
    (folder / "crm.csv").write_text("id,name,mail\nc,Ann S.,ann@acme.example\nd,Dee,bo@acme.example\n")
    muster("plan")
    merge, _ = commands(muster, "double", "c")
    _, refuse = commands(muster, "double", "d")
    assert muster(*typed(merge)).code == 0
    assert muster(*typed(refuse)).code == 0
    muster("plan")
    status = muster("status", "--json").document
    assert (status["identities"], status["cases"]) == ({"person": 3}, [])
    assert muster("joins", "split", "crm/contact", "c").code == 0
    muster("plan")
    assert muster("status", "--json").document["identities"] == {"person": 4}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("accept", "app/account", "the team", "nobody"), "Nobody is known as 'nobody'"),
        (("accept", "app/account", "other", "1"), "app shows no object 'other' of type account"),
        (("accept", "app/acount", "the team", "1"), "no objects of type 'acount'. Known: account"),
        (("accept", "ap/account", "the team", "1"), "There is no system 'ap'. Known: app, crm, hr"),
        (("accept", "app/", "the team", "1"), "Expected SYSTEM/TYPE such as ad/user, found 'app/'"),
        (("accept", "app/account", "the team"), "IDENTITY"),
        (("new", "app/account", "the team"), "Mapping app makes no identities"),
        (("new", "hr/worker", "1"), "hr/worker 1 is joined to"),
        (("split", "app", "the team"), "joined to nobody"),
        (("merge", "1", "1"), "one identity already"),
        (("acept", "app/account", "the team", "1"), "accept"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_decision_that_cannot_be_is_said(muster: Command, arguments: tuple[str, ...], said: str) -> None:
    muster("plan")
    found = muster("joins", *arguments)
    assert (found.code, found.out) == (1, "")
    assert said in found.err
    assert said in muster("joins", *arguments, "--json").document["errors"][0]["message"]


def test_the_audit_trail_is_verified(folder: Path, muster: Command) -> None:
    muster("plan")
    assert muster("audit", "--json").document == {"records": 0, "changes": 0, "decisions": 0, "breaches": []}
    muster("joins", "accept", "app", "the team", "2")
    assert muster("run").code == 0
    found = muster("audit")
    assert (found.code, found.out, found.err) == (
        0,
        "The audit trail is unbroken: 2 records over 1 change and 1 decision.\n",
        "",
    )

    (store,) = (folder / ".muster").glob("*.db")
    with closing(sqlite3.connect(store)) as database, database:
        database.execute("UPDATE change SET reason = 'never happened'")
        database.execute("UPDATE audit SET what = 'nothing' WHERE seq = 2")
    found = muster("audit")
    assert (found.code, found.out) == (1, "")
    assert "record 2 does not follow from the one before it" in found.err
    assert "of record 2 was altered" in found.err
    assert "The audit trail is broken (2 breaches; 2 records over 1 change and 1 decision)" in found.err
    found = muster("audit", "--json")
    assert (found.code, [breach["record"] for breach in found.document["breaches"]]) == (1, [2, 2])
