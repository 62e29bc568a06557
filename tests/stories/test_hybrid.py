"""`muster init --example hybrid` on a real domain and a real directory: what Entra Connect would do, by default."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ldap
import pytest

from tests.cli.support import Answer
from tests.cli.support import muster as program
from tests.connectors.domains import Ou
from tests.connectors.graphs import PASSWORD, Graph, fresh
from tests.servers.muster import MusterServer
from tests.servers.samba import SambaDc

NOW = "2026-03-02T09:00:00Z"


class Hybrid:
    """The example's folder, an OU of the domain, and the directory as another hand sees it."""

    def __init__(self, folder: Path, server: MusterServer, graph: Graph, ou: Ou) -> None:
        self.folder, self.server, self.graph, self.ou = folder, server, graph, ou
        assert program("init", ".", "--example", "hybrid", folder=folder).code == 0
        domain, of = ou.server, server.application
        self.secret = str(of["secret"])
        self.edit(
            "systems/ad.yaml",
            ("[ldaps://dc1.corp.example, ldaps://dc2.corp.example]", f"[{domain.url}]"),
            ("# ca: certificates/corp.pem", f"ca: {domain.certificate}"),
            ("user: muster@corp.example", f"user: {domain.bind_dn}"),
            ("# base: OU=Staff,DC=corp,DC=example", f"base: {ou.dn}"),
        )
        self.edit(
            "systems/cloud.yaml",
            ("# url: https://directory.corp.example:8443/v1.0", f"url: {server.graph}"),
            ("# ca: certificates/directory.pem", f"ca: {server.certificate}"),
            ("tenant: corp.example", f"tenant: {of['tenant']}"),
            ("client_id: 00000000-0000-0000-0000-000000000000", f"client_id: {of['client_id']}"),
        )
        self.edit("muster.yaml", ("percent: 10 ", "percent: 100 "), ("domain: corp.example", "domain: acme.example"))

    def edit(self, file: str, *pairs: tuple[str, str]) -> None:
        path = self.folder / file
        text = path.read_text("utf-8")
        for old, new in pairs:
            assert text.count(old) == 1, (file, old)
            text = text.replace(old, new)
        path.write_text(text, "utf-8")

    def __call__(self, *arguments: str) -> Answer:
        secrets = {
            "MUSTER_SECRET_AD": self.ou.server.password,
            "MUSTER_SECRET_CLOUD": self.secret,
        }
        return program(*arguments, "--json", folder=self.folder, now=NOW, **secrets)

    def run(self) -> None:
        """One run, after which nothing is left to do."""
        done = self("run")
        assert (done.code, done.document["errors"], done.document["held"]) == (0, [], []), done
        left = self("plan")
        assert (left.code, left.document["changes"]) == (0, []), [one["attributes"] for one in left.document["changes"]]

    def add(self, name: str, kind: str, **values: str | list[str]) -> str:
        """An object of the OU; gives its DN."""
        dn = f"CN={name},{self.ou.dn}"
        entry = [("objectClass", [kind.encode()])]
        for key, value in values.items():
            texts = value if isinstance(value, list) else [value]
            entry.append((key.replace("_", "-"), [one.encode() for one in texts]))
        self.ou.admin.add_s(dn, entry)
        return dn

    def person(self, name: str, **values: str | list[str]) -> str:
        login = f"{self.ou.name}{name}".lower()
        more = {"userAccountControl": "544", "userPrincipalName": f"{login}@acme.example", **values}
        return self.add(name, "user", sAMAccountName=login, displayName=f"{name} Example", **more)

    def guid(self, dn: str) -> uuid.UUID:
        ((_, found),) = self.ou.admin.search_s(dn, ldap.SCOPE_BASE, attrlist=["objectGUID"])
        return uuid.UUID(bytes_le=found["objectGUID"][0])

    def anchor(self, dn: str) -> str:
        """The source anchor as Entra Connect makes it."""
        return base64.b64encode(self.guid(dn).bytes_le).decode()

    def all(self, collection: str, select: str) -> dict[str, dict[str, Any]]:
        found = self.graph.all(collection, f"id,displayName,{select}")
        return {one["displayName"]: one for one in found}


@pytest.fixture
def hybrid(muster_server: MusterServer, samba_server: SambaDc, tmp_path: Path) -> Iterator[Hybrid]:
    graph, ou = Graph(muster_server), Ou(samba_server)
    graph.empty("users", "groups", "devices", "contacts")
    yield Hybrid(tmp_path, muster_server, graph, ou)
    ou.close()
    graph.close()


