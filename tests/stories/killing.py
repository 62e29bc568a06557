"""Real projects in folders, run by the `muster` command in processes that die where a test says."""

from __future__ import annotations

import csv
import json
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

NOW = "2026-03-02T09:00:00Z"
COLUMNS = ("id", "first", "last", "dept", "status", "boss")
Rows = dict[str, tuple[str, ...]]
Teams = dict[str, tuple[str, list[str]]]

BEFORE: Rows = {
    "1": ("Ada", "Byron", "Board", "active", ""),
    "2": ("Bo", "Dahl", "Sales", "active", "1"),
    "3": ("Cy", "Young", "Sales", "active", "2"),
    "4": ("Di", "Prince", "IT", "active", "1"),
    "5": ("Ed", "Moss", "IT", "left", "4"),
    "6": ("Gil", "Ude", "IT", "active", "4"),
}
AFTER: Rows = {
    **{key: row for key, row in BEFORE.items() if key != "6"},  # a leaver whose line is gone
    "2": ("Bo", "Dahl", "Sales", "left", "1"),  # a leaver
    "3": ("Cy", "Young", "IT", "active", "4"),  # a mover with a new manager
    "4": ("Di", "Prince-Kent", "IT", "active", "1"),  # a new name, to whom references point
    "5": ("Ed", "Moss", "IT", "active", "7"),  # comes back, and works for one who is new
    "7": ("Flo", "Nash", "Sales", "active", "8"),  # two joiners who refer to each other
    "8": ("Ann", "Lee", "Sales", "active", "7"),
}
TEAMS_BEFORE: Teams = {"t1": ("Sales", ["1", "2", "3"]), "t2": ("Builders", ["4", "6"])}
TEAMS_AFTER: Teams = {"t1": ("Sales & Service", ["1", "3", "7"]), "t3": ("New", ["5", "7", "8"])}

HR_WORKER = """
system: hr
object: worker
identity: person
join: [{employeeId: '[id]'}]
project: true
inbound:
  precedence: 10
  flows:
    employeeId: '[id]'
    givenName: '[first]'
    surname: '[last]'
    displayName: 'Join(" ", [first], [last])'
    department: '[dept]'
    active: '[status] = "active"'
    manager: {reference: '[boss]', to: worker}
"""
HR_TEAM = """
system: hr
object: team
identity: group
join: [{mailNickname: '[id]'}]
project: true
inbound:
  precedence: 10
  flows:
    mailNickname: '[id]'
    displayName: '[title]'
    members: {references: '[people]', to: worker}
"""
APP_ACCOUNT = """
system: app
object: account
identity: person
join: [{employeeId: '[emp]'}]
outbound:
  provision: '[active]'
  deprovision: disable
  flows:
    login:
      value: 'SelectUniqueValue(ToLower([givenName]), ToLower([givenName] & [surname]))'
      enforce: once
    emp: '[employeeId]'
    name: '[displayName]'
    dept: '[department]'
    manager: {reference: '[manager]'}
"""
APP_TEAM = """
system: app
object: team
identity: group
join: [{mailNickname: '[nick]'}]
outbound:
  provision: 'IsPresent([mailNickname])'
  deprovision: delete
  flows:
    nick: '[mailNickname]'
    title: '[displayName]'
"""
DIR_USER = """
system: directory
object: user
identity: person
join: [{employeeId: '[employeeNumber]'}]
outbound:
  provision: '[active]'
  deprovision: delete
  flows:
    dn: 'Join("", "cn=", EscapeDN([displayName]), ",ou=people,dc=acme,dc=example")'
    cn: '[displayName]'
    sn: '[surname]'
    employeeNumber: '[employeeId]'
    manager: {reference: '[manager]'}
"""
DIR_GROUP = """
system: directory
object: group
identity: group
join: [{mailNickname: '[description]'}]
outbound:
  provision: 'IsPresent([mailNickname])'
  deprovision: delete
  flows:
    dn: 'Join("", "cn=", EscapeDN([displayName]), ",ou=groups,dc=acme,dc=example")'
    cn: '[displayName]'
    description: '[mailNickname]'
    member: {references: '[members]'}
"""
APP_TABLES = """
CREATE TABLE account (login TEXT PRIMARY KEY, emp TEXT, name TEXT, dept TEXT, manager TEXT, active INTEGER);
CREATE TABLE team (id INTEGER PRIMARY KEY, nick TEXT, title TEXT);
CREATE TABLE happened (what TEXT, who TEXT, name TEXT, dept TEXT, manager TEXT, active TEXT);
CREATE TRIGGER a1 AFTER INSERT ON account BEGIN INSERT INTO happened
  VALUES ('create', new.login, new.name, new.dept, new.manager, new.active); END;
CREATE TRIGGER a2 AFTER UPDATE ON account BEGIN INSERT INTO happened
  VALUES ('update', new.login, new.name, new.dept, new.manager, new.active); END;
CREATE TRIGGER a3 AFTER DELETE ON account BEGIN INSERT INTO happened VALUES ('delete', old.login, '', '', '', ''); END;
CREATE TRIGGER t1 AFTER INSERT ON team BEGIN INSERT INTO happened
  VALUES ('create', new.nick, new.title, '', '', ''); END;
CREATE TRIGGER t2 AFTER UPDATE ON team BEGIN INSERT INTO happened
  VALUES ('update', new.nick, new.title, '', '', ''); END;
CREATE TRIGGER t3 AFTER DELETE ON team BEGIN INSERT INTO happened VALUES ('delete', old.nick, '', '', '', ''); END;
"""
"""`happened` is the application's own log: it counts what was really done to it, whoever asked."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code (-9: killed), the points it passed, and what it said."""

    code: int
    points: int | None
    error: str


