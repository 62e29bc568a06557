"""Groups, and the edges between objects."""

from __future__ import annotations

from typing import Any

import pytest

from muster.directory.devices import add_people, create_contact, create_device, remove_person, update_device
from muster.directory.directory import Directory
from muster.directory.edges import Relation
from muster.directory.errors import Invalid, NotFound, Taken
from muster.directory.groups import (
    add_members,
    add_owners,
    create_group,
    remove_member,
    remove_owner,
    update_group,
)
from muster.directory.neighbours import all_members, count_members, groups_around, members, nested_groups, owners
from muster.directory.objects import Entry
from muster.directory.pages import Position
from muster.directory.schema.kinds import Kind
from tests.directory.support import add_group, add_person, device, security, unified

NOBODY = "00000000-0000-4000-8000-000000000000"


def names(entries: list[Entry]) -> list[str]:
    return [one.doc["displayName"] for one in entries]


def people(directory: Directory, *wanted: str) -> list[Entry]:
    return [add_person(directory, name) for name in wanted]


def test_members_come_and_go(directory: Directory) -> None:
    ada, grace, alan = people(directory, "Ada", "Grace", "Alan")
    group = add_group(directory, "Engines", ada)
    with directory.write() as work:
        add_members(work, group, [grace.guid, alan.guid.upper()])
        remove_member(work, group, ada.guid)
        add_members(work, group, [ada.guid])
        remove_member(work, group, alan.guid)
    with directory.read() as work:
        assert names(members(work, Relation.MEMBERS, group, 10).entries) == ["Ada", "Grace"]
        assert count_members(work, Relation.MEMBERS, group) == 2
        assert names(owners(work, Relation.MEMBERS, ada, 10).entries) == ["Engines"]
        assert owners(work, Relation.MEMBERS, alan, 10).entries == []
    with pytest.raises(NotFound), directory.write() as work:
        remove_member(work, group, alan.guid)


def test_all_references_are_added_or_none(directory: Directory) -> None:
    ada, grace = people(directory, "Ada", "Grace")
    group = add_group(directory, "Engines", ada)
    for wanted, error in (([grace.guid, ada.guid], Invalid), ([grace.guid, NOBODY], NotFound),
                          ([grace.guid, grace.guid], Invalid)):  # fmt: skip
        with pytest.raises(error, match=r"already exist|does not exist"), directory.write() as work:
            add_members(work, group, wanted)
    with pytest.raises(Invalid, match="at most 20"), directory.write() as work:
        add_members(work, group, [grace.guid] * 21)
    with pytest.raises(NotFound), directory.write() as work:
        create_group(work, security("Other"), [grace.guid, NOBODY], [])
    with directory.read() as work:
        assert count_members(work, Relation.MEMBERS, group) == 1


def test_members_are_paged(directory: Directory) -> None:
    crowd = people(directory, *(f"P{number}" for number in range(7)))
    group = add_group(directory, "Crowd", *crowd)
    found: list[str] = []
    after: Position | None = None
    while True:
        with directory.read() as work:
            page = members(work, Relation.MEMBERS, group, 3, after)
        assert len(page.entries) <= 3
        found += names(page.entries)
        after = page.next
        if after is None:
            break
    assert found == names(crowd)


def test_groups_inside_groups_even_in_a_circle(directory: Directory) -> None:
    ada, grace, alan = people(directory, "Ada", "Grace", "Alan")
    inner = add_group(directory, "Inner", ada, grace)
    middle = add_group(directory, "Middle", inner, alan)
    outer = add_group(directory, "Outer", middle, grace)
    with directory.write() as work:
        add_members(work, inner, [outer.guid])
    with directory.read() as work:
        assert sorted(nested_groups(work, outer)) == [inner.id, middle.id, outer.id]
        assert names(all_members(work, outer, 10, kind=Kind.USER).entries) == ["Ada", "Grace", "Alan"]
        first = all_members(work, outer, 2)
        assert names(first.entries + all_members(work, outer, 9, first.next).entries) == [
            *("Ada", "Grace", "Alan", "Inner", "Middle", "Outer")
        ]
        assert groups_around(work, ada) == [inner.id, middle.id, outer.id]
        assert groups_around(work, outer) == [inner.id, middle.id, outer.id]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (security("G", mailEnabled=True), "mail-enabled groups"),
        (security("G", securityEnabled=False), "mail-enabled or security-enabled"),
        (unified("G", mailEnabled=False, securityEnabled=True), "set mailEnabled to true"),
        (security("G", groupTypes=["Odd"]), "groupTypes"),
        (security("G", groupTypes=["DynamicMembership"]), "go together"),
        (security("G", membershipRule="user.x -eq 1"), "go together"),
        (security("G", mailNickname="with space"), "mail alias"),
        (security("G", mail="g@acme.example"), "read-only"),
        ({"displayName": "G"}, "required"),
    ],
)
def test_groups_that_cannot_be(lite: Directory, body: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words), lite.write() as work:
        create_group(work, body, [], [])


