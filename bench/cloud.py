"""What does a company cost on its way to the embedded directory, over the wire?

The source is in memory; `muster serve` runs in a process of its own on SQLite, and the `graph` connector speaks to it
over TLS. First 100,000 users, then as many more as the group takes, then the group, then one member more.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.big_group import GROUP, TEAM_TYPE
from bench.company import WORKER, Company
from bench.directory import bare_rows
from bench.measuring import Measured, apart, timed
from bench.thin import Teams, Workers
from muster.directory.directory import Directory
from tests.servers.muster import MusterServer

USERS = int(os.environ.get("BENCH_USERS", "100000"))
MEMBERS = int(os.environ.get("BENCH_MEMBERS", "250000"))
SYSTEM = """\
connector: graph
settings:
  url: {server.graph}
  ca: {server.certificate}
  tenant: {server.application[tenant]}
  client_id: {server.application[client_id]}
  secret: ${{secret:BENCH_CLOUD}}
objects: {{user: {{resource: user}}, group: {{resource: group}}}}
"""
USER = """\
system: cloud
object: user
identity: person
join: [{onPremisesImmutableId: '[employeeId]'}]
outbound:
  provision: '[active]'
  deprovision: disable
  flows:
    userPrincipalName: '[mail]'
    mailNickname: 'Join(".", [surname], [employeeId])'
    onPremisesImmutableId: '[employeeId]'
    employeeId: '[employeeId]'
    givenName: '[givenName]'
    surname: '[surname]'
    displayName: '[displayName]'
    mail: '[mail]'
    department: '[department]'
    jobTitle: '[jobTitle]'
    companyName: '[companyName]'
    city: '[city]'
    country: '[country]'
    postalCode: '[postalCode]'
    streetAddress: '[streetAddress]'
    state: '[state]'
    officeLocation: '[officeLocation]'
    mobilePhone: '[mobilePhone]'
    employeeType: '[employeeType]'
    preferredLanguage: '[preferredLanguage]'
    usageLocation: '[usageLocation]'
"""
CLOUD_GROUP = """\
system: cloud
object: group
identity: group
join: [{displayName: '[displayName]'}]
outbound:
  provision: true
  deprovision: delete
  flows:
    displayName: '[displayName]'
    mailNickname: '[displayName]'
    members: {references: '[members]'}
"""


class Cloud:
    """A company, a team of it, and a directory that is empty at first."""

    def __init__(self, folder: Path, server: MusterServer) -> None:
        os.environ["BENCH_CLOUD"] = server.application["secret"]
        self.company = Company(folder, 0)
        (folder / "mappings" / "app-account.yaml").unlink()
        (folder / "systems" / "cloud.yaml").write_text(SYSTEM.format(server=server))
        self.hr = self.company.system(Workers, "hr", WORKER)
        self.teams = self.company.system(Teams, "teams", TEAM_TYPE)
        for name, text in {"teams-team": GROUP, "cloud-user": USER, "cloud-group": CLOUD_GROUP}.items():
            self.company.mapping(name, text)
        self._server = server

    def grow(self, count: int) -> tuple[float, dict[str, float]]:
        """So many people in all; the seconds of the run that makes their accounts, and those of each step."""
        self.hr.people = count
        seconds, steps = self.run(full=True)
        self.expect("/users", count)
        return seconds, steps

    def run(self, **options: Any) -> tuple[float, dict[str, float]]:
        """One run, whose errors are the benchmark's."""
        with timed() as seconds:
            found = self.company.run(**options)
        if found["document"]["errors"]:
            raise AssertionError(found["document"]["errors"][:3])
        return seconds[0], {name: round(taken, 3) for name, taken in found["steps"].items()}

    def ask(self, path: str, **options: str) -> Any:
        """What the directory says."""
        with self._server.authorized() as client:
            answer = client.get(f"/v1.0{path}", params=options, headers={"ConsistencyLevel": "eventual"})
            return answer.raise_for_status().json()

    def expect(self, path: str, count: int) -> None:
        """Raises `AssertionError` when the directory has another number of them."""
        found = self.ask(f"{path}/$count")
        if found != count:
            raise AssertionError(f"{found} {path}, not {count}")


def measure() -> Iterator[Measured]:
    """Users, the group, one member more."""
    with tempfile.TemporaryDirectory() as folder, MusterServer() as server:
        floor = apart(bare_users, server.folder)
        cloud = Cloud(Path(folder), server)
        whole, steps = cloud.grow(USERS)
        made = steps["export cloud"]
        yield Measured(
            "users to the directory",
            round(USERS / made, 1),
            "users/s",
            round(USERS / floor, 1),
            round(made / floor, 2),
            steps,
            f"{USERS} users, written over the wire; the floor inserts the same rows; the whole run takes {whole:.1f} s",
        )
        if MEMBERS >= USERS:
            cloud.grow(MEMBERS + 1)
        yield from group(cloud)


def bare_users(folder: Path) -> float:
    """Seconds that the rows of the users take by themselves, in a directory of their own."""
    with Directory.open("sqlite:///floor/state.db", folder) as directory:
        return bare_rows(directory, range(USERS))


def group(cloud: Cloud) -> Iterator[Measured]:
    """A group of everybody but one; then with that one, too."""
    cloud.teams.fill(MEMBERS)
    seconds, steps = cloud.run()
    (team,) = cloud.ask("/groups")["value"]
    members = f"/groups/{team['id']}/members"
    cloud.expect(members, MEMBERS)
    note = f"{MEMBERS} members who have their accounts, over the wire; to be below 60 s"
    yield Measured("a group to the directory", round(seconds, 2), "s", steps=steps, note=note)
    cloud.run()
    cloud.teams.put_edges("team", "everybody", "members", [f"{MEMBERS:07d}"])
    seconds, steps = cloud.run()
    cloud.expect(members, MEMBERS + 1)
    note = f"in a group of {MEMBERS}, over the wire; to be below 1 s"
    yield Measured("one member more to the directory", round(seconds, 3), "s", steps=steps, note=note)
