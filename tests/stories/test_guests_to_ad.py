"""`muster init --example writeback` on a real domain and a real directory: guests in Active Directory."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import ldap
import pytest

from tests.connectors.domains import PASSWORD, Ou
from tests.connectors.graphs import Graph
from tests.servers.muster import MusterServer
from tests.servers.samba import SambaDc
from tests.stories.writeback import Writeback

SMARTCARD, NORMAL, DISABLED = 0x4_0000, 0x200, 0x2
DOMAIN_USERS = "513"


@pytest.fixture
def company(muster_server: MusterServer, samba_server: SambaDc, tmp_path: Path) -> Iterator[Writeback]:
    graph, ou = Graph(muster_server), Ou(samba_server)
    graph.empty("users", "groups")
    yield Writeback(tmp_path, muster_server, graph, ou)
    ou.close()
    graph.close()


def control(company: Writeback, name: str) -> int:
    """The switches of a guest's account."""
    return int(company.guests[f"{name} Partner"]["userAccountControl"][0])


def test_a_guest_who_accepted_gets_a_restricted_account(company: Writeback) -> None:
    gus = company.guest("Gus")
    company.invite("Pia")
    (ada, a) = company.both("Ada")
    company.cloud_group("Team", [gus, a])
    company.run()
    assert set(company.guests) == {"Gus Partner"}, "Pia has not accepted"
    account = company.guests["Gus Partner"]
    known = company.graph("GET", f"/users/{gus}?$select=userPrincipalName,mail")
    assert "#EXT#@" in known["userPrincipalName"]
    assert account["userPrincipalName"] == [known["userPrincipalName"]], "what constrained delegation asks for"
    assert account["mail"] == [known["mail"]]
    assert account["adminDescription"] == [f"User_{gus}"], "the synchronisation to the cloud leaves it alone"
    assert account["sAMAccountName"] == [gus[:20]]
    assert control(company, "Gus") == NORMAL | SMARTCARD
    assert (account["primaryGroupID"], account["memberOf"]) == ([DOMAIN_USERS], [company.dn("Team")])
    assert company.members("Team") == {ada, account["distinguishedName"][0]}


def test_no_password_opens_the_account(company: Writeback, tmp_path: Path) -> None:
    company.guest("Gus")
    company.run()
    account = company.guests["Gus Partner"]
    there, login = account["distinguishedName"][0], account["sAMAccountName"][0]
    known = f'"{PASSWORD.reveal()}"'.encode("utf-16-le")
    company.ou.admin.modify_s(there, [(ldap.MOD_REPLACE, "unicodePwd", [known])])
    assert not opens(company, login, tmp_path), "not even one that somebody has set"
    company.ou.set(there, userAccountControl=str(NORMAL))
    assert opens(company, login, tmp_path)
    company.run()
    assert not opens(company, login, tmp_path), "the restriction came back"


def opens(company: Writeback, login: str, folder: Path) -> bool:
    """Whether the password gets a Kerberos ticket."""
    domain = company.ou.server
    realm = domain.realm.upper()
    lines = [
        "[libdefaults]",
        " dns_lookup_kdc = false",
        " udp_preference_limit = 1",
        f"[realms]\n {realm} = {{\n  kdc = {domain.host}\n }}",
    ]
    (folder / "krb5.conf").write_text("\n".join(lines) + "\n", "utf-8")
    done = subprocess.run(
        ["kinit", "-c", str(folder / "cache"), f"{login}@{realm}"],
        input=f"{PASSWORD.reveal()}\n",
        env={**os.environ, "KRB5_CONFIG": str(folder / "krb5.conf")},
        text=True,
        check=False,
        capture_output=True,
    )
    return done.returncode == 0


def test_invited_guests_get_one_at_once_where_the_parameter_says_so(company: Writeback) -> None:
    company.edit("muster.yaml", ("guests: accepted ", "guests: invited "))
    company.invite("Pia")
    company.run()
    assert set(company.guests) == {"Pia Partner"}


