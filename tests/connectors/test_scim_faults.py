"""What a service provider does that it should not: no duplicate, no loss, a clear state for each object.

scim2-server keeps the users; a proxy before it lets things go wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from muster.connectors.kit.guard import Guard
from muster.connectors.scim import ScimConnector
from muster.model.changes import Action, Change, EdgeChange, Outcome, Result
from muster.model.errors import IncompleteRead, Throttled, Unreachable
from muster.model.values import Document
from tests.connectors.between import Between
from tests.connectors.restapi import Asked, Fault, Reply, after, dropped, instead, page, slow
from tests.connectors.sessions import create, one, update, written
from tests.connectors.test_scim import connector
from tests.servers.scim import ScimServer

USERS = "POST /v2/Users"
BULK = "POST /v2/Bulk"


@pytest.fixture
def app(scim: ScimServer) -> Iterator[Between]:
    with Between(scim.url, scim.headers) as found:
        yield found


def to(app: Between, **changed: Any) -> ScimConnector:
    return connector(f"{app.url}/v2", app.token, **{"bulk": "none", "page_size": 100, **changed})


def guarded(app: Between, *changes: Change, **changed: Any) -> dict[int, Outcome]:
    """The outcomes behind the guard, which tries again what is worth it."""
    with Guard(to(app, **changed), system="app", sleep=lambda _: None) as guard:
        return {found.key: found for found in guard.write(iter(changes))}


def user(n: int) -> Document:
    return {"userName": f"u{n}", "externalId": f"E{n}"}


def names(app: Between) -> list[str]:
    found = app.forward(Asked("GET", "/v2/Users", {"count": "1000"}, {}, b"")).body["Resources"]
    return sorted(str(one["userName"]) for one in found)


# --- creates


def of_another(_asked: Asked, do: Callable[[], Reply]) -> Reply:
    do()
    return Reply(201, {"id": "1", "userName": "somebody else"})


@pytest.mark.parametrize(
    "fault",
    [
        after(500),
        after(503),
        after(200),
        after(201, {"id": None}),
        page(200),
        dropped,
        slow(0.6),
        of_another,
        after(504),
    ],
    ids=["500", "503", "no body", "no id", "a web page", "lost", "too late", "another's record", "gateway"],
)
def test_a_create_that_was_not_answered_is_done_once_and_found(app: Between, fault: Fault) -> None:
    def make_and_fail(asked: Asked, do: Callable[[], Reply]) -> Reply | None:
        do()
        return fault(asked, lambda: Reply(201))

    app.fail(USERS, make_and_fail)
    outcome = guarded(app, create(1, user(1)), timeout=0.5)[1]
    assert outcome.result is Result.EXISTS
    assert outcome.anchor not in (None, "1")
    assert "found there afterwards" in outcome.reason
    assert app.lines().count(USERS) == 1
    assert names(app) == ["u1"]


def test_a_create_that_was_not_done_is_done_again(app: Between) -> None:
    app.fail(USERS, instead(500, {"detail": "out of luck"}))
    outcomes = guarded(app, *[create(n, user(n)) for n in range(5)])
    assert {found.result for found in outcomes.values()} == {Result.DONE}
    assert names(app) == [f"u{n}" for n in range(5)]


def test_a_server_that_cannot_filter_is_looked_through_for_what_it_may_have_made(app: Between) -> None:
    app.fail("GET /v2/ServiceProviderConfig", instead(200, {"patch": {"supported": True}}))
    app.fail(USERS, after(500))
    outcome = guarded(app, create(1, user(1)))[1]
    assert (outcome.result, names(app)) == (Result.EXISTS, ["u1"])


def test_a_look_up_that_fails_too_leaves_the_create_for_later_and_sends_it_not_again(app: Between) -> None:
    app.fail(USERS, after(500))
    app.fail("GET /v2/Users", instead(500), times=10)
    with Guard(to(app), system="app", sleep=lambda _: None) as guard:
        first = next(iter(guard.write([create(1, user(1))])))
        app.faults.clear()
        second = Guard(to(app), system="app")
    assert first.result is Result.RETRY
    assert app.lines().count(USERS) == 1
    with second:
        assert next(iter(second.write([create(1, user(1))]))).result is Result.EXISTS
    assert names(app) == ["u1"]


def test_a_doubtful_create_with_nothing_to_look_for_is_not_sent_again(app: Between) -> None:
    app.fail("POST /v2/Groups", after(500))
    outcome = guarded(app, create(1, {}, "group"))[1]
    assert outcome.result is Result.REJECTED
    assert "cannot be looked for, as it has no displayName and no externalId" in outcome.reason
    assert app.lines().count("POST /v2/Groups") == 1


def test_another_that_a_look_up_shows_is_not_the_one_in_the_way(app: Between) -> None:
    one(to(app), create(1, user(1)))
    app.fail(
        "GET /v2/Users", instead(200, {"totalResults": 1, "Resources": [{"id": "9", "userName": "boss"}]}), times=2
    )
    outcome = one(to(app), create(1, user(1)))
    assert (outcome.result, outcome.anchor) == (Result.EXISTS, None)


# --- bulks


@pytest.fixture
def broken_bulk(app: Between) -> Between:
    def half(asked: Asked, _do: Callable[[], Reply]) -> None:
        body = {**asked.json, "Operations": asked.json["Operations"][:2]}
        app.forward(Asked("POST", "/v2/Bulk", {}, asked.headers, json.dumps(body).encode()))

    app.fail(BULK, half)
    return app


def test_a_connection_lost_in_the_middle_of_a_bulk_loses_and_doubles_nobody(broken_bulk: Between) -> None:
    changes = [create(n, user(n)) for n in range(1, 5)]
    first = guarded(broken_bulk, *changes, bulk="auto")
    assert [str(first[n].result) for n in range(1, 5)] == ["exists", "exists", "retry", "retry"]
    second = guarded(broken_bulk, *[one for one in changes if first[one.key].result is Result.RETRY], bulk="auto")
    assert {found.result for found in second.values()} == {Result.DONE}
    assert names(broken_bulk) == ["u1", "u2", "u3", "u4"]


def test_writes_go_together_and_each_has_its_own_outcome(app: Between) -> None:
    anchors = [found.anchor or "" for found in written(to(app), *[create(n, user(n)) for n in (1, 2)]).values()]
    app.asked.clear()
    outcomes = written(
        to(app, bulk="auto", bulk_size=4),
        *[create(10 + n, user(10 + n)) for n in range(4)],
        create(20, user(1)),
        update(anchors[0], {"title": "Chef"}, key=30),
        update("nobody", {"title": "Chef"}, key=31),
        Change(40, "user", Action.DELETE, anchors[1]),
    )
    assert [line for line in app.lines() if not line.startswith("GET")] == [BULK, BULK]
    told = {key: str(found.result) for key, found in outcomes.items()}
    assert told == {10: "done", 11: "done", 12: "done", 13: "done", 20: "exists", 30: "done", 31: "gone", 40: "done"}
    assert outcomes[20].anchor == anchors[0]
    assert names(app) == ["u1", "u10", "u11", "u12", "u13"]


def forget_last(_asked: Asked, do: Callable[[], Reply]) -> Reply:
    found = do()
    return Reply(200, {**found.body, "Operations": found.body["Operations"][:-1]})


@pytest.mark.parametrize("fault", [after(500), page(200), dropped, forget_last], ids=["500", "page", "lost", "short"])
def test_a_bulk_that_says_nothing_of_an_object_leaves_nobody_in_doubt(app: Between, fault: Fault) -> None:
    def do_and_fail(asked: Asked, do: Callable[[], Reply]) -> Reply | None:
        found = do()
        return fault(asked, lambda: found)

    app.fail(BULK, do_and_fail)
    outcomes = guarded(app, *[create(n, user(n)) for n in (1, 2, 3)], bulk="auto")
    assert {found.result for found in outcomes.values()} <= {Result.EXISTS, Result.DONE}
    assert len({found.anchor for found in outcomes.values()}) == 3
    assert names(app) == ["u1", "u2", "u3"]


@pytest.mark.parametrize("status", [404, 413, 501])
def test_a_server_that_does_not_take_the_bulk_has_each_alone(app: Between, status: int) -> None:
    app.fail(BULK, instead(status), times=3)
    outcomes = guarded(app, *[create(n, user(n)) for n in range(4)], bulk="auto")
    assert {found.result for found in outcomes.values()} == {Result.DONE}
    assert app.lines().count(BULK) == (3 if status == 413 else 1)
    assert names(app) == [f"u{n}" for n in range(4)]


# --- updates and deletes


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_web_page_says_not_that_somebody_is_gone(app: Between, method: str) -> None:
    anchor = one(to(app), create(1, user(1))).anchor or ""
    app.fail(f"{method} /v2/Users/{anchor}", page(404))
    change = update(anchor, {"title": "x"}) if method == "PATCH" else Change(1, "user", Action.DELETE, anchor)
    outcome = one(to(app), change)
    assert outcome.result is Result.REJECTED
    assert "404 Not Found with a web page. A login page, a proxy or a wrong address answers there" in outcome.reason


@pytest.mark.parametrize("patch", ["rfc", "none"])
def test_an_answer_with_another_record_is_told(app: Between, patch: str) -> None:
    anchor = one(to(app), create(1, user(1))).anchor or ""
    other = {"id": "999", "userName": "boss", "active": True}
    app.fail(f"(PATCH|GET) /v2/Users/{anchor}", after(200, other))
    outcome = one(to(app, patch=patch), update(anchor, {"title": "x"}))
    assert outcome.result is Result.REJECTED
    assert "answered with user 999" in outcome.reason
    assert "PUT" not in [asked.method for asked in app.asked]


def test_another_record_than_asked_is_not_taken_for_it(app: Between) -> None:
    anchor = one(to(app), create(1, user(1))).anchor or ""
    for fault in (instead(200, {"id": "999"}), instead(200, {}), page(200), page(404), instead(500)):
        app.fail(f"GET /v2/Users/{anchor}", fault)
        with to(app) as made, pytest.raises(IncompleteRead):
            made.get("user", anchor)


def test_a_server_that_takes_ever_longer_ends_the_session_and_everybody_has_a_state(app: Between) -> None:
    for n in range(12):
        app.fail(USERS, slow(n * 0.2))
    outcomes = guarded(app, *[create(n, user(n)) for n in range(12)], timeout=0.5, concurrency=1)
    assert len(outcomes) == 12
    assert Result.RETRY in {found.result for found in outcomes.values()}
    app.faults.clear()
    again = guarded(app, *[create(n, user(n)) for n, found in outcomes.items() if found.result is Result.RETRY])
    assert {found.result for found in again.values()} <= {Result.DONE, Result.EXISTS}
    assert names(app) == sorted(f"u{n}" for n in range(12))


def test_an_answer_without_end_is_not_read_to_its_end(app: Between) -> None:
    endless = instead(200, {"totalResults": 0, "Resources": [], "more": "x" * 500_000})
    app.fail("GET /v2/Users", endless, times=10)
    with to(app, largest=400_000) as made, pytest.raises(IncompleteRead, match="more than 400000 bytes"):
        list(made.read({"user": ["userName"]}, None))


def test_groups_that_are_too_large_together_are_read_a_few_at_a_time(app: Between) -> None:
    everybody = [f"member-number-{n}" for n in range(60)]
    groups = [create(n, {"displayName": f"g{n}"}, "group", edges=_edges(everybody)) for n in range(6)]
    written(to(app), *groups)
    app.asked.clear()
    app.fail("GET /v2/Schemas", instead(404))
    with to(app, largest=9_000) as made:
        found = list(made.read({"group": ["members"]}, None))
    assert [len(edge.values) for page in found for edge in page.edges] == [60] * 6
    assert found[-1].complete_for == {("group", "")}
    assert [asked.query["count"] for asked in app.asked if "startIndex" in asked.query][:4] == ["100", "25", "6", "2"]


def test_an_app_that_asks_for_patience_has_it_within_bounds(app: Between) -> None:
    app.fail(USERS, instead(429, None, **{"Retry-After": "0"}))
    assert one(to(app), create(1, user(1))).result is Result.DONE
    app.fail("GET /v2/Users", instead(429, None, **{"Retry-After": "3600"}))
    with to(app) as made, pytest.raises(Throttled) as raised:
        list(made.read({"user": ["userName"]}, None))
    assert raised.value.retry_after == 3600


def test_what_a_server_can_do_is_not_guessed_at_while_it_fails(app: Between) -> None:
    app.fail("GET /v2/ServiceProviderConfig", instead(500))
    with pytest.raises(Unreachable, match="What the server can do is not known"):
        to(app).__enter__()


def test_no_request_goes_to_a_host_that_the_configuration_does_not_name(app: Between) -> None:
    elsewhere = "https://elsewhere.example/v2/Users/7"
    app.fail(
        USERS, lambda _asked, do: Reply(201, {**do().body, "meta": {"location": elsewhere}}, {"Location": elsewhere})
    )
    outcome = one(to(app), create(1, user(1)))
    assert outcome.result is Result.DONE
    assert one(to(app), update(outcome.anchor or "", {"title": "x"})).result is Result.DONE
    app.fail("GET /v2/Users", instead(307, None, Location=elsewhere))
    with to(app) as made, pytest.raises(IncompleteRead, match=r"points to https://elsewhere\.example"):
        list(made.read({"user": ["userName"]}, None))


# --- groups, and what others do meanwhile


def direct(app: Between, method: str, path: str, *operations: dict[str, Any]) -> Any:
    """What another hand does, beside the proxy's faults."""
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list(operations)}
    data = json.dumps(body).encode() if operations else b""
    return app.forward(Asked(method, f"/v2{path}", {}, {"content-type": "application/scim+json"}, data)).body


