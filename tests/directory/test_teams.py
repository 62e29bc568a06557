"""Teams, applications and the extensions they register."""

from __future__ import annotations

from typing import Any

import pytest

from muster.directory.applications import (
    SecretRefused,
    add_application,
    add_secret,
    allow,
    applications,
    find_application,
    prove,
    remove_application,
    remove_secret,
    secrets_of,
)
from muster.directory.directory import Directory
from muster.directory.errors import Invalid, NotFound
from muster.directory.extensions import extensions, find_extension, register, unregister
from muster.directory.groups import create_group
from muster.directory.objects import find
from muster.directory.permissions import ALL
from muster.directory.teams import (
    add_member,
    archive,
    create_team,
    find_member,
    find_team,
    is_team,
    make_team,
    membership_id,
    remove_member,
    set_role,
    update_team,
)
from muster.directory.users import create_user, update_user
from muster.directory.work import DAY
from tests.directory.support import Clock, add_group, add_person, person, unified


def test_a_team_is_made_with_its_group(directory: Directory) -> None:
    ada, grace = add_person(directory, "Ada"), add_person(directory, "Grace")
    with directory.write() as work:
        body = {"displayName": "Engine Room", "description": "Steam", "visibility": "private"}
        team = create_team(work, body, [(ada.guid, True), ("grace@acme.example", False)])
        assert find_team(work, team.guid).doc["mailNickname"] == "EngineRoom"
        assert team.doc["visibility"] == "Private"
        assert find_member(work, team, membership_id(work, team, ada)).owner
        assert not find_member(work, team, membership_id(work, team, grace)).owner
        other = create_team(work, {"displayName": "Engine-Room"}, [(ada.guid, True)])
        third = create_team(work, {"displayName": "Engine Room"}, [(ada.guid, True)])
        assert (other.doc["mailNickname"], third.doc["mailNickname"]) == ("Engine-Room", "EngineRoom2")


def test_a_group_gets_a_team(lite: Directory) -> None:
    ada = add_person(lite, "Ada")
    with lite.write() as work:
        group = create_group(work, unified("Sales"), [], [])
        with pytest.raises(NotFound, match="No team found"):
            find_team(work, group.guid)
        team = make_team(work, group, {"memberSettings": {"allowCreateUpdateChannels": False}})
        assert is_team(team)
        with pytest.raises(Invalid, match="has a team already"):
            make_team(work, team, {})
        team = update_team(work, team, {"displayName": "Sellers", "memberSettings": {"allowDeleteChannels": True}})
        assert team.doc["displayName"] == "Sellers"
        assert team.doc["team"]["memberSettings"] == {"allowCreateUpdateChannels": False, "allowDeleteChannels": True}
        with pytest.raises(Invalid, match="without an owner cannot be archived"):
            archive(work, team, True)
        add_member(work, team, ada.guid, owner=True)
        archived = archive(work, team, True)
        assert archived.doc["team"]["isArchived"]
        assert not archive(work, archived, False).doc["team"]["isArchived"]
    plain = add_group(lite, "Plain")
    with pytest.raises(Invalid, match="Microsoft 365 group"), lite.write() as work:
        make_team(work, plain, {})


def test_members_of_a_team_change_roles_and_leave(lite: Directory) -> None:
    ada, grace = add_person(lite, "Ada"), add_person(lite, "Grace")
    with lite.write() as work:
        team = create_team(work, {"displayName": "T"}, [(ada.guid, True)])
        member = add_member(work, team, grace.guid, owner=False)
        with pytest.raises(Invalid, match="last owner"):
            remove_member(work, team, find_member(work, team, membership_id(work, team, ada)))
        set_role(work, team, member, owner=True)
        boss = find_member(work, team, membership_id(work, team, ada))
        remove_member(work, team, boss)
        with pytest.raises(NotFound):
            find_member(work, team, membership_id(work, team, ada))
        with pytest.raises(Invalid, match="last owner"):
            set_role(work, team, find_member(work, team, membership_id(work, team, grace)), owner=False)


