"""Users and groups made, read, replaced, changed and removed, in a real database and a real directory."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.servers.gateway import GatewayServer, Scim

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_numbers = itertools.count(1)


def person(name: str | None = None, enterprise: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    login = name or f"person{next(_numbers)}"
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": login,
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "emails": [{"type": "work", "value": f"{login}@acme.example"}],
        **({ENTERPRISE: enterprise} if enterprise else {}),
        **more,
    }


def group(name: str | None = None, **more: Any) -> dict[str, Any]:
    return {"displayName": name or f"group{next(_numbers)}", **more}


def test_a_user_is_made_read_replaced_and_removed(scim: Scim) -> None:
    answer = scim.ask("POST", "Users", person(title="Analyst", enterprise={"department": "Engines"}))
    assert answer.status_code == 201
    made = answer.json()
    assert made["meta"]["location"] == answer.headers["Location"]
    assert made["meta"]["version"] == answer.headers["ETag"]
    assert made[ENTERPRISE] == {"department": "Engines"}
    assert ENTERPRISE in made["schemas"]
    where = f"Users/{made['id']}"
    assert scim.get(where) == made

    replaced = scim.ask("PUT", where, {**person(made["userName"]), "title": "Countess"}).json()
    assert replaced["title"] == "Countess"
    assert ENTERPRISE not in replaced
    assert scim.get(where) == replaced

    assert scim.ask("DELETE", where).status_code == 204
    assert scim.ask("GET", where).status_code == 404
    assert scim.ask("DELETE", where).status_code == 404


def test_names_of_attributes_have_no_case(scim: Scim) -> None:
    made = scim.made("Users", {"USERNAME": f"p{next(_numbers)}x", "Name": {"FAMILYNAME": "Byron", "GIVENNAME": "A"}})
    assert made["name"] == {"familyName": "Byron", "givenName": "A"}


def test_nobody_gets_the_name_of_another(scim: Scim) -> None:
    first = scim.made("Users", person())
    second = scim.made("Users", person())
    again = scim.ask("POST", "Users", person(first["userName"]))
    assert (again.status_code, again.json()["scimType"]) == (409, "uniqueness")
    taken = scim.patch(f"Users/{second['id']}", {"op": "replace", "path": "userName", "value": first["userName"]})
    assert (taken.status_code, taken.json()["scimType"]) == (409, "uniqueness")


def test_what_is_required_must_be_there(scim: Scim) -> None:
    answer = scim.ask("POST", "Users", {"title": "Nobody"})
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
    assert "userName" in answer.json()["detail"]


def test_an_entry_that_gets_another_name_keeps_its_id(directory: Scim) -> None:
    made = directory.made("Users", person())
    where = f"Users/{made['id']}"
    name = f"renamed{next(_numbers)}"
    answer = directory.patch(where, {"op": "replace", "path": "userName", "value": name})
    assert answer.status_code == 200, answer.text
    assert directory.get(where)["userName"] == name


def test_a_manager_is_named_by_id(scim: Scim) -> None:
    boss = scim.made("Users", person())
    made = scim.made("Users", person(enterprise={"manager": {"value": boss["id"]}}))
    assert made[ENTERPRISE]["manager"] == {"value": boss["id"], "$ref": boss["meta"]["location"]}
    removed = scim.patch(f"Users/{made['id']}", {"op": "remove", "path": f"{ENTERPRISE}:manager"})
    assert ENTERPRISE not in removed.json()


def test_a_group_has_members_and_may_lose_them(scim: Scim) -> None:
    one, two, three = (scim.made("Users", person()) for _ in range(3))
    made = scim.made("Groups", group(members=[{"value": one["id"]}, {"value": two["id"]}]))
    assert {each["value"] for each in made["members"]} == {one["id"], two["id"]}
    assert {each["$ref"] for each in made["members"]} == {one["meta"]["location"], two["meta"]["location"]}
    where = f"Groups/{made['id']}"

    changed = scim.patch(
        where,
        {"op": "add", "path": "members", "value": [{"value": three["id"]}]},
        {"op": "remove", "path": f'members[value eq "{one["id"]}"]'},
    )
    assert changed.status_code == 204
    assert {each["value"] for each in scim.get(where)["members"]} == {two["id"], three["id"]}

    renamed = f"group{next(_numbers)}"
    assert "members" in scim.ask("PUT", where, {"displayName": renamed}).json()
    assert scim.ask("PUT", where, {"displayName": renamed, "members": []}).json()["displayName"] == renamed
    assert "members" not in scim.get(where)
    assert "members" not in scim.get(where, excludedAttributes="members")


def test_nobody_becomes_a_member_who_is_not_there(directory: Scim) -> None:
    answer = directory.ask("POST", "Groups", group(members=[{"value": "no-such-user"}]))
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")


def test_groups_are_found_by_a_member(scim: Scim) -> None:
    one, two = (scim.made("Users", person()) for _ in range(2))
    first = scim.made("Groups", group(members=[{"value": one["id"]}]))
    second = scim.made("Groups", group(members=[{"value": one["id"]}, {"value": two["id"]}]))
    both = sorted([first["displayName"], second["displayName"]])
    assert scim.names(f'members eq "{one["id"]}"', "Groups") == both
    assert scim.names(f'members[value eq "{two["id"]}"]', "Groups") == [second["displayName"]]
    member = f'id eq "{first["id"]}" and members eq "{two["id"]}"'
    assert scim.names(member, "Groups") == []
    assert scim.get(f"Groups/{second['id']}", filter=f'members eq "{two["id"]}"')["totalResults"] == 1


def test_what_somebody_else_changed_is_not_overwritten(scim: Scim) -> None:
    made = scim.made("Users", person(title="first"))
    where = f"Users/{made['id']}"
    known = {"If-Match": made["meta"]["version"]}
    assert scim.ask("GET", where, headers={"If-None-Match": made["meta"]["version"]}).status_code == 304
    body = {**person(made["userName"]), "title": "second"}
    changed = scim.ask("PUT", where, body, headers=known)
    assert changed.status_code == 200
    assert changed.headers["ETag"] != made["meta"]["version"]
    assert scim.ask("PUT", where, {**body, "title": "third"}, headers=known).status_code == 412
    assert scim.ask("DELETE", where, headers=known).status_code == 412
    assert scim.get(where)["title"] == "second"
    assert scim.ask("DELETE", where, headers={"If-Match": changed.headers["ETag"]}).status_code == 204


def test_a_password_is_set_and_never_shown(scim: Scim, gateway: GatewayServer) -> None:
    secret = "Correct-Horse-7"
    made = scim.ask("POST", "Users", person(password=secret))
    assert made.status_code == 201
    changed = scim.patch(f"Users/{made.json()['id']}", {"op": "replace", "path": "password", "value": f"{secret}8"})
    shown = scim.ask("GET", f"Users/{made.json()['id']}", params={"attributes": "password,userName"})
    for answer in (made, changed, shown):
        assert answer.status_code < 300
        assert secret not in answer.text
    assert secret not in gateway.log.read_text()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "Nothing", 404),
        ("GET", "Users/1/2", 404),
        ("PUT", "Users", 405),
        ("POST", "Users/1", 405),
        ("POST", "Schemas", 405),
        ("GET", "Bulk", 405),
        ("PATCH", "Users/no-such-user", 404),
        ("PUT", "Users/no-such-user", 404),
    ],
)
def test_what_is_not_there_is_told_in_scims_form(app: Scim, method: str, path: str, status: int) -> None:
    body = person() if method in ("PUT", "POST", "PATCH") else None
    answer = app.ask(method, path, body)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/scim+json"
    assert answer.json()["status"] == str(status)


def test_discovery_tells_what_the_system_can_hold(app: Scim) -> None:
    config = app.get("ServiceProviderConfig")
    assert all(config[name]["supported"] for name in ("patch", "bulk", "filter", "sort", "etag", "changePassword"))
    types = {one["name"]: one for one in app.get("ResourceTypes")["Resources"]}
    extensions = {one["schema"] for one in types["User"]["schemaExtensions"]}
    assert extensions == {ENTERPRISE, "urn:acme:scim:2.0:User"}
    user = app.get("Schemas/urn:ietf:params:scim:schemas:core:2.0:User")
    attributes = {one["name"]: one for one in user["attributes"]}
    assert attributes["userName"]["required"]
    assert attributes["userName"]["caseExact"]
    assert attributes["password"]["returned"] == "never"
    assert "nickName" not in attributes
    types_of_mail = {one["name"]: one for one in attributes["emails"]["subAttributes"]}["type"]
    assert types_of_mail["canonicalValues"] == ["work", "home"]