def test_a_disable_and_a_removal_that_come_in_between_are_not_undone(app: Between) -> None:
    for patch, result in (("rfc", Result.DONE), ("none", Result.RETRY)):
        ann = one(to(app), create(1, {"userName": f"ann {patch}"})).anchor or ""
        anchor = one(to(app), create(2, {"displayName": patch}, "group", edges=_edges([ann, "bob"]))).anchor or ""
        out = {"op": "remove", "path": 'members[value eq "bob"]'}
        off = {"op": "replace", "path": "active", "value": False}

        def meanwhile(_asked: Asked, do: Callable[[], Reply]) -> Reply:
            direct(app, "PATCH", f"/Groups/{anchor}", out)  # noqa: B023 - called in this turn
            direct(app, "PATCH", f"/Users/{ann}", off)  # noqa: B023
            return do()

        app.fail(f"(PATCH|PUT) /v2/(Groups/{anchor}|Users/{ann})", meanwhile, times=2)
        outcomes = written(
            to(app, patch=patch),
            update(anchor, {"displayName": "new"}, kind="group", key=1, edges=_edges([f"m{n}" for n in range(150)])),
            update(ann, {"title": "Chef"}, key=2),
        )
        assert outcomes[1].result is result
        assert "bob" not in {one["value"] for one in direct(app, "GET", f"/Groups/{anchor}")["members"]}
        assert direct(app, "GET", f"/Users/{ann}")["active"] is False


def _edges(add: list[str], remove: list[str] | None = None) -> Iterator[EdgeChange]:
    return iter([EdgeChange("members", add, remove or [])])
