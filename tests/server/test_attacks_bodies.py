"""Documents that nobody should send: too large, not JSON, with values that cannot be."""

from __future__ import annotations

import random
from typing import Any

import httpx
import pytest

from tests.directory.support import PASSWORD, device, person, security, unified
from tests.server.sdk import fresh
from tests.server.wire import Wire, refused

JSON = {"Content-Type": "application/json"}


def send(wire: Wire, content: bytes, kind: str | None = "application/json", path: str = "/users") -> httpx.Response:
    return wire.ask("POST", path, content=content, headers={} if kind is None else {"Content-Type": kind.encode()})


# --- the document itself


@pytest.mark.parametrize(
    "content",
    [
        *(
            b"",
            b"{",
            b"[]",
            b"null",
            b'"x"',
            b"{'a': 1}",
            b'{"a": 1,}',
            b'{"a": NaN}',
            b'{"a": 1}{"b": 2}',
            b"\xff\xfe",
        ),
        *(b"\xef\xbb\xbf{}", '{"a": 1}'.encode("utf-16"), b'{"a": "\xc3\x28"}', b'{"a": "\\ud800"}', b"<user/>"),
        *(b'{"a":' * 5000 + b"1" + b"}" * 5000, b"[" * 100_000, b'{"a": 1e999}', b"{" + b'"a":1,' * 100_000),
    ],
)
@pytest.mark.parametrize("path", ["/users", "/$batch"])
def test_what_is_no_document(wire: Wire, content: bytes, path: str) -> None:
    answer = send(wire, content, path=path)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in ("BadRequest", "Request_BadRequest")


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/xml", "multipart/form-data", "é", "application/jsonp"]
)
@pytest.mark.parametrize("path", ["/users", "/$batch"])
def test_what_does_not_say_that_it_is_json(wire: Wire, kind: str | None, path: str) -> None:
    refused(send(wire, b"{}", kind, path), 415, "Request_UnsupportedMediaType")


def test_json_is_said_in_more_than_one_way(wire: Wire) -> None:
    for kind in ("application/json;odata.metadata=minimal", "Application/JSON; charset=utf-8"):
        refused(send(wire, b"{}", kind), 400, "Request_BadRequest", "is required")


@pytest.mark.parametrize(
    "content",
    [
        b'{"displayName": "a", "displayName": "b"}',
        b'{"passwordProfile": {"password": "a", "password": "b"}}',
        b'{"displayName": "a", "\\u0064isplayName": "b"}',
    ],
)
def test_a_name_that_comes_twice(wire: Wire, content: bytes) -> None:
    refused(send(wire, content), 400, "BadRequest", "more than once")
    batch = b'{"requests": [{"id": "1", "method": "POST", "url": "/users", "body": %s}]}' % content
    refused(send(wire, batch, path="/$batch"), 400, "BadRequest", "more than once")


def test_a_giant(wire: Wire) -> None:
    giant = b'{"displayName": "' + b"x" * (5 * 1024 * 1024) + b'"}'
    refused(send(wire, giant), 413, "Request_EntityTooLarge")
    refused(send(wire, giant, path="/$batch"), 413, "Request_EntityTooLarge")

    def pieces() -> Any:
        for _ in range(80):
            yield b"x" * 65536

    refused(wire.ask("POST", "/users", content=pieces(), headers=JSON), 413, "Request_EntityTooLarge")


def test_a_document_just_below_the_limit(wire: Wire) -> None:
    large = b'{"displayName": "' + b"x" * (4 * 1024 * 1024 - 100) + b'"}'
    refused(send(wire, large), 400, "Request_BadRequest", "longer than 256")


# --- values

TEXTS = ("a\x00b", "\x00", "x\x00" * 100)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", ["displayName", "jobTitle", "userPrincipalName", "mailNickname", "businessPhones"])
def test_a_nul_character(wire: Wire, name: str, text: str) -> None:
    value = [text] if name == "businessPhones" else text
    answer = wire.post("/users", {**person(fresh()), name: value})
    refused(answer, 400, "Request_BadRequest", "NUL")


