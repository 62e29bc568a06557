"""Batches that nobody should send, and what one bad request among good ones does: nothing to the others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.directory.support import person
from tests.server.sdk import fresh
from tests.server.wire import Wire, refused

JSON = {"Content-Type": "application/json"}


def get(number: str = "1", url: str = "/users?$top=1", **more: Any) -> dict[str, Any]:
    return {"id": number, "method": "GET", "url": url, **more}


def make(number: str, name: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "method": "POST", "url": "/users", "headers": JSON, "body": person(name), **more}


@pytest.mark.parametrize(
    ("requests", "words"),
    [
        ([get(str(number)) for number in range(21)], "exceeds the maximum value of 20"),
        ([get(str(number)) for number in range(5000)], "exceeds the maximum value of 20"),
        ([], "must be a list of requests"),
        ({"1": get()}, "must be a list of requests"),
        (None, "must be a list of requests"),
        ([1], "must be an object"),
        ([get("1"), get("1")], "ids must be unique"),
        ([get("a"), get("A")], "ids must be unique"),
        ([get("")], "needs an id"),
        ([{"method": "GET", "url": "/users"}], "needs an id"),
        ([get("x" * 300)], "needs an id"),
        ([get(dependsOn=["1"])], "circle"),
        ([get("1", dependsOn=["2"]), get("2", dependsOn=["3"]), get("3", dependsOn=["1"])], "circle"),
        ([get(dependsOn=["nobody"])], "there is no such request"),
        ([get(dependsOn="1")], "expected a list of ids"),
        ([get(dependsOn=[1])], "expected a list of ids"),
        ([get(method="TRACE")], "Invalid method"),
        ([get(method=None)], "Invalid method"),
        ([get() | {"url": None}], "Invalid url"),
        ([get() | {"url": 5}], "Invalid url"),
        ([get(headers={"a": 1})], "Invalid headers"),
        ([get(headers=["a"])], "Invalid headers"),
        ([make("1", "x") | {"headers": {}}], "Content-Type"),
        ([make("1", "x") | {"headers": {"Content-Type": "text/plain"}}], "only application/json"),
        ([make("1", "x") | {"body": "eyJ9"}], "expected a JSON object"),
        ([make("1", "x") | {"body": [1]}], "expected a JSON object"),
    ],
)
def test_a_batch_that_cannot_be(wire: Wire, requests: Any, words: str) -> None:
    refused(wire.post("/$batch", {"requests": requests}), 400, "BadRequest", words)


def test_a_batch_is_posted(wire: Wire) -> None:
    refused(wire.ask("GET", "/$batch"), 405, "Request_BadRequest")


@pytest.mark.parametrize("url", ["/$batch", "$batch", "/v1.0/$batch", "/users/../$batch", "/%24batch"])
def test_a_batch_within_a_batch(wire: Wire, url: str) -> None:
    inner = {"requests": [get()]}
    answer = wire.batch({"id": "1", "method": "POST", "url": url, "headers": JSON, "body": inner})
    (one,) = answer.json()["responses"]
    assert one["status"] == 400
    assert one["body"]["error"]["code"] == "BadRequest"


@pytest.mark.parametrize(
    "url",
    [
        *("https://evil.example/v1.0/users", "http://evil.example/v1.0/users", "http:/evil.example/users"),
        *(
            "https://user:password@evil.example/v1.0/users",
            "file:///etc/passwd",
            "https://evil.example",
            "ftp://x/users",
        ),
        "https://graph.microsoft.com.evil.example/v1.0/users",
    ],
)
def test_an_address_elsewhere_is_not_asked_here(wire: Wire, url: str) -> None:
    refused(wire.batch(get(url=url)), 400, "BadRequest", "expected one relative to")


def test_a_whole_address_of_this_server_is(wire: Wire) -> None:
    answers = wire.batch(
        get("1", f"{wire.server.graph}/users?$top=1"), get("2", "https://graph.microsoft.com/v1.0/users?$top=1")
    ).json()["responses"]
    assert [one["status"] for one in answers] == [200, 200]


@pytest.mark.parametrize(
    "url",
    [
        "/users/../../etc/passwd",
        "/users/%2e%2e/%2e%2e",
        "/users/a%00b",
        "/users/%ff",
        "/" + "x" * 5000,
        "/",
        "?",
        "/users?$top=x",
        "//evil.example/users",
    ],
)
def test_a_bad_address_among_good_ones(wire: Wire, url: str) -> None:
    first, second, third = wire.batch(get("1"), get("2", url), get("3")).json()["responses"]
    assert (first["status"], third["status"]) == (200, 200)
    assert 400 <= second["status"] < 500
    assert second["body"]["error"]["innerError"]["request-id"]


def test_a_bad_change_among_good_ones_is_undone_by_itself(wire: Wire) -> None:
    name = fresh()
    bind = f"{wire.server.graph}/users/00000000-0000-4000-8000-000000000000"
    bad = make("2", f"{name}2")
    bad["body"]["manager@odata.bind"] = bind
    answers = wire.batch(make("1", f"{name}1"), bad, make("3", f"{name}1"), make("4", f"{name}4")).json()["responses"]
    assert [one["status"] for one in answers] == [201, 404, 400, 201]
    found = wire.get("/users", filter=f"startsWith(displayName,'{name}')").json()["value"]
    assert [one["displayName"] for one in found] == [f"{name}1", f"{name}4"]


def test_what_depends_on_what_failed_is_not_tried(wire: Wire) -> None:
    name = fresh()
    taken = make("1", name)
    taken["body"]["userPrincipalName"] = "not a name"
    answers = wire.batch(taken, make("2", f"{name}2", dependsOn=["1"]), get("3", dependsOn=["2"])).json()["responses"]
    assert {one["id"]: one["status"] for one in answers} == {"1": 400, "2": 424, "3": 424}
    assert wire.get("/users", filter=f"startsWith(displayName,'{name}')").json()["value"] == []


def test_twenty_users_are_each_their_own(wire: Wire) -> None:
    """They are made at once where that goes well: what each is told, and what there is afterwards, is the same."""
    name = fresh()
    boss = wire.user()
    parts = [make(str(number), f"{name}{number}") for number in range(20)]
    parts[3]["body"]["manager@odata.bind"] = f"{wire.server.graph}/users/{boss}"
    answers = wire.batch(*parts).json()["responses"]
    assert [(one["id"], one["status"]) for one in answers] == [(str(number), 201) for number in range(20)]
    assert [one["body"]["displayName"] for one in answers] == [f"{name}{number}" for number in range(20)]
    for one in answers:
        assert one["headers"]["Location"].endswith(one["body"]["id"])
        assert wire.get(f"/users/{one['body']['id']}").json()["displayName"] == one["body"]["displayName"]
    assert wire.get(f"/users/{name}3@acme.example/manager").json()["id"] == boss


@pytest.mark.parametrize(
    "wrong", [{"userPrincipalName": "x"}, {"displayName": None}, {"nobody": 1}, {"passwordProfile": {"password": "x"}}]
)
def test_of_twenty_users_the_wrong_ones_are_left_out(wire: Wire, wrong: dict[str, Any]) -> None:
    name = fresh()
    parts = [make(str(number), f"{name}{number}") for number in range(10)]
    parts[4]["body"] |= wrong
    parts[7]["body"]["userPrincipalName"] = f"{name}2@ACME.example"
    statuses = [one["status"] for one in wire.batch(*parts).json()["responses"]]
    assert statuses == [201, 201, 201, 201, 400, 201, 201, 400, 201, 201]
    found = wire.get("/users", filter=f"startsWith(displayName,'{name}')").json()["value"]
    assert sorted(one["displayName"] for one in found) == [f"{name}{n}" for n in range(10) if n not in (4, 7)]
