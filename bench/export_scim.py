"""What does Muster cost on top of a bare asynchronous client when it makes 5,000 users in scim2-server?

The bare client writes prepared requests to 16 open sockets and reads no more of an answer than it must. Muster does so
once each user alone, as the bare client does, and once in bulks, as it does by itself where the server takes them.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.beside import FastScimServer
from bench.company import Company, worker
from bench.gateway import IN_FLIGHT, USER, Place, together
from bench.measuring import Measured, rate

COUNT = int(os.environ.get("BENCH_SCIM", "5000"))
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MAPPING = """\
system: crm
object: user
identity: person
join:
  - employeeId: '[externalId]'
outbound:
  provision: '[active]'
  deprovision: disable
  flows:
    userName: '[mail]'
    externalId: '[employeeId]'
    displayName: '[displayName]'
    name.givenName: '[givenName]'
    name.familyName: '[surname]'
    emails[type eq "work"].value: '[mail]'
    title: '[jobTitle]'
    enterprise.department: '[department]'
"""


def measure() -> Iterator[Measured]:
    """The export step of a first run, beside the same creates by hand on the same server."""
    with FastScimServer() as server:
        place = Place(server.url, server.token, None)
        requests = [place.request("POST", "/Users", _user(number)) for number in range(COUNT)]
        floor, _ = asyncio.run(together(place, requests, (201,)))
    for how, more in (("each alone", "bulk: none"), ("in bulks", "bulk: auto")):
        with FastScimServer() as server, tempfile.TemporaryDirectory() as folder:
            found = _exported(server, Path(folder), more)
            steps = found["steps"]
            yield rate(f"export to scim2-server, {how}", COUNT, steps["export crm"], floor, steps, "users/s")


def _exported(server: FastScimServer, folder: Path, more: str) -> dict[str, Any]:
    os.environ["MUSTER_SECRET_BENCH_CRM"] = server.token
    company = Company(folder / "project", COUNT)
    try:
        (company.folder / "mappings" / "app-account.yaml").unlink()
        (company.folder / "systems" / "crm.yaml").write_text(
            f"connector: scim\nsettings: {{url: '{server.url}', token: '${{secret:BENCH_CRM}}', "
            f"page_size: 1000, concurrency: {IN_FLIGHT}, {more}}}\nobjects: {{user: {{resource: User}}}}\n"
        )
        company.mapping("crm-user", MAPPING)
        found = company.run()
        if found["document"]["errors"]:
            raise AssertionError(found["document"]["errors"][:3])
        return found
    finally:
        company.close()


def _user(number: int) -> dict[str, Any]:
    """The POST of one user, as Muster sends it."""
    row = worker(number)
    first, last, key = str(row["first"]), str(row["last"]), str(row["id"])
    mail = f"{first}.{last}.{key}@acme.example".lower()
    return {
        "schemas": [USER, ENTERPRISE],
        "userName": mail,
        "externalId": key,
        "displayName": f"{first} {last}",
        "name": {"givenName": first, "familyName": last},
        "emails": [{"type": "work", "value": mail}],
        "title": str(row["title"]),
        ENTERPRISE: {"department": str(row["dept"])},
    }