@pytest.mark.parametrize("text", ["", "x", "!!!", "AAAA", "\u00e9", "a" * 5000])
def test_a_membership_id_that_is_none(lite: Directory, text: str) -> None:
    ada = add_person(lite, "Ada")
    with lite.write() as work:
        team = create_team(work, {"displayName": "T"}, [(ada.guid, True)])
        with pytest.raises(NotFound):
            find_member(work, team, text)


def test_a_team_needs_a_name_and_an_owner(lite: Directory) -> None:
    ada = add_person(lite, "Ada")
    for body, members in (({}, [(ada.guid, True)]), ({"displayName": "T"}, [(ada.guid, False)])):
        with pytest.raises(Invalid), lite.write() as work:
            create_team(work, body, members)


# --- applications


def test_an_application_proves_itself_with_any_of_its_secrets(directory: Directory, clock: Clock) -> None:
    with directory.write() as work:
        made = add_application(work, "muster")
        first, says = add_secret(work, made, lasts=10 * DAY)
        _, other = add_secret(work, made)
        assert made.permissions == ALL
        kept = str(work.session.rows("SELECT * FROM dir_secret"))
        assert says not in kept
        assert first.hint == says[:3]
        for one in (says, other):
            prove(work, made, one)
        for wrong in ("", says + "x", first.hint):
            with pytest.raises(SecretRefused, match="wrong"):
                prove(work, made, wrong)
    clock.forward(days=11)
    with directory.write() as work:
        with pytest.raises(SecretRefused, match="expired"):
            prove(work, made, says)
        prove(work, made, other)
        remove_secret(work, made, first.id)
        assert len(secrets_of(work, made)) == 1
        with pytest.raises(NotFound):
            remove_secret(work, made, first.id)
        assert find_application(work, "muster") == find_application(work, made.id.upper()) == made
        remove_application(work, made)
        assert applications(work) == []
        with pytest.raises(NotFound):
            find_application(work, "muster")


def test_applications_that_cannot_be(lite: Directory) -> None:
    with lite.write() as work:
        made = add_application(work, "muster", ["User.Read.All"])
        allow(work, made, ["Group.Read.All"])
        assert find_application(work, made.id).permissions == ("Group.Read.All",)
        for name, permissions, words in (
            ("muster", ALL, "already"),
            (" ", ALL, "needs a name"),
            ("x", ["Everything"], "no permission 'Everything'"),
        ):
            with pytest.raises(Invalid, match=words):
                add_application(work, name, permissions)
        for _ in range(10):
            add_secret(work, made)
        with pytest.raises(Invalid, match="has 10 secrets"):
            add_secret(work, made)


def test_an_extension_is_there_for_the_kinds_it_was_registered_for(directory: Directory) -> None:
    with directory.write() as work:
        made = add_application(work, "HR")
        body = {"name": "shoes", "dataType": "String", "targetObjects": ["User"], "isMultiValued": True}
        shoes = register(work, made, body)
        assert shoes.name == f"extension_{made.id.replace('-', '')}_shoes"
        ada = create_user(work, person("Ada", **{shoes.name: ["a", "b"]}))
        with pytest.raises(Invalid, match="expected a list"):
            update_user(work, ada, {shoes.name: "a"})
        with pytest.raises(Invalid, match="not registered"):
            create_group(work, unified("Sales", **{shoes.name: ["a"]}), [], [])
        assert find(work, ada.guid).doc[shoes.name] == ["a", "b"]
        with pytest.raises(Invalid, match="exists"):
            register(work, made, body)
        unregister(work, find_extension(work, made, shoes.id))
        assert extensions(work, made) == []
        with pytest.raises(Invalid, match="not registered"):
            update_user(work, ada, {shoes.name: ["c"]})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "a b", "dataType": "String", "targetObjects": ["User"]},
        {"name": "x", "dataType": "Float", "targetObjects": ["User"]},
        {"name": "x", "dataType": "String", "targetObjects": []},
        {"name": "x", "dataType": "String", "targetObjects": ["Robot"]},
    ],
)
def test_extensions_that_cannot_be(lite: Directory, body: dict[str, Any]) -> None:
    with lite.write() as work:
        made = add_application(work, "HR")
        with pytest.raises(Invalid):
            register(work, made, body)
