"""Service providers that depart from RFC 7644: scim2-server behind a proxy that takes only what such an app takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from muster.connectors.scim import ScimConnector
from muster.model.changes import Action, Change, EdgeChange, Result
from muster.model.secrets import Secret
from tests.connectors.between import Between
from tests.connectors.restapi import Asked, Reply
from tests.connectors.sessions import create, one, update
from tests.connectors.test_scim import WORK, connector
from tests.servers.scim import ScimServer

Takes = Callable[[Asked, Any], "Reply | Any"]
"""A refusal, or the body as scim2-server takes it."""


class Peculiar(Between):
    """`takes` sees the body of each write, and `forbidden` the whole of each request."""

    takes: Takes = staticmethod(lambda _asked, body: body)
    forbidden: Callable[[Asked], Reply | None] = staticmethod(lambda _asked: None)

    def forward(self, asked: Asked) -> Reply:
        refused = self.forbidden(asked)
        if refused is not None:
            return refused
        if asked.data:
            taken = self.takes(asked, asked.json)
            if isinstance(taken, Reply):
                return taken
            asked = Asked(asked.method, asked.path, asked.query, asked.headers, json.dumps(taken).encode())
        return super().forward(asked)


@pytest.fixture
def app(scim: ScimServer) -> Iterator[Peculiar]:
    with Peculiar(scim.url, scim.headers) as found:
        yield found


def to(app: Peculiar, **changed: Any) -> ScimConnector:
    return connector(f"{app.url}/v2", app.token, **{"bulk": "none", "page_size": 100, **changed})


def error(status: int, kind: str = "") -> Reply:
    return Reply(status, {"status": str(status), "scimType": kind, "detail": "not here"})


def edges(add: list[str], remove: list[str] | None = None) -> Iterator[EdgeChange]:
    return iter([EdgeChange("members", add, remove or [])])


def members(app: Between, anchor: str) -> set[str]:
    found = Between.forward(app, Asked("GET", f"/v2/Groups/{anchor}", {}, {}, b"")).body
    return {one["value"] for one in found.get("members", [])}


def operations_of(body: Any) -> list[Any]:
    found: list[Any] = body.get("Operations", [])
    return found


def test_booleans_as_text(app: Peculiar) -> None:
    def takes(_asked: Asked, body: Any) -> Any:
        if isinstance(body.get("active"), bool) or any(isinstance(op.get("value"), bool) for op in operations_of(body)):
            return error(400, "invalidValue")
        words = {"True": True, "False": False}
        found = {**body, **({"active": words[body["active"]]} if "active" in body else {})}
        if operations_of(body):
            found["Operations"] = [{**op, "value": words.get(op["value"], op["value"])} for op in operations_of(body)]
        return found

    app.takes = takes
    assert one(to(app), create(1, {"userName": "ann", "enabled": True})).result is Result.REJECTED
    made = to(app, booleans="text")
    anchor = one(made, create(1, {"userName": "ann", "enabled": True})).anchor or ""
    off = Change(1, "user", Action.DISABLE, anchor, {"enabled": False})
    assert one(made, off).result is Result.DONE
    with made:
        found = made.get("user", anchor)
    assert found is not None
    assert found.values["enabled"] is False


def test_members_go_out_by_a_list_of_values_where_the_app_takes_it_so(app: Peculiar) -> None:
    def takes(_asked: Asked, body: Any) -> Any:
        """As authentik had it: a removal by path is answered as done, and does nothing."""
        if not operations_of(body):
            return body
        found = []
        for op in operations_of(body):
            if op["op"] == "remove" and op["path"] == "members":
                found += [{"op": "remove", "path": f'members[value eq "{each["value"]}"]'} for each in op["value"]]
            elif op["op"] != "remove":
                found.append(op)
        return {**body, "Operations": found or [{"op": "replace", "path": "externalId", "value": "x"}]}

    app.takes = takes
    anchor = one(to(app), create(1, {"displayName": "g"}, "group", edges=edges(["a", "b", "c"]))).anchor or ""
    assert one(to(app), update(anchor, kind="group", edges=edges([], ["a"]))).result is Result.DONE
    assert members(app, anchor) == {"a", "b", "c"}
    by_values = to(app, removal="values")
    assert one(by_values, update(anchor, kind="group", edges=edges([], ["a", "b"]))).result is Result.DONE
    assert members(app, anchor) == {"c"}


def test_fewer_members_in_a_patch_by_setting_or_by_finding_out(app: Peculiar) -> None:
    refused: list[int] = []

    def takes(_asked: Asked, body: Any) -> Any:
        many = max((len(op["value"]) for op in operations_of(body) if isinstance(op.get("value"), list)), default=0)
        if many > 10:
            refused.append(many)
            return error(413, "tooMany")
        return body

    app.takes = takes
    for n, more in enumerate(({}, {"members_per_patch": 10})):
        refused.clear()
        anchor = one(to(app), create(n, {"displayName": f"g{n}"}, "group")).anchor or ""
        wanted = [f"m{number}" for number in range(35)]
        outcome = one(to(app, **more), update(anchor, kind="group", edges=edges(wanted)))
        assert (outcome.result, members(app, anchor)) == (Result.DONE, set(wanted))
        assert bool(refused) is not bool(more)


def test_a_member_that_is_not_there_does_not_say_that_the_group_is_gone(app: Peculiar) -> None:
    def takes(_asked: Asked, body: Any) -> Any:
        unknown = any(each["value"] == "ghost" for op in operations_of(body) for each in op.get("value", []))
        return error(404) if unknown else body

    app.takes = takes
    anchor = one(to(app), create(1, {"displayName": "g"}, "group")).anchor or ""
    outcome = one(to(app), update(anchor, kind="group", edges=edges(["a", "ghost", "b"])))
    assert outcome.result is Result.REJECTED
    assert "members ghost was refused: 404 Not Found: not here" in outcome.reason
    assert members(app, anchor) == {"a", "b"}
    gone = one(to(app), update("nobody", kind="group", edges=edges(["ghost"])))
    assert gone.result is Result.GONE


def test_patch_for_active_alone_and_put_for_the_rest(app: Peculiar) -> None:
    def takes(asked: Asked, body: Any) -> Any:
        paths = [op["path"] for op in operations_of(body)]
        return error(501) if asked.method == "PATCH" and paths != ["active"] else body

    app.takes = takes
    made = to(app, patch="active")
    anchor = one(made, create(1, {"userName": "ann", "enabled": True, WORK: "a@x"})).anchor or ""
    app.asked.clear()
    assert one(made, Change(1, "user", Action.DISABLE, anchor, {"enabled": False})).result is Result.DONE
    assert one(made, update(anchor, {"title": "Chef"})).result is Result.DONE
    assert one(made, update(anchor, {"enabled": True, "title": "Cook"})).result is Result.DONE
    writes = [asked.method for asked in app.asked if asked.method != "GET"]
    assert writes == ["PATCH", "PUT", "PATCH", "PUT"]
    with made:
        found = made.get("user", anchor)
    assert found is not None
    assert [found.values[name] for name in ("enabled", "title", WORK)] == [True, "Cook", "a@x"]


@pytest.mark.parametrize("able", ["userName", ""], ids=["one name", "nothing"])
def test_filters_that_the_server_does_not_know_are_made_simpler(app: Peculiar, able: str) -> None:
    """Many apps know `userName eq "…"` and no other filter, whatever they say of themselves."""

    def forbidden(asked: Asked) -> Reply | None:
        asked_for = asked.query.get("filter")
        known = asked_for is None or (able and asked_for.startswith(f"{able} eq ") and " or " not in asked_for)
        return None if known else error(400, "invalidFilter" if able else "")

    for n in range(4):
        one(to(app), create(n, {"userName": f"u{n}", "externalId": f"E{n}", WORK: f"u{n}@x"}))
    app.forbidden = forbidden
    with to(app) as made:
        assert [found.values["userName"] for found in made.find("user", {"externalId": "E2"})] == ["u2"]
        both = {"userName": "u1", "externalId": "E1"}
        assert [found.values["userName"] for found in made.find("user", both)] == ["u1"]
        assert list(made.find("user", {**both, "externalId": "E2"})) == []
        for attribute, values in (("userName", ["u0", "u3", "x"]), ("externalId", ["E0", "E3", "x"])):
            found = sorted(str(each.values["userName"]) for each in made.find_any("user", attribute, values))
            assert found == ["u0", "u3"]
        assert len(list(made.find_any("user", WORK, ["u1@x", "u2@x"]))) == 2
        app.asked.clear()
        assert len(list(made.find_any("user", WORK, ["u1@x", "u2@x"]))) == 2
        assert len(list(made.find_any("user", "externalId", ["E1", "E2"]))) == 2
    assert app.lines() == ["GET /v2/Users"] * 2, "what is known of the server is not asked again"


def test_a_server_that_shows_everybody_for_any_filter_finds_only_who_fits(app: Peculiar) -> None:
    for n in range(3):
        one(to(app), create(n, {"userName": f"u{n}"}))

    def forbidden(asked: Asked) -> Reply | None:
        asked.query.pop("filter", None)
        return None

    app.forbidden = forbidden
    with to(app) as made:
        assert [found.values["userName"] for found in made.find("user", {"userName": "u1"})] == ["u1"]
        assert len(list(made.find_any("user", "userName", ["u0", "u2"]))) == 2


def test_members_of_one_group_are_read_by_name_and_no_other_group_is(app: Peculiar) -> None:
    anchor = one(to(app), create(1, {"displayName": "g"}, "group", edges=edges(["a", "b"]))).anchor or ""
    app.asked.clear()
    with to(app) as made:
        made.schema()
        found = list(made.references("group", anchor, "members"))
        assert list(made.references("group", "nobody", "members")) == []
    assert [sorted(each.values) for each in found] == [["a", "b"]]
    assert [asked.query for asked in app.asked if "/Groups/" in asked.path] == [{"attributes": "members"}] * 2


def test_a_server_that_changes_no_passwords_is_not_asked_to(app: Peculiar) -> None:
    def forbidden(asked: Asked) -> Reply | None:
        says = {"patch": {"supported": True}, "changePassword": {"supported": False}}
        return Reply(200, says) if asked.path.endswith("ServiceProviderConfig") else None

    app.forbidden = forbidden
    with to(app) as made:
        outcome = made.set_password("user", "1", Secret("n3w-one"), must_change=False)
    assert outcome.result is Result.REJECTED
    assert "changePassword" in outcome.reason
