"""A directory that mends no references: people, units and groups move, leave and are renamed, and every name leads on.

The attributes that are written (`secretary`, `uniqueMember`) are those that OpenLDAP's overlays here leave alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ldap
import pytest

from tests.servers.openldap import OpenLdap
from tests.stories.sources import TEAM, WORKER
from tests.sync.world import World

UNIT = """
identity: org-unit
project: true
inbound: {precedence: 10, flows: {displayName: '[id]', description: '[name]'}}
"""
OU = """
identity: org-unit
join: [{displayName: '[description]'}]
outbound:
  provision: 'true'
  deprovision: delete
  flows:
    dn: 'Join("", "ou=", EscapeDN([description]), ",ou=people,dc=acme,dc=example")'
    description: '[displayName]'
"""
USER = """
identity: person
join: [{employeeId: '[employeeNumber]'}]
outbound:
  provision: '[active]'
  deprovision: delete
  flows:
    dn: 'Join("", "cn=", EscapeDN([displayName]), ",ou=", EscapeDN([department]), ",ou=people,dc=acme,dc=example")'
    sn: '[displayName]'
    employeeNumber: '[employeeId]'
    secretary: {reference: '[manager]'}
"""
GROUP = """
identity: group
join: [{displayName: '[description]'}]
outbound:
  provision: 'true'
  deprovision: delete
  flows:
    dn: 'Join("", "cn=", [displayName], ",ou=groups,dc=acme,dc=example")'
    description: '[displayName]'
    uniqueMember: {references: '[members]'}
"""
SYSTEM = """
connector: ldap
settings: {{url: '{url}', bind_dn: '{bind_dn}', password: '{password}', base: '{base}'}}
objects:
  unit: {{class: organizationalUnit, base: 'ou=people,{base}', filter: '(description=*)'}}
  user: {{class: inetOrgPerson, base: 'ou=people,{base}', rdn: cn}}
  group: {{class: groupOfUniqueNames, base: 'ou=groups,{base}', placeholder_member: 'cn=nobody'}}
"""


class House:
    """Units, people and teams in memory; their entries in OpenLDAP."""

    def __init__(self, folder: Path, server: OpenLdap) -> None:
        self.server = server
        self.world = World(folder, safety="safety: {percent: 100, members: 100, updates: 100}")
        self.units = self.world.source("units", "unit", mapping=UNIT)
        self.hr = self.world.source("hr", "worker", mapping=WORKER)
        self.teams = self.world.source("teams", "team", mapping=TEAM, attributes={"member": "[text]"})
        self.world.write(
            "systems/directory.yaml",
            SYSTEM.format(url=server.url, bind_dn=server.bind_dn, password="${secret:directory}", base=server.base),
        )
        for kind, text in (("unit", OU), ("user", USER), ("group", GROUP)):
            self.world.mapping(f"directory-{kind}", "directory", kind, text)

    def hire(self, key: str, name: str, unit: str, boss: str | None = None) -> None:
        self.hr.put(key, id=key, name=name, unit=unit, **({"boss": boss} if boss else {}))

    def entries(self) -> dict[str, dict[str, list[str]]]:
        """Every entry below the base: DN → attributes, without base DN."""
        connection = self.server.connect()
        found = connection.search_s(self.server.base, ldap.SCOPE_SUBTREE, "(|(employeeNumber=*)(uniqueMember=*))")
        connection.unbind_s()
        return {
            dn: {name: [value.decode() for value in values] for name, values in entry.items()} for dn, entry in found
        }

    def bosses(self) -> dict[str, str | None]:
        """Name → name of the boss, of everybody; a boss who is not there fails the test."""
        entries = self.entries()
        return {
            entry["cn"][0]: entries[entry["secretary"][0]]["cn"][0] if "secretary" in entry else None
            for entry in entries.values()
            if "employeeNumber" in entry
        }

    def members(self, team: str) -> set[str]:
        entries = self.entries()
        names = entries[f"cn={team},ou=groups,dc=acme,dc=example"]["uniqueMember"]
        return {entries[name]["cn"][0] for name in names if name != "cn=nobody"}

    def apply(self) -> dict[str, Any]:
        """Plan, apply the plan: nothing is refused, nothing is left for the next time."""
        plan = self.world.plan()
        result = self.world.apply()
        assert [problem["message"] for problem in (*result["errors"], *result["held"])] == []
        assert result["stale"] == []
        assert self.world.plan()["changes"] == []
        assert self.world.plan(full=True)["changes"] == []
        return plan


@pytest.fixture
def house(tmp_path: Path, openldap: OpenLdap, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setenv("MUSTER_SECRET_DIRECTORY", openldap.password)
    house = House(tmp_path, openldap)
    yield house
    house.world.close()


def test_every_name_leads_on_whatever_is_renamed_moved_and_deleted(house: House) -> None:
    house.units.put("u1", id="u1", name="Sales")
    house.units.put("u2", id="u2", name="Empty")
    house.hire("1", "Ada", "Sales")
    house.hire("2", "Bo", "Sales", "1")
    house.hire("3", "Cy", "Sales", "2")
    house.teams.put("t", id="t", member=["1", "2", "3"])
    house.apply()
    assert house.bosses() == {"Ada": None, "Bo": "Ada", "Cy": "Bo"}

    house.hr.edit("1", name="Ada Augusta")
    plan = house.apply()
    assert [(c["action"], c["name"]) for c in plan["changes"]] == [
        ("update", "Ada Augusta"),
        ("update", "Bo"),
        ("update", "t"),
    ]
    assert house.bosses() == {"Ada Augusta": None, "Bo": "Ada Augusta", "Cy": "Bo"}
    assert house.members("t") == {"Ada Augusta", "Bo", "Cy"}

    house.units.edit("u2", name="Lager")
    house.hire("4", "Di", "Lager", "3")
    house.units.edit("u1", name="Verkauf")
    for key in "123":
        house.hr.edit(key, unit="Verkauf")
    house.apply()
    assert house.bosses() == {"Ada Augusta": None, "Bo": "Ada Augusta", "Cy": "Bo", "Di": "Cy"}
    assert house.members("t") == {"Ada Augusta", "Bo", "Cy"}

    house.hr.edit("2", status="left")
    house.hr.edit("3", name="Cyrus")
    house.apply()
    assert house.bosses() == {"Ada Augusta": None, "Cyrus": None, "Di": "Cyrus"}
    assert house.members("t") == {"Ada Augusta", "Cyrus"}
