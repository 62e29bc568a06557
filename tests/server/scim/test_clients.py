"""The requests that Entra's and Okta's provisioning send, as their public documentation shows them.

Entra: learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups.
Okta: developer.okta.com/docs/api/openapi/okta-scim/guides/scim-20.
"""

from __future__ import annotations

import uuid
from typing import Any

from tests.servers.gateway import Scim

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
AD = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"


def _fresh() -> str:
    return str(uuid.uuid4())


# --- Entra


def test_entra_tests_the_connection(app: Scim) -> None:
    """With a user that cannot be there, which must not be an error."""
    found = app.get("Users", filter=f'userName eq "{_fresh()}"')
    assert (found["totalResults"], found["Resources"]) == (0, [])
    assert found["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:ListResponse"]


def test_entra_provisions_a_user(scim: Scim) -> None:
    name, external = f"Test_User_{_fresh()}", _fresh()
    made = scim.made(
        "Users",
        {
            "schemas": [USER, ENTERPRISE],
            "externalId": external,
            "userName": name,
            "active": True,
            "emails": [{"primary": True, "type": "work", "value": f"{name}@testuser.com"}],
            "meta": {"resourceType": "User"},
            "name": {"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"},
            "roles": [],
        },
    )
    assert made["externalId"] == external
    where = f"Users/{made['id']}"
    assert scim.get(where)["userName"] == name
    assert scim.get("Users", filter=f'userName eq "{name}"')["Resources"] == [scim.get(where)]
    assert scim.get("Users", filter=f'externalId eq "{external}"')["totalResults"] == 1

    mail = "updatedEmail@microsoft.com"
    answer = scim.patch(
        where,
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": mail},
        {"op": "Replace", "path": "name.familyName", "value": "updatedFamilyName"},
    )
    assert answer.status_code == 200
    assert answer.json()["emails"][0]["value"] == mail
    assert answer.json()["name"]["familyName"] == "updatedFamilyName"

    renamed = f"5b50642d-{_fresh()}"
    assert scim.patch(where, {"op": "Replace", "path": "userName", "value": renamed}).status_code == 200
    assert scim.get(where)["userName"] == renamed
    assert scim.ask("DELETE", where).status_code == 204
    assert scim.ask("GET", where).status_code == 404


def test_entra_disables_a_user_in_both_of_its_dialects(app: Scim) -> None:
    made = app.made("Users", {"schemas": [USER], "userName": _fresh(), "active": True})
    where = f"Users/{made['id']}"
    assert app.patch(where, {"op": "Replace", "path": "active", "value": False}).json()["active"] is False
    assert app.patch(where, {"op": "Replace", "path": "active", "value": "True"}).json()["active"] is True
    assert app.patch(where, {"op": "Replace", "value": {"active": "False"}}).json()["active"] is False


def test_entra_updates_many_attributes_at_once(app: Scim) -> None:
    boss = app.made("Users", {"schemas": [USER], "userName": _fresh()})
    made = app.made("Users", {"schemas": [USER], "userName": _fresh()})
    answer = app.patch(
        f"Users/{made['id']}",
        {"op": "Add", "path": "displayName", "value": "Alicia"},
        {"op": "Add", "path": 'phoneNumbers[type eq "work"].value', "value": "+1 555 0100"},
        {"op": "Add", "path": 'addresses[type eq "work"].streetAddress', "value": "1 Main"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Sales"},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": boss["id"]},
        {"op": "Remove", "path": "title"},
    )
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert changed["displayName"] == "Alicia"
    assert changed["phoneNumbers"] == [{"type": "work", "value": "+1 555 0100"}]
    assert changed[ENTERPRISE]["department"] == "Sales"
    assert changed[ENTERPRISE]["manager"]["value"] == boss["id"]


