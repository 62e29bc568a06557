"""Resource types from a system's own schema: what is guessed, and what /Schemas says of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from muster.model.errors import ProjectError
from muster.model.schema import ObjectSchema, SystemSchema
from muster.model.values import Attribute, Type
from muster.project.configuration import Gateway, Place, Resource
from muster.server.scim.building import built
from muster.server.scim.resource_type import ResourceType

PLACE = Place("systems/app.yaml", 7)
CORE = "urn:ietf:params:scim:schemas:core:2.0"
ACCOUNT = ObjectSchema(
    "account",
    "id",
    {
        "id": Attribute("id", Type.INTEGER, writable="never"),
        "login": Attribute("login", required=True, exact=False),
        "First_Name": Attribute("First_Name"),
        "sn": Attribute("sn", required=True, many=True),
        "mail": Attribute("mail", many=True),
        "employeeNumber": Attribute("employeeNumber", Type.INTEGER),
        "manager": Attribute("manager", Type.REFERENCE),
        "modifyTimestamp": Attribute("modifyTimestamp", Type.DATETIME, writable="never"),
        "shoe": Attribute("shoe"),
    },
    assigned=True,
    can_enable=True,
)
TEAM = ObjectSchema(
    "team",
    "name",
    {
        "name": Attribute("name", writable="create"),
        "member": Attribute("member", Type.REFERENCE, many=True, large=True),
    },
)


def types(**mappings: dict[str, str] | None) -> dict[str, ResourceType]:
    user = Resource("User", PLACE, "account", "Users", f"{CORE}:User", mappings.get("user"))
    group = Resource("Group", PLACE, "team", "Groups", f"{CORE}:Group", mappings.get("group"))
    gateway = Gateway(PLACE, False, (user, group))
    return built(gateway, SystemSchema({"account": ACCOUNT, "team": TEAM}), sets_passwords=True)


def test_names_that_tell_are_mapped() -> None:
    found = types()
    assert {line.path: line.name for line in found["users"].lines} == {
        "userName": "login",
        "name.givenName": "First_Name",
        "name.familyName": "sn",
        "active": "enabled",
        'emails[type eq "work"].value': "mail",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber": "employeeNumber",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager": "manager",
        "meta.lastModified": "modifyTimestamp",
    }
    assert {line.path: line.name for line in found["groups"].lines} == {"displayName": "name"}
    members = found["groups"].members
    assert members is not None
    assert (members.name, members.to) == ("member", "User")


def test_schemas_say_what_the_system_says() -> None:
    found = types()
    core = found["users"].core
    assert core["username"].required
    assert not core["username"].exact
    assert core["active"].type == "boolean"
    assert core["name"].required
    assert core["name"].parts["familyname"].required
    assert not core["name"].parts["familyname"].many
    assert core["emails"].parts["type"].canonical == ("work",)
    assert core["password"].returned == "never"
    (enterprise,) = found["users"].extensions.values()
    assert enterprise["employeenumber"].type == "string"
    assert enterprise["manager"].parts["$ref"].refers == ("User",)
    assert found["groups"].core["displayname"].mutability == "immutable"
    assert "password" not in found["groups"].core


def test_no_two_resources_have_one_id() -> None:
    found = types()
    assert found["users"].id_of("7") == "7"
    assert found["groups"].id_of("7") == "group-7"
    assert found["groups"].anchor_of("group-7") == "7"
    assert found["groups"].anchor_of("7") is None


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"userName": "logn"}, "Did you mean `login`"),
        ({"emails[": "mail"}, "is no attribute of SCIM"),
        ({"id": "login"}, "is no attribute of SCIM"),
    ],
)
def test_what_the_system_lacks_is_told_with_its_place(mapping: dict[str, str], message: str) -> None:
    with pytest.raises(ProjectError, match=message) as told:
        types(user=mapping)
    assert "systems/app.yaml:7: User" in told.value.message


def test_members_of_a_type_that_is_not_served_are_left_out() -> None:
    group = Resource("Group", PLACE, "team", "Groups", f"{CORE}:Group", {"displayName": "name", "members": "member"})
    found = built(
        Gateway(PLACE, False, (replace(group, members="User"),)), SystemSchema({"team": TEAM}), sets_passwords=False
    )
    assert found["groups"].members is None
