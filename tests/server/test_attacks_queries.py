"""Queries that nobody should ask: each is told what is wrong with it, in Graph's form."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.sdk import fresh
from tests.server.wire import EVENTUAL, Wire, refused

NESTED = "(" * 60 + "displayName eq 'a'" + ")" * 60

# --- $filter, $select, $expand, $top, $orderby, $search


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b c", "Syntax error at position"),
        ("displayName eq 'open", "Syntax error at position"),
        ("displayName eq", "Syntax error at position"),
        ("displayName eq 'a' and", "Syntax error at position"),
        ("(displayName eq 'a'", "Syntax error at position"),
        ("displayName eq 'a')", "Syntax error at position"),
        ("displayName eq 'a'; DROP TABLE dir_edge", "Syntax error at position"),
        (NESTED, "nested more than"),
        ("not " * 60 + "accountEnabled eq true", "nested more than"),
        ("displayName eq 'x' or " * 2000 + "id eq 'y'", "longer than"),
        ("mail eq 'x' or city eq 'y' or " * 420 + "mail eq 'z'", "clauses"),
        ("displayName in (" + ",".join(["'x'"] * 1001) + ")", "at most"),
        ("password eq 'x'", "Could not find a property named 'password'"),
        ("displayName/name eq 'x'", "Could not find a property"),
        ("extension_0123456789abcdef0123456789abcdef_x eq 'x'", "Could not find a property"),
        ("dïsplayName eq 'x'", "Could not find a property"),
        ("displayName eq 12", "Edm.String"),
        ("displayName eq true", "Edm.String"),
        ("accountEnabled eq 'true'", "Edm.Boolean"),
        ("createdDateTime ge 2026-02-31T00:00:00Z", "Edm.DateTimeOffset"),
        ("createdDateTime ge 'yesterday'", "Edm.DateTimeOffset"),
        ("id eq 'x'", "Edm.Guid"),
        ("contains(displayName,'x')", "function 'contains' is not supported"),
        ("startsWith(displayName)", "Syntax error"),
        ("startsWith(accountEnabled,'x')", "property 'accountEnabled'"),
        ("proxyAddresses eq 'x'", "property 'proxyAddresses'"),
        ("proxyAddresses/any(p:p/x eq 'x')", "Could not find a property"),
        ("proxyAddresses/any(p:proxyAddresses/any(q:q eq 'x'))", "cannot be nested"),
        ("proxyAddresses/$count eq 7", "Could not find|count can be compared|Operator"),
        ("displayName eq 'a%00b'", "NUL"),
    ],
)
def test_a_filter_that_cannot_be(wire: Wire, text: str, words: str) -> None:
    answer = wire.ask("GET", "/users?$filter=" + text.replace("#", "%23"))
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in ("BadRequest", "Request_UnsupportedQuery")
    assert any(word in answer.json()["error"]["message"] for word in words.split("|"))


@pytest.mark.parametrize(
    "text",
    [
        "displayName eq 'ｆｕｌｌ 𝔴𝔦𝔡𝔢 \u200d é'",
        "displayName eq '''; --'",
        "displayName eq '%25_!'",
        "startsWith(displayName,'')",
        "startsWith(displayName,'\U0010ffff')",
        "displayName in ('x')",
        "employeeId eq '99999999999999999999'",
        "createdDateTime le 9999-12-31T23:59:59Z",
        "createdDateTime ge 0001-01-01T00:00:00+14:00",
    ],
)
def test_a_filter_may_be_strange(wire: Wire, text: str) -> None:
    assert wire.get("/users", filter=text).status_code in (200, 400)


def test_a_thousand_values_are_looked_for_at_once(wire: Wire) -> None:
    name = fresh()
    found = wire.user(name)
    values = ",".join(f"'{name}{number}'" for number in range(900))
    for of in ("displayName", "jobTitle"):
        answer = wire.get("/users", filter=f"{of} in ({values[:15000].rpartition(',')[0]})")
        assert answer.json()["value"] == []
    answer = wire.get("/users", filter=f"displayName in ('x','{name}','y')")
    assert [one["id"] for one in answer.json()["value"]] == [found]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"select": "password"}, "Could not find a property named 'password'"),
        ({"select": "id,,"}, "no property name"),
        ({"select": "id;drop"}, "no property name"),
        ({"select": "../secrets"}, "no property name"),
        ({"select": "x" * 20_000}, "Could not find a property"),
        ({"expand": "secrets"}, "Could not find a property named 'secrets'"),
        ({"expand": "manager,memberOf"}, "more than one"),
        ({"expand": "manager(" * 30}, "failed"),
        ({"expand": "manager($filter=id eq 'x')"}, "not supported inside $expand"),
        ({"expand": "manager($levels=0)"}, "not supported inside $expand"),
        ({"expand": f"manager($levels=00001{'9' * 9000})"}, "not supported inside $expand"),
        ({"top": "0"}, "Invalid page size"),
        ({"top": "1000"}, "Invalid page size"),
        ({"top": "-1"}, "Invalid page size"),
        ({"top": "9" * 5000}, "Invalid page size"),
        ({"top": "²"}, "Invalid page size"),
        ({"top": "1e2"}, "Invalid page size"),
        ({"orderby": "password"}, "Could not find a property"),
        ({"orderby": "displayName,mail"}, "one property"),
        ({"orderby": "displayName sideways"}, "asc or desc"),
        ({"orderby": "jobTitle"}, "Sorting by 'jobTitle' is not supported"),
        ({"skip": "5"}, "$skip"),
        ({"count": "perhaps"}, "$count"),
        ({"apply": "x"}, "not supported"),
    ],
)
def test_an_option_that_cannot_be(wire: Wire, options: dict[str, str], words: str) -> None:
    answer = wire.get("/users", **options)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_an_option_that_is_given_twice(wire: Wire) -> None:
    refused(wire.ask("GET", "/users?$top=1&$top=2"), 400, "BadRequest", "more than once")


def test_options_by_the_hundred(wire: Wire) -> None:
    refused(wire.ask("GET", "/users?" + "&".join(f"x{n}=1" for n in range(200))), 400, "BadRequest", "too many")


def test_an_option_that_is_no_text(wire: Wire) -> None:
    refused(wire.ask("GET", "/users?$filter=%ff%fe"), 400, "BadRequest", "not UTF-8")


@pytest.mark.parametrize(
    "text",
    [
        "ada",
        '"ada"',
        '"displayName:"',
        '"displayName:ada',
        '"password:ada"',
        '"department:ada"',
        '"displayName:ada" XOR "mail:ada"',
        '"displayName:ada" AND',
        "(" * 900 + '"displayName:a"' + ")" * 900,
        "(" * 1900,
        '"displayName:a" OR ' * 30 + '"displayName:a"',
        '"displayName:' + "a" * 3000 + '"',
        '"displayName:a\x00b"',
    ],
)
def test_a_search_that_cannot_be(wire: Wire, text: str) -> None:
    answer = wire.get("/users", search=text, headers=EVENTUAL)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in ("BadRequest", "Request_UnsupportedQuery")


def test_a_search_needs_its_header(wire: Wire) -> None:
    refused(wire.get("/users", search='"displayName:a"'), 400, "Request_UnsupportedQuery", "ConsistencyLevel")


def test_deleted_objects_are_sorted_by_their_deletion_alone(wire: Wire) -> None:
    answer = wire.get(
        "/directory/deletedItems/microsoft.graph.user", orderby="displayName", count="true", headers=EVENTUAL
    )
    refused(answer, 400, "Request_UnsupportedQuery", "displayName")


# --- tokens of pages and of changes


def forged(*values: Any) -> str:
    """A token as it looks, under a seal that is none."""
    return base64.urlsafe_b64encode(bytes(12) + json.dumps(values).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        *("x", "", "%%%", "é", "A" * 9000, "e30", forged(), forged("1"), forged(-1), forged(1 << 70)),
        *(forged(1), forged(1, "a"), forged(1, 1 << 80), forged(1, "a\x00b"), forged(1, [])),
    ],
)
@pytest.mark.parametrize("order", [None, "displayName"])
def test_a_page_token_that_is_none(wire: Wire, token: str, order: str | None) -> None:
    more = {"orderby": order} if order else {}
    refused(wire.get("/users", skiptoken=token, **more), 400, "Directory_ExpiredPageToken")


def test_a_page_token_leads_on_in_its_own_list_only(wire: Wire) -> None:
    name = fresh()
    for number in range(3):
        wire.user(f"{name}{number}", department=name)
    first = wire.get("/users", filter=f"department eq '{name}'", top="1").json()
    second = wire.ask("GET", first["@odata.nextLink"].partition("/v1.0")[2])
    assert [one["displayName"] for one in second.json()["value"]] == [f"{name}1"]
    token = first["@odata.nextLink"].partition("$skiptoken=")[2].partition("&")[0]
    for path, options in (
        ("/users", {}),
        ("/users", {"filter": "department eq 'other'"}),
        ("/groups", {}),
        ("/devices", {}),
        ("/teams", {}),
    ):
        refused(wire.get(path, skiptoken=token, **options), 400, "Directory_ExpiredPageToken")
    refused(wire.get("/users/delta", skiptoken=token), 400, "Request_BadRequest", "token")


@pytest.mark.parametrize(
    "token",
    [
        *(
            "x",
            "%%%",
            "é",
            "A" * 9000,
            forged(),
            forged("1", 5, 0, 0, 0, 0, 0),
            forged(1, 5),
            forged(2, 5, 0, 0, 0, 0, 0),
        ),
        *(forged(1, 5, 0, 0, 0, 0, 0, [1]), forged(1, 5, 0, 0, 0, 0, 0, {}, 3)),
    ],
)
def test_a_delta_token_that_is_none(wire: Wire, token: str) -> None:
    for name in ("deltatoken", "skiptoken"):
        refused(wire.get("/users/delta", **{name: token}), 400, "Request_BadRequest", "token")


@pytest.mark.parametrize(
    "more",
    [(), (["id"], None), (None, ["a\x00b"]), (["password"], ["x"])],
    ids=["plain", "select", "only", "both"],
)
def test_a_delta_token_of_another_directory_leads_back_to_the_beginning(wire: Wire, more: tuple[Any, ...]) -> None:
    answer = wire.get("/users/delta", deltatoken=forged(1, 1, 0, 0, 0, 0, 0, *more))
    refused(answer, 410, "syncStateNotFound")
    assert answer.headers["Location"].startswith(f"{wire.server.graph}/users/delta?")
    again = wire.ask("GET", answer.headers["Location"].partition("/v1.0")[2])
    assert again.status_code == 200


def test_a_delta_token_of_another_collection(wire: Wire) -> None:
    link = wire.get("/groups/delta", deltatoken="latest").json()["@odata.deltaLink"]
    token = link.partition("$deltatoken=")[2]
    assert wire.get("/groups/delta", deltatoken=token).status_code == 200
    refused(wire.get("/users/delta", deltatoken=token), 400, "Request_BadRequest", "collection")


@pytest.mark.parametrize(
    "options",
    [{"expand": "manager"}, {"search": '"displayName:a"'}, {"orderby": "displayName"}, {"filter": "mail eq 'x'"}],
)
def test_what_a_delta_query_cannot_do(wire: Wire, options: dict[str, str]) -> None:
    refused(wire.get("/users/delta", **options), 400, "Request_UnsupportedQuery")


# --- whatever is asked

OPTIONS = st.sampled_from(("filter", "select", "expand", "top", "orderby", "search", "count", "skiptoken", "x"))
PIECES = st.sampled_from(
    (
        *(
            "displayName",
            "proxyAddresses",
            "id",
            "accountEnabled",
            "createdDateTime",
            "manager",
            "password",
            "deviceId",
        ),
        *(" eq ", " ne ", " in ", " and ", " or ", "not ", "/any(p:p", "/all(p:p", "/$count", " ge ", "startsWith("),
        *("endsWith(", "'a'", "''", "'", '"', "(", ")", ",", ";", "$", "null", "true", "12", "-1", "2026-01-01", "\\"),
        *('"displayName:a"', " AND ", " OR ", "$levels=max", "$select=id", "desc", "é", "\U0001f600", "\x00", "%", " "),
    )
)
PATHS = st.sampled_from(
    ("/users", "/groups", "/devices", "/contacts", "/users/$count", "/users/delta", "/groups/delta")
)
VALUE = st.one_of(st.lists(PIECES, max_size=12).map("".join), st.text(max_size=30))


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(PATHS, st.dictionaries(OPTIONS, VALUE, max_size=4), st.booleans())
def test_any_query_is_answered_or_refused_in_form(
    wire: Wire, path: str, options: dict[str, str], eventual: bool
) -> None:
    sendable = {name: value.encode("utf-8", "replace").decode() for name, value in options.items()}
    assert wire.get(path, headers=EVENTUAL if eventual else {}, **sendable).status_code in (200, 400, 410)