@pytest.mark.parametrize("text", TEXTS)
def test_a_nul_character_wherever_texts_are(wire: Wire, text: str) -> None:
    user, group = wire.user(), wire.group()
    team = wire.made("/groups", unified(fresh()))
    assert wire.ask("PUT", f"/groups/{team}/team", json={}).status_code == 201
    mail = f"{fresh()}@else.example"
    invitation = {"invitedUserEmailAddress": mail, "inviteRedirectUrl": "https://acme.example"}
    for method, path, body in (
        ("POST", "/invitations", {**invitation, "inviteRedirectUrl": f"https://{text}"}),
        ("POST", "/invitations", {**invitation, "invitedUserDisplayName": text}),
        ("POST", "/invitations", {**invitation, "invitedUser": {"id": text}}),
        ("POST", "/invitations", {**invitation, "invitedUserEmailAddress": text}),
        ("POST", f"/groups/{group}/members/$ref", {"@odata.id": wire.address(text)}),
        ("PATCH", f"/groups/{group}", {"members@odata.bind": [wire.address(text)]}),
        ("POST", "/teams", {"displayName": text, "members": []}),
        ("PATCH", f"/teams/{team}", {"displayName": text}),
        ("PATCH", f"/teams/{team}", {"description": text}),
        ("PATCH", f"/teams/{team}", {"specialization": text}),
        ("PATCH", f"/teams/{team}", {"funSettings": {text: True}}),
        ("POST", f"/teams/{team}/members", {"user@odata.bind": f"https://x/users/{text}", "roles": []}),
        ("POST", "/directoryObjects/getByIds", {"ids": [text]}),
        ("POST", "/directoryObjects/getByIds", {"ids": [], "types": [text]}),
        ("POST", f"/users/{user}/assignLicense", {"addLicenses": [{"skuId": text}], "removeLicenses": []}),
        ("POST", f"/users/{user}/authentication/temporaryAccessPassMethods", {"startDateTime": text}),
        ("POST", f"/directory/deletedItems/{user}/restore", {"newUserPrincipalName": text}),
    ):
        answer = wire.ask(method, path, json=body)
        assert answer.status_code in (400, 404), (path, answer.text)
    assert wire.get("/groups", filter="resourceProvisioningOptions/any(p:p eq 'Team')").status_code == 200


WRONG: tuple[Any, ...] = (1, 1.5, True, [], ["x"], {}, {"a": 1}, "", [[1]], 10**30)
"""What is no text."""


@pytest.mark.parametrize("value", WRONG)
def test_a_value_of_the_wrong_type(wire: Wire, value: Any) -> None:
    for name in ("displayName", "userPrincipalName", "mail", "department", "employeeHireDate", "usageLocation"):
        refused(wire.post("/users", {**person(fresh()), name: value}), 400, "Request_BadRequest", name)
    for name in ("displayName", "mailNickname", "description"):
        refused(wire.post("/groups", {**security(fresh()), name: value}), 400, "Request_BadRequest", name)
    for name in ("deviceId", "operatingSystem"):
        refused(wire.post("/devices", {**device(fresh()), name: value}), 400, "Request_BadRequest", name)


