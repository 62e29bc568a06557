"""One organisation in seven kinds of application: nobody twice, nobody lost, whichever of them fails."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import ldap
import psycopg
import pytest
from ruamel.yaml import YAML

from muster.cli.scaffold import STARTER, make_project
from tests.cli.support import Answer, inside
from tests.connectors.restapi import TOKEN, NewApi, dropped, instead
from tests.connectors.soapservice import LOGIN, PeopleService, fault
from tests.connectors.test_rest import GROUP, USER
from tests.connectors.test_script import EXAMPLES
from tests.connectors.test_soap import ERRORS, PERSON
from tests.servers.openldap import OpenLdap
from tests.servers.postgres import Postgres
from tests.servers.scim import ScimServer

NOW = "2026-03-01T09:00:00Z"
AOIFE, LEAVER = "aoife.obrien", "tomas.nunez"
PEOPLE = {"ingrid.soerensen", LEAVER, AOIFE, "anna.meyer", "anna.meyer2"}
TARGETS: dict[str, tuple[str, dict[str, str], str]] = {
    "desk": ("user", {"login": "[login]", "name": "[displayName]", "title": "[department]"}, "disable"),
    "payroll": ("person", {"login": "[login]", "display": "[displayName]", "title": "[department]"}, "disable"),
    "host": ("person", {"login": "[login]", "name": "[displayName]", "title": "[department]"}, "disable"),
    "crm": ("user", {"userName": "[login]", "displayName": "[displayName]", "title": "[department]"}, "disable"),
    "directory": (
        "user",
        {
            "dn": 'Join("", "uid=", [login], ",ou=people,dc=acme,dc=example")',
            "uid": "[login]",
            "cn": "[displayName]",
            "sn": "[surname]",
            "title": "[department]",
        },
        "delete",
    ),
}
"""Beside the starter's own, `app` (a table) and `phonebook` (a file). A login ties an account to its person."""
SYSTEMS = [*TARGETS, "app", "phonebook"]


class Organisation:
    def __init__(
        self,
        folder: Path,
        desk: NewApi,
        payroll: PeopleService,
        crm: ScimServer,
        directory: OpenLdap,
        app: tuple[Postgres, str],
    ) -> None:
        self.folder, self.desk, self.payroll, self.crm, self.directory = folder, desk, payroll, crm, directory
        self.server, self.database = app
        self.secrets = {
            "DESK": TOKEN,
            "PAYROLL": LOGIN[1],
            "HOST": "t0ken",
            "CRM": crm.token,
            "DIRECTORY": directory.password,
            "APP": self.server.password,
        }
        make_project(STARTER, folder)
        self._make_systems()
        for system, (kind, flows, goes) in TARGETS.items():
            login = next(name for name, value in flows.items() if value == "[login]")
            outbound = {"provision": "[active]", "deprovision": goes, "flows": flows}
            rules = {"system": system, "object": kind, "identity": "person", "join": [{"login": f"[{login}]"}]}
            self.write(f"mappings/{system}.yaml", {**rules, "outbound": outbound})

    def _make_systems(self) -> None:
        login = {"kind": "bearer", "token": "${secret:DESK}"}
        self.system("desk", "rest", {"url": f"{self.desk.url}/api", "login": login}, {"user": USER, "group": GROUP})
        named = {"kind": "username_token", "user": LOGIN[0], "password": "${secret:PAYROLL}"}
        wsdl = f"{self.payroll.url}/people.wsdl"
        self.system("payroll", "soap", {"wsdl": wsdl, "login": named, "errors": ERRORS}, {"person": PERSON})
        host = {"PEOPLE_FILE": "data/host.json", "PEOPLE_TOKEN": "${secret:HOST}", "PEOPLE_NEEDS": "t0ken"}
        command = [sys.executable, "-IS", str(EXAMPLES / "people.py")]
        self.system("host", "script", {"command": command, "environment": host}, {"person": {}})
        self.system("crm", "scim", {"url": self.crm.url, "token": "${secret:CRM}"}, {"user": {"resource": "User"}})
        bind = {"bind_dn": self.directory.bind_dn, "password": "${secret:DIRECTORY}", "base": self.directory.people}
        self.system("directory", "ldap", {"url": self.directory.url, **bind}, {"user": {"class": "inetOrgPerson"}})
        with psycopg.connect(self.database) as made:
            made.execute((STARTER / "data" / "app.db.sql").read_text("utf-8").replace("DEFAULT 1", "").encode())
        url = self.database.replace(self.server.password, "${secret:APP}")
        table = {"table": "account", "anchor": "login", "enabled": "active"}
        self.system("app", "sql", {"url": url}, {"account": table})

    def system(self, name: str, connector: str, settings: Any, objects: Any) -> None:
        self.write(f"systems/{name}.yaml", {"connector": connector, "settings": settings, "objects": objects})

    def write(self, name: str, document: Any) -> None:
        with (self.folder / name).open("w", encoding="utf-8") as file:
            YAML().dump(document, file)

    def __call__(self, *arguments: str) -> Answer:
        secrets = {f"MUSTER_SECRET_{name}": text for name, text in self.secrets.items()}
        return inside(*arguments, folder=self.folder, now=NOW, **secrets)

    def hr(self, before: str, after: str) -> None:
        """HR changes something."""
        people = self.folder / "data" / "people.csv"
        text = people.read_text("utf-8")
        assert text.count(before) == 1, before
        people.write_text(text.replace(before, after), "utf-8")

    # --- what the applications hold, asked of them themselves

    def accounts(self) -> dict[str, dict[str, str]]:
        """Whose account works where, and in which department. Fails where somebody has two."""
        found = {
            system: [(login, department) for login, department, works in getattr(self, f"_{system}")() if works]
            for system in SYSTEMS
        }
        for system, rows in found.items():
            assert len(dict(rows)) == len(rows), (system, rows)
        return {system: dict(rows) for system, rows in found.items()}

    def _desk(self) -> list[tuple[str, str, bool]]:
        users = self.desk.users.values()
        return [(one["login"], one["profile"]["title"], one["status"] == "active") for one in users]

    def _payroll(self) -> list[tuple[Any, Any, bool]]:
        people = [
            [one.findtext(f".//{{urn:people}}{name}") for name in ("login", "title", "active")]
            for one in self.payroll.people.values()
        ]
        return [(login, title, active == "true") for login, title, active in people]

    def _host(self) -> list[tuple[str, str, bool]]:
        people = json.loads((self.folder / "data" / "host.json").read_text())["people"]
        return [(login, one["title"], one["enabled"]) for login, one in people.items()]

    def _crm(self) -> list[tuple[str, str, bool]]:
        answer = httpx.get(f"{self.crm.url}/Users", headers=self.crm.headers, trust_env=False)
        return [(one["userName"], one["title"], one["active"]) for one in answer.json()["Resources"]]

    def _directory(self) -> list[tuple[str, str, bool]]:
        connection = self.directory.connect()
        entries = connection.search_s(self.directory.people, ldap.SCOPE_ONELEVEL, "(uid=*)", ["uid", "title"])
        connection.unbind_s()
        return [(entry["uid"][0].decode(), entry["title"][0].decode(), True) for _, entry in entries]

    def _app(self) -> list[tuple[Any, Any, bool]]:
        with psycopg.connect(self.database) as opened:
            return opened.execute("SELECT login, department, active FROM account").fetchall()

    def _phonebook(self) -> list[tuple[str, str, bool]]:
        lines = (self.folder / "data" / "phonebook.jsonl").read_text("utf-8").splitlines()
        return [(one["login"], one["department"], True) for one in map(json.loads, lines)]

    # --- how each of them fails

    @contextmanager
    def failing(self, system: str) -> Iterator[None]:
        """The application does not work, each in the way of its kind."""
        mend: Callable[[], object]
        match system:
            case "desk":
                self.desk.fail("GET /api/users", instead(500), times=10)
                mend = self.desk.faults.clear
            case "payroll":
                self.payroll.fail("ListPeople", lambda _asked, _do: fault("Server", "out of memory"), times=50)
                mend = self.payroll.faults.clear
            case "host":
                mend = self._cut(self.folder / "data" / "host.json")
            case "phonebook":
                mend = self._cut(self.folder / "data" / "phonebook.jsonl")
            case "crm":
                self.secrets["CRM"] = "one that was revoked"
                mend = lambda: self.secrets.update(CRM=self.crm.token)  # noqa: E731
            case "directory":
                self.directory.stop()
                mend = self.directory.start
            case _:
                self.server.stop()
                mend = self.server.start
        yield
        mend()

    @staticmethod
    def _cut(file: Path) -> Callable[[], object]:
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        return lambda: file.write_bytes(whole)


