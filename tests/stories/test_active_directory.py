"""A company and its Active Directory: people join, move, leave and come again; groups keep in step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.domains import Ou
from tests.servers.samba import SambaDc
from tests.stories.sources import TEAM, WORKER
from tests.sync.world import World, changed, kinds

USER = """
identity: person
join: [{employeeId: '[employeeID]'}]
inbound: {precedence: 50, flows: {onPremisesObjectGuid: '[objectGUID]'}}
outbound:
  provision: '[active]'
  deprovision: [{do: disable}, {after: 30 days, do: delete}]
  password: generate
  flows:
    dn: 'Join("", "CN=", EscapeDN([displayName]), ",OU=", EscapeDN([department]), ",{base}")'
    sAMAccountName: {value: '"{name}" & [employeeId]', enforce: once}
    displayName: '[displayName]'
    employeeID: '[employeeId]'
    manager: {reference: '[manager]'}
"""
GROUP = """
identity: group
join: [{displayName: '[description]'}]
outbound:
  provision: 'true'
  deprovision: delete
  flows:
    dn: 'Join("", "CN=", [displayName], ",{base}")'
    sAMAccountName: '"{name}" & [displayName]'
    description: '[displayName]'
    groupScope: '"universal"'
    member: {references: '[members]'}
"""
SYSTEM = """
connector: active_directory
settings: {{urls: ['{url}'], ca: '{ca}', user: '{user}', password: '${{secret:ad}}'}}
objects:
  user: {{class: user, base: '{base}', create_containers: true}}
  group: {{class: group, base: '{base}'}}
"""


class Company:
    """People and teams in memory; their accounts and groups in a domain."""

    def __init__(self, folder: Path, ou: Ou) -> None:
        self.ou = ou
        self.world = World(folder, safety="safety: {percent: 100, members: 100, updates: 100}")
        self.hr = self.world.source("hr", "worker", mapping=WORKER)
        self.teams = self.world.source("teams", "team", mapping=TEAM, attributes={"member": "[text]"})
        server = ou.server
        system = SYSTEM.format(url=server.url, ca=server.certificate, user=server.bind_dn, base=ou.dn)
        self.world.write("systems/ad.yaml", system)
        for kind, text in (("user", USER), ("group", GROUP)):
            self.world.mapping(f"ad-{kind}", "ad", kind, text.replace("{base}", ou.dn).replace("{name}", ou.name))

    def hire(self, key: str, name: str, unit: str = "Sales", boss: str | None = None) -> None:
        self.hr.put(key, id=key, name=name, unit=unit, **({"boss": boss} if boss else {}))

    def dn(self, name: str, unit: str = "Sales") -> str:
        return f"CN={name},OU={unit},{self.ou.dn}"

    def members(self, name: str = "team") -> set[str]:
        return set(self.ou.entry(f"CN={name},{self.ou.dn}", "member").get("member", ()))

    def run(self, **options: Any) -> dict[str, Any]:
        """One run, after which nothing is left to do."""
        result = self.world.run(**options)
        assert (result["errors"], result["held"]) == ([], [])
        assert self.world.plan(full=True)["changes"] == []
        return result


@pytest.fixture
def company(samba_server: SambaDc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    monkeypatch.setenv("MUSTER_SECRET_AD", samba_server.password)
    ou = Ou(samba_server)
    made = Company(tmp_path, ou)
    yield made
    made.world.close()
    ou.close()


def test_people_join_move_and_leave(company: Company) -> None:
    company.hire("1", "Ada")
    company.hire("2", "Bo, jr", boss="1")
    company.hire("3", "Cy", "R&D/Lab", boss="1")
    company.teams.put("team", id="team", member=["1", "2", "3"])
    company.run()
    ada, bo, cy = company.dn("Ada"), company.dn(r"Bo\, jr"), company.dn("Cy", "R&D/Lab")
    assert company.members() == {ada, bo, cy}
    assert company.ou.entry(bo, "manager", "userAccountControl") == {"manager": [ada], "userAccountControl": ["512"]}

    company.hr.edit("1", name="Ada Byron", unit="Board")
    company.run()
    ada = company.dn("Ada Byron", "Board")
    assert company.members() == {ada, bo, cy}
    assert company.ou.entry(cy, "manager") == {"manager": [ada]}

    company.hr.edit("2", status="left")
    company.run()
    assert company.ou.entry(bo, "userAccountControl") == {"userAccountControl": ["514"]}
    company.world.wait(days=31)
    company.run()
    assert company.members() == {ada, cy}
    company.hire("4", "Bo, jr", boss="3")
    company.run()
    assert company.members() == {ada, cy}, "another one of that name"
    assert company.ou.entry(bo, "manager", "employeeID") == {"manager": [cy], "employeeID": ["4"]}


def test_what_other_hands_do_is_seen_and_undone(company: Company) -> None:
    for key, name in (("1", "Ada"), ("2", "Bo"), ("3", "Cy")):
        company.hire(key, name)
    company.teams.put("team", id="team", member=["1", "2", "3"])
    company.run()
    everybody = {company.dn(name) for name in ("Ada", "Bo", "Cy")}
    ou = company.ou

    ou.make_ou(f"OU=Elsewhere,{ou.dn}")
    ou.move(company.dn("Ada"), "CN=Ada", f"OU=Elsewhere,{ou.dn}")
    ou.set(company.dn("Bo"), userAccountControl="514", displayName="wrong")
    plan = company.world.plan()
    assert {(system, action) for system, action, _ in changed(plan)} == {("ad", "update")}
    company.run()
    assert company.members() == everybody
    assert ou.entry(company.dn("Bo"), "displayName") == {"displayName": ["Bo"]}

    ou.admin.delete_s(company.dn("Cy"))
    assert company.members() == everybody - {company.dn("Cy")}
    result = company.world.run(allow_deletes=True)
    assert kinds(result["errors"]) == []
    company.run(allow_deletes=True)
    assert company.members() == everybody, "made again, and a member again"
