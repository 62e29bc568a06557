"""The SCIM connector on scim2-server: the conformance kit, and what is special to it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from email.message import Message
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from pydantic import ValidationError

from muster.connectors.kit.check import Check
from muster.connectors.kit.conformance import CHECKS
from muster.connectors.kit.contract import Connector
from muster.connectors.kit.guard import Guard
from muster.connectors.kit.subject import Subject
from muster.connectors.scim import ScimConnector
from muster.connectors.scim.settings import ScimObject, ScimSettings
from muster.model.changes import Change, EdgeChange, Result
from muster.model.errors import AuthFailed, IncompleteRead, ProjectError, Unreachable
from muster.model.objects import Page
from muster.model.secrets import Secret
from muster.model.values import Document, Type
from tests.connectors.between import Between
from tests.connectors.restapi import CLIENT
from tests.connectors.scripted import Reply, ScriptedServer
from tests.connectors.sessions import EDGE_CHECKS, create, keep, one, update, written
from tests.servers.process import HOST, free_port
from tests.servers.scim import ScimServer

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
WORK = 'emails[type eq "work"].value'
TYPES = {"user": {"resource": "User"}, "group": {"resource": "Group"}}


def connector(url: str, token: str | None, objects: Mapping[str, Any] | None = None, **changed: Any) -> ScimConnector:
    values = {"url": url, "token": Secret(token) if token else None, "timeout": 10, "page_size": 3, **changed}
    types = {name: ScimObject.model_validate(one) for name, one in (objects or TYPES).items()}
    return ScimConnector("crm", ScimSettings(**values), types, Path("/"))


def to(server: ScimServer, objects: Mapping[str, Any] | None = None, **changed: Any) -> ScimConnector:
    return connector(server.url, server.token, objects, **changed)


def person(n: int, **more: Any) -> Document:
    return {
        "userName": f"user{n}",
        "externalId": f"E{n}",
        "name.givenName": f"Given {n}",
        "name.familyName": f"Family {n}",
        "displayName": f"User {n}",
        "title": "Engineer",
        WORK: f"user{n}@acme.example",
        f"{ENTERPRISE}:department": "Sales",
        **more,
    }


def pages(made: ScimConnector, *names: str, kind: str = "user") -> list[Page]:
    with made:
        return list(made.read({kind: names}, None))


def shown(server: ScimServer, path: str) -> Any:
    return httpx.get(f"{server.url}{path}", headers=server.headers, trust_env=False).json()


class UserSubject(Subject):
    connector: ClassVar[type[Connector]] = ScimConnector
    object_type = "user"
    text = "displayName"
    clearable = "title"
    many = "entitlements"

    def __init__(self, server: ScimServer) -> None:
        self.server = server

    def open(self) -> Connector:
        return to(self.server)

    def reset(self) -> None:
        self.server.fresh()

    def sample(self, n: int) -> Document:
        return person(n)

    def renamed(self, _n: int) -> Document | None:
        return {"userName": f"renamed{_n}"}

    def refused(self, _n: int) -> Document | None:
        return {**person(_n), "profileUrl": "x", "active": "neither"}

    def unreachable(self) -> Connector | None:
        return connector(f"http://{HOST}:{free_port()}/v2", "token")

    def wrong_secret(self) -> tuple[Connector, Secret] | None:
        wrong = Secret("wrong-sesame-43")
        return connector(self.server.url, wrong.reveal()), wrong


class GroupSubject(UserSubject):
    object_type = "group"
    large = "members"

    def open(self) -> Connector:
        return to(self.server, members_per_patch=1_000)

    def sample(self, n: int) -> Document:
        return {"displayName": f"group{n}", "externalId": f"G{n}"}


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_users_keep_the_promise(check: Check, scim: ScimServer) -> None:
    keep(check, UserSubject(scim), LACKS)


@pytest.mark.parametrize("check", EDGE_CHECKS, ids=str)
def test_groups_keep_the_promise(check: Check, scim: ScimServer) -> None:
    keep(check, GroupSubject(scim), LACKS)


LACKS = {
    "it does not read single changes",
    "it does not read changes",
    "it has no large reference",
    "its read cannot be broken on purpose",
}
"""Why some checks of the kit do not apply here. Any other reason is a check that got lost."""


# --- what a mapping sees


def test_the_schema_is_the_servers_own(scim: ScimServer) -> None:
    with to(scim, {**TYPES, "user": {"resource": "User", "attributes": ['emails[type eq "billing"].value']}}) as made:
        schema = made.schema().types
    user, group = schema["user"], schema["group"]
    assert (user.anchor, user.assigned, user.can_enable, group.can_enable) == ("id", True, True, False)
    assert user.attributes["userName"].required
    assert not user.attributes["userName"].exact
    assert user.attributes["active"].type is Type.BOOLEAN
    assert user.attributes["meta.lastModified"].writable == "never"
    assert user.attributes[f"{ENTERPRISE}:manager"].type is Type.REFERENCE
    assert user.attributes["enterprise.department"].type is Type.TEXT
    assert user.attributes["groups"].writable == "never"
    assert user.attributes["entitlements"].many
    assert {WORK, 'emails[type eq "billing"].value', 'addresses[type eq "work"].locality'} <= set(user.attributes)
    assert group.attributes["members"].large
    assert "password" not in user.attributes


def test_what_the_server_does_not_have_is_named(scim: ScimServer) -> None:
    for wrong, named in (
        ({"resource": "Usr"}, "'Usr'"),
        ({"resource": "User", "attributes": ["nonsense"]}, "'nonsense'"),
    ):
        with to(scim, {"user": wrong}) as made, pytest.raises(ProjectError, match=named):
            made.schema()


def test_a_resource_is_written_as_the_rfc_has_it(scim: ScimServer) -> None:
    values = person(1, enabled=False, entitlements=["a", "b"], **{'addresses[type eq "work"].locality': "Oslo"})
    outcome = one(to(scim), create(1, values, password=Secret("First-Passw0rd!")))
    assert (outcome.result, outcome.values) == (Result.DONE, {"id": outcome.anchor})
    found = shown(scim, f"/Users/{outcome.anchor}")
    assert found["emails"] == [{"type": "work", "value": "user1@acme.example"}]
    assert found["addresses"] == [{"type": "work", "locality": "Oslo"}]
    assert found["name"] == {"givenName": "Given 1", "familyName": "Family 1"}
    assert found["active"] is False
    assert found["entitlements"] == [{"value": "a"}, {"value": "b"}]
    assert found[ENTERPRISE] == {"department": "Sales"}


def test_items_are_added_changed_and_removed_by_their_type(scim: ScimServer) -> None:
    made = to(scim)
    anchor = one(made, create(1, person(1))).anchor or ""
    home = 'emails[type eq "home"].value'
    for values, expected in (
        ({home: "h1@x", WORK: "w2@x"}, {"home": "h1@x", "work": "w2@x"}),
        ({home: "h2@x"}, {"home": "h2@x", "work": "w2@x"}),
        ({home: None, "title": None}, {"work": "w2@x"}),
        ({home: None}, {"work": "w2@x"}),
    ):
        outcome = one(made, update(anchor, dict(values)))
        assert (outcome.result, outcome.reason) == (Result.DONE, "")
        emails = shown(scim, f"/Users/{anchor}")["emails"]
        assert {item["type"]: item["value"] for item in emails} == expected


def test_a_manager_is_a_reference(scim: ScimServer) -> None:
    made = to(scim)
    boss = one(made, create(1, person(1))).anchor
    anchor = one(made, create(2, person(2, **{"enterprise.manager": boss}))).anchor or ""
    assert shown(scim, f"/Users/{anchor}")[ENTERPRISE]["manager"]["value"] == boss
    (page, *_) = pages(made, "enterprise.manager", f"{ENTERPRISE}:manager")
    values = {found.anchor: found.values for found in page.objects}[anchor]
    assert values == {"enterprise.manager": boss, f"{ENTERPRISE}:manager": boss}
    assert one(made, update(anchor, {"enterprise.manager": None})).result is Result.DONE
    assert "manager" not in shown(scim, f"/Users/{anchor}").get(ENTERPRISE, {})


def test_an_existing_user_is_named_by_its_id(scim: ScimServer) -> None:
    made = to(scim)
    first = one(made, create(1, person(1)))
    again = one(made, create(1, person(1, userName="USER1")))
    assert (again.result, again.anchor) == (Result.EXISTS, first.anchor)
    assert "409" in again.reason


def test_find_escapes_what_it_looks_for(scim: ScimServer) -> None:
    made = to(scim)
    names = ['a"b', "a\\b", "a b) or (id pr", "aXb"]
    anchors = {n: one(made, create(n, person(n, displayName=name))).anchor for n, name in enumerate(names)}
    with made:
        for n, name in enumerate(names):
            assert [found.anchor for found in made.find("user", {"displayName": name})] == [anchors[n]]
        assert [found.anchor for found in made.find("user", {WORK: "user2@acme.example"})] == [anchors[2]]
        assert [
            found.anchor for found in made.find("user", {"enterprise.department": "Sales", "externalId": "E3"})
        ] == [anchors[3]]


# --- groups


def test_members_are_never_read_to_be_changed_and_go_a_hundred_at_a_time(scim: ScimServer) -> None:
    anchor = one(to(scim), create(1, {"displayName": "g"}, "group")).anchor or ""
    edges = iter([EdgeChange("members", [f"m{n}" for n in range(250)], [f"x{n}" for n in range(120)])])
    with Between(scim.url, scim.headers) as server:
        outcome = one(connector(f"{server.url}/v2", server.token), update(anchor, kind="group", edges=edges))
        asked = [each for each in server.asked if "/Groups" in each.path]
    assert outcome.result is Result.DONE
    assert {each.method for each in asked} == {"PATCH"}
    operations = [each.json["Operations"] for each in asked]
    sizes = [sum(len(op["value"]) if "value" in op else 1 for op in ops) for ops in operations]
    assert sizes == [100, 100, 100, 20, 50]
    assert {op["op"] for ops in operations for op in ops} == {"add", "remove"}
    assert len(shown(scim, f"/Groups/{anchor}")["members"]) == 250


def test_members_are_left_out_when_they_are_not_wanted(scim: ScimServer) -> None:
    made = to(scim)
    one(made, create(1, {"displayName": "g"}, "group", edges=iter([EdgeChange("members", ["a"], [])])))
    assert [edge.values for page in pages(made, "members", kind="group") for edge in page.edges] == [["a"]]
    assert [edge for page in pages(made, "displayName", kind="group") for edge in page.edges] == []


# --- who Muster is to the server


@pytest.mark.parametrize(
    ("login", "tokens"),
    [
        ({"kind": "oauth2", "client_id": CLIENT[0], "client_secret": Secret(CLIENT[1])}, 2),
        ({"kind": "basic", "user": CLIENT[0], "password": Secret(CLIENT[1])}, 0),
        ({"kind": "bearer", "token": Secret("t0ken-of-the-proxy")}, 0),
    ],
    ids=["client credentials", "basic", "bearer"],
)
def test_every_way_to_log_in_leads_to_the_users(scim: ScimServer, login: dict[str, Any], tokens: int) -> None:
    with Between(scim.url, scim.headers) as server:
        if tokens:
            login = {**login, "token_url": f"{server.url}/token"}
        with connector(f"{server.url}/v2", None, login=login) as made:
            assert {one.result for one in made.write([create(n, person(n)) for n in (1, 2)])} == {Result.DONE}
            if tokens:
                server.token = "an0ther-token"
            assert len(list(made.find("user", {"userName": "user1"}))) == 1
        assert server.lines().count("POST /token") == tokens


def test_a_token_that_is_not_given_says_whose_and_shows_no_secret(scim: ScimServer) -> None:
    wrong = {"kind": "oauth2", "client_id": "x", "client_secret": Secret("wr0ng-one"), "client_in": "body"}
    with Between(scim.url, scim.headers) as server, pytest.raises(AuthFailed) as raised:
        connector(f"{server.url}/v2", None, login={**wrong, "token_url": f"{server.url}/token"}).__enter__()
    assert f"{server.url}/token" in raised.value.message
    assert "wr0ng-one" not in raised.value.message


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"token": Secret("x"), "login": {"kind": "none"}}, "either `token` or `login`"),
        ({"url": "http://crm.example", "certificate": "muster.pem"}, "`certificate` needs an https:// address"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ScimSettings.model_validate({"url": "https://crm.example", **more})


# --- a server that is not as one would like


class Scripted(ScriptedServer):
    """A service provider of which the test says what it answers; `heard` holds what was asked."""

    def __init__(self, answer: Callable[[str, str, Any], Reply]) -> None:
        super().__init__()
        self.answer = answer
        self.heard: list[tuple[str, str, Any]] = []

    def reply(self, method: str, path: str, data: bytes, headers: Message) -> Reply:
        body = json.loads(data) if data else None
        self.heard.append((method, path, body))
        return self.answer(method, path, body)

    def connector(self, objects: Mapping[str, Any] | None = None, **changed: Any) -> ScimConnector:
        return connector(f"{self.url}/v2", "token", objects, **changed)


def _listed(resources: list[Any], total: int) -> tuple[int, Any, dict[str, str]]:
    return 200, {"totalResults": total, "itemsPerPage": len(resources), "Resources": resources}, {}


def _error(status: int, kind: str = "", detail: str = "", **headers: str) -> tuple[int, Any, dict[str, str]]:
    return status, {"status": str(status), "scimType": kind, "detail": detail}, headers


def _number(path: str, name: str) -> int:
    found = re.search(rf"[?&]{name}=(\d+)", path)
    return int(found[1]) if found else 1


class Shifting:
    """A list of users that changes after some of its pages."""

    def __init__(self, changes: dict[int, Callable[[list[str]], None]]) -> None:
        self.ids = [f"id{n:02}" for n in range(10)]
        self.changes = changes
        self.asked = 0

    def __call__(self, _method: str, path: str, _body: Any) -> tuple[int, Any, dict[str, str]]:
        if "/Users" not in path:
            return _error(404)
        start, count = _number(path, "startIndex"), _number(path, "count")
        page = [{"id": name, "userName": name} for name in self.ids[start - 1 : start - 1 + count]]
        total = len(self.ids)
        self.asked += 1
        if self.asked in self.changes:
            self.changes[self.asked](self.ids)
        return _listed(page, total)


def _delete_first_add_two(ids: list[str]) -> None:
    del ids[0]
    ids.extend(["new1", "new2"])


def _replace_first(ids: list[str]) -> None:
    del ids[1]
    ids.append("new1")


@pytest.mark.parametrize(
    "change",
    [lambda ids: ids.append("late"), _delete_first_add_two, _replace_first],
    ids=["grows", "both", "same length"],
)
def test_a_list_that_moves_is_read_until_nothing_is_missing(change: Callable[[list[str]], None]) -> None:
    provider = Shifting({2: change})
    with Scripted(provider) as server:
        found = pages(server.connector(), "userName")
    assert {one.anchor for page in found for one in page.objects} >= set(provider.ids)
    anchors = [one.anchor for page in found for one in page.objects]
    assert len(anchors) == len(set(anchors))
    assert found[-1].complete_for == {("user", "")}


def test_a_list_that_never_holds_still_is_not_complete() -> None:
    provider = Shifting(dict.fromkeys(range(100), _replace_first))
    with Scripted(provider) as server:
        found = pages(server.connector(), "userName")
    assert found[-1].complete_for == frozenset()
    (problem,) = [problem for page in found for problem in page.problems]
    assert "changed under the reader" in problem.message


def _users(answer: Reply) -> Callable[[str, str, Any], Reply]:
    return lambda _method, path, _body: answer if "/Users" in path else _error(404)


def test_no_list_is_an_error_that_names_the_place() -> None:
    for answer, words in (
        ((302, None, {"Location": "https://elsewhere.example/"}), "points to https://elsewhere.example/"),
        ((200, {"hello": 1}, {}), "no SCIM 2.0"),
        ((200, "<html>", {"Content-Type": "text/html"}), "200 OK with a web page, no whole JSON object"),
        (_error(404), "404 Not Found. Correct `url`"),
        (_error(500, "", "oops"), "500 Internal Server Error: oops. Look at the server's log, and run again"),
    ):
        with Scripted(_users(answer)) as server, pytest.raises(IncompleteRead, match=re.escape(words)):
            pages(server.connector(), "userName")


def test_one_bad_user_is_a_problem_and_the_others_are_read() -> None:
    users = [{"id": name, "userName": name} for name in ("ann", "bob", "cy", "cy")]
    users[1]["userName"] = "b\ud800b"
    with (
        Scripted(lambda _m, path, _b: _listed(users, 4) if "/Users" in path else _error(404)) as server,
        Guard(server.connector(page_size=10), system="crm") as guard,
    ):
        found = list(guard.read({"user": ["userName"]}))
    assert [one.anchor for page in found for one in page.objects] == ["ann"]
    told = {problem.anchor: problem.message for page in found for problem in page.problems}
    assert told["bob"].startswith("userName holds half of a character (U+D800)")
    assert told["cy"].startswith("the server shows several objects with this `id`; none of them is read")


def test_without_discovery_the_schemas_of_the_rfc_are_used() -> None:
    with (
        Scripted(lambda _m, path, _b: _listed([], 0) if "/Users" in path else _error(404)) as server,
        server.connector({"user": {"resource": "User"}}) as made,
    ):
        assert "RFC 7644 demands" in made.check().message
        user = made.schema().types["user"]
    assert user.attributes["userName"].required
    assert user.attributes[f"{ENTERPRISE}:manager"].type is Type.REFERENCE
    assert user.attributes['phoneNumbers[type eq "mobile"].value'].type is Type.TEXT


class Stubborn:
    """One user whom only PUT changes; it answers with versions."""

    def __init__(self, put_status: int = 200) -> None:
        self.user: Any = {
            "id": "1",
            "userName": "ann",
            "nickName": "A",
            "emails": [{"type": "home", "value": "h@x"}],
            "meta": {"version": 'W/"7"'},
        }
        self.put_status = put_status

    def __call__(self, method: str, path: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        if path.endswith("/ServiceProviderConfig"):
            return 200, {"patch": {"supported": False}, "etag": {"supported": True}, "filter": {"supported": False}}, {}
        if "/Users" not in path or method == "PATCH":
            return _error(404 if "/Users" not in path else 501)
        if method == "PUT" and self.put_status == 200:
            self.user = body
        if path.endswith("/Users/1"):
            return (200 if method == "GET" else self.put_status), self.user, {"ETag": 'W/"7"'}
        return _listed([self.user], 1)


def test_without_patch_the_whole_resource_is_put() -> None:
    provider = Stubborn()
    with Scripted(provider) as server:
        outcome = one(server.connector(), update("1", {WORK: "w@x", "nickName": None, "title": "Chef"}))
    assert (outcome.result, outcome.reason) == (Result.DONE, "")
    assert provider.user == {
        "id": "1",
        "userName": "ann",
        "title": "Chef",
        "emails": [{"type": "home", "value": "h@x"}, {"type": "work", "value": "w@x"}],
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    }


def test_a_put_that_was_overtaken_is_tried_again_later() -> None:
    with Scripted(Stubborn(put_status=412)) as server:
        plain = one(server.connector(), update("1", {"title": "Chef"}))
        expecting = one(server.connector(), update("1", {"title": "Chef"}, expected={"nickName": "A"}))
    assert (plain.result, expecting.result) == (Result.RETRY, Result.CONFLICT)


def test_without_filters_everything_is_looked_through() -> None:
    with Scripted(Stubborn()) as server, server.connector() as made:
        assert [found.anchor for found in made.find("user", {"nickName": "a"})] == ["1"]
        assert list(made.find("user", {"nickName": "b"})) == []


@pytest.mark.parametrize(
    ("answer", "result", "words"),
    [
        (_error(400, "invalidValue", "title is too long"), Result.REJECTED, "title is too long"),
        (_error(400, "mutability", "userName is immutable"), Result.REJECTED, "take it out of the mapping"),
        (_error(403, "", "not yours"), Result.REJECTED, "Grant the token"),
        (_error(404), Result.GONE, "404"),
        (_error(412), Result.CONFLICT, "412"),
        (_error(429, "", "slow down", **{"Retry-After": "120"}), Result.RETRY, "429"),
        (_error(500, "", "oops"), Result.RETRY, "oops"),
        (_error(503, "", "", **{"Retry-After": "120"}), Result.RETRY, "503"),
    ],
    ids=lambda value: str(value[0]) if isinstance(value, tuple) else "",
)
def test_each_answer_has_its_outcome(answer: Any, result: Result, words: str) -> None:
    with Scripted(lambda method, _p, _b: answer if method == "PATCH" else _error(404)) as server:
        outcome = one(server.connector(), update("1", {"title": "x"}))
    assert outcome.result is result
    assert words in outcome.reason
    assert outcome.after == (120 if answer[0] in (429, 503) else None)


def test_a_refused_token_ends_the_session_and_is_never_shown() -> None:
    with (
        Scripted(lambda method, _p, _b: _error(401 if method == "POST" else 404, "", "who are you.")) as server,
        server.connector() as made,
        pytest.raises(AuthFailed) as caught,
    ):
        list(made.write([create(1, person(1))]))
    assert "was answered 401 Unauthorized: who are you. Check the user name, password or token" in str(caught.value)
    assert "Bearer" not in str(caught.value)


def test_one_bad_member_is_named_and_the_others_are_written() -> None:
    members: set[str] = set()

    def answer(method: str, path: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        if method != "PATCH":
            return _error(404)
        values = {item["value"] for op in body["Operations"] for item in op["value"]}
        if "bad" in values:
            return _error(400, "invalidValue", "no such member")
        members.update(values)
        return 204, None, {}

    wanted = [f"m{n}" for n in range(60)]
    with Scripted(answer) as server:
        edges = iter([EdgeChange("members", [*wanted, "bad"], [])])
        outcome = one(server.connector(), update("1", kind="group", edges=edges))
    assert outcome.result is Result.REJECTED
    assert "members bad was refused" in outcome.reason
    assert members == set(wanted)


def test_changes_of_one_object_keep_their_order() -> None:
    seen: list[str] = []

    def answer(method: str, _path: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        if method == "PATCH":
            seen.append(body["Operations"][0]["value"])
            return 204, None, {}
        return _error(404)

    with Scripted(answer) as server:
        written(server.connector(), *[update("1", {"title": f"{n:02}"}, key=n) for n in range(30)])
    assert seen == [f"{n:02}" for n in range(30)]


# --- the server dies, cursors


@pytest.mark.parametrize("more", [{"bulk": "none"}, {"bulk_size": 10, "concurrency": 2}], ids=["alone", "in bulks"])
def test_when_the_server_dies_every_change_has_an_outcome(scim: ScimServer, more: dict[str, Any]) -> None:
    def changes() -> Iterator[Change]:
        for n in range(1, 121):
            if n == 60:
                scim.kill()
            yield create(n, person(n))

    with Guard(to(scim, **more), system="crm") as guard:
        outcomes = list(guard.write(changes()))
        assert isinstance(guard.broken, Unreachable)
    assert sorted(found.key for found in outcomes) == list(range(1, 121))
    assert {found.result for found in outcomes} == {Result.DONE, Result.RETRY}


class CursorServer(ScimServer):
    """scim2-server that pages by cursor (RFC 9865)."""

    def command(self) -> list[str]:
        config = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
            "patch": {"supported": True},
            "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
            "filter": {"supported": True, "maxResults": 1000},
            "changePassword": {"supported": True},
            "sort": {"supported": True},
            "etag": {"supported": True},
            "pagination": {"cursor": True, "index": False, "defaultPaginationMethod": "cursor"},
            "authenticationSchemes": [],
        }
        path = self.write("config.json", json.dumps(config))
        return [*super().command(), "--service-provider-config", str(path)]


def test_pages_by_cursor_when_the_server_does() -> None:
    with CursorServer() as server:
        made = to(server)
        outcomes = written(made, *[create(n, person(n)) for n in range(8)])
        found = pages(made, "userName")
        with made:
            assert "cursors" in made.check().message
    assert {one.anchor for page in found for one in page.objects} == {one.anchor for one in outcomes.values()}
    assert [len(page.objects) for page in found] == [3, 3, 2, 0]
    assert found[-1].complete_for == {("user", "")}


class Cursors:
    """Seven users in pages of three by cursor; `odd` changes what is answered to a cursor."""

    def __init__(self, odd: Callable[[str, Any], Reply | None]) -> None:
        self.odd = odd
        self.asked: list[str] = []

    def __call__(self, _method: str, path: str, _body: Any) -> Reply:
        if path.endswith("/ServiceProviderConfig"):
            return 200, {"filter": {"supported": True}, "pagination": {"cursor": True, "index": True}}, {}
        if "/Users" not in path:
            return _error(404)
        users = [{"id": f"id{n}", "userName": f"u{n}"} for n in range(7)]
        found = re.search(r"[?&]cursor=(\w*)", path)
        if found is None:
            start = _number(path, "startIndex") - 1
            return _listed(users[start : start + 3], 7)
        self.asked.append(found[1])
        at = int(found[1] or 0)
        page: dict[str, Any] = {"totalResults": 7, "Resources": users[at : at + 3]}
        if at + 3 < 7:
            page["nextCursor"] = str(at + 3)
        return self.odd(found[1], page) or (200, page, {})


def _once(reply: Reply) -> Callable[[str, Any], Reply | None]:
    left = [reply]
    return lambda cursor, _page: left.pop() if cursor == "3" and left else None


def _without(key: str) -> Callable[[str, Any], Reply | None]:
    return lambda _cursor, page: (200, {name: value for name, value in page.items() if name != key}, {})


@pytest.mark.parametrize(
    "odd",
    [_once(_error(400, "expiredCursor")), _without("totalResults"), _without("nextCursor"), _once(_listed([], 7))],
    ids=["a cursor that expired", "no total", "no cursors after all", "a page that is cut"],
)
def test_a_list_by_cursor_is_whole_or_begins_again(odd: Callable[[str, Any], Reply | None]) -> None:
    with Scripted(Cursors(odd)) as server:
        found = pages(server.connector(), "userName")
    assert [one.anchor for page in found for one in page.objects] == [f"id{n}" for n in range(7)]
    assert found[-1].complete_for == {("user", "")}


def test_a_list_by_cursor_that_ends_early_or_goes_in_a_circle_is_not_complete() -> None:
    with Scripted(Cursors(lambda cursor, _page: _listed([], 7) if cursor == "3" else None)) as server:
        assert pages(server.connector(), "userName")[-1].complete_for == frozenset()
    round_about = Cursors(lambda _cursor, page: (200, {**page, "nextCursor": "3"}, {}))
    with Scripted(round_about) as server, pytest.raises(IncompleteRead, match="goes in a circle"):
        pages(server.connector(), "userName")