def test_a_microsoft_365_group_has_an_address_of_its_own(lite: Directory) -> None:
    with lite.write() as work:
        group = create_group(work, unified("Sales"), [], [])
    assert group.doc["mail"] == "sales@acme.example"
    assert group.doc["proxyAddresses"] == ["SMTP:sales@acme.example"]
    assert group.doc["visibility"] == "Public"
    with pytest.raises(Taken, match="mailNickname"), lite.write() as work:
        create_group(work, unified("SALES"), [], [])
    add_group(lite, "Sales")  # a security group's alias is nobody's
    with pytest.raises(Invalid, match="cannot become"), lite.write() as work:
        update_group(work, group, {"groupTypes": []})


def test_synchronisation_may_make_groups_that_get_mail(lite: Directory) -> None:
    with lite.write(sync=True) as work:
        group = create_group(work, security("List", mailEnabled=True, mail="list@acme.example"), [], [])
    assert group.doc["proxyAddresses"] == ["SMTP:list@acme.example"]


def test_who_can_be_a_member_of_what(lite: Directory) -> None:
    ada = add_person(lite, "Ada")
    team = group = nested = None
    with lite.write(sync=True) as work:
        team = create_group(work, unified("Sales"), [ada.guid], [])
        group = create_group(work, security("Security"), [], [])
        nested = create_group(work, security("Nested"), [], [])
        laptop = create_device(work, device("laptop"))
        contact = create_contact(work, {"displayName": "Bo", "mail": "bo@else.example"})
        add_members(work, group, [ada.guid, nested.guid, laptop.guid, contact.guid])
    for owner, member, words in (
        (team, nested, "Only users"),
        (team, laptop, "Only users"),
        (group, team, "cannot be a member of another group"),
        (group, group, "member of itself"),
    ):
        with pytest.raises(Invalid, match=words), lite.write() as work:
            add_members(work, owner, [member.guid])
    with pytest.raises(Invalid, match="Only users can be owners"), lite.write() as work:
        add_owners(work, group, [nested.guid])


def test_a_dynamic_group_keeps_its_members_to_itself(lite: Directory) -> None:
    ada = add_person(lite, "Ada")
    with lite.write() as work:
        group = create_group(
            work,
            security("All", groupTypes=["DynamicMembership"], membershipRule="user.accountEnabled -eq true"),
            [],
            [],
        )
    with pytest.raises(Invalid, match="follow its rule"), lite.write() as work:
        add_members(work, group, [ada.guid])


def test_the_last_owner_of_a_microsoft_365_group_stays(lite: Directory) -> None:
    ada, grace = people(lite, "Ada", "Grace")
    with lite.write() as work:
        group = create_group(work, unified("Sales"), [], [ada.guid, grace.guid])
        remove_owner(work, group, ada.guid)
    with pytest.raises(Invalid, match="at least one owner"), lite.write() as work:
        remove_owner(work, group, grace.guid)
    with lite.read() as work:
        assert names(members(work, Relation.OWNERS, group, 10).entries) == ["Grace"]


def test_a_group_from_on_premises_has_its_members_from_there(lite: Directory) -> None:
    ada = add_person(lite, "Ada")
    with lite.write(sync=True) as work:
        group = create_group(work, security("Synced", onPremisesSyncEnabled=True), [ada.guid], [])
    with pytest.raises(Invalid, match="on-premises mastered"), lite.write() as work:
        remove_member(work, group, ada.guid)


def test_devices_belong_to_people(directory: Directory) -> None:
    ada = add_person(directory, "Ada")
    with directory.write() as work:
        laptop = create_device(work, device("laptop"))
        add_people(work, Relation.REGISTERED_OWNERS, laptop, [ada.guid])
        update_device(work, laptop, {"accountEnabled": False})
    with pytest.raises(Taken, match="deviceId"), directory.write() as work:
        create_device(work, device("other"))
    with directory.write() as work:
        assert names(owners(work, Relation.REGISTERED_OWNERS, ada, 5).entries) == ["laptop"]
        remove_person(work, Relation.REGISTERED_OWNERS, laptop, ada.guid)
        assert owners(work, Relation.REGISTERED_OWNERS, ada, 5).entries == []
