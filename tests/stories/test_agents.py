"""An Active Directory that the server cannot reach: two agents stand beside it, and one of them dies at work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.agents.live import AgentProcess, Command, Company
from tests.cli.support import muster
from tests.connectors.domains import Ou
from tests.servers.samba import SambaDc
from tests.stories.sources import TEAM, WORKER

pytestmark = pytest.mark.slow
PEOPLE = 60

USER = """
system: ad
object: user
identity: person
join: [{employeeId: '[employeeID]'}]
outbound:
  provision: '[active]'
  deprovision: disable
  flows:
    dn: 'Join("", "CN=", EscapeDN([displayName]), ",OU=", EscapeDN([department]), ",BASE")'
    sAMAccountName: {value: '"NAME" & [employeeId]', enforce: once}
    employeeID: '[employeeId]'
    manager: {reference: '[manager]'}
"""
GROUP = """
system: ad
object: group
identity: group
join: [{displayName: '[description]'}]
outbound:
  provision: 'true'
  deprovision: delete
  flows:
    dn: 'Join("", "CN=", [displayName], ",BASE")'
    sAMAccountName: '"NAME" & [displayName]'
    description: '[displayName]'
    groupScope: '"universal"'
    member: {references: '[members]'}
"""


class Office:
    """HR on the server; a domain in the office, where the agents are."""

    def __init__(self, company: Company, ou: Ou) -> None:
        self.company = company
        self.ou = ou
        server = ou.server
        company.write(
            "systems/hr.yaml",
            "connector: flatfile\nsettings: {list_separator: '|'}\nobjects:\n"
            "  worker: {path: workers.csv, anchor: id}\n"
            "  team: {path: teams.csv, anchor: id, columns: {member: [text]}}\n",
        )
        company.write(
            "systems/ad.yaml",
            "connector: active_directory\nagents: office\nsafety: {percent: 100, updates: 100}\n"
            f"settings: {{urls: ['{server.url}'], ca: ad.pem, user: '{server.bind_dn}', password: '${{secret:ad}}'}}\n"
            f"objects:\n  user: {{class: user, base: '{ou.dn}', create_containers: true}}\n"
            f"  group: {{class: group, base: '{ou.dn}'}}\n",
        )
        hr = "system: hr\nobject: "
        for name, text in (
            ("hr-worker", hr + "worker" + WORKER),
            ("hr-team", hr + "team" + TEAM),
            ("ad-user", USER),
            ("ad-group", GROUP),
        ):
            company.write(f"mappings/{name}.yaml", text.replace("BASE", ou.dn).replace("NAME", ou.name))

    def hr(self, units: list[str]) -> None:
        rows = [f"{n},Person {n},{units[n % len(units)]},active,{n // 10 or ''}" for n in range(1, PEOPLE + 1)]
        self.company.write("workers.csv", "\n".join(["id,name,unit,status,boss", *rows, ""]))
        people = "|".join(str(n) for n in range(1, PEOPLE + 1))
        self.company.write("teams.csv", f"id,member\neverybody,{people}\n")

    def agent(self, name: str, **dawdle: str) -> AgentProcess:
        state = self.company.enrolled(name, group="office")
        server = self.ou.server
        (state.folder / "secrets" / "ad").write_text(server.password)
        (state.folder / "ad.pem").write_bytes(server.certificate.read_bytes())
        return AgentProcess(state, **dawdle)

    def run(self) -> Command:
        return Command(self.company.folder, "run")

    def users(self) -> dict[str, Any]:
        found = self.ou.admin.search_s(self.ou.dn, 2, "(employeeID=*)", ["employeeID", "manager"])
        return {attributes["employeeID"][0].decode(): dn for dn, attributes in found}

    def members(self) -> set[str]:
        return set(self.ou.entry(f"CN=everybody,{self.ou.dn}", "member").get("member", ()))


@pytest.fixture
def office(samba_server: SambaDc) -> Iterator[Office]:
    with Company() as company, closing(Ou(samba_server)) as ou:
        yield Office(company, ou)


def test_a_domain_behind_two_agents(office: Office) -> None:
    office.hr(["Sales", "Lab"])
    with office.agent("dc1", HANG="write:40") as doomed:
        run = office.run()
        doomed.until_it_hangs()
        written = len(office.users())
        with office.agent("dc2"):
            doomed.kill()
            done = run.done(120)
            assert (done["code"], done["errors"], done["held"]) == (0, [], []), done
            assert written < PEOPLE
            assert set(office.users()) == {str(n) for n in range(1, PEOPLE + 1)}
            assert office.members() == set(office.users().values())
            again = office.run().done(60)
            assert (again["code"], again["changes"]) == (0, [])

            office.hr(["Lab", "Sales"])  # everybody moves, and the server knows no password
            done = office.run().done(120)
            assert (done["code"], done["summary"]["ad"]["update"]) == (0, PEOPLE), done
            assert office.members() == set(office.users().values())
            assert all(",OU=Lab," in dn for number, dn in office.users().items() if int(number) % 2 == 0)

            told = muster("status", folder=office.company.folder)
            assert told.code == 0, told.err
    kept = [path for path in office.company.folder.rglob("*") if path.is_file() and "agent-dc" not in str(path)]
    secret = office.ou.server.password.encode()
    assert [path for path in kept if secret in path.read_bytes()] == []
    for log in office.company.folder.glob("agent-dc*/log"):
        assert secret not in log.read_bytes()
