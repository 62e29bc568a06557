"""Agents and servers that die in the middle of a run: another goes on within seconds, and nothing is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.agents.live import AgentProcess, Command, Company
from tests.cli.support import inside, muster
from tests.waiting import wait_for

pytestmark = pytest.mark.slow
PEOPLE = 600

HR = """
system: hr
object: worker
identity: person
join: [{employeeId: '[id]'}]
project: true
inbound:
  precedence: 10
  flows: {employeeId: '[id]', displayName: '[name]'}
"""
APP = """
system: app
object: account
identity: person
join: [{employeeId: '[emp]'}]
outbound:
  provision: true
  deprovision: delete
  flows: {login: 'Join("", "u", [employeeId])', emp: '[employeeId]', name: '[displayName]'}
"""


class Office:
    """Two databases that only agents of the group reach."""

    def __init__(self, *companies: Company) -> None:
        self.company = companies[0]
        self.database = self.company.folder / "far.db"
        with closing(sqlite3.connect(self.database)) as made:
            made.execute("CREATE TABLE worker (id TEXT PRIMARY KEY, name TEXT)")
            made.execute("CREATE TABLE account (login TEXT PRIMARY KEY, emp TEXT, name TEXT)")
            made.executemany("INSERT INTO worker VALUES (?, ?)", [(f"{n:05}", f"Name {n}") for n in range(PEOPLE)])
            made.commit()
        for company in companies:
            for system, table, anchor in (("hr", "worker", "id"), ("app", "account", "login")):
                company.write(
                    f"systems/{system}.yaml",
                    f"connector: sql\nagents: dc\nsettings: {{url: 'sqlite:///{self.database}'}}\n"
                    f"objects: {{{table}: {{table: {table}, anchor: {anchor}}}}}\n",
                )
            company.write("mappings/hr.yaml", HR)
            company.write("mappings/app.yaml", APP)

    def accounts(self) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.database)) as opened:
            return opened.execute("SELECT login, emp, name FROM account ORDER BY login").fetchall()


EVERYBODY = [(f"u{n:05}", f"{n:05}", f"Name {n}") for n in range(PEOPLE)]


@pytest.fixture
def office() -> Iterator[Office]:
    with Company() as company:
        yield Office(company)


def complete(office: Office, done: dict[str, Any]) -> None:
    """The run made all accounts, and a second one finds nothing to do."""
    assert (done["code"], done["errors"], done["held"]) == (0, [], []), done
    assert office.accounts() == EVERYBODY
    again = inside("run", "--json", folder=office.company.folder)
    assert (again.code, again.document["changes"]) == (0, [])


@pytest.mark.parametrize("where", ["read:5", "write:250"])
def test_another_agent_goes_on_for_one_that_is_killed(where: str, office: Office) -> None:
    first, second = office.company.enrolled("dc1"), office.company.enrolled("dc2")
    with AgentProcess(first, HANG=where) as doomed:
        run = Command(office.company.folder, "run")
        doomed.until_it_hangs()
        with AgentProcess(second):
            doomed.kill()
            complete(office, run.done(30))


def test_an_agent_that_is_stopped_hands_over_at_once(office: Office) -> None:
    first, second = office.company.enrolled("dc1"), office.company.enrolled("dc2")
    with AgentProcess(first, HANG="read:3") as leaving:
        run = Command(office.company.folder, "run")
        leaving.until_it_hangs()
        with AgentProcess(second):
            leaving.stop()
            complete(office, run.done(30))


def test_what_a_revoked_agent_was_doing_is_done_by_another(office: Office) -> None:
    first, second = office.company.enrolled("dc1"), office.company.enrolled("dc2")
    with AgentProcess(first, HANG="write:30") as hanging:
        run = Command(office.company.folder, "run")
        hanging.until_it_hangs()
        with AgentProcess(second) as other:
            assert muster("agent", "revoke", "dc1", folder=office.company.folder).code == 0
            wait_for(lambda: "was revoked on" in hanging.log.read_text())
            hanging.kill()  # what hangs in it holds the database; a real one would end with it
            complete(office, run.done(30))
            listed = inside("agent", "list", "--json", folder=office.company.folder).document["agents"]
            assert [(one["agent"], one["state"]) for one in listed] == [("dc2", "here"), ("dc1", "revoked")]
            assert other.stop() == 0


def test_a_server_that_is_killed_and_starts_again(office: Office) -> None:
    first, second = office.company.enrolled("dc1"), office.company.enrolled("dc2")
    with AgentProcess(first, HANG="write:250") as hanging:
        run = Command(office.company.folder, "run")
        hanging.until_it_hangs()
        office.company.kill()
        hanging.kill()
        office.company.start()
        with AgentProcess(second):
            complete(office, run.done(60))


def test_an_agent_at_work_survives_the_restart_of_its_server(office: Office) -> None:
    with AgentProcess(office.company.enrolled("dc1"), HANG="write:150", SLOW="0.02") as busy:
        run = Command(office.company.folder, "run")
        busy.until_it_hangs()
        office.company.kill()
        office.company.start()
        complete(office, run.done(90))


def test_an_engine_that_is_killed_leaves_nothing_locked_for_long(office: Office) -> None:
    with AgentProcess(office.company.enrolled("dc1"), HANG="write:150", SLOW="0.01") as busy:
        run = Command(office.company.folder, "run")
        busy.until_it_hangs()
        run.kill()
        complete(office, Command(office.company.folder, "run").done(90))


def test_an_agent_survives_the_restart_of_its_server(office: Office) -> None:
    with AgentProcess(office.company.enrolled("dc1")):
        office.company.restart()
        complete(office, Command(office.company.folder, "run").done(60))
        office.company.kill()
        office.company.start()
        assert Command(office.company.folder, "run").done(60)["code"] == 0


def test_two_servers_stand_in_for_each_other(tmp_path: Path) -> None:
    state = tmp_path / "shared" / "state.db"
    with Company(state=state) as one, Company(state=state) as two:
        office = Office(one, two)
        first, second = one.enrolled("dc1", two), one.enrolled("dc2", two)
        with AgentProcess(first, HANG="read:4") as hanging:
            run = Command(one.folder, "run")
            hanging.until_it_hangs()
            with AgentProcess(second):
                two.kill()
                hanging.kill()
                complete(office, run.done(60))
                one.kill()
                two.start()
                assert Command(two.folder, "run").done(60)["code"] == 0


def test_nobody_of_the_group_is_here(office: Office) -> None:
    done = Command(office.company.folder, "run").done()
    assert done["code"] == 1
    assert [one["kind"] for one in done["errors"]] == ["unreachable", "unreachable"]
    assert "no agent of the group 'dc' is here. `muster agent list` shows" in done["errors"][0]["message"]
    office.company.stop()
    done = Command(office.company.folder, "run").done()
    assert "Start it: muster serve" in done["errors"][0]["message"]
