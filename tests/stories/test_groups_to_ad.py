"""`muster init --example writeback` on a real domain and a real directory: cloud groups in Active Directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ldap
import pytest

from tests.connectors.domains import Ou
from tests.connectors.graphs import Graph
from tests.servers.muster import MusterServer
from tests.servers.samba import SambaDc
from tests.stories.writeback import Writeback

UNIVERSAL_SECURITY = str(0x8 - 0x8000_0000)


@pytest.fixture
def company(muster_server: MusterServer, samba_server: SambaDc, tmp_path: Path) -> Iterator[Writeback]:
    graph, ou = Graph(muster_server), Ou(samba_server)
    graph.empty("users", "groups")
    yield Writeback(tmp_path, muster_server, graph, ou)
    ou.close()
    graph.close()


def test_groups_are_written_with_the_members_that_the_domain_knows(company: Writeback) -> None:
    assert company("check").code == 0
    (ada, a), (bo, b), only = company.both("Ada"), company.both("Bo"), company.user("Only")
    inner = company.cloud_group("Inner", [b])
    team = company.cloud_group("Team", [a, only, inner], description="Those who build")
    company.run()
    written = company.groups["Team"]
    assert written["groupType"] == [UNIVERSAL_SECURITY]
    assert written["cn"] == written["sAMAccountName"] == [f"Team_{team[-12:]}"]
    assert (written["description"], written["adminDescription"]) == (["Those who build"], [f"Group_{team}"])
    assert company.members("Team") == {ada, company.dn("Inner")}
    assert company.members("Inner") == {bo}
    (members,) = [one for one in company("explain", team).document["attributes"] if one["name"] == "members"]
    assert f"{only} (not found)" in members["value"], "whom the domain does not know is told"

    hers = company.person("Only")
    company.graph("PATCH", f"/users/{only}", {"onPremisesImmutableId": company.anchor(hers)})
    company.leave(team, a)
    company.join(inner, a)
    company.run()
    assert company.members("Team") == {hers, company.dn("Inner")}, "she came as soon as the domain knew her"
    assert company.members("Inner") == {ada, bo}


def test_only_security_groups_made_in_the_cloud_are_written(company: Writeback) -> None:
    company.cloud_group("Team")
    company.cloud_group(
        "Office", mailNickname="office", mailEnabled=True, securityEnabled=False, groupTypes=["Unified"]
    )
    company.cloud_group("Office secure", mailNickname="secure", mailEnabled=True, groupTypes=["Unified"])
    own = company.ou.group("Own")
    company.cloud_group("Own", onPremisesImmutableId=company.anchor(own), onPremisesSyncEnabled=True)
    company.run()
    assert set(company.groups) == {"Team"}


def test_a_group_that_cloud_sync_wrote_is_taken_over(company: Writeback) -> None:
    team = company.cloud_group("Team")
    company.ou.make_ou(company.groups_ou)
    there = company.ou.group("Old", where=company.groups_ou)
    company.ou.set(there, adminDescription=f"Group_{team}")
    before = company.guid(there)
    company.run()
    assert set(company.groups) == {"Team"}
    assert company.guid(company.dn("Team")) == before


def test_names_are_legal_and_unique(company: Writeback) -> None:
    names = {'a"/\\[]:;|=,+*?<>b', "Zoë, Ltd.", "#1", " padded ", "x" * 200, "Same", "..."}
    for name in names:
        company.cloud_group(name)
    company.cloud_group("Same")
    company.run()
    assert len(company.found(company.groups_ou)) == len(names)
    entries = company.ou.admin.search_s(company.groups_ou, ldap.SCOPE_ONELEVEL)
    logins = [entry["sAMAccountName"][0].decode() for _, entry in entries]
    assert len(set(logins)) == len(names) + 1
    assert not set("".join(logins)) & set('"/\\[]:;|=,+*?<>'), logins


def test_a_group_renamed_or_deleted_in_the_cloud_is_so_in_the_domain(company: Writeback) -> None:
    (ada, a), team = company.both("Ada"), company.cloud_group("Team")
    company.join(team, a)
    company.run()
    before = company.groups["Team"]
    company.graph("PATCH", f"/groups/{team}", {"displayName": "Crew", "description": "Renamed"})
    company.run()
    (after,) = company.groups.values()
    assert after["cn"] == after["sAMAccountName"] == [f"Crew_{team[-12:]}"]
    assert after["objectSid"] == before["objectSid"], "it is the same group, with all its rights"
    assert (after["member"], after["description"]) == ([ada], ["Renamed"])

    company.graph("DELETE", f"/groups/{team}")
    company.run()
    assert company.groups == {}
    assert company.graph("GET", f"/users/{a}")["id"] == a


def test_what_is_edited_by_hand_in_the_domain_is_undone(company: Writeback) -> None:
    (ada, a), (bo, b) = company.both("Ada"), company.both("Bo")
    company.cloud_group("Team", [a])
    company.cloud_group("Gone", [b])
    company.run()
    admin, team, gone = company.ou.admin, company.dn("Team"), company.dn("Gone")
    admin.modify_s(team, [(ldap.MOD_DELETE, "member", [ada.encode()]), (ldap.MOD_ADD, "member", [bo.encode()])])
    company.ou.set(team, description="mine", groupType=str(0x2 - 0x8000_0000), sAMAccountName=f"{company.ou.name}Mine")
    moved = company.ou.move(team, "CN=Mine", company.ou.dn)
    admin.delete_s(gone)
    planned = company("plan")
    drift = {
        name for one in planned.document["changes"] for name, change in one["attributes"].items() if change.get("drift")
    }
    assert {"dn", "description", "groupScope", "sAMAccountName"} <= drift
    company.run()
    assert set(company.groups) == {"Team", "Gone"}
    assert company.dn("Team") == team != moved
    written = company.groups["Team"]
    assert "description" not in written
    assert (written["groupType"], written["sAMAccountName"]) == ([UNIVERSAL_SECURITY], written["cn"])
    assert (company.members("Team"), company.members("Gone")) == ({ada}, {bo})


def test_a_filter_by_name_or_attribute(company: Writeback) -> None:
    company.edit(
        "mappings/group-to-ad.yaml",
        ("  provision: 'IsPresent([id])'", "  provision: 'IsPresent([id]) and Left([displayName], 3) = \"AD \"'"),
    )
    (ada, a) = company.both("Ada")
    inner = company.cloud_group("Inner", [a])
    team = company.cloud_group("AD Team", [a, inner])
    company.run()
    assert set(company.groups) == {"AD Team"}
    assert company.members("AD Team") == {ada}, "a group that is not written is no member"
    company.graph("PATCH", f"/groups/{inner}", {"displayName": "AD Inner"})
    company.run()
    assert company.members("AD Team") == {ada, company.dn("AD Inner")}
    company.graph("PATCH", f"/groups/{team}", {"displayName": "Team"})
    company.run()
    assert set(company.groups) == {"AD Inner"}


def test_groups_in_a_circle_and_one_in_itself(company: Writeback) -> None:
    (ada, a) = company.both("Ada")
    one = company.cloud_group("One", [a])
    two = company.cloud_group("Two", [one])
    company.join(one, two)
    company.run()
    first, second = company.dn("One"), company.dn("Two")
    assert (company.members("One"), company.members("Two")) == ({ada, second}, {first})

    company.ou.admin.modify_s(first, [(ldap.MOD_ADD, "member", [first.encode()])])
    company.run()
    assert company.members("One") == {ada, second}, "the cloud takes no group into itself"


def test_groups_of_the_domain_itself_may_be_members(company: Writeback) -> None:
    (ada, a) = company.both("Ada")
    own, local = company.ou.group("Own"), company.ou.group("Local")
    company.ou.set(local, groupType=str(0x8 - 0x8000_0000))
    company.ou.set(local, groupType=str(0x4 - 0x8000_0000))
    sids = {name: company.ou.server.tool("group", "show", f"{company.ou.name}{name}") for name in ("Own", "Local")}
    synced = [
        company.cloud_group(
            name,
            onPremisesSyncEnabled=True,
            onPremisesSecurityIdentifier=told.partition("objectSid: ")[2].split()[0],
        )
        for name, told in sids.items()
    ]
    company.cloud_group("Team", [*synced, a])
    company.run()
    assert company.members("Team") == {own, ada}, "a universal group takes no domain-local one"


def test_a_group_larger_than_the_domain_shows_at_once(company: Writeback) -> None:
    dns = [company.person(f"P{number}") for number in range(1510)]  # 1,500 at a time
    users = company.users_of(company.ou.dn)
    assert len(users) == len(dns)
    team = company.cloud_group("Team")
    company.join_all(team, users)
    company.run()
    assert company.all_members("Team") == set(dns)

    company.leave(team, users[0])
    company.ou.admin.modify_s(company.dn("Team"), [(ldap.MOD_DELETE, "member", [dn.encode() for dn in dns[-3:]])])
    company.run()
    left = company.all_members("Team")
    assert len(left) == len(dns) - 1, "one left in the cloud; three were only taken out by hand"
