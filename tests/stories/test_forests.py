"""Two forests and a cloud directory, both ways, small and large: what goes where, and what stops."""

from __future__ import annotations

import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ldap
import pytest

from tests.connectors.domains import Ou
from tests.stories.domain import add, anchor, computer, guid, person
from tests.stories.forests import Forests

pytestmark = pytest.mark.slow
SMARTCARD, DISABLED = 0x4_0000, 0x2


def test_both_forests_go_to_the_cloud(forests: Forests) -> None:
    home, partner = forests.ous
    assert forests.told("check", "--connect").count("changes are found by DirSync") == 2
    ada, pam = person(home, "Ada", department="Engines"), person(partner, "Pam")
    hard, soft = person(home, "Hard"), person(partner, "Soft")
    kept = uuid.UUID("3f2504e0-4f89-41d3-9a0c-0305e82c3301")
    home.admin.modify_s(hard, [(ldap.MOD_REPLACE, "mS-DS-ConsistencyGuid", [kept.bytes_le])])
    there = {
        "Hard Example": forests.cloud_user("hard", onPremisesImmutableId=anchor(kept)),
        "Soft Example": forests.cloud_user("soft", userPrincipalName=f"{partner.name}soft@acme.example"),
    }
    person(home, "Contractor", employeeType="contractor")  # left out by attribute, in the domain
    person(home, "Escaped", adminDescription="User_no")  # left out by attribute, by the mapping
    home.group("Kept back", [person(home, "Secret")])  # left out by group
    carl = add(partner, "Carl", "contact", mail="carl@partner.example")
    today = datetime.now(UTC)
    computer(home, "PC", seen=f"{today:%Y-%m-%d}")
    computer(partner, "Old", seen=f"{today - timedelta(days=100):%Y-%m-%d}")
    home.group("Team", [ada, home.group("Inner", [hard])])
    partner.group("Friends", [pam, carl])
    with closing(Ou(home.server)) as outside:
        outside.user("Outside")  # left out by OU
        forests.settled()

    users = forests.users("onPremisesImmutableId,department")
    assert set(users) == {"Ada Example", "Pam Example", "Hard Example", "Soft Example"}
    assert {name: users[name]["id"] for name in there} == there, "nobody came twice"
    assert users["Soft Example"]["onPremisesImmutableId"] == anchor(guid(partner, soft))
    assert users["Hard Example"]["onPremisesImmutableId"] == anchor(kept)
    shown = home.admin.search_s(ada, ldap.SCOPE_BASE, attrlist=["mS-DS-ConsistencyGuid"])[0][1]
    assert shown["mS-DS-ConsistencyGuid"] == [guid(home, ada).bytes_le], "the anchor is kept in the domain"
    groups = {name: forests.members(one["id"]) for name, one in forests.groups().items()}
    (contact,) = forests.hand.all("contacts")
    assert groups["Team"] == {users["Ada Example"]["id"], forests.groups()["Inner"]["id"]}
    assert groups["Friends"] == {users["Pam Example"]["id"], contact["id"]}
    devices = forests.hand.all("devices", "displayName,accountEnabled")
    assert {one["displayName"]: one["accountEnabled"] for one in devices} == {"PC": True, "Old": False}

    home.move(ada, "CN=Ada Byron")
    home.set(f"CN=Ada Byron,{home.dn}", displayName="Ada Byron", department="Steam")
    home.set(f"CN=PC,{home.dn}", userAccountControl="4098")
    partner.admin.delete_s(pam)
    forests.settled()
    after = forests.users("department")
    assert set(after) == {"Ada Byron", "Hard Example", "Soft Example"}
    assert after["Ada Byron"] == {**after["Ada Byron"], "id": users["Ada Example"]["id"], "department": "Steam"}
    assert not any(one["accountEnabled"] for one in forests.hand.all("devices", "accountEnabled"))


def test_cloud_groups_and_guests_come_back(forests: Forests) -> None:
    home = forests.home
    bo = person(home, "Bo")
    forests.settled()
    only, gus = forests.cloud_user("Only", userPrincipalName=f"{home.name}only@acme.example"), forests.guest("Gus")
    inner = forests.cloud_group("Nested", [forests.users()["Bo Example"]["id"]])
    crew = forests.cloud_group("Crew", [inner, only, gus])
    forests.settled()
    nested, written = f"CN=Nested_{inner[-12:]},{forests.groups_ou}", f"CN=Crew_{crew[-12:]},{forests.groups_ou}"
    account = f"CN=Gus_{gus[-12:]},{forests.guests_ou}"
    assert set(home.entry(written, "member")["member"]) == {nested, account}
    assert home.entry(nested, "member", "groupType") == {"member": [bo], "groupType": [str(0x8 - 0x8000_0000)]}
    control = int(home.entry(account, "userAccountControl")["userAccountControl"][0])
    assert control & SMARTCARD
    assert not control & DISABLED
    assert f"waits for {only}: nobody known here" in forests.told("explain", crew)

    hers = person(home, "Only")
    forests.hand("PATCH", f"/groups/{crew}", {"displayName": "Ship's crew"})
    forests.hand("DELETE", f"/groups/{inner}")
    forests.hand("DELETE", f"/users/{gus}")
    forests.settled()
    renamed = f"CN=Ship's crew_{crew[-12:]},{forests.groups_ou}"
    assert home.entry(renamed, "member") == {"member": [hers]}, "she came as soon as a forest knew her"
    left = home.admin.search_s(forests.groups_ou, ldap.SCOPE_ONELEVEL, attrlist=["1.1"])
    assert [dn for dn, _ in left] == [renamed]
    assert int(home.entry(account, "userAccountControl")["userAccountControl"][0]) & DISABLED
    assert set(forests.groups()) >= {"Ship's crew"}


def test_an_emptied_ou_stops_until_somebody_has_read_what_goes(forests: Forests, tmp_path: Path) -> None:
    partner = forests.partner
    leaving = partner.make_ou(f"OU=Leaving,{partner.dn}")
    names = [f"Leaver {number}" for number in range(12)]
    for number, name in enumerate(names):
        partner.user(f"leaver{number}", leaving, displayName=name, userPrincipalName=f"leaver{number}@acme.example")
    forests.settled()
    for number in range(len(names)):
        partner.admin.delete_s(f"CN=leaver{number},{leaving}")
    done = forests("run")
    assert (done.code, done.document["errors"]) == (3, [])
    (held,) = done.document["held"]
    assert "objects were deleted; `safety` allows 10" in held["message"]
    assert sum(f"{name} (" in held["message"] for name in names) == 10
    assert held["message"].endswith(" and 2 more")
    assert set(names) <= set(forests.users()), "nobody has gone"

    reviewed = tmp_path / "leaving.plan"
    shown = " ".join(forests.told("plan", "--allow-deletes", "-o", str(reviewed)).split())
    for name in names:
        assert f"of {name} deprovision: delete" in shown
    assert "deletes and disables" in shown
    assert "`safety: deletes` allows 10 in 24 hours. Nothing is written to cloud" in shown
    assert forests("run").code == 3, "shown is not allowed"
    assert set(names) <= set(forests.users())
    done = forests("apply", str(reviewed), "--allow-deletes")
    assert (done.code, done.document["summary"]["cloud"]["delete"]) == (0, len(names)), done
    assert not set(names) & set(forests.users())
    forests.settled()
