"""Requests with holes, paths into documents, and what answers mean: without a server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from muster.connectors.rest import templates
from muster.connectors.rest.answers import answer, meaning, said
from muster.connectors.rest.paging import next_link
from muster.connectors.rest.picks import pick
from muster.connectors.rest.reading import written
from muster.connectors.rest.requests import Form, ListRequest, Request
from muster.connectors.rest.settings import Meaning, RestObject, RestSettings, Rule
from muster.connectors.rest.templates import Unfit
from muster.model.secrets import Secret

DOCUMENT = {"a": {"b c": [{"type": "work", "value": 1}, {"type": "home", "value": 2}]}, "ok": True}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ('a."b c"[0].value', 1),
        ("$.a['b c'][1].value", 2),
        ('$.a["b c"][*].type', ["work", "home"]),
        ("$.a['b c'][?(@.type=='home')].value", [2]),
        ("$.a['b c'][0:1].type", ["work"]),
        ("$", DOCUMENT),
        ("$.ok", True),
        ("nothing.there", None),
        ("a.b[0]", None),
    ],
)
def test_a_path_finds(path: str, found: Any) -> None:
    assert pick(path)(DOCUMENT) == found


@pytest.mark.parametrize("path", ["$..author", "$.a[?(@.b>3)]", "a.[", "$.a[?(@.b=='x`y')]"])
def test_a_path_that_is_not_understood_is_told(path: str) -> None:
    with pytest.raises(ValueError, match=r"is not understood|is no JMESPath"):
        pick(path)


@pytest.mark.parametrize(
    ("path", "steps"),
    [("a", ("a",)), ('a."b c"', ("a", "b c")), ("$.a['b']", ("a", "b")), ("a[0]", None), ("a || b", None), ("@", None)],
)
def test_only_names_can_be_written(path: str, steps: tuple[str, ...] | None) -> None:
    assert pick(path).writable == steps


def test_values_are_encoded_wherever_they_stand() -> None:
    known = {"x": "a/b?c=d&\"e'", "n": 3, "flag": True, "secret": Secret("s")}
    assert templates.path("/u/{x}/{n}", known) == "/u/a%2Fb%3Fc%3Dd%26%22e%27/3"
    assert templates.query({"q": "{x}", "f": "n eq {x|odata}", "j": "n eq {x|json}"}, known) == {
        "q": "a/b?c=d&\"e'",
        "f": "n eq 'a/b?c=d&\"e'''",
        "j": 'n eq "a/b?c=d&\\"e\'"',
    }
    body = {"n": "{n}", "t": "no. {n}", "f": ["{flag}"], "absent": "{nobody}", "p": "{secret}"}
    assert templates.body(body, known) == {"n": 3, "t": "no. 3", "f": [True], "p": "s"}
    assert templates.form({"a": "{n}", "b": "{flag}", "c": "{nobody}"}, known) == {"a": "3", "b": "true"}


@pytest.mark.parametrize(
    ("template", "value"), [("/u/{x}", ".."), ("/u/{x}/y", "."), ("/u/{x}", ""), ("/u/{x}", ["a"])]
)
def test_a_value_that_would_lead_elsewhere_is_refused(template: str, value: Any) -> None:
    with pytest.raises(Unfit):
        templates.path(template, {"x": value})


def test_a_header_holds_no_second_line() -> None:
    with pytest.raises(Unfit, match="X-Who"):
        templates.headers({"X-Who": "{x}"}, {"x": "a\r\nX-Admin: yes"})


def test_a_bare_value_inside_a_longer_query_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"\{value\} inside a longer text needs to be quoted: \{value\|json\}"):
        Request(request="GET /u", query={"filter": "login eq {value}"})


@pytest.mark.parametrize(
    ("status", "content", "kind", "operation", "means"),
    [
        (200, b"{}", "application/json", "update", Meaning.DONE),
        (204, b"", "", "delete", Meaning.DONE),
        (404, b"{}", "application/json", "update", Meaning.GONE),
        (404, b"", "", "create", Meaning.REFUSE),
        (404, b"<html>", "text/html", "delete", Meaning.REFUSE),
        (409, b"{}", "application/json", "create", Meaning.EXISTS),
        (409, b"{}", "application/json", "update", Meaning.REFUSE),
        (412, b"", "", "update", Meaning.CONFLICT),
        (500, b"<html>", "text/html", "update", Meaning.RETRY),
        (501, b"", "", "update", Meaning.REFUSE),
        (302, b"", "", "update", Meaning.REFUSE),
        (200, b"<!DOCTYPE html>", "text/plain", "update", Meaning.REFUSE),
        (400, b'{"code": "dup"}', "application/json", "create", Meaning.EXISTS),
        (400, b'{"code": "dup"}', "application/json", "update", Meaning.REFUSE),
    ],
)
def test_what_an_answer_means(status: int, content: bytes, kind: str, operation: str, means: Meaning) -> None:
    rules = [Rule(status=400, when="code == 'dup'", to="create", means=Meaning.EXISTS)]
    assert meaning(answer(status, content, kind, {}, ""), operation, rules) is means


def test_an_error_is_said_in_the_applications_own_words() -> None:
    found = answer(400, b'{"error": {"message": "bad  name."}, "why": "w"}', "application/json", {}, "")
    assert said(found, None) == "400: bad name"
    assert said(found, pick("why")) == "400: w"
    assert said(answer(502, b"<html>", "text/html", {}, ""), None) == "502 with a web page"


@pytest.mark.parametrize(
    ("header", "link"),
    [
        ('<https://a/x?p=2>; rel="next", <https://a/x?p=9>; rel="last"', "https://a/x?p=2"),
        ("</x?a=1,2>; title=t; rel=next", "/x?a=1,2"),
        ('<https://a/x>; rel="prev"', None),
        ("", None),
        ("next", None),
    ],
)
def test_the_next_page_of_a_link_header(header: str, link: str | None) -> None:
    assert next_link(header) == link


def test_an_instant_as_applications_want_it() -> None:
    moment = datetime(2026, 1, 31, 17, tzinfo=UTC)
    assert written(moment, Form.ISO) == "2026-01-31T17:00:00Z"
    assert written(moment, Form.EPOCH) == "1769878800"
    assert written(moment, Form.MILLISECONDS) == "1769878800000"


MINIMAL: dict[str, Any] = {"attributes": {"id": "text", "login": "text"}, "read": "GET /users"}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"anchor": "uid"}, "`anchor` names 'uid', which is not among `attributes`"),
        ({"create": "POST /users"}, "`create` needs `unique`"),
        ({"update": "PATCH /users/{uid}"}, r"`update`: \{uid\} is nothing that is known there"),
        ({"delete": "DELETE users"}, "expected a method and a path, such as GET /users"),
        ({"disable": "POST /users/{id}/off"}, "give `enable` and `disable`, or neither"),
        ({"read": {"request": "GET /users", "paging": {"by": "cursor"}}}, "`by: cursor` needs `parameter`"),
        ({"read": {"request": "GET /users", "items": "a.["}}, "is no JMESPath"),
    ],
)
def test_what_does_not_fit_together_is_told_before_anything_is_sent(more: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        RestObject.model_validate({**MINIMAL, **more})


def test_a_login_says_what_it_lacks() -> None:
    with pytest.raises(ValidationError, match="`kind: oauth2` needs `token_url` and `client_id` and `client_secret`"):
        RestSettings.model_validate({"url": "https://x", "login": {"kind": "oauth2"}})
    with pytest.raises(ValidationError, match="expected https://host/path"):
        RestSettings.model_validate({"url": "ftp://x"})


def test_a_line_is_a_request() -> None:
    made = ListRequest.model_validate("GET /users")
    assert (made.method, made.path, made.items) == ("GET", "/users", "@")