def test_the_account_stays_restricted_and_follows_the_cloud(company: Writeback) -> None:
    gus = company.guest("Gus")
    company.run()
    there = company.guests["Gus Partner"]["distinguishedName"][0]
    company.ou.set(there, userAccountControl=str(NORMAL), userPrincipalName="gus@corp.example")
    company.run()
    account = company.guests["Gus Partner"]
    assert control(company, "Gus") == NORMAL | SMARTCARD
    assert "#EXT#@" in account["userPrincipalName"][0]

    company.graph("PATCH", f"/users/{gus}", {"accountEnabled": False, "displayName": "Gustav Partner"})
    company.run()
    assert control(company, "Gustav") == NORMAL | SMARTCARD | DISABLED
    assert company.guests["Gustav Partner"]["objectSid"] == account["objectSid"]


def test_a_guest_removed_from_the_cloud_loses_the_account(company: Writeback) -> None:
    gus, ann = company.guest("Gus"), company.guest("Ann")
    company.run()
    accounts = company.guests
    for one in (gus, ann):
        company.graph("DELETE", f"/users/{one}")
    company.now = "2026-03-05T09:00:00Z"
    company.run()
    assert [control(company, name) & DISABLED for name in ("Gus", "Ann")] == [DISABLED] * 2
    company.ou.set(accounts["Gus Partner"]["distinguishedName"][0], userAccountControl=str(NORMAL | SMARTCARD))
    company.run()
    assert control(company, "Gus") & DISABLED, "nobody lets him in again by hand"

    company.now = "2026-03-10T09:00:00Z"
    company.graph("POST", f"/directory/deletedItems/{ann}/restore")
    company.run()
    assert control(company, "Ann") == NORMAL | SMARTCARD, "restored there, let in here"

    company.now = "2026-04-05T09:00:00Z"
    company.run()
    assert set(company.guests) == {"Ann Partner"}
    assert company.guests["Ann Partner"]["objectSid"] == accounts["Ann Partner"]["objectSid"]


def test_a_guest_whose_mark_was_taken_away_by_hand_loses_the_account_all_the_same(company: Writeback) -> None:
    gus = company.guest("Gus")
    company.run()
    company.ou.set(company.guests["Gus Partner"]["distinguishedName"][0], adminDescription=None)
    company.run()
    assert company.guests["Gus Partner"]["adminDescription"] == [f"User_{gus}"]
    company.ou.set(company.guests["Gus Partner"]["distinguishedName"][0], adminDescription=None)
    company.graph("DELETE", f"/users/{gus}")
    company.run()
    assert control(company, "Gus") & DISABLED


def test_what_others_make_in_the_two_places_is_nobody_s(company: Writeback) -> None:
    for place in (company.guests_ou, company.groups_ou):
        company.ou.make_ou(place)
    company.ou.user("Stray", company.guests_ou)
    company.ou.group("Stray group", where=company.groups_ou)
    company.run()
    told = company("status").document["unmanaged"]
    assert {(one["system"], one["object_type"]) for one in told} == {("ad", "user"), ("ad", "group")}


def test_a_guest_invited_again_gets_the_same_account_back(company: Writeback) -> None:
    gus = company.guest("Gus")
    company.run()
    before = company.guests["Gus Partner"]
    company.graph("DELETE", f"/users/{gus}")
    company.run()
    company.graph("DELETE", f"/directory/deletedItems/{gus}")
    again = company.guest("Gus")
    assert again != gus
    company.run()
    (after,) = company.guests.values()
    assert after["objectSid"] == before["objectSid"]
    assert after["adminDescription"] == [f"User_{again}"]
    assert control(company, "Gus") == NORMAL | SMARTCARD


def test_only_guests_in_a_group(company: Writeback) -> None:
    file = "mappings/guest-to-ad.yaml"
    company.edit(file, ('or %guests% = "invited")\'', 'or %guests% = "invited") and In("App guests", [memberOf])\''))
    gus, ann = company.guest("Gus"), company.guest("Ann")
    chosen = company.cloud_group("App guests", [gus])
    company.run()
    assert set(company.guests) == {"Gus Partner"}
    company.leave(chosen, gus)
    company.join(chosen, ann)
    company.run()
    assert (control(company, "Gus") & DISABLED, control(company, "Ann") & DISABLED) == (DISABLED, 0)
    assert company.members("App guests") == {company.guests["Ann Partner"]["distinguishedName"][0]}