class Processes:
    """Runs commands in processes of their own."""

    def __init__(self) -> None:
        self._program = subprocess.Popen(
            [sys.executable, "-m", "tests.stories.dying"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._program.communicate()

    def run(self, *arguments: str, folder: Path, die_at: int = 0, environment: Mapping[str, str] = {}) -> Ended:
        """`muster ARGUMENTS`, with the clock set, dying at a point when `die_at` is not 0."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        command = {
            "arguments": ["-C", str(folder), *arguments],
            "environment": {"MUSTER_NOW": NOW, **environment},
            "die_at": die_at,
        }
        self._program.stdin.write(json.dumps(command) + "\n")
        self._program.stdin.flush()
        answer: dict[str, Any] = json.loads(self._program.stdout.readline())
        return Ended(**answer)


def write_project(folder: Path, *, store: str, ldap: tuple[str, str] | None = None) -> None:
    """HR files → the tables of an application and, with `ldap` (URL and DN of the administrator), a directory."""
    files = {
        "muster.yaml": f"project: acme\nstore: {store}\nsafety: {{percent: 100, updates: 100, members: 100}}\n",
        "systems/hr.yaml": """
            connector: flatfile
            objects:
              worker: {anchor: id, path: data/workers.csv}
              team: {anchor: id, path: data/teams.jsonl, columns: {people: [text]}}
            """,
        "mappings/hr-worker.yaml": HR_WORKER,
        "mappings/hr-team.yaml": HR_TEAM,
    }
    if ldap is None:
        files["systems/app.yaml"] = """
            connector: sql
            settings: {url: 'sqlite:///data/app.db'}
            objects:
              account: {table: account, anchor: login, enabled: active}
              team: {table: team, anchor: id}
            """
        files["mappings/app-account.yaml"] = APP_ACCOUNT
        files["mappings/app-team.yaml"] = APP_TEAM
    else:
        files["systems/directory.yaml"] = f"""
            connector: ldap
            settings:
              url: {ldap[0]}
              bind_dn: {ldap[1]}
              password: ${{secret:directory}}
              base: dc=acme,dc=example
            objects:
              user: {{class: inetOrgPerson, rdn: cn}}
              group: {{class: groupOfNames, placeholder_member: 'cn=nobody'}}
            """
        files["mappings/directory-user.yaml"] = DIR_USER
        files["mappings/directory-group.yaml"] = DIR_GROUP
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    (folder / "data").mkdir()
    with opened_app(folder) as connection:
        connection.executescript(APP_TABLES)


def write_people(folder: Path, rows: Rows, teams: Teams) -> None:
    """The files of the personnel department."""
    with (folder / "data" / "workers.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows((key, *row) for key, row in sorted(rows.items()))
    lines = [{"id": key, "title": title, "people": people} for key, (title, people) in sorted(teams.items())]
    (folder / "data" / "teams.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


@contextmanager
def opened_app(folder: Path) -> Iterator[sqlite3.Connection]:
    """The application's database."""
    with closing(sqlite3.connect(folder / "data" / "app.db")) as connection:
        yield connection
        connection.commit()


def app_tables(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What the application holds, and all that ever happened to it, in no order."""
    with opened_app(folder) as connection:
        return {
            "account": sorted(connection.execute("SELECT * FROM account"), key=repr),
            "team": sorted(connection.execute("SELECT nick, title FROM team"), key=repr),
            "happened": sorted(connection.execute("SELECT * FROM happened"), key=repr),
        }