@pytest.mark.parametrize("value", [*WRONG, None])
def test_a_wrong_value_where_actions_take_one(wire: Wire, value: Any) -> None:
    user, group = wire.user(), wire.group()
    team = wire.made("/groups", unified(fresh()))
    assert wire.ask("PUT", f"/groups/{team}/team", json={}).status_code == 201
    mail = f"{fresh()}@else.example"
    invitation = {"invitedUserEmailAddress": mail, "inviteRedirectUrl": "https://acme.example"}
    owner = {"roles": ["owner"], "user@odata.bind": f"https://x/v1.0/users/{user}"}
    for method, path, body in (
        *(("POST", "/users", {**person(fresh()), "passwordProfile": {"password": value}}),),
        *(("POST", "/users", {**person(fresh()), "passwordProfile": value}),),
        *(("POST", "/users", {**person(fresh()), "manager@odata.bind": value}),),
        *(("POST", "/invitations", {**invitation, name: value}) for name in ("invitedUser", "invitedUserType")),
        *(
            ("POST", "/invitations", {**invitation, name: value})
            for name in ("invitedUserDisplayName", "resetRedemption")
        ),
        *(("POST", "/invitations", {**invitation, name: value}) for name in invitation),
        *(("POST", "/invitations", {**invitation, "invitedUser": {"id": value}}),),
        *(("POST", "/invitations", {**invitation, "invitedUser": {"displayName": value}}),),
        *(("POST", "/teams", {"displayName": fresh(), "members": value}),),
        *(("POST", "/teams", {"displayName": fresh(), "members": [value]}),),
        *(("POST", "/teams", {"displayName": value, "members": [owner]}),),
        *(("POST", "/teams", {"displayName": fresh(), "members": [owner], "visibility": value}),),
        *(("POST", "/teams", {"displayName": fresh(), "members": [owner], "description": value}),),
        *(("POST", "/teams", {"group@odata.bind": value}),),
        *(("PATCH", f"/teams/{team}", {name: value}) for name in ("displayName", "description", "specialization")),
        *(("PATCH", f"/teams/{team}", {name: value}) for name in ("memberSettings", "funSettings")),
        *(("PATCH", f"/teams/{team}", {"memberSettings": {"x": value}}),),
        *(("POST", f"/teams/{team}/members", {"user@odata.bind": value, "roles": []}),),
        *(("POST", f"/teams/{team}/members", {**owner, "roles": value}),),
        *(("POST", f"/teams/{team}/members", {**owner, "roles": [value]}),),
        *(("POST", f"/teams/{team}/members/add", {"values": value}),),
        *(("POST", f"/teams/{team}/members/add", {"values": [value]}),),
        *(("POST", f"/groups/{group}/members/$ref", {"@odata.id": value}),),
        *(("PATCH", f"/groups/{group}", {"members@odata.bind": value}),),
        *(("PATCH", f"/groups/{group}", {"members@odata.bind": [value]}),),
        *(("PUT", f"/users/{user}/manager/$ref", {"@odata.id": value}),),
        *(("POST", "/directoryObjects/getByIds", {"ids": value}),),
        *(("POST", "/directoryObjects/getByIds", {"ids": [value]}),),
        *(("POST", "/directoryObjects/getByIds", {"ids": [], "types": [value]}),),
        *(("POST", f"/users/{user}/checkMemberGroups", {"groupIds": value}),),
        *(("POST", f"/users/{user}/getMemberGroups", {"securityEnabledOnly": value}),),
        *(("POST", f"/users/{user}/assignLicense", {"addLicenses": value, "removeLicenses": []}),),
        *(("POST", f"/users/{user}/assignLicense", {"addLicenses": [value], "removeLicenses": [value]}),),
        *(("POST", f"/users/{user}/assignLicense", {"addLicenses": [{"skuId": value}], "removeLicenses": []}),),
        *(
            ("POST", f"/users/{user}/authentication/temporaryAccessPassMethods", {name: value})
            for name in ("startDateTime", "lifetimeInMinutes", "isUsableOnce")
        ),
        *(
            (
                "POST",
                f"/applications/{wire.server.application['client_id']}/extensionProperties",
                {**EXTENSION, name: value},
            )
            for name in EXTENSION
        ),
    ):
        answer = wire.ask(method, path, json=body)
        assert answer.status_code < 500, (path, body)


EXTENSION = {"name": "a b", "dataType": "String", "targetObjects": ["User"], "isMultiValued": False}


def test_unknown_and_read_only_properties(wire: Wire) -> None:
    for name in ("nickName", "password", "__class__", "DisplayName ", "a/b", "$select", "x@y"):
        refused(wire.post("/users", {**person(fresh()), name: "x"}), 400, "Request_BadRequest", "Invalid property")
    guid = wire.user()
    for name in ("id", "createdDateTime", "deletedDateTime", "externalUserState", "assignedLicenses"):
        refused(wire.ask("PATCH", f"/users/{guid}", json={name: "x"}), 400, "Request_BadRequest", "read-only")


# --- limits