def test_users_groups_contacts_and_devices_go_to_the_cloud(hybrid: Hybrid) -> None:
    assert hybrid("check").code == 0
    ada = hybrid.person("Ada", mail="ada@acme.example", department="Engines", co="Switzerland", c="CH", sn="Lovelace")
    bo = hybrid.person("Bo", manager=ada, proxyAddresses=["SMTP:bo@acme.example", "smtp:bo.b@acme.example"])
    hybrid.person("Off", userAccountControl="546")
    contact = hybrid.add("Carl", "contact", mail="carl@partner.example", mobile="+41 79 1", l="Bern")
    computer = hybrid.add(
        "PC1",
        "computer",
        sAMAccountName=f"{hybrid.ou.name}PC1$",
        userAccountControl="4096",
        operatingSystem="Windows 11 Pro",
        userCertificate="certificate",
    )
    inner = hybrid.ou.group("Inner", [bo])
    hybrid.ou.group("Team", [ada, contact, computer, inner])
    hybrid.run()

    users = hybrid.all("users", "onPremisesImmutableId,department,country,usageLocation,accountEnabled,mail")
    assert set(users) == {"Ada Example", "Bo Example", "Off Example"}
    found = users["Ada Example"]
    assert found["onPremisesImmutableId"] == hybrid.anchor(ada)
    assert (found["department"], found["country"], found["usageLocation"]) == ("Engines", "Switzerland", "CH")
    assert [users[f"{name} Example"]["accountEnabled"] for name in ("Ada", "Off")] == [True, False]
    assert users["Bo Example"]["mail"] == "bo@acme.example"
    assert hybrid.graph("GET", f"/users/{users['Bo Example']['id']}/manager")["id"] == found["id"]
    synced = hybrid.graph("GET", f"/users/{found['id']}?$select=onPremisesSyncEnabled,onPremisesDistinguishedName")
    assert (synced["onPremisesSyncEnabled"], synced["onPremisesDistinguishedName"]) == (True, ada)

    (guest,) = hybrid.graph.all("contacts", "id,mail,phones,addresses")
    assert (guest["mail"], guest["addresses"][0]["city"]) == ("carl@partner.example", "Bern")
    (device,) = hybrid.graph.all("devices", "id,deviceId,trustType,operatingSystem")
    assert (device["deviceId"], device["trustType"]) == (str(hybrid.guid(computer)), "ServerAd")
    groups = hybrid.all("groups", "securityEnabled")
    members = {
        name: {one["id"] for one in hybrid.graph("GET", f"/groups/{groups[name]['id']}/members")["value"]}
        for name in ("Team", "Inner")
    }
    assert members["Team"] == {found["id"], guest["id"], device["id"], groups["Inner"]["id"]}
    assert members["Inner"] == {users["Bo Example"]["id"]}
    kept = hybrid.ou.admin.search_s(ada, ldap.SCOPE_BASE, attrlist=["mS-DS-ConsistencyGuid"])[0][1]
    assert kept["mS-DS-ConsistencyGuid"] == [hybrid.guid(ada).bytes_le], "the anchor is kept in the domain"

    hybrid.ou.set(ada, department="Steam", userAccountControl="546")
    hybrid.ou.admin.delete_s(bo)
    hybrid.ou.set(computer, userAccountControl="4098")
    hybrid.run()
    users = hybrid.all("users", "department,accountEnabled")
    assert set(users) == {"Ada Example", "Off Example"}
    assert (users["Ada Example"]["department"], users["Ada Example"]["accountEnabled"]) == ("Steam", False)
    (device,) = hybrid.graph.all("devices", "id,accountEnabled")
    assert device["accountEnabled"] is False


def test_the_default_filters(hybrid: Hybrid) -> None:
    hybrid.person("Ada")
    for name in ("MSOL_1234", "AAD_1234", "CAS_{12}", "SUPPORT_388945a0"):
        hybrid.add(name, "user", sAMAccountName=name, userAccountControl="544")
    hybrid.person("Escaped", adminDescription="User_not this one")
    hybrid.add("Nobody", "contact", displayName="without an address")
    hybrid.add("Escaped2", "contact", mail="e@partner.example", adminDescription="Contact_x")
    hybrid.add("PC2", "computer", sAMAccountName=f"{hybrid.ou.name}PC2$", userAccountControl="4096")
    hybrid.ou.group("Team")
    hybrid.add("List", "group", sAMAccountName=f"{hybrid.ou.name}List", groupType="8")
    hybrid.add("Mailed", "group", sAMAccountName=f"{hybrid.ou.name}M", groupType="8", mail="all@acme.example")
    escaped = hybrid.ou.group("Escaped3")
    hybrid.ou.set(escaped, adminDescription="Group_x")
    hybrid.run()
    assert set(hybrid.all("users", "id")) == {"Ada Example"}
    assert hybrid.graph.all("contacts") == hybrid.graph.all("devices") == []
    groups = hybrid.all("groups", "mailEnabled,securityEnabled")
    assert set(groups) == {"Team", "Mailed"}
    assert (groups["Mailed"]["mailEnabled"], groups["Mailed"]["securityEnabled"]) == (True, False)


