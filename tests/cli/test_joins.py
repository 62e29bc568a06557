"""`muster joins`: two people match one account, and a person says whose it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.cli.support import muster

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
    "hr.csv": "id,name,mail\n1,Ann Smith,team@acme.example\n2,Bob Smith,team@acme.example\n",
}


def test_a_person_decides_whose_account_it_is(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with closing(sqlite3.connect(tmp_path / "app.db")) as database, database:
        database.execute("CREATE TABLE account (login TEXT PRIMARY KEY, name TEXT, mail TEXT, active INTEGER)")
        database.execute("INSERT INTO account VALUES ('team', 'Team', 'team@acme.example', 1)")

    held = muster("plan", "--json", folder=tmp_path)
    assert held.code == 3
    assert "muster joins accept app team WHO" in held.document["held"][0]["message"]
    waiting = muster("joins", "list", "--json", folder=tmp_path)
    assert waiting.code == 3
    assert [(case["anchor"], len(case["identities"])) for case in waiting.document["cases"]] == [("team", 2)]

    assert muster("joins", "accept", "app", "team", "nobody", folder=tmp_path).code == 1
    assert muster("joins", "accept", "app", "team", "2", folder=tmp_path).code == 0
    assert muster("joins", "list", "--json", folder=tmp_path).document["cases"] != []
    planned = muster("plan", "--json", folder=tmp_path)
    assert planned.code == 2
    assert [change["attributes"]["name"]["to"] for change in planned.document["changes"]] == ["Bob Smith"]
    assert muster("joins", "list", folder=tmp_path).code == 0