@pytest.mark.parametrize(
    ("name", "longest"),
    [
        ("displayName", 256),
        ("givenName", 64),
        ("surname", 64),
        ("jobTitle", 128),
        ("mailNickname", 64),
        ("employeeId", 16),
    ],
)
def test_texts_have_their_lengths(wire: Wire, name: str, longest: int) -> None:
    assert wire.post("/users", {**person(fresh()), name: "x" * longest}).status_code == 201
    answer = wire.post("/users", {**person(fresh()), name: "x" * (longest + 1)})
    refused(answer, 400, "Request_BadRequest", f"longer than {longest} characters")
    assert answer.json()["error"]["details"][0]["target"] == name


def test_a_sign_in_name_has_its_lengths(wire: Wire) -> None:
    local = fresh().ljust(64, "x")
    assert wire.post("/users", person(fresh(), userPrincipalName=f"{local}@acme.example")).status_code == 201
    answer = wire.post("/users", person(fresh(), userPrincipalName=f"{local}x@acme.example"))
    refused(answer, 400, "Request_BadRequest", "userPrincipalName")
    answer = wire.post("/users", person(fresh(), userPrincipalName=f"a@{'x' * 49}.example"))
    refused(answer, 400, "Request_BadRequest", "domain portion")


def test_a_group_has_its_lengths(wire: Wire) -> None:
    assert wire.post("/groups", security("g", displayName="é" * 256)).status_code == 201
    refused(wire.post("/groups", security("g", displayName="é" * 257)), 400, "Request_BadRequest", "256")
    refused(wire.post("/groups", security("g", mailNickname="x" * 65)), 400, "Request_BadRequest", "64")


def test_the_longest_values_there_can_be_are_found_again(wire: Wire) -> None:
    """Also where a character takes four bytes, and no two are the same: an index takes only so much."""
    dice = random.Random(7)

    def long(count: int) -> str:
        return "".join(chr(dice.randrange(0x20000, 0x2A6D0)) for _ in range(count))

    values = {"displayName": long(256), "department": long(64), "onPremisesImmutableId": long(256)}
    user = wire.user(**values, otherMails=[long(250)], proxyAddresses=[f"x:{long(254)}"])
    for name, value in values.items():
        assert [one["id"] for one in wire.get("/users", filter=f"{name} eq '{value}'").json()["value"]] == [user]
    (most,) = [
        one
        for one in (1024, 512)
        if wire.post("/devices", device("d", one, physicalIds=["x" * one])).status_code == 201
    ][:1]
    found = wire.made("/devices", device("d", 7, physicalIds=[long(most)]))
    assert wire.get(f"/devices/{found}").status_code == 200


def test_lists_have_their_sizes(wire: Wire) -> None:
    refused(wire.post("/users", person(fresh(), businessPhones=["1", "2"])), 400, "Request_BadRequest", "at most 1")
    many = [f"{n}@x.example" for n in range(251)]
    refused(wire.post("/users", person(fresh(), otherMails=many)), 400, "Request_BadRequest", "at most 250")
    many = [f"smtp:{n}@x.example" for n in range(1001)]
    refused(wire.post("/users", person(fresh(), proxyAddresses=many)), 400, "Request_BadRequest", "at most 1000")


def test_a_guest_has_the_lengths_of_a_user(wire: Wire) -> None:
    body = {"inviteRedirectUrl": "https://acme.example"}
    far = f"{'x' * 300}@else.example"
    refused(
        wire.post("/invitations", {**body, "invitedUserEmailAddress": far}), 400, "Request_BadRequest", "longer than"
    )
    named = {**body, "invitedUserEmailAddress": f"{fresh()}@else.example", "invitedUserDisplayName": "x" * 257}
    refused(wire.post("/invitations", named), 400, "Request_BadRequest", "longer than 256")
    away = {
        **body,
        "invitedUserEmailAddress": f"{fresh()}@else.example",
        "inviteRedirectUrl": "https://x/" + "y" * 5000,
    }
    refused(wire.post("/invitations", away), 400, "Request_BadRequest", "inviteRedirectUrl")


def test_a_weak_password_is_not_repeated(wire: Wire) -> None:
    for weak in ("short", "alllowercaseletters", "x" * 300, PASSWORD[:3]):
        answer = wire.post("/users", person(fresh(), passwordProfile={"password": weak}))
        refused(answer, 400, "Request_BadRequest", "password")
        assert weak not in answer.text
