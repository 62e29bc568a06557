"""What does the delta of ten changes cost, from a domain of Samba's by DirSync to the embedded directory, on the wire?

The users are put into the domain's database before the domain controller starts. That takes the longer the more there
are: for each, Samba writes the list of all of them again.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import ldap

from bench.cloud import SYSTEM, USER
from bench.company import Company
from bench.measuring import Measured, timed
from tests.servers.muster import MusterServer
from tests.servers.samba import SambaDc

COUNT = int(os.environ.get("BENCH_AD", "5000"))
CHANGES = 10
_TIMES = 5
_LOAD = """\
import sys
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
settings = LoadParm(sys.argv[1])
domain = SamDB(session_info=system_session(settings), lp=settings, options=["nosync:true"])
base, count = domain.get_default_basedn(), int(sys.argv[2])
domain.add({"dn": f"OU=Staff,{base}", "objectClass": "organizationalUnit"})
for start in range(0, count, 1000):
    domain.transaction_start()
    for number in range(start, min(start + 1000, count)):
        name = f"p{number:07d}"
        domain.add({
            "dn": f"CN={name},OU=Staff,{base}", "objectClass": "user", "sAMAccountName": name,
            "givenName": "Ada", "sn": f"Adler{number % 997}", "displayName": f"Ada Adler{number % 997}",
            "mail": f"{name}@acme.example", "department": f"D{number % 12}", "employeeID": f"{number:07d}",
        })
    domain.transaction_commit()
"""
_SYSTEM = """\
connector: active_directory
settings:
  urls: ['{dc.url}']
  ca: '{dc.certificate}'
  user: '{dc.bind_dn}'
  password: '${{secret:BENCH_AD_PASSWORD}}'
objects: {{user: {{class: user, base: 'OU=Staff,{dc.base}'}}}}
"""
_MAPPING = """\
system: ad
object: user
identity: person
join: [{employeeId: '[employeeID]'}]
project: true
inbound:
  precedence: 10
  flows:
    employeeId: '[employeeID]'
    givenName: '[givenName]'
    surname: '[sn]'
    displayName: '[displayName]'
    mail: '[mail]'
    department: '[department]'
    active: 'True'
"""
_FLOWS = ("givenName", "surname", "displayName", "mail", "department", "employeeId")


class Domain(SambaDc):
    """A domain with so many users."""

    def prepare(self) -> None:
        super().prepare()
        with timed() as seconds:
            self.run(["/usr/bin/python3", "-c", _LOAD, str(self._configuration), str(COUNT)])
        self.seconds = seconds[0]


class Hybrid:
    """A project from the domain to the directory."""

    def __init__(self, folder: Path, domain: SambaDc, server: MusterServer) -> None:
        os.environ["BENCH_AD_PASSWORD"] = domain.password
        os.environ["BENCH_CLOUD"] = server.application["secret"]
        self.company = Company(folder, 0)
        for name in ("systems/hr", "systems/app", "mappings/hr-worker", "mappings/app-account"):
            (folder / f"{name}.yaml").unlink()
        (folder / "systems" / "ad.yaml").write_text(_SYSTEM.format(dc=domain))
        (folder / "systems" / "cloud.yaml").write_text(SYSTEM.format(server=server))
        self.company.mapping("ad-user", _MAPPING)
        lines = USER.splitlines(keepends=True)
        named = ("userPrincipalName", "mailNickname", "onPremisesImmutableId", *_FLOWS)
        keep = [one for one in lines if not one.startswith("    ") or one.strip().partition(":")[0] in named]
        self.company.mapping("cloud-user", "".join(keep))
        self._domain = domain

    def run(self, changes: int) -> tuple[float, dict[str, float]]:
        """One run, which makes so many changes."""
        with timed() as seconds:
            found = self.company.run()
        document = found["document"]
        made = sum(sum(one.values()) for one in document["summary"].values())
        if document["errors"] or made != changes:
            raise AssertionError(f"{made} changes, not {changes}: {document['errors'][:3]}")
        return seconds[0], {name: round(taken, 3) for name, taken in found["steps"].items()}

    def changed(self, turn: int) -> tuple[float, dict[str, float]]:
        """The run that brings ten changes."""
        connection = self._domain.connect()
        for place in range(CHANGES):
            number = COUNT * place // CHANGES
            department = f"Turn {turn} of {number}".encode()
            name = f"CN=p{number:07d},OU=Staff,{self._domain.base}"
            connection.modify_s(name, [(ldap.MOD_REPLACE, "department", [department])])
        connection.unbind_s()
        return self.run(CHANGES)


def measure() -> Iterator[Measured]:
    """Load, run, then change ten and run, five times."""
    with tempfile.TemporaryDirectory() as folder, Domain() as domain, MusterServer() as server:
        hybrid = Hybrid(Path(folder), domain, server)
        first, steps = hybrid.run(COUNT)
        note = f"{COUNT} users of Samba to the directory; Samba itself took {domain.seconds:.0f} s to take them in"
        yield Measured("a domain's first run", round(first, 1), "s", steps=steps, note=note)
        hybrid.run(0)
        floor = statistics.median(hybrid.run(0)[0] for _ in range(_TIMES))
        taken = sorted((hybrid.changed(turn) for turn in range(_TIMES)), key=lambda one: one[0])
        seconds, steps = taken[_TIMES // 2]
        yield Measured(
            "ten changes by DirSync",
            round(seconds, 3),
            "s",
            round(floor, 3),
            round(seconds / floor, 1),
            steps,
            f"among {COUNT}, from Samba to the directory, to be below 2 s; the floor is a run with no change at all",
        )