def test_hard_and_soft_match_adopt_who_is_there(hybrid: Hybrid) -> None:
    hard, soft, mailed = hybrid.person("Hard"), hybrid.person("Soft"), hybrid.person("Mail", mail="mail@acme.example")
    other = uuid.UUID("3f2504e0-4f89-41d3-9a0c-0305e82c3301")
    hybrid.ou.admin.modify_s(hard, [(ldap.MOD_REPLACE, "mS-DS-ConsistencyGuid", [other.bytes_le])])
    there = {
        "hard": {"onPremisesImmutableId": base64.b64encode(other.bytes_le).decode()},
        "soft": {"userPrincipalName": f"{hybrid.ou.name}soft@acme.example"},
        "mail": {"mail": "mail@acme.example"},
    }
    made = {
        name: hybrid.graph(
            "POST",
            "/users",
            {
                "accountEnabled": True,
                "displayName": name,
                "mailNickname": name,
                "userPrincipalName": f"{name}@acme.example",
                "passwordProfile": {"password": PASSWORD.reveal()},
                **values,
            },
        )["id"]
        for name, values in there.items()
    }
    hybrid.run()
    users = {one["id"]: one for one in hybrid.graph.all("users", "id,displayName,onPremisesImmutableId")}
    assert set(users) == set(made.values()), "nobody came twice"
    assert users[made["hard"]]["displayName"] == "Hard Example"
    assert users[made["hard"]]["onPremisesImmutableId"] == there["hard"]["onPremisesImmutableId"]
    assert users[made["soft"]]["onPremisesImmutableId"] == hybrid.anchor(soft)
    assert users[made["mail"]]["onPremisesImmutableId"] == hybrid.anchor(mailed)


def test_somebody_with_another_anchor_is_not_taken_by_soft_match(hybrid: Hybrid) -> None:
    hybrid.person("Ada")
    stranger = hybrid.graph(
        "POST",
        "/users",
        {
            "accountEnabled": True,
            "displayName": "Stranger",
            "mailNickname": "stranger",
            "userPrincipalName": f"{hybrid.ou.name}ada@acme.example",
            "onPremisesImmutableId": "AAAAAAAAAAAAAAAAAAAAAA==",
            "passwordProfile": {"password": PASSWORD.reveal()},
        },
    )["id"]
    done = hybrid("run")
    assert (done.code, done.document["errors"]) == (3, [])
    assert [(one["kind"], one["anchor"]) for one in done.document["held"]] == [("exists", stranger)]
    users = {one["id"]: one["displayName"] for one in hybrid.graph.all("users", "id,displayName")}
    assert users == {stranger: "Stranger"}


def test_without_the_right_to_synchronise_users_and_groups_go_all_the_same(hybrid: Hybrid) -> None:
    """As in Microsoft's clouds: what only synchronisation may write is left out by itself."""
    plain = hybrid.server.muster("directory", "app", "add", fresh(), "--permission", "Directory.ReadWrite.All")
    of = hybrid.server.application
    hybrid.edit("systems/cloud.yaml", (f"client_id: {of['client_id']}", f"client_id: {plain['client_id']}"))
    hybrid.secret = plain["secret"]
    for name in ("ad-contact", "ad-computer", "cloud-contact", "cloud-device"):
        (hybrid.folder / "mappings" / f"{name}.yaml").unlink()
    ada = hybrid.person("Ada", mail="ada@acme.example")
    team = hybrid.ou.group("Team", [ada])
    hybrid.run()
    (user,) = hybrid.graph.all("users", "id,onPremisesImmutableId,onPremisesSamAccountName,mail")
    assert (user["onPremisesImmutableId"], user["mail"]) == (hybrid.anchor(ada), "ada@acme.example")
    assert user["onPremisesSamAccountName"] is None
    (group,) = hybrid.graph.all("groups", "id,uniqueName")
    assert group["uniqueName"] == str(hybrid.guid(team))
    assert [one["id"] for one in hybrid.graph("GET", f"/groups/{group['id']}/members")["value"]] == [user["id"]]


def test_a_mail_address_that_something_else_has_costs_only_that_one(hybrid: Hybrid) -> None:
    body = {"displayName": "All", "mailNickname": "all", "mailEnabled": True, "securityEnabled": False}
    other = {**body, "proxyAddresses": ["SMTP:ada@acme.example"]}
    group = hybrid.graph("POST", "/groups", other)["id"]
    hybrid.person("Ada", mail="ada@acme.example")
    bo = hybrid.person("Bo")
    done = hybrid("run")
    assert (done.code, done.document["held"]) == (1, [])
    (told,) = done.document["errors"]
    assert "Another object with the same value for property proxyAddresses already exists" in told["message"]
    assert f"group 'All' ({group}) has it" in told["message"]
    assert set(hybrid.all("users", "id")) == {"Bo Example"}

    hybrid.ou.set(bo, mail="ada@acme.example")
    told = [one["message"] for one in hybrid("run").document["errors"] if "update was refused" in one["message"]]
    assert [f"group 'All' ({group}) has it" in one for one in told] == [True], told
    hybrid.graph("DELETE", f"/groups/{group}")
    hybrid.ou.set(bo, mail=None)
    hybrid.run()
    assert set(hybrid.all("users", "id")) == {"Ada Example", "Bo Example"}
