"""PATCH with every form of path, and as Entra writes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.server.scim.inside import ENTERPRISE, PATCH, Inside, refused

ACME = "urn:acme:User"


@pytest.fixture(scope="module")
def service() -> Iterator[Inside]:
    with Inside() as found:
        yield found


@pytest.fixture
def user(service: Inside) -> Iterator[dict[str, Any]]:
    made = service.user(
        "ada",
        name={"givenName": "Ada", "familyName": "Lovelace"},
        title="Countess",
        emails=[{"type": "work", "value": "ada@work"}, {"type": "home", "value": "ada@home"}],
        roles=[{"value": "engine"}, {"value": "poet"}],
        **{ENTERPRISE: {"department": "R&D"}, ACME: {"badge": "7"}},
    )
    yield made
    service.ask("DELETE", f"Users/{made['id']}")


def _mail(user: dict[str, Any]) -> dict[str, str]:
    return {one["type"]: one["value"] for one in user.get("emails", [])}


def _roles(user: dict[str, Any]) -> set[str]:
    return {one["value"] for one in user.get("roles", [])}


@pytest.mark.parametrize(
    ("operation", "name", "value"),
    [
        ({"op": "replace", "path": "title", "value": "Lady"}, "title", "Lady"),
        ({"op": "Replace", "path": "TITLE", "value": "Lady"}, "title", "Lady"),
        ({"op": "add", "path": "displayName", "value": "Ada L."}, "displayName", "Ada L."),
        ({"op": "remove", "path": "title"}, "title", None),
        ({"op": "replace", "path": "title", "value": None}, "title", None),
        ({"op": "replace", "path": "title", "value": ""}, "title", None),
        ({"op": "Replace", "path": "active", "value": "False"}, "active", False),
        ({"op": "replace", "path": "active", "value": False}, "active", False),
        ({"op": "replace", "value": {"active": False}}, "active", False),
        ({"op": "replace", "value": {"title": "Lady", "unheard": "of"}}, "title", "Lady"),
        (
            {"op": "replace", "path": "name.givenName", "value": "Augusta"},
            "name",
            {"givenName": "Augusta", "familyName": "Lovelace"},
        ),
        ({"op": "remove", "path": "name.givenName"}, "name", {"familyName": "Lovelace"}),
        (
            {"op": "replace", "path": "name", "value": {"givenName": "Augusta"}},
            "name",
            {"givenName": "Augusta", "familyName": "Lovelace"},
        ),
        ({"op": "add", "value": {"name.familyName": "King"}}, "name", {"givenName": "Ada", "familyName": "King"}),
        ({"op": "remove", "path": "name"}, "name", None),
        ({"op": "replace", "path": f"{ENTERPRISE}:department", "value": "Sales"}, ENTERPRISE, {"department": "Sales"}),
        ({"op": "add", "value": {f"{ENTERPRISE}:department": "Sales"}}, ENTERPRISE, {"department": "Sales"}),
        ({"op": "add", "value": {ENTERPRISE: {"department": "Sales"}}}, ENTERPRISE, {"department": "Sales"}),
        ({"op": "replace", "path": ENTERPRISE, "value": {"department": "Sales"}}, ENTERPRISE, {"department": "Sales"}),
        ({"op": "remove", "path": ENTERPRISE}, ENTERPRISE, None),
        ({"op": "remove", "path": f"{ACME}:badge"}, ACME, None),
        ({"op": "add", "path": f"{ACME}:number", "value": 5}, ACME, {"badge": "7", "number": 5}),
        ({"op": "add", "path": f"{ACME}:flag", "value": "True"}, ACME, {"badge": "7", "flag": True}),
        (
            {"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:title", "value": "Lady"},
            "title",
            "Lady",
        ),
        ({"op": "add", "path": "nickName", "value": "not kept here"}, "title", "Countess"),
        ({"op": "remove", "path": "photos"}, "title", "Countess"),
    ],
)
def test_one_value_changes(
    service: Inside, user: dict[str, Any], operation: dict[str, Any], name: str, value: Any
) -> None:
    changed = service.changed(f"Users/{user['id']}", operation)
    assert changed.get(name) == value
    for other in set(user) - {name, "meta", "schemas"}:
        assert changed[other] == user[other]


@pytest.mark.parametrize(
    ("operation", "mail"),
    [
        (
            {"op": "replace", "path": 'emails[type eq "work"].value', "value": "new@work"},
            {"work": "new@work", "home": "ada@home"},
        ),
        ({"op": "remove", "path": 'emails[type eq "work"]'}, {"home": "ada@home"}),
        ({"op": "Remove", "path": 'emails[type eq "work"].value'}, {"home": "ada@home"}),
        ({"op": "remove", "path": "emails"}, {}),
        ({"op": "remove", "path": 'emails[value ew "home" or type eq "work"]'}, {}),
        ({"op": "Remove", "path": "emails", "value": [{"type": "home", "value": "ada@home"}]}, {"work": "ada@work"}),
        ({"op": "replace", "path": "emails", "value": [{"type": "home", "value": "h@h"}]}, {"home": "h@h"}),
        (
            {"op": "add", "path": "emails", "value": {"type": "home", "value": "h@h"}},
            {"work": "ada@work", "home": "h@h"},
        ),
        (
            {"op": "replace", "path": 'emails[type eq "home"]', "value": {"type": "home", "value": "h@h"}},
            {"work": "ada@work", "home": "h@h"},
        ),
        ({"op": "replace", "path": "emails.value", "value": "same@both"}, {"work": "same@both", "home": "same@both"}),
    ],
)
def test_items_are_chosen_by_filters(
    service: Inside, user: dict[str, Any], operation: dict[str, Any], mail: dict[str, str]
) -> None:
    assert _mail(service.changed(f"Users/{user['id']}", operation)) == mail


def test_what_is_not_there_yet_is_made_as_entra_expects(service: Inside, user: dict[str, Any]) -> None:
    where = f"Users/{user['id']}"
    for path, value in (
        ('phoneNumbers[type eq "work"].value', "5"),
        ('addresses[type eq "work"].locality', "London"),
        ('addresses[type eq "work"].streetAddress', "St James's Square"),
    ):
        service.changed(where, {"op": "Add", "path": path, "value": value})
    changed = service.get(where)
    assert changed["phoneNumbers"] == [{"type": "work", "value": "5"}]
    assert changed["addresses"] == [{"type": "work", "locality": "London", "streetAddress": "St James's Square"}]


def test_values_come_and_go_one_by_one(service: Inside, user: dict[str, Any]) -> None:
    where = f"Users/{user['id']}"
    assert _roles(service.changed(where, {"op": "add", "path": "roles", "value": [{"value": "x"}]})) == {
        "engine",
        "poet",
        "x",
    }
    assert _roles(service.changed(where, {"op": "remove", "path": 'roles[value eq "poet"]'})) == {"engine", "x"}
    assert _roles(service.changed(where, {"op": "replace", "path": "roles", "value": ["y"]})) == {"y"}
    assert _roles(service.changed(where, {"op": "remove", "path": "roles"})) == set()


def test_operations_follow_each_other_and_all_or_none_are_done(service: Inside, user: dict[str, Any]) -> None:
    where = f"Users/{user['id']}"
    changed = service.changed(
        where,
        {"op": "remove", "path": "title"},
        {"op": "add", "path": "title", "value": "Lady"},
        {"op": "replace", "path": "displayName", "value": "Ada"},
    )
    assert (changed["title"], changed["displayName"]) == ("Lady", "Ada")
    answer = service.patch(where, {"op": "remove", "path": "title"}, {"op": "replace", "path": "unheard", "value": 1})
    refused(answer, 400, "invalidPath")
    assert service.get(where)["title"] == "Lady"


def test_what_changes_nothing_writes_nothing(service: Inside, user: dict[str, Any]) -> None:
    service.asked.clear()
    service.changed(f"Users/{user['id']}", {"op": "replace", "path": "title", "value": "Countess"})
    assert service.asked["write"] == 0


@pytest.mark.parametrize(
    ("operation", "status", "kind"),
    [
        ({"op": "move", "path": "title"}, 400, "invalidSyntax"),
        ({"op": "remove"}, 400, "noTarget"),
        ({"op": "add", "path": "title"}, 400, "invalidValue"),
        ({"op": "add", "value": "text"}, 400, "invalidValue"),
        ({"op": "replace", "path": "id", "value": "7"}, 400, "mutability"),
        ({"op": "replace", "path": "meta.created", "value": "7"}, 400, "mutability"),
        ({"op": "remove", "path": "userName"}, 400, "mutability"),
        ({"op": "replace", "path": "title[", "value": "7"}, 400, "invalidPath"),
        ({"op": "replace", "path": 'title[type eq "x"]', "value": "7"}, 400, "invalidPath"),
        ({"op": "replace", "path": 'title eq "x"', "value": "7"}, 400, "invalidPath"),
        ({"op": "replace", "path": "t" * 3000, "value": "7"}, 400, "invalidPath"),
        ({"op": "replace", "path": f"{ACME}:unheard", "value": "7"}, 400, "invalidPath"),
        ({"op": "replace", "path": f"{ACME}:number", "value": "seven"}, 400, "invalidValue"),
        ({"op": "replace", "path": "title", "value": {"a": 1}}, 400, "invalidValue"),
        ({"op": "replace", "path": 'roles[display eq "x"]', "value": {"display": "y"}}, 400, "noTarget"),
        ("remove", 400, "invalidSyntax"),
    ],
)
def test_what_cannot_be_done_is_told(
    service: Inside, user: dict[str, Any], operation: Any, status: int, kind: str
) -> None:
    refused(service.patch(f"Users/{user['id']}", operation), status, kind)
    assert service.get(f"Users/{user['id']}") == user


def test_a_patch_has_operations_and_not_too_many(service: Inside, user: dict[str, Any]) -> None:
    where = f"Users/{user['id']}"
    refused(service.ask("PATCH", where, {"schemas": [PATCH]}), 400, "invalidSyntax")
    refused(service.patch(where, *([{"op": "add", "path": "title", "value": "x"}] * 1001)), 413, "tooMany")


# --- members


def _members(service: Inside, where: str) -> set[str]:
    return {one["value"] for one in service.get(where).get("members", [])}


def test_members_come_and_go_in_every_way_that_clients_know(service: Inside) -> None:
    a, b, c = (service.user(f"member{one}")["id"] for one in "abc")
    where = f"Groups/{service.made('Groups', displayName='team', members=[{'value': a}])['id']}"

    def after(*operations: dict[str, Any]) -> set[str]:
        answer = service.patch(where, *operations)
        assert answer.status == 204, answer.body
        return _members(service, where)

    assert after({"op": "Add", "path": "members", "value": [{"$ref": None, "value": b}]}) == {a, b}
    assert after({"op": "add", "value": {"members": [{"value": c}, {"value": c}]}}) == {a, b, c}
    assert after({"op": "Remove", "path": "members", "value": [{"value": a}]}) == {b, c}
    assert after({"op": "remove", "path": f'members[value eq "{b}"]'}) == {c}
    assert after({"op": "replace", "path": "members", "value": [{"value": a}, {"value": c}]}) == {a, c}
    assert after({"op": "remove", "path": f'members[not (value eq "{c}")]'}) == {c}
    assert after({"op": "remove", "path": "members"}, {"op": "add", "path": "members", "value": [{"value": b}]}) == {b}
    assert after({"op": "replace", "path": "members", "value": []}) == set()
    assert after({"op": "remove", "path": "members", "value": [{"value": "nobody"}]}) == set()
    refused(
        service.patch(where, {"op": "replace", "path": f'members[value eq "{b}"].value', "value": a}),
        400,
        "invalidPath",
    )


def test_one_member_costs_one_edge_however_large_the_group_is(service: Inside) -> None:
    ids = [service.user(f"crowd{number}")["id"] for number in range(30)]
    where = f"Groups/{service.made('Groups', displayName='crowd', members=[{'value': one} for one in ids[:-1]])['id']}"
    service.asked.clear()
    service.patch(where, {"op": "add", "path": "members", "value": [{"value": ids[-1]}]})
    service.patch(where, {"op": "remove", "path": f'members[value eq "{ids[0]}"]'})
    assert service.asked["references"] == 0
    assert service.asked["write"] == 2
    service.get(where, excludedAttributes="members")
    service.get("Groups", excludedAttributes="members", filter='displayName eq "crowd"')
    service.get(where, attributes="displayName")
    assert service.asked["references"] == 0
    assert not any(one.startswith("read") for one in service.asked)
    assert _members(service, where) == set(ids[1:])
