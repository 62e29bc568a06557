"""A SCIM app moves over from Entra: its schema is imported, and the app gets the values that Entra wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from tests.cli.support import Answer
from tests.cli.support import muster as program
from tests.migration.support import DOCUMENTS
from tests.servers.scim import ScimServer

NOW = "2026-03-02T09:00:00Z"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

WORKERS = """upn,nick,first,last,department,title,office,phone,job,mark,boss,here
ada@acme.example,ada,Ada,Lovelace,Sales,Head,,+49 30 1,J1,,,true
bob@acme.example,bob,Bob,Bernoulli,Sales,,Berlin,,J2,,ada@acme.example,true
adm-eve@acme.example,eve,Eve,Euler,Sales,,,,,,,true
kim@acme.example,kim,Kim,Kovacs,IT,,,,,x,,true
lee@acme.example,lee,Lee,Laplace,IT,,,,,,,true
"""
SOURCE = """system: hr
object: worker
identity: person
join: [{userPrincipalName: '[upn]'}]
project: true
inbound:
  precedence: 10
  flows:
    userPrincipalName: '[upn]'
    mailNickname: '[nick]'
    givenName: '[first]'
    surname: '[last]'
    displayName: 'Join(" ", [first], [last])'
    mail: '[upn]'
    department: '[department]'
    jobTitle: '[title]'
    officeLocation: '[office]'
    businessPhones: '[phone]'
    extensionAttribute1: '[mark]'
    extension_0a1b_jobCode: '[job]'
    manager: {reference: '[boss]', to: person.userPrincipalName}
    active: '[here] = "true"'
"""


class Company:
    """A folder with an HR file and the app, and the app as another hand sees it."""

    def __init__(self, folder: Path, scim: ScimServer) -> None:
        self.folder, self.scim = folder, scim
        for part in ("systems", "mappings", "data"):
            (folder / part).mkdir()
        self.write("muster.yaml", "project: acme\nsafety: {percent: 100}\n")
        self.write(
            "systems/hr.yaml", "connector: flatfile\nsettings: {path: data/w.csv}\nobjects: {worker: {anchor: nick}}\n"
        )
        self.write(
            "systems/crm.yaml",
            f"connector: scim\nsettings: {{url: '{scim.url}', token: '${{secret:crm}}'}}\n"
            "objects:\n  user: {resource: User, attributes: ['roles[primary eq \"True\"].value']}\n",
        )
        self.write("metaverse.yaml", "person: {attributes: {extension_0a1b_jobCode: text}}\n")
        self.write("mappings/hr-worker.yaml", SOURCE)
        self.workers(WORKERS)

    def write(self, file: str, text: str) -> None:
        (self.folder / file).write_text(text, "utf-8")

    def workers(self, text: str) -> None:
        self.write("data/w.csv", text)

    def __call__(self, *arguments: str) -> Answer:
        return program(*arguments, folder=self.folder, now=NOW, MUSTER_SECRET_CRM=self.scim.token)

    def settle(self) -> None:
        """Plan and apply, after which nothing is left to do."""
        assert self("plan").code == 2
        done = self("apply")
        assert done.code == 0, done
        left = self("plan")
        assert left.code == 0, left

    def add(self, **user: Any) -> None:
        body = {"schemas": [USER], **user}
        assert httpx.post(f"{self.scim.url}/Users", json=body, headers=self.scim.headers, trust_env=False).is_success

    def users(self) -> dict[str, dict[str, Any]]:
        """The app's users by name."""
        found = httpx.get(f"{self.scim.url}/Users", headers=self.scim.headers, trust_env=False).json()
        return {user["userName"]: user for user in found["Resources"]}


def test_an_imported_schema_writes_what_entra_wrote(tmp_path: Path, scim: ScimServer) -> None:
    company = Company(tmp_path, scim)
    company.add(userName="old-ada", externalId="ada", title="Empress", active=True)
    schema = str(DOCUMENTS / "entra-to-scim.json")
    done = company("import", "entra-schema", schema, "--system", "crm", "--job", str(DOCUMENTS / "secrets.json"))
    assert done.code == 0, done
    assert "systems/crm.yaml has no object for it" in " ".join(done.err.split())  # the groups: this app takes none
    company.settle()

    users = company.users()
    assert sorted(users) == ["ada@acme.example", "bob@acme.example", "kim@acme.example"]
    ada, bob = users["ada@acme.example"], users["bob@acme.example"]
    assert (ada["externalId"], ada["displayName"], ada["name"]["familyName"]) == ("ada", "Ada Lovelace", "Lovelace")
    assert ada["title"] == "Empress"  # AttributeAddOnly: the app had one
    assert "nickName" not in ada  # ObjectAddOnly: Entra did not make this user, nor did Muster
    assert [one["value"] for one in ada["phoneNumbers"]] == ["+49 30 1"]
    assert [one["value"] for one in ada["emails"]] == ["ada@acme.example"]
    assert "addresses" not in ada  # a default is for users who are made
    assert users["kim@acme.example"]["addresses"][0]["formatted"] == "Nowhere"
    assert (bob["nickName"], bob["userType"], bob["active"]) == ("bob.new", "Employee", True)
    assert bob["addresses"][0]["formatted"] == "Berlin"
    assert bob["emails"][0]["primary"] is True
    assert (bob[ENTERPRISE]["department"], bob[ENTERPRISE]["costCenter"]) == ("Sales", "J2")
    assert bob[ENTERPRISE]["manager"]["value"] == ada["id"]

    later = WORKERS.replace("Bob,Bernoulli,Sales,,Berlin,,J2", "Rob,Bernoulli,Sales,,Berlin,,").replace(
        "kim@acme.example,kim,Kim,Kovacs,IT,,,,,x,,true", "kim@acme.example,kim,Kim,Kovacs,IT,,,,,,,true"
    )
    company.workers(later)
    company.settle()
    users = company.users()
    assert users["bob@acme.example"]["name"]["givenName"] == "Rob"
    assert users["bob@acme.example"]["nickName"] == "bob.new"
    assert users["bob@acme.example"][ENTERPRISE]["costCenter"] == "J2"  # ValueAddOnly: nothing takes it away
    assert (users["kim@acme.example"]["active"], users["ada@acme.example"]["active"]) == (False, True)
