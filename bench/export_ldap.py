"""What does Muster cost on top of a bare pipelined client when it makes 20,000 users in OpenLDAP?"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import ldap

from bench.company import Company, worker
from bench.measuring import Measured, rate
from tests.servers.openldap import OpenLdap

COUNT = int(os.environ.get("BENCH_ENTRIES", "20000"))
WINDOW = 256
MAPPING = """\
system: directory
object: user
identity: person
join:
  - employeeId: '[employeeNumber]'
outbound:
  provision: '[active]'
  deprovision: delete
  flows:
    dn: 'Join("", "uid=", EscapeDN([employeeId]), ",{people}")'
    uid: '[employeeId]'
    cn: '[displayName]'
    sn: '[surname]'
    givenName: '[givenName]'
    employeeNumber: '[employeeId]'
    mail: '[mail]'
    departmentNumber: '[department]'
    title: '[jobTitle]'
    l: '[city]'
"""


def measure() -> Iterator[Measured]:
    """The export step of a first run, beside the same adds by hand on the same server."""
    with tempfile.TemporaryDirectory() as folder, OpenLdap() as server:
        floor = _bare(server)
        server.reset()
        os.environ["BENCH_DIRECTORY"] = server.password
        company = Company(Path(folder) / "project", COUNT)
        try:
            (company.folder / "mappings" / "app-account.yaml").unlink()
            (company.folder / "systems" / "directory.yaml").write_text(
                "connector: ldap\n"
                f"settings: {{url: '{server.url}', bind_dn: '{server.bind_dn}', base: '{server.people}', "
                "password: '${secret:BENCH_DIRECTORY}'}\n"
                "objects: {user: {class: inetOrgPerson}}\n"
            )
            (company.folder / "mappings" / "directory-user.yaml").write_text(MAPPING.replace("{people}", server.people))
            found = company.run()
            if found["document"]["errors"]:
                raise AssertionError(found["document"]["errors"][:3])
            yield rate(
                "export to OpenLDAP", COUNT, found["steps"]["export directory"], floor, found["steps"], "entries/s"
            )
        finally:
            company.close()


def _bare(server: OpenLdap) -> float:
    """The same entries, added with up to 256 requests in flight; nothing is kept."""
    connection = ldap.initialize(server.url)
    connection.simple_bind_s(server.bind_dn, server.password)
    entries = [_entry(server, number) for number in range(COUNT)]
    start = time.perf_counter()
    flying: list[int] = []
    for name, attributes in entries:
        flying.append(connection.add_ext(name, attributes))
        if len(flying) >= WINDOW:
            connection.result(flying.pop(0))
    for message in flying:
        connection.result(message)
    taken = time.perf_counter() - start
    connection.unbind_s()
    return taken


def _entry(server: OpenLdap, number: int) -> tuple[str, list[tuple[str, list[bytes]]]]:
    row = worker(number)
    first, last, key = str(row["first"]), str(row["last"]), str(row["id"])
    values = {
        "uid": key,
        "cn": f"{first} {last}",
        "sn": last,
        "givenName": first,
        "employeeNumber": key,
        "mail": f"{first}.{last}.{key}@acme.example".lower(),
        "departmentNumber": str(row["dept"]),
        "title": str(row["title"]),
        "l": str(row["city"]),
    }
    attributes = [("objectClass", [b"inetOrgPerson"])]
    attributes += [(name, [value.encode()]) for name, value in values.items()]
    return f"uid={key},{server.people}", attributes
