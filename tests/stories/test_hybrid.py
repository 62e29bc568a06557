"""`muster init --example hybrid` on a real domain and a real directory: what Entra Connect would do, by default."""

from __future__ import annotations

import base64
import uuid

import ldap

from tests.connectors.graphs import PASSWORD, fresh
from tests.stories.hybrid import Hybrid


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
    (held,) = done.document["held"]
    assert (held["kind"], held["anchor"]) == ("clash", stranger)
    assert "onPremisesImmutableId stays 'AAAAAAAAAAAAAAAAAAAAAA=='" in held["message"]
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
