"""SCIM names, resources, patches and filters, without a server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.connectors.scim import bulk, core, wire
from muster.connectors.scim.answers import Answer, Request
from muster.connectors.scim.names import ENTERPRISE, Place, alias_of, literal, place_of
from muster.connectors.scim.provider import Provider, provider_of
from muster.connectors.scim.schemas import scim_type
from muster.connectors.scim.settings import ScimObject, ScimSettings
from muster.connectors.scim.wire import Dialect, ScimType
from muster.model.changes import Action, Change
from muster.model.objects import EdgePage
from muster.model.values import Document, Type, WrongType

WORK = 'emails[type eq "work"].value'
HOME = 'emails[type eq "home"].value'
USER = scim_type("crm", "user", ScimObject(resource="User"), core.resource_types(), core.schemas())
GROUP = scim_type("crm", "group", ScimObject(resource="Group"), core.resource_types(), core.schemas())


def update(values: Document | None = None, **more: Any) -> Change:
    return Change(1, "user", Action.UPDATE, "1", values or {}, **more)


# --- names


@pytest.mark.parametrize(
    ("name", "place", "path"),
    [
        ("userName", Place("", "userName"), "userName"),
        ("name.givenName", Place("", "name", part="givenName"), "name.givenName"),
        (WORK, Place("", "emails", "type", "work", "value"), WORK),
        (
            "emails[primary eq true].value",
            Place("", "emails", "primary", True, "value"),
            "emails[primary eq true].value",
        ),
        (f"{ENTERPRISE}:department", Place(ENTERPRISE, "department"), f"{ENTERPRISE}:department"),
        ("enterprise.manager.displayName", Place(ENTERPRISE, "manager", part="displayName"), None),
        ('urn:x:1.0:U:tags[type eq "a.b:c"].value', Place("urn:x:1.0:U", "tags", "type", "a.b:c", "value"), None),
    ],
)
def test_names_point_to_places(name: str, place: Place, path: str | None) -> None:
    found = place_of(name)
    assert found == place
    assert path in (None, place.path)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("userName", True),
        ("name.givenName", True),
        ("name.givenNmae", False),
        (WORK, True),
        ('emails[type eq "billing"].value', True),
        ("emails[primary eq true].value", True),
        ("emails", True),
        ('addresses[type eq "work"].locality', True),
        ('addresses[type eq "work"].town', False),
        (f"{ENTERPRISE}:department", True),
        ("enterprise.manager.displayName", True),
        (f"{ENTERPRISE}:shoeSize", False),
        ("urn:acme:2.0:User:shoeSize", False),
        ("shoeSize", False),
    ],
)
def test_what_the_schema_has_is_known_and_nothing_else(name: str, known: bool) -> None:
    assert USER.schema.has(name) is known


def test_an_extension_that_the_server_shows_is_known_by_its_urn() -> None:
    urn = "urn:acme:params:2.0:User"
    of_user = [{**one, "schemaExtensions": [{"schema": urn}]} for one in core.resource_types() if one["name"] == "User"]
    plain = {"name": "shoeSize", "type": "integer"}
    without_parts = {"name": "desk", "type": "complex"}
    extension = {"id": urn, "attributes": [plain, without_parts]}
    found = scim_type("crm", "user", ScimObject(resource="User"), of_user, [*core.schemas(), extension]).schema
    assert found.has(f"{urn}:shoeSize")
    assert found.has(f"{urn}:desk.floor"), "a server that names no parts may have any"
    assert not found.has(f"{urn}:shoeSize.left")
    assert not found.has("shoeSize")


@pytest.mark.parametrize(
    "name", ["", "a b", "emails[type]", 'emails[type eq "x"', "a.b.c", "emails[type ne 'x'].value"]
)
def test_what_is_no_name(name: str) -> None:
    assert place_of(name) is None


def test_the_short_name_is_for_the_enterprise_extension_alone() -> None:
    assert alias_of(f"{ENTERPRISE}:costCenter") == "enterprise.costCenter"
    assert alias_of("userName") is None


@given(st.text())
def test_a_text_in_a_filter_is_json(text: str) -> None:
    assert json.loads(literal(text)) == text


def test_the_rfcs_own_schemas() -> None:
    schema = USER.schema
    assert (schema.anchor, schema.assigned, schema.can_enable) == ("id", True, True)
    assert schema.attributes["userName"].required
    assert schema.attributes["groups"].type is Type.REFERENCE
    assert schema.attributes["groups"].writable == "never"
    assert schema.attributes["x509Certificates"].type is Type.BINARY
    assert schema.attributes["enterprise.manager"].type is Type.REFERENCE
    assert "enterprise.manager.displayName" in schema.attributes
    assert "password" not in schema.attributes
    assert USER.unique == ("userName",)
    assert (GROUP.large, GROUP.unique) == ("members", ("displayName",))


# --- resources


RESOURCE: dict[str, Any] = {
    "id": "1",
    "userName": "ann",
    "active": "True",
    "name": {"givenName": "Ann"},
    "emails": [{"type": "Work", "value": "a@x"}, {"value": "b@x"}],
    "roles": ["plain", {"value": "admin"}],
    ENTERPRISE: {"manager": {"value": "7"}},
    "meta": {"lastModified": "2026-01-31T18:00:00+01:00"},
}


def test_a_resource_is_read() -> None:
    wanted = ["userName", "enabled", "name.givenName", "name.familyName", WORK, HOME, "emails", "roles"]
    found, edges, problem = wire.read(USER, RESOURCE, [*wanted, "enterprise.manager", "meta.lastModified", "nothing"])
    assert (edges, problem) == ([], None)
    assert found is not None
    assert found.values == {
        "userName": "ann",
        "enabled": True,
        "name.givenName": "Ann",
        WORK: "a@x",
        "emails": ["a@x", "b@x"],
        "roles": ["plain", "admin"],
        "enterprise.manager": "7",
        "meta.lastModified": "2026-01-31T17:00:00Z",
    }


def test_what_cannot_be_read_is_a_problem() -> None:
    _, _, nameless = wire.read(USER, {"userName": "ann"}, ["userName"])
    _, _, wrong = wire.read(USER, {"id": "1", "active": "perhaps"}, ["active"])
    assert nameless is not None
    assert wrong is not None
    assert (wrong.anchor, wrong.where) == ("1", "/Users/1")


def test_members_come_in_pages() -> None:
    members = [{"value": f"m{n}"} for n in range(wire.EDGES + 1)]
    _, edges, _ = wire.read(GROUP, {"id": "1", "members": members}, ["members"])
    assert [(len(edge.values), edge.last) for edge in edges] == [(wire.EDGES, False), (1, True)]
    _, edges, _ = wire.read(GROUP, {"id": "1"}, ["members"])
    assert edges == [EdgePage("group", "1", "members", [], whole=True, last=True)]


def test_a_new_resource() -> None:
    values: Document = {
        "userName": "ann",
        "enabled": True,
        WORK: "a@x",
        'emails[type eq "work"].display': "A",
        "roles": ["r"],
        "enterprise.department": "Sales",
        "enterprise.manager": "7",
        "title": None,
        "meta.created": "2026-01-31T17:00:00Z",
    }
    made = wire.new_resource(USER, update(values, add={"roles": ["s"]}), ())
    assert made == {
        "schemas": [core.USER, ENTERPRISE],
        "userName": "ann",
        "active": True,
        "emails": [{"type": "work", "value": "a@x", "display": "A"}],
        "roles": [{"value": "r"}, {"value": "s"}],
        ENTERPRISE: {"department": "Sales", "manager": {"value": "7"}},
    }
    with pytest.raises(WrongType, match="nonsense"):
        wire.new_resource(USER, update({"nonsense": 1}), ())


def test_a_resource_with_a_change_in_it() -> None:
    change = update(
        {WORK: None, HOME: "h@x", "name.givenName": None, "enterprise.manager": None}, remove={"roles": ["admin"]}
    )
    body = wire.merged(USER, json.loads(json.dumps(RESOURCE)), change)
    assert body["emails"] == [{"value": "b@x"}, {"type": "home", "value": "h@x"}]
    assert body["roles"] == [{"value": "plain"}]
    assert "name" not in body
    assert "meta" not in body
    assert body[ENTERPRISE] == {}
    assert body["schemas"] == [core.USER]


# --- patches


def test_a_patch() -> None:
    change = update(
        {"title": "Chef", "nickName": None, WORK: "w@x", HOME: None, "roles": ["a"], "enterprise.manager": "7"},
        add={"entitlements": ["e"]},
        remove={"entitlements": ['x"y']},
    )
    assert wire.patch(USER, change) == [
        {"op": "replace", "path": "title", "value": "Chef"},
        {"op": "remove", "path": "nickName"},
        {"op": "replace", "path": WORK, "value": "w@x"},
        {"op": "remove", "path": 'emails[type eq "home"]'},
        {"op": "replace", "path": "roles", "value": [{"value": "a"}]},
        {"op": "replace", "path": f"{ENTERPRISE}:manager", "value": {"value": "7"}},
        {"op": "add", "path": "entitlements", "value": [{"value": "e"}]},
        {"op": "remove", "path": 'entitlements[value eq "x\\"y"]'},
    ]


def test_a_patch_of_what_is_not_there() -> None:
    shown = {"id": "1", "emails": [{"type": "home", "value": "h@x"}], "entitlements": [{"value": "here"}]}
    change = update(
        {WORK: "w@x", 'emails[type eq "work"].display': "W", HOME: "n@x", 'emails[type eq "other"].value': None},
        remove={"entitlements": ["here", "gone"]},
    )
    assert wire.patch(USER, change, shown) == [
        {"op": "replace", "path": HOME, "value": "n@x"},
        {"op": "add", "path": "emails", "value": [{"type": "work", "value": "w@x", "display": "W"}]},
        {"op": "remove", "path": 'entitlements[value eq "here"]'},
    ]


def test_filters() -> None:
    assert wire.equality(USER, "userName", 'a"b') == 'userName eq "a\\"b"'
    assert wire.equality(USER, WORK, "a@x") == 'emails[type eq "work" and value eq "a@x"]'
    assert wire.equality(USER, "roles", ["a", "b"]) == 'roles.value eq "a" and roles.value eq "b"'
    assert wire.equality(USER, "enabled", False) == "active eq false"
    assert wire.equality(USER, "enterprise.department", "S") == f'{ENTERPRISE}:department eq "S"'
    assert wire.equality(USER, "title", None) == "not (title pr)"


def test_settings_are_checked() -> None:
    assert ScimSettings(url="https://x/v2/").url == "https://x/v2"
    for wrong in ({"url": "x"}, {"url": "https://x", "page_size": 1}, {"url": "https://x", "patch": "often"}):
        with pytest.raises(ValueError, match="validation error"):
            ScimSettings.model_validate(wrong)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (
            {"patch": "none", "removal": "values"},
            "`removal` say how members are patched, and `patch: none` patches none",
        ),
        ({"patch": "active", "members_per_patch": 10}, "`members_per_patch` say how"),
        ({"bulk": "none", "bulk_size": 10}, "`bulk: none` sends each alone"),
        ({"booleans": "yes"}, "'json' or 'text'"),
        ({"members_per_patch": 0}, "greater than or equal to 1"),
    ],
)
def test_a_dialect_that_makes_no_sense_is_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ScimSettings.model_validate({"url": "https://x", **wrong})


# --- dialects, and what the server says of itself


def in_dialect(dialect: Dialect, **changed: Any) -> ScimType:
    """User, in a dialect, with attributes declared otherwise."""
    schemas = [
        {**schema, "attributes": [{**one, **changed.get(one["name"], {})} for one in schema["attributes"]]}
        for schema in core.schemas()
    ]
    return scim_type("crm", "user", ScimObject(resource="User"), core.resource_types(), schemas, dialect)


def test_a_dialect_changes_what_is_sent_and_nothing_else() -> None:
    kind = in_dialect(Dialect(text_booleans=True, removal_by_values=True))
    change = update({"enabled": False}, remove={"roles": ["a", "b"]})
    assert wire.patch(kind, change) == [
        {"op": "replace", "path": "active", "value": "False"},
        {"op": "remove", "path": "roles", "value": [{"value": "a"}, {"value": "b"}]},
    ]
    assert wire.new_resource(kind, update({"userName": "ann", "enabled": True}), ())["active"] == "True"
    assert wire.equality(kind, "enabled", True) == 'active eq "True"'
    assert wire.patch(kind, update(remove={"roles": []})) == []


def test_what_the_server_alone_writes_is_never_put() -> None:
    shown = {**RESOURCE, "groups": [{"value": "g1"}]}
    assert "groups" not in wire.merged(USER, shown, update({"title": "Chef"}))


def test_what_is_shown_on_request_is_asked_for_by_name() -> None:
    assert wire.selection(GROUP, None, with_large=False) == {"excludedAttributes": "members"}
    assert wire.selection(GROUP, ["displayName", "members"], with_large=True) == {}
    kind = in_dialect(Dialect(), roles={"returned": "request"}, nickName={"returned": "never"})
    assert wire.selection(kind, ["userName", WORK], with_large=False) == {}
    found = wire.selection(kind, ["userName", WORK, "roles", "enterprise.department"], with_large=False)
    assert found == {"attributes": f"emails,roles,{ENTERPRISE}:department,userName"}
    assert "roles" in wire.selection(kind, None, with_large=False)["attributes"].split(",")
    assert "nickName" not in kind.schema.attributes
    assert "nickname" in kind.schema.unread


def test_what_the_server_says_it_can_do() -> None:
    says = {
        "patch": {"supported": True},
        "bulk": {"supported": True, "maxOperations": 40, "maxPayloadSize": 1000},
        "filter": {"supported": True, "maxResults": 200},
        "changePassword": {"supported": False},
        "etag": {"supported": "nonsense"},
        "pagination": {"cursor": True, "maxPageSize": 50},
    }
    assert provider_of(says) == Provider(True, True, True, True, True, False, 50, 40, 1000)
    assert provider_of({"bulk": {"supported": True}, "filter": None}) == Provider(True, False, False)
    assert provider_of({"bulk": {"supported": True, "maxOperations": 1}}).bulk_operations == 1


# --- bulks


def posts(count: int, size: int = 1) -> list[Request]:
    return [Request("POST", "/Users", {"userName": "x" * size}) for _ in range(count)]


def test_a_bulk_keeps_to_the_servers_limits() -> None:
    assert [[number for number, _ in pack] for pack in bulk.packs(posts(5), 2, 0)] == [[0, 1], [2, 3], [4]]
    packs = list(bulk.packs(posts(7, 100), 100, 1000))
    assert [number for pack in packs for number, _ in pack] == list(range(7))
    assert all(len(json.dumps(bulk.body(pack), separators=(",", ":"))) <= 1000 for pack in packs)
    assert [len(pack) for pack in bulk.packs(posts(3, 5000), 100, 1000)] == [1, 1, 1]


def test_an_operation_of_a_bulk() -> None:
    requests = [*posts(1), Request("DELETE", "/Users/7", version='W/"1"')]
    (pack,) = bulk.packs(requests, 10, 0)
    assert bulk.body(pack) == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [
            {"method": "POST", "bulkId": "0", "path": "/Users", "data": {"userName": "x"}},
            {"method": "DELETE", "bulkId": "1", "path": "/Users/7", "version": 'W/"1"'},
        ],
    }


@pytest.mark.parametrize(
    ("told", "statuses"),
    [
        (
            [{"bulkId": "1", "status": "204"}, {"bulkId": "0", "status": 201}, {"bulkId": "2", "status": "404"}],
            (201, 204, 404),
        ),
        ([{"status": "201"}, {"status": {"code": "204"}}, {"status": "404"}], (201, 204, 404)),
        ([{"bulkId": "0", "status": "201"}], (201, 500, 500)),
        ([{"status": "201"}], (500, 500, 500)),
        ([{"bulkId": "0", "method": "DELETE", "status": "204"}, {"bulkId": "1"}, "x"], (500, 500, 500)),
        (None, (500, 500, 500)),
    ],
    ids=["by bulkId", "in order", "one of three", "which one?", "not what was asked", "none"],
)
def test_each_operation_has_its_own_answer_or_is_in_doubt(told: Any, statuses: tuple[int, ...]) -> None:
    (pack,) = bulk.packs([*posts(1), *[Request("PATCH", "/Users/7")] * 2], 10, 0)
    found = bulk.answers(pack, Answer(200, {"Operations": told}))
    assert tuple(found[number].status for number in range(3)) == statuses


def test_what_a_bulk_made_is_known_by_its_location() -> None:
    (pack,) = bulk.packs(posts(1), 10, 0)
    made = {"bulkId": "0", "status": "201", "location": "https://x/v2/Users/92b7"}
    assert bulk.answers(pack, Answer(200, {"Operations": [made]}))[0].anchor == "92b7"
