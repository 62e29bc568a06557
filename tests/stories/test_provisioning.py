"""An Entra administrator's day with one SCIM app: on demand, the log, pause and restart, through the command line."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import httpx

from tests.cli.support import Answer
from tests.cli.support import inside as program
from tests.servers.scim import ScimServer

NOW = "2026-03-02T09:00:00Z"
FILES = {
    "muster.yaml": "project: acme\nsafety: {percent: 100}\n",
    "systems/hr.yaml": """connector: sql
settings: {url: 'sqlite:///hr.db'}
objects: {worker: {table: worker, anchor: id}}
""",
    "mappings/hr-worker.yaml": """system: hr
object: worker
identity: person
project: true
inbound:
  precedence: 10
  flows: {employeeId: '[id]', displayName: '[name]', mail: '[mail]', department: '[dept]', active: '[here] = "yes"'}
""",
    "mappings/crm-user.yaml": """system: crm
object: user
identity: person
join: [{employeeId: '[externalId]'}, {mail: '[userName]'}]
outbound:
  provision: '[active]'
  scope: {filters: [[{attribute: department, operator: EQUALS, value: Sales}]]}
  out of scope: leave
  deprovision: disable
  flows:
    userName: '[mail]'
    externalId: '[employeeId]'
    displayName: '[displayName]'
    title: {value: '[jobTitle]', default: '"Employee"'}
""",
}


class App:
    """The project over an HR database and the app, and the app as another hand sees it."""

    def __init__(self, folder: Path, scim: ScimServer) -> None:
        self.folder, self.scim = folder, scim
        settings = f"{{url: '{scim.url}', token: '${{secret:crm}}'}}"
        system = f"connector: scim\nsettings: {settings}\nobjects: {{user: {{resource: User}}}}\n"
        for name, text in {**FILES, "systems/crm.yaml": system}.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
        self.hr("CREATE TABLE worker (id TEXT PRIMARY KEY, name TEXT, mail TEXT, dept TEXT, here TEXT)")
        for number, name, dept in (("1", "Ada", "Sales"), ("2", "Bo", "Sales"), ("3", "Cy", "IT")):
            self.hr(f"INSERT INTO worker VALUES ('{number}', '{name}', '{name.lower()}@acme.example', '{dept}', 'yes')")

    def hr(self, statement: str) -> None:
        """Another hand in the HR database."""
        with sqlite3.connect(self.folder / "hr.db") as database:
            database.execute(statement)
        database.close()

    def __call__(self, *arguments: str) -> Answer:
        return program(*arguments, folder=self.folder, now=NOW, MUSTER_SECRET_CRM=self.scim.token)

    def users(self) -> dict[str, dict[str, Any]]:
        """The app's users by name."""
        found = httpx.get(f"{self.scim.url}/Users", headers=self.scim.headers, trust_env=False).json()
        return {user["userName"]: user for user in found["Resources"]}


def statuses(answer: Answer) -> list[tuple[str, str]]:
    """Each step with its status."""
    (one,) = answer.document["objects"]
    return [(step["name"], step["status"]) for step in one["steps"]]


def test_one_app_from_on_demand_to_a_restart(tmp_path: Path, scim: ScimServer) -> None:
    app = App(tmp_path, scim)
    dry = app("provision", "crm", "1", "--dry-run", "--json")
    assert (dry.code, statuses(dry)[-1], app.users()) == (2, ("export", "skipped"), {})
    done = app("provision", "crm", "1", "--json")
    assert (done.code, {status for _, status in statuses(done)}) == (0, {"success"})
    assert (app.users()["ada@acme.example"]["title"], len(app.users())) == ("Employee", 1)
    outside = app("provision", "crm", "3")
    assert "3 match" in outside.out
    assert "department (IT) EQUALS Sales: no" in outside.out
    assert app("run").code == 0
    assert app.users().keys() == {"ada@acme.example", "bo@acme.example"}

    app.hr("UPDATE worker SET dept = 'IT' WHERE id = '1'")
    app.hr("UPDATE worker SET here = 'no' WHERE id = '2'")
    assert app("job", "pause", "crm", "--why", "their weekend").code == 0
    paused = app("run", "--json").document
    assert [(note["kind"], note["system"]) for note in paused["notes"]] == [("paused", "crm")]
    assert app.users()["bo@acme.example"]["active"] is True
    assert app("job", "restart", "crm", "--reset", "Watermarks").code == 1
    assert app("job", "restart", "crm", "--reset", "Watermark, QuarantineState").code == 0  # as Graph writes them
    assert app("run").code == 0
    assert [app.users()[f"{name}@acme.example"]["active"] for name in ("ada", "bo")] == [True, False]

    entries = app("log", "--provisioning", "--json").document["value"]
    assert [entry["provisioningAction"] for entry in entries] == ["disable", "create", "create"]
    assert entries[0]["modifiedProperties"] == [{"displayName": "enabled", "oldValue": "true", "newValue": "false"}]
    assert [entry["initiatedBy"]["initiatorType"] for entry in entries] == ["system", "system", "user"]
    assert "bo@acme.example" not in app("log", "--provisioning", "--identity", "1").out
    assert app("audit").code == 0