@pytest.fixture
def organisation(
    tmp_path: Path, scim: ScimServer, openldap: OpenLdap, postgres_server: Postgres, postgres_url: str
) -> Iterator[Organisation]:
    with NewApi() as desk, PeopleService() as payroll:
        yield Organisation(tmp_path / "project", desk, payroll, scim, openldap, (postgres_server, postgres_url))


def test_an_organisation_survives_each_of_seven_kinds_of_application_failing_in_turn(
    organisation: Organisation,
) -> None:
    assert organisation("check", "--connect").code == 0

    # Creates that were made, and whose answers were lost.
    organisation.desk.unique = False
    organisation.desk.fail("POST /api/users", dropped, times=2)
    organisation.payroll.fail("CreatePerson", lambda _asked, do: (do(), fault("Server", "out of memory"))[1], times=2)
    organisation("run")
    done = organisation("run")
    assert done.code == 0, done.err
    departments = organisation.accounts()
    assert {system: set(found) for system, found in departments.items()} == dict.fromkeys(SYSTEMS, PEOPLE)
    quiet = organisation("plan", "--json")
    assert (quiet.code, quiet.document["changes"]) == (0, []), quiet.out

    # Each fails while somebody moves: all others follow, and it does once it works again.
    before = "Sales"
    for system in SYSTEMS:
        now = f"Office of {system}"
        organisation.hr(f"O'Brien,{before},", f"O'Brien,{now},")
        with organisation.failing(system):
            told = organisation("run")
            assert told.code == 1, (system, told.err)
            assert system in told.err
        shown = {name: found.get(AOIFE) for name, found in organisation.accounts().items() if name != system}
        assert shown == dict.fromkeys(set(SYSTEMS) - {system}, now), told.err
        before = now
    assert organisation("run").code == 0
    assert {found[AOIFE] for found in organisation.accounts().values()} == {before}

    # Somebody leaves, while three fail at once.
    organisation.hr("1001,2017-09-01,", "1001,2017-09-01,2026-02-27")
    with organisation.failing("crm"), organisation.failing("directory"), organisation.failing("desk"):
        assert organisation("run").code == 1
    assert organisation("run").code == 0
    working = {system: set(found) for system, found in organisation.accounts().items()}
    assert working == dict.fromkeys(SYSTEMS, PEOPLE - {LEAVER})
    quiet = organisation("plan", "--json")
    assert (quiet.code, quiet.document["changes"]) == (0, []), quiet.out
