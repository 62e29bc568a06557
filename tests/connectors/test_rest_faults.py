"""What an application does that it should not: no duplicate, no loss, a clear state for each object."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from muster.connectors.kit.guard import Guard
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.errors import IncompleteRead, Throttled, Unreachable
from tests.connectors.restapi import Fault, NewApi, OldApi, Reply, after, dropped, instead, page, slow
from tests.connectors.sessions import create, one, update, written
from tests.connectors.test_rest import USER, new, old, pages


@pytest.fixture(scope="module")
def server() -> Iterator[NewApi]:
    with NewApi() as found:
        yield found


@pytest.fixture
def api(server: NewApi) -> NewApi:
    server.reset()
    server.asked.clear()
    server.faults.clear()
    return server


def guarded(api: NewApi, *changes: Change, **changed: Any) -> dict[int, Outcome]:
    """The outcomes behind the guard, which tries again what is worth it."""
    with Guard(new(api, **changed), system="app", sleep=lambda _: None) as guard:
        return {found.key: found for found in guard.write(iter(changes))}


def other_record(_asked: Any, do: Callable[[], Reply]) -> Reply:
    do()
    return Reply(201, {"id": 1, "login": "somebody else"})


@pytest.mark.parametrize(
    "fault",
    [after(500), after(200), after(201, {"id": None}), page(200), dropped, slow(1.5), other_record, after(504)],
    ids=["500", "no answer body", "no id", "a web page", "lost connection", "too late", "another's record", "gateway"],
)
def test_a_create_that_nobody_answered_is_not_done_twice(api: NewApi, fault: Fault) -> None:
    def make_and_fail(asked: Any, do: Callable[[], Reply]) -> Reply | None:
        do()
        return fault(asked, lambda: Reply(201, {"id": 101, "login": "a"}))

    api.unique = False
    api.fail("POST /api/users", make_and_fail)
    outcome = guarded(api, create(1, {"login": "a"}), timeout=1)[1]
    assert (outcome.result, outcome.anchor) == (Result.EXISTS, "101")
    assert "found there afterwards" in outcome.reason
    assert [one["login"] for one in api.users.values()] == ["a"]


def test_a_create_that_was_not_done_is_tried_again(api: NewApi) -> None:
    api.fail("POST /api/users", instead(500, {"error": {"message": "out of luck"}}))
    outcome = guarded(api, create(1, {"login": "a"}))[1]
    assert (outcome.result, outcome.anchor) == (Result.DONE, "101")
    assert len(api.users) == 1


def test_a_create_that_is_done_late_is_not_done_twice(api: NewApi) -> None:
    def late(_asked: Any, do: Callable[[], Reply]) -> Reply:
        found = do()
        api._create({"login": "a"}, api.users)
        return found

    api.unique = False
    api.fail("POST /api/users", instead(500))
    api.fail("GET /api/users", late)
    outcome = guarded(api, create(1, {"login": "a"}))[1]
    assert (outcome.result, outcome.anchor) == (Result.EXISTS, "101")
    assert len(api.users) == 1


def test_a_doubtful_create_with_nothing_to_look_for_is_not_sent_again(api: NewApi) -> None:
    api.fail("POST /api/users", after(500), times=3)
    outcome = guarded(api, create(1, {"name": "Ann"}))[1]
    assert outcome.result is Result.REJECTED
    assert "It cannot be looked for, as it has no login" in outcome.reason
    assert len(api.users) == 1


def test_a_create_that_cannot_be_looked_for_ends_the_session_and_is_not_sent_again(api: NewApi) -> None:
    api.fail("POST /api/users", lambda _asked, _do: None)
    api.fail("GET /api/users", lambda _asked, _do: None)
    outcomes = guarded(api, create(1, {"login": "a"}), create(2, {"login": "b"}))
    assert {found.result for found in outcomes.values()} == {Result.RETRY}
    assert api.lines().count("POST /api/users") == 1


def test_a_connection_lost_in_the_middle_of_a_batch_loses_and_doubles_nobody(api: NewApi) -> None:
    def half(asked: Any, _do: Callable[[], Reply]) -> None:
        for record in asked.json["records"][:2]:
            api._create(record, api.users)

    batch = {"request": "POST /users/bulk", "body": {"records": "{items}"}, "answers": "results"}
    user = {**USER, "create": {"request": "POST /users", "batch": batch}}
    changes = [create(n, {"login": f"u{n}"}) for n in range(1, 5)]
    api.fail("POST /api/users/bulk", half)
    first = guarded(api, *changes, user=user)
    assert [str(first[n].result) for n in range(1, 5)] == ["exists", "exists", "retry", "retry"]
    second = guarded(api, *[change for change in changes if first[change.key].result is Result.RETRY], user=user)
    assert {found.result for found in second.values()} == {Result.DONE}
    assert sorted(found["login"] for found in api.users.values()) == ["u1", "u2", "u3", "u4"]


def test_fewer_answers_than_objects_leave_nobody_in_doubt(api: NewApi) -> None:
    def one_answer(_asked: Any, do: Callable[[], Reply]) -> Reply:
        return Reply(200, {"results": do().body["results"][:1]})

    batch = {"request": "POST /users/bulk", "body": {"records": "{items}"}, "answers": "results"}
    user = {**USER, "create": {"request": "POST /users", "batch": batch}}
    api.fail("POST /api/users/bulk", one_answer)
    outcomes = guarded(api, *[create(n, {"login": f"u{n}"}) for n in (1, 2, 3)], user=user)
    assert {found.result for found in outcomes.values()} == {Result.EXISTS}
    assert [outcomes[n].anchor for n in (1, 2, 3)] == ["101", "102", "103"]


def test_an_update_answered_with_another_record_is_told(api: NewApi) -> None:
    connector = new(api)
    anchor = one(connector, create(1, {"login": "a"})).anchor or ""
    api.fail(f"PATCH /api/users/{anchor}", after(200, {"id": 999, "login": "b"}))
    outcome = one(connector, update(anchor, {"title": "x"}))
    assert outcome.result is Result.REJECTED
    assert "was answered with user 999" in outcome.reason


def test_another_record_than_asked_is_not_taken_for_it(api: NewApi) -> None:
    connector = new(api)
    anchor = one(connector, create(1, {"login": "a"})).anchor or ""
    for fault in (instead(200, {"id": 999, "login": "b"}), instead(200, {}), page(200), page(404)):
        api.fail(f"GET /api/users/{anchor}", fault)
        with connector, pytest.raises(IncompleteRead):
            connector.get("user", anchor)


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_web_page_says_not_that_somebody_is_gone(api: NewApi, method: str) -> None:
    connector = new(api)
    anchor = one(connector, create(1, {"login": "a"})).anchor or ""
    api.fail(f"{method} /api/users/{anchor}", page(404))
    change = update(anchor, {"title": "x"}) if method == "PATCH" else Change(1, "user", Action.DELETE, anchor)
    outcome = one(connector, change)
    assert outcome.result is Result.REJECTED
    assert "404 with a web page" in outcome.reason
    assert "A login page, a proxy or a wrong address answers there" in outcome.reason


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (page(200), "with a web page. A login page"),
        (instead(302, None, Location="https://elsewhere.example/"), "which points to https://elsewhere.example/"),
        (
            instead(404, {"error": {"message": "no such path"}}),
            "404: no such path. Correct the request's method and path",
        ),
        (instead(200, {"data": {}}), "without a list at 'data'"),
    ],
)
def test_a_list_that_is_none_is_no_empty_list(api: NewApi, fault: Fault, said: str) -> None:
    api.fail("GET /api/users", fault)
    with pytest.raises(IncompleteRead, match=said.replace("(", r"\(")):
        pages(new(api), "login")


@pytest.mark.parametrize("link", ["https://elsewhere.example/api/users?page=2", "//elsewhere.example/x"])
@pytest.mark.parametrize("by", ["next", "link"])
def test_no_request_goes_to_a_host_that_the_configuration_does_not_name(api: NewApi, by: str, link: str) -> None:
    paging: dict[str, Any] = {"by": by} if by == "link" else {"by": by, "at": "meta.url"}
    user = {**USER, "read": {"request": "GET /users", "items": "data", "paging": paging}}
    headers = {"Link": f'<{link}>; rel="next"'}
    api.fail("GET /api/users", lambda _asked, _do: Reply(200, {"data": [], "meta": {"url": link}}, headers))
    with pytest.raises(Unreachable, match=r"a link leads to elsewhere\.example, away from"):
        pages(new(api, user=user), "login")


def test_links_of_the_same_server_are_followed(api: NewApi) -> None:
    for n in range(4):
        one(new(api), create(n, {"login": f"u{n}"}))
    user = {**USER, "read": {"request": "GET /users", "items": "data", "paging": {"by": "link"}}}
    api.fail(
        "GET /api/users", lambda _asked, do: Reply(200, do().body, {"Link": '</api/users?cursor=3>; rel="last next"'})
    )
    read = pages(new(api, user=user), "login")
    assert len([found for page in read for found in page.objects]) == 4
    assert read[-1].complete_for == {("user", "")}


def test_a_list_that_goes_in_a_circle_ends(api: NewApi) -> None:
    api.fail("GET /api/users", instead(200, {"data": [], "meta": {"next": "5"}}), times=5)
    with pytest.raises(IncompleteRead, match="goes in a circle"):
        pages(new(api), "login")


def test_an_answer_without_end_is_not_read_to_its_end(api: NewApi) -> None:
    api.fail("GET /api/users", instead(200, {"data": [], "more": "x" * 5000}))
    with pytest.raises(IncompleteRead, match="more than 2000 bytes"):
        pages(new(api, largest=2000), "login")


def test_an_application_that_asks_for_patience_has_it_within_bounds(api: NewApi) -> None:
    api.fail("GET /api/users", instead(429, None, **{"Retry-After": "0"}))
    assert pages(new(api), "login")[-1].last
    api.fail("GET /api/users", instead(429, None, **{"Retry-After": "3600"}))
    with pytest.raises(Throttled) as raised:
        pages(new(api), "login")
    assert raised.value.retry_after == 3600


def test_one_record_that_cannot_be_read_is_a_problem_and_stops_nothing(api: NewApi) -> None:
    written(new(api), create(1, {"login": "a"}), create(2, {"login": "b"}), create(3, {"login": "c"}))
    api.users[102]["profile"] = {"age": "old"}
    api.users[103]["id"] = None
    read = pages(new(api), "login", "age")
    assert [found.anchor for page in read for found in page.objects] == ["101"]
    told = [(problem.anchor, problem.message) for page in read for problem in page.problems]
    assert [anchor for anchor, _ in told] == ["102", None]
    assert "age: expected a whole number, found 'old'" in told[0][1]


def test_a_list_that_shrinks_under_the_reader_is_read_again() -> None:
    with OldApi() as api:
        for n in range(7):
            api._add({"KEY": f"u{n}", "NAME": "x", "STATE": "A"})

        def shrink(_asked: Any, do: Callable[[], Reply]) -> Reply:
            found = do()
            del api.people["u0"]
            return found

        api.fail("GET /rpc/person", shrink)
        read = pages(old(api), "name", kind="person")
    found = {found.anchor for page in read for found in page.objects}
    assert {f"u{n}" for n in range(1, 7)} <= found
    assert read[-1].complete_for == {("person", "")}


def test_a_server_without_a_total_proves_itself_by_a_second_pass(api: NewApi) -> None:
    for n in range(5):
        one(new(api), create(n, {"login": f"u{n}"}))
    paging = {"by": "offset", "parameter": "cursor", "size": "limit", "count": 3}
    user = {**USER, "read": {"request": "GET /users", "items": "data", "paging": paging}}
    api.asked.clear()
    read = pages(new(api, user=user), "login")
    assert len([found for page in read for found in page.objects]) == 5
    assert read[-1].complete_for == {("user", "")}
    assert len(api.asked) == 6
