"""The REST connector on two APIs of different shape: the conformance kit, and what is special to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from muster.connectors.kit.check import Check
from muster.connectors.kit.conformance import CHECKS
from muster.connectors.kit.contract import Connector
from muster.connectors.kit.subject import Subject
from muster.connectors.rest import RestConnector
from muster.connectors.rest.settings import RestObject, RestSettings
from muster.model.changes import Action, Change, EdgeChange, Result
from muster.model.errors import AuthFailed, IncompleteRead, WatermarkExpired
from muster.model.objects import Page
from muster.model.secrets import Secret
from muster.model.values import Document
from tests.connectors.restapi import CLIENT, TOKEN, Api, NewApi, OldApi, instead
from tests.connectors.sessions import EDGE_CHECKS, create, keep, one, update, written
from tests.servers.process import HOST, free_port

CURSOR = {"by": "cursor", "parameter": "cursor", "at": "meta.next", "size": "limit", "count": 3}
CHANGES = {"parameter": "since", "at": "meta.token", "deleted": "deleted"}
USER: dict[str, Any] = {
    "anchor": "id",
    "name": "login",
    "unique": ["login"],
    "attributes": {
        "id": "integer",
        "login": {"required": True},
        "name": {"at": "profile.name"},
        "title": {"at": "$.profile['title']"},
        "age": {"at": "profile.age", "type": "integer"},
        "roles": ["text"],
        "status": "text",
    },
    "enabled": {"column": "status", "on": "active", "off": "suspended"},
    "read": {"request": "GET /users", "items": "data", "paging": CURSOR, "changes": CHANGES},
    "get": "GET /users/{id}",
    "find": {"login": {"request": "GET /users", "items": "data", "query": {"filter": "login eq {value|json}"}}},
    "create": "POST /users",
    "update": "PATCH /users/{id}",
    "delete": "DELETE /users/{id}",
    "enable": "POST /users/{id}/activate",
    "disable": "POST /users/{id}/suspend",
    "password": {"request": "PUT /users/{id}/password", "body": {"new": "{password}"}},
}
GROUP: dict[str, Any] = {
    "unique": ["name"],
    "attributes": {"id": "integer", "name": {"at": "login"}, "note": "text"},
    "read": {"request": "GET /groups", "items": "data", "paging": CURSOR},
    "create": "POST /groups",
    "update": "PATCH /groups/{id}",
    "delete": "DELETE /groups/{id}",
    "members": {
        "members": {
            "read": {
                "request": "GET /groups/{id}/members".replace("{id}", "{anchor}"),
                "items": "items",
                "paging": {"by": "offset", "parameter": "offset", "total": "total"},
            },
            "value": "ref",
            "add": {"request": "POST /groups/{anchor}/members", "body": {"refs": "{values}"}},
            "remove": "DELETE /groups/{anchor}/members/{value}",
            "size": 500,
        }
    },
}
PERSON: dict[str, Any] = {
    "anchor": "login",
    "assigned": False,
    "attributes": {"login": {"at": "KEY"}, "name": {"at": "NAME"}, "note": {"at": "NOTE"}, "STATE": "text"},
    "enabled": {"column": "STATE", "on": "A", "off": "X"},
    "read": {
        "request": "GET /person",
        "items": "result.rows",
        "paging": {"by": "page", "parameter": "page", "first": 0, "total": "result.count"},
    },
    "get": {"request": "GET /person/{login}", "record": "result.row"},
    "create": {
        "request": "POST /person",
        "form": True,
        "body": {"login": "{login}", "name": "{name}", "state": "{STATE}"},
        "record": "result.row",
    },
    "update": {"request": "PUT /person/{login}", "body": {"record": "{*}"}, "record": "result.row"},
    "delete": "DELETE /person/{login}",
    "sends": "whole",
    "nulls": "omit",
}
OLD_ERRORS = [
    {"when": "error.code == 'DUPLICATE'", "means": "exists"},
    {"when": "error.code == 'NOT_FOUND'", "means": "gone"},
    {"when": "error", "means": "refuse"},
]


def made(settings: dict[str, Any], **objects: Any) -> RestConnector:
    types = {name: RestObject.model_validate(given) for name, given in objects.items()}
    return RestConnector("app", RestSettings.model_validate(settings), types, Path("/"))


def new(api: Api, token: str = TOKEN, user: Any = USER, **changed: Any) -> RestConnector:
    login = {"kind": "bearer", "token": Secret(token)}
    return made({"url": f"{api.url}/api", "login": login, "timeout": 5, **changed}, user=user, group=GROUP)


def old(api: Api, key: str = OldApi.KEY, **changed: Any) -> RestConnector:
    login = {"kind": "query", "name": "apikey", "key": Secret(key)}
    settings = {"url": f"{api.url}/rpc", "login": login, "errors": OLD_ERRORS, "message": "error.text", **changed}
    return made(settings, person=PERSON)


@pytest.fixture(scope="module")
def api() -> Iterator[NewApi]:
    with NewApi() as found:
        yield found


@pytest.fixture(scope="module")
def old_api() -> Iterator[OldApi]:
    with OldApi() as found:
        yield found


@pytest.fixture
def fresh(api: NewApi) -> NewApi:
    api.reset()
    api.asked.clear()
    api.faults.clear()
    return api


class NewSubject(Subject):
    connector: ClassVar[type[Connector]] = RestConnector
    object_type = "user"
    text = "name"
    clearable = "title"
    many: str | None = "roles"
    deltas = True

    def __init__(self, api: NewApi) -> None:
        self.api = api

    def open(self) -> Connector:
        return new(self.api)

    def reset(self) -> None:
        self.api.reset()

    def sample(self, n: int) -> Document:
        return {"login": f"user{n}", "name": f"User {n}", "title": "Engineer", "age": 30 + n, "roles": [f"r{n}"]}

    def renamed(self, _n: int) -> Document | None:
        return {"login": f"renamed{_n}"}

    def refused(self, _n: int) -> Document | None:
        return {**self.sample(_n), "age": "old"}

    def unreachable(self) -> Connector | None:
        login = {"kind": "bearer", "token": Secret("token")}
        return made({"url": f"http://{HOST}:{free_port()}/api", "login": login}, user=USER)

    def wrong_secret(self) -> tuple[Connector, Secret] | None:
        wrong = Secret("wrong-sesame-43")
        return new(self.api, wrong.reveal()), wrong

    def broken_read(self) -> Connector | None:
        for n in range(1, 6):
            self.add(n)
        connector = new(self.api).__enter__()
        self.api.fail("GET /api/users", lambda _asked, do: do())
        self.api.fail("GET /api/users", instead(500))
        return connector

    def expired(self) -> str | None:
        return json.dumps({"user": None})


class GroupSubject(NewSubject):
    object_type = "group"
    clearable = "note"
    large = "members"
    deltas = False

    def sample(self, n: int) -> Document:
        return {"name": f"group{n}", "note": "a note"}


class OldSubject(Subject):
    connector: ClassVar[type[Connector]] = RestConnector
    object_type = "person"
    text = "name"
    passwords = False

    def __init__(self, api: OldApi) -> None:
        self.api = api

    def open(self) -> Connector:
        return old(self.api)

    def reset(self) -> None:
        self.api.reset()

    def sample(self, n: int) -> Document:
        return {"login": f"user{n}", "name": f"User {n}"}

    def refused(self, _n: int) -> Document | None:
        return {**self.sample(_n), "name": "forbidden"}

    def wrong_secret(self) -> tuple[Connector, Secret] | None:
        wrong = Secret("wrong-sesame-43")
        return old(self.api, wrong.reveal()), wrong


LACKS = {
    "it does not read single changes",
    "it has no large reference",
    "it has no many-valued attribute",
    "its read cannot be broken on purpose",
    "its objects have no other name",
    "its objects have no passwords",
    "its system cannot be unreachable",
    "no attribute may be cleared",
    "its objects have no switch",
    "its watermarks do not expire",
}
"""Why some checks of the kit do not apply here. Any other reason is a check that got lost."""


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_a_new_api_keeps_the_promise(check: Check, fresh: NewApi) -> None:
    keep(check, NewSubject(fresh), {"it has no large reference"})


@pytest.mark.parametrize("check", EDGE_CHECKS, ids=str)
def test_its_groups_keep_the_promise(check: Check, fresh: NewApi) -> None:
    keep(check, GroupSubject(fresh), set())


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_an_old_api_keeps_the_promise(check: Check, old_api: OldApi) -> None:
    keep(check, OldSubject(old_api), LACKS)


# --- what a mapping sees


def pages(connector: RestConnector, *names: str, kind: str = "user", since: str | None = None) -> list[Page]:
    with connector:
        return list(connector.read({kind: names}, since))


def test_the_schema_is_what_the_system_file_says(api: NewApi) -> None:
    with new(api) as connector:
        types = connector.schema().types
    user, group = types["user"], types["group"]
    assert (user.assigned, user.can_enable, user.naming, group.can_enable) == (True, True, "login", False)
    assert user.attributes["id"].writable == "never"
    assert user.attributes["roles"].many
    assert user.attributes["login"].required
    assert group.attributes["members"].large


def test_what_cannot_be_written_back_is_read_only(fresh: NewApi) -> None:
    picked = {**USER["attributes"], "boss": {"at": "roles[0]"}}
    with new(fresh, user={**USER, "attributes": picked}) as connector:
        assert connector.schema().types["user"].attributes["boss"].writable == "never"
    anchor = one(new(fresh), create(1, {"login": "a", "roles": ["x", "y"]})).anchor
    (page, *_) = pages(new(fresh, user={**USER, "attributes": picked}), "boss")
    assert [(found.anchor, found.values) for found in page.objects] == [(anchor, {"boss": "x"})]


def test_a_value_never_becomes_more_than_a_value(fresh: NewApi) -> None:
    nasty = 'x" or login eq "y/../../groups?limit=1&x=%00#'
    connector = new(fresh)
    outcome = one(connector, create(1, {"login": nasty, "name": "{login}"}))
    one(connector, create(2, {"login": "y"}))
    with connector:
        assert [found.anchor for found in connector.find("user", {"login": nasty})] == [outcome.anchor]
        assert connector.get("user", "../groups") is None
        assert connector.get("user", "..") is None
    assert fresh.users[101]["profile"]["name"] == "{login}"
    assert fresh.asked[-1].path == "/api/users/..%2Fgroups"


def test_an_object_is_created_switched_off_with_its_password(fresh: NewApi) -> None:
    values: Document = {"login": "a", "enabled": False}
    outcome = one(new(fresh), create(1, values, password=Secret("First-Passw0rd!")))
    assert outcome.result is Result.DONE
    assert fresh.users[101]["status"] == "suspended"
    assert fresh.passwords == {101: "First-Passw0rd!"}


def test_a_member_that_is_refused_does_not_stop_the_others(fresh: NewApi) -> None:
    connector = new(fresh)
    anchor = one(connector, create(1, {"name": "g"}, kind="group")).anchor or ""
    edges = iter([EdgeChange("members", ["1", "bad", "2"], ["never there"])])
    outcome = one(connector, update(anchor, kind="group", edges=edges))
    assert outcome.result is Result.REJECTED
    assert "members bad was refused" in outcome.reason
    assert "bad is nobody" in outcome.reason
    assert fresh.members[int(anchor)] == ["1", "2"]


def test_a_record_is_put_back_whole_with_what_the_mapping_does_not_know(old_api: OldApi) -> None:
    old_api.reset()
    one(old(old_api), Change(1, "person", Action.CREATE, "ann", {"login": "ann", "name": "Ann"}))
    assert one(old(old_api), update("ann", {"name": "Anna"}, kind="person")).result is Result.DONE
    assert old_api.people["ann"] == {"KEY": "ann", "NAME": "Anna", "STATE": "A", "X": "kept"}


def test_what_changed_is_told_with_what_was_deleted(fresh: NewApi) -> None:
    connector = new(fresh)
    first, second = (one(connector, create(n, {"login": f"u{n}"})).anchor or "" for n in (1, 2))
    since = pages(connector, "login")[-1].watermark
    one(connector, Change(1, "user", Action.DELETE, first))
    delta = pages(connector, "login", since=since)
    assert [(found.anchor, found.deleted) for page in delta for found in page.objects] == [(first, True)]
    assert second not in str(delta)


def test_a_type_that_tells_no_changes_is_read_whole(fresh: NewApi) -> None:
    since = pages(new(fresh), "name", kind="group")[-1].watermark
    with pytest.raises(WatermarkExpired, match="group tells no changes"):
        pages(new(fresh), "name", kind="group", since=since)


def test_the_time_of_the_answer_is_the_watermark_where_there_is_no_token(fresh: NewApi) -> None:
    by_time = {"parameter": "modified", "form": "epoch", "overlap": 60}
    user = {**USER, "read": {"request": "GET /users", "items": "data", "changes": by_time}}
    since = pages(new(fresh, user=user), "login")[-1].watermark
    pages(new(fresh, user=user), "login", since=since)
    assert int(fresh.asked[-1].query["modified"]) == int(json.loads(since or "")["user"])


@pytest.mark.parametrize(
    ("login", "calls"),
    [
        ({"grant": "client_credentials", "client_secret": Secret(CLIENT[1])}, 1),
        ({"grant": "refresh_token", "client_secret": Secret(CLIENT[1]), "refresh_token": Secret("r3fresh")}, 1),
        (
            {
                "grant": "password",
                "client_secret": Secret(CLIENT[1]),
                "user": "muster",
                "password": Secret("pass-w0rd"),
            },
            1,
        ),
    ],
    ids=["client credentials", "refresh token", "password"],
)
def test_a_token_is_had_once_and_again_when_it_is_refused(fresh: NewApi, login: dict[str, Any], calls: int) -> None:
    oauth = {"kind": "oauth2", "token_url": f"{fresh.url}/token", "client_id": CLIENT[0], **login}
    connector = made({"url": f"{fresh.url}/api", "login": oauth}, user=USER)
    with connector:
        connector.check()
        list(connector.read({"user": ["login"]}, None))
        assert fresh.lines().count("POST /token") == calls
        fresh.token = "an0ther-token"
        try:
            connector.check()
        finally:
            fresh.token = TOKEN
    assert fresh.lines().count("POST /token") == calls + 1


def test_a_token_that_is_not_given_names_address_and_reason(fresh: NewApi) -> None:
    oauth = {
        "kind": "oauth2",
        "token_url": f"{fresh.url}/token",
        "client_id": "x",
        "client_secret": Secret("wr0ng-one"),
    }
    with pytest.raises(AuthFailed) as raised, made({"url": f"{fresh.url}/api", "login": oauth}, user=USER) as connector:
        connector.check()
    assert "Check the user name, password or token" in raised.value.message
    assert "wr0ng-one" not in raised.value.message


def test_objects_go_together_where_the_application_takes_batches(fresh: NewApi) -> None:
    batch = {"request": "POST /users/bulk", "body": {"records": "{items}"}, "answers": "results", "size": 4}
    user = {**USER, "create": {"request": "POST /users", "batch": batch}}
    one(new(fresh), create(1, {"login": "u3"}))
    fresh.asked.clear()
    changes = [create(n, {"login": f"u{n}", **({"age": 1} if n != 5 else {"age": 0})}) for n in range(1, 8)]
    outcomes = written(new(fresh, user=user), *changes)
    assert fresh.lines().count("POST /api/users/bulk") == 2
    assert {key: str(found.result) for key, found in outcomes.items() if found.result is not Result.DONE} == {
        3: "exists"
    }
    assert outcomes[3].anchor == "101"
    assert len(fresh.users) == 7
    assert all(fresh.users[int(found.anchor or 0)]["login"] == f"u{key}" for key, found in outcomes.items())


def test_check_says_what_is_wrong_with_a_list(fresh: NewApi) -> None:
    user = {**USER, "read": {"request": "GET /users", "items": "dat"}}
    with new(fresh, user=user) as connector:
        health = connector.check()
    assert not health.ok
    assert health.missing == ("user: app: GET /users was answered without a list at 'dat'. Correct `items`.",)


def test_a_page_that_is_shown_again_and_again_is_no_endless_read(fresh: NewApi) -> None:
    for n in range(4):
        one(new(fresh), create(n, {"login": f"u{n}"}))
    paging = {"by": "page", "parameter": "page"}
    user = {**USER, "read": {"request": "GET /users", "items": "data", "paging": paging}}
    with pytest.raises(IncompleteRead, match="shows the same page again"):
        pages(new(fresh, user=user), "login")