def test_entra_provisions_a_group(scim: Scim) -> None:
    name = f"displayName {_fresh()}"
    made = scim.made(
        "Groups",
        {"schemas": [GROUP, AD], "externalId": _fresh(), "displayName": name, "meta": {"resourceType": "Group"}},
    )
    user = scim.made("Users", {"schemas": [USER], "userName": _fresh(), "name": {"familyName": "f"}})
    where = f"Groups/{made['id']}"
    assert scim.get(where, excludedAttributes="members")["displayName"] == name
    assert scim.get("Groups", excludedAttributes="members", filter=f'displayName eq "{name}"')["totalResults"] == 1
    renamed = f"{_fresh()}updatedDisplayName"
    assert scim.patch(where, {"op": "Replace", "path": "displayName", "value": renamed}).status_code in (200, 204)

    value = [{"$ref": None, "value": user["id"]}]
    assert scim.patch(where, {"op": "Add", "path": "members", "value": value}).status_code == 204
    assert [one["value"] for one in scim.get(where)["members"]] == [user["id"]]
    asked = f'id eq "{made["id"]}" and members eq "{user["id"]}"'
    assert scim.get("Groups", filter=asked, attributes="id")["totalResults"] == 1
    assert scim.patch(where, {"op": "Remove", "path": "members", "value": value}).status_code == 204
    assert "members" not in scim.get(where)
    assert scim.ask("DELETE", where).status_code == 204


# --- Okta


def _okta_user(name: str) -> dict[str, Any]:
    return {
        "schemas": [USER],
        "userName": name,
        "name": {"givenName": "Test", "familyName": "User"},
        "emails": [{"primary": True, "value": name, "type": "work"}],
        "displayName": "Test User",
        "locale": "en-US",
        "externalId": "00ujl29u0le5T6Aj10h7",
        "groups": [],
        "password": "1mz050nq",
        "active": True,
    }


def test_okta_provisions_a_user(app: Scim) -> None:
    name = f"{_fresh()}@okta.local"
    assert app.get("Users", filter=f'userName eq "{name}"', startIndex=1, count=100)["totalResults"] == 0
    made = app.made("Users", _okta_user(name))
    assert made["active"] is True
    assert "password" not in made
    where = f"Users/{made['id']}"

    changed = {**app.get(where), "name": {"givenName": "Another", "middleName": "Excited", "familyName": "User"}}
    replaced = app.ask("PUT", where, changed)
    assert replaced.status_code == 200, replaced.text
    assert replaced.json()["name"]["givenName"] == "Another"
    assert replaced.json()["userName"] == name

    off = app.patch(where, {"op": "replace", "value": {"active": False}})
    assert off.json()["active"] is False
    assert app.ask("PUT", where, {**off.json(), "active": True}).json()["active"] is True
    again = app.ask("POST", "Users", _okta_user(name))
    assert (again.status_code, again.json()["schemas"]) == (409, ["urn:ietf:params:scim:api:messages:2.0:Error"])
    missing = app.ask("GET", "Users/23a35c27-23d3-4c03-b4c5-6443c09e7173")
    assert (missing.status_code, missing.json()["status"]) == (404, "404")


def test_okta_pushes_a_group(app: Scim) -> None:
    first, second = (app.made("Users", _okta_user(f"{_fresh()}@okta.local")) for _ in range(2))
    assert "totalResults" in app.get("Groups", startIndex=1, count=100)
    name = f"Test SCIMv2 {_fresh()}"
    made = app.made("Groups", {"schemas": [GROUP], "displayName": name, "members": []})
    where = f"Groups/{made['id']}"
    added = app.patch(
        where,
        {"op": "add", "path": "members", "value": [{"value": first["id"], "display": "test.user@okta.local"}]},
    )
    assert added.status_code == 204
    swapped = app.patch(
        where,
        {"op": "remove", "path": f'members[value eq "{first["id"]}"]'},
        {"op": "add", "path": "members", "value": [{"value": second["id"], "display": "test.user@okta.local"}]},
    )
    assert swapped.status_code == 204
    assert [one["value"] for one in app.get(where)["members"]] == [second["id"]]
    renamed = app.patch(where, {"op": "replace", "value": {"id": made["id"], "displayName": f"{name}0"}})
    assert renamed.json()["displayName"] == f"{name}0"
    members = [{"value": first["id"]}, {"value": second["id"]}]
    assert app.patch(where, {"op": "replace", "path": "members", "value": members}).status_code == 204
    assert len(app.get(where)["members"]) == 2
    replaced = app.ask(
        "PUT", where, {"schemas": [GROUP], "id": made["id"], "displayName": name, "members": members[:1]}
    )
    assert [one["value"] for one in replaced.json()["members"]] == [first["id"]]
    assert app.ask("DELETE", where).status_code == 204
