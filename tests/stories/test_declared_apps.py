"""One organisation in a REST app, a SOAP app and an app behind a script: nobody twice, nobody lost, whatever fails."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from muster.cli.scaffold import STARTER, make_project
from tests.cli.support import Answer, inside
from tests.connectors.restapi import TOKEN, NewApi, dropped, instead
from tests.connectors.soapservice import LOGIN, PeopleService, fault
from tests.connectors.test_rest import GROUP, USER
from tests.connectors.test_script import EXAMPLES
from tests.connectors.test_soap import ERRORS, PERSON

NOW = "2026-03-01T09:00:00Z"
PEOPLE = {"ingrid.soerensen", "tomas.nunez", "aoife.obrien", "anna.meyer", "anna.meyer2"}
FLOWS = {
    "desk": ("user", {"login": "[login]", "name": "[displayName]", "title": "[department]"}),
    "payroll": ("person", {"login": "[login]", "display": "[displayName]", "title": "[department]"}),
    "host": ("person", {"login": "[login]", "name": "[displayName]", "title": "[department]"}),
}
SECRETS = {"DESK": TOKEN, "PAYROLL": LOGIN[1], "HOST": "t0ken"}


class Apps:
    def __init__(self, folder: Path, desk: NewApi, payroll: PeopleService) -> None:
        self.folder, self.desk, self.payroll = folder, desk, payroll
        make_project(STARTER, folder)
        host = {"PEOPLE_FILE": "data/host.json", "PEOPLE_TOKEN": "${secret:HOST}", "PEOPLE_NEEDS": "t0ken"}
        self.system(
            "desk",
            "rest",
            {"url": f"{desk.url}/api", "login": {"kind": "bearer", "token": "${secret:DESK}"}},
            {"user": USER, "group": GROUP},
        )
        login = {"kind": "username_token", "user": LOGIN[0], "password": "${secret:PAYROLL}"}
        wsdl = f"{payroll.url}/people.wsdl"
        self.system("payroll", "soap", {"wsdl": wsdl, "login": login, "errors": ERRORS}, {"person": PERSON})
        command = [sys.executable, "-IS", str(EXAMPLES / "people.py")]
        self.system("host", "script", {"command": command, "environment": host}, {"person": {}})
        for system, (kind, flows) in FLOWS.items():
            outbound = {"provision": "[active]", "deprovision": "disable", "flows": flows}
            mapping = {
                "system": system,
                "object": kind,
                "identity": "person",
                "join": [{"login": "[login]"}],
                "outbound": outbound,
            }
            self.write(f"mappings/{system}.yaml", mapping)

    def system(self, name: str, connector: str, settings: Any, objects: Any) -> None:
        self.write(f"systems/{name}.yaml", {"connector": connector, "settings": settings, "objects": objects})

    def write(self, name: str, document: Any) -> None:
        with (self.folder / name).open("w", encoding="utf-8") as file:
            YAML().dump(document, file)

    def __call__(self, *arguments: str) -> Answer:
        return inside(*arguments, folder=self.folder, now=NOW, **SECRETS)

    def accounts(self) -> dict[str, dict[str, bool]]:
        """Who has an account where, and whether it is switched on. Fails where somebody has two."""
        host = json.loads((self.folder / "data" / "host.json").read_text())["people"]
        space = "{urn:people}"
        payroll = [
            (one.findtext(f"{space}login"), one.findtext(f"{space}active")) for one in self.payroll.people.values()
        ]
        desk = [(one["login"], one["status"]) for one in self.desk.users.values()]
        assert len(dict(payroll)) == len(payroll), payroll
        assert len(dict(desk)) == len(desk), desk
        return {
            "desk": {login: state == "active" for login, state in desk},
            "payroll": {login: state == "true" for login, state in payroll},
            "host": {login: one["enabled"] for login, one in host.items()},
        }


@pytest.fixture
def apps(tmp_path: Path) -> Iterator[Apps]:
    with NewApi() as desk, PeopleService() as payroll:
        yield Apps(tmp_path / "project", desk, payroll)


def test_an_organisation_survives_each_app_failing_in_turn(apps: Apps) -> None:
    assert apps("check", "--connect").code == 0

    apps.desk.unique = False
    apps.desk.fail("POST /api/users", dropped, times=2)
    apps.payroll.fail("CreatePerson", lambda _asked, do: (do(), fault("Server", "out of memory"))[1], times=2)
    apps("run")
    done = apps("run")
    assert done.code == 0, done.err
    assert apps.accounts() == {system: dict.fromkeys(PEOPLE, True) for system in FLOWS}
    quiet = apps("plan", "--json")
    assert (quiet.code, quiet.document["changes"]) == (0, []), quiet.out

    people = apps.folder / "data" / "people.csv"
    people.write_text(people.read_text(encoding="utf-8").replace("1001,2017-09-01,", "1001,2017-09-01,2026-02-27"))
    apps.desk.fail("GET /api/users", instead(500), times=10)
    held = apps("run")
    assert held.code == 1
    assert "desk: GET /users was answered 500" in held.err
    apps.desk.faults.clear()
    assert apps("run").code == 0
    expected = {**dict.fromkeys(PEOPLE, True), "tomas.nunez": False}
    assert apps.accounts() == dict.fromkeys(FLOWS, expected)
