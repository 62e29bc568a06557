"""Lists: order, pages, and which attributes come."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from muster.server.scim.listings import Listings
from tests.server.scim.inside import ENTERPRISE, Inside, refused

SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


@pytest.fixture(scope="module")
def many() -> Iterator[Inside]:
    with Inside() as service:
        for number in range(25):
            title = {"title": f"title {24 - number:02}"} if number % 5 else {}
            service.user(f"user{number:02}", name={"familyName": "One"}, **title)
        service.made("Groups", displayName="everybody")
        yield service


def test_pages_by_index_show_everybody_once(many: Inside) -> None:
    pages = [many.get("Users", startIndex=str(start), count="10") for start in (1, 11, 21)]
    assert [page["itemsPerPage"] for page in pages] == [10, 10, 5]
    assert {page["totalResults"] for page in pages} == {25}
    assert len({one["id"] for page in pages for one in page["Resources"]}) == 25
    assert many.get("Users", count="0")["Resources"] == []
    assert many.get("Users", startIndex="-5", count="-1")["startIndex"] == 1
    assert many.get("Users", startIndex="100")["Resources"] == []


def test_later_pages_neither_search_again_nor_shift(many: Inside) -> None:
    first = many.get("Users", startIndex="1", count="10")
    many.asked.clear()
    gone = many.user("soon-gone")
    second = many.get("Users", startIndex="11", count="10")
    assert not any(one.startswith("read") for one in many.asked)
    assert not {one["id"] for one in first["Resources"]} & {one["id"] for one in second["Resources"]}
    many.ask("DELETE", f"Users/{gone['id']}")


def test_pages_by_cursor_lead_to_the_end_and_back(many: Inside) -> None:
    page = many.get("Users", cursor="", count="10")
    seen = [one["id"] for one in page["Resources"]]
    assert "startIndex" not in page
    assert "previousCursor" not in page
    while "nextCursor" in page:
        before, page = page, many.get("Users", cursor=page["nextCursor"], count="10")
        seen += [one["id"] for one in page["Resources"]]
        back = many.get("Users", cursor=page["previousCursor"], count="10")
        assert back["Resources"] == before["Resources"]
    assert len(seen) == len(set(seen)) == 25


def test_a_cursor_is_good_for_its_own_query_and_client(many: Inside) -> None:
    cursor = many.get("Users", cursor="", count="10")["nextCursor"]
    refused(many.ask("GET", "Users", cursor=cursor, filter="title pr"), 400, "invalidCursor")
    refused(many.ask("GET", "Groups", cursor=cursor), 400, "invalidCursor")
    refused(many.ask("GET", "Users", cursor="0123456789abcdef.10"), 400, "expiredCursor")
    refused(many.ask("GET", "Users", cursor="what"), 400, "invalidCursor")
    refused(many.ask("GET", "Users", cursor=cursor, startIndex="1"), 400, "invalidValue")


def test_what_a_query_found_is_forgotten_after_a_while() -> None:
    now = [0.0]
    listings = Listings(lambda: now[0])
    kept = listings.keep(("me",), [("users", "1")])
    assert listings.of(("me",)) is kept
    now[0] = 301.0
    assert listings.of(("me",)) is None
    assert listings.of(("somebody else",)) is None


def test_lists_are_sorted_and_who_has_nothing_comes_last(many: Inside) -> None:
    up = many.get("Users", sortBy="title", count="50")["Resources"]
    titles = [one.get("title") for one in up]
    assert titles[:20] == sorted(title for title in titles if title)
    assert titles[20:] == [None] * 5
    down = many.get("Users", sortBy="urn:ietf:params:scim:schemas:core:2.0:User:title", sortOrder="descending")
    assert [one.get("title") for one in down["Resources"]][5:] == titles[:20][::-1]
    assert many.get("Users", sortBy="name.familyName", count="1")["totalResults"] == 25
    refused(many.ask("GET", "Users", sortBy="name"), 400, "invalidPath")
    refused(many.ask("GET", "Users", sortOrder="sideways"), 400, "invalidValue")


def test_only_what_is_asked_for_comes(many: Inside) -> None:
    made = many.user(
        "whole",
        name={"familyName": "F", "givenName": "G"},
        emails=[{"type": "work", "value": "w@x"}],
        **{ENTERPRISE: {"department": "D"}},
    )
    where = f"Users/{made['id']}"
    assert set(many.get(where, attributes="userName")) == {"schemas", "id", "userName"}
    assert many.get(where, attributes="NAME.givenname")["name"] == {"givenName": "G"}
    assert many.get(where, attributes="emails.value")["emails"] == [{"value": "w@x"}]
    assert many.get(where, attributes=f"{ENTERPRISE}:department")[ENTERPRISE] == {"department": "D"}
    assert many.get(where, attributes=ENTERPRISE)[ENTERPRISE] == {"department": "D"}
    less = many.get(where, excludedAttributes=f"emails,name.givenName,{ENTERPRISE},id")
    assert less["id"] == made["id"]
    assert less["name"] == {"familyName": "F"}
    assert not {"emails", ENTERPRISE} & set(less)
    both = many.ask("GET", where, attributes="userName", excludedAttributes="name")
    refused(both, 400, "invalidValue")
    many.ask("DELETE", where)


def test_a_search_is_a_query_by_post(many: Inside) -> None:
    body = {"schemas": [SEARCH], "filter": 'userName eq "user07"', "attributes": ["userName"]}
    found = many.ask("POST", "Users/.search", body).body
    assert found is not None
    assert [one["userName"] for one in found["Resources"]] == ["user07"]
    everything = many.ask("POST", ".search", {"schemas": [SEARCH], "count": 5, "sortBy": "displayName"}).body
    assert everything is not None
    assert everything["totalResults"] == 26
    assert everything["Resources"][0]["displayName"] == "everybody"
    refused(many.ask("POST", ".search", {"filter": "title pr"}), 400, "invalidSyntax")


def test_me_is_the_user_that_the_token_was_made_for(many: Inside) -> None:
    refused(many.ask("GET", "Me"), 501)
    made = many.user("me")
    token = many.token
    try:
        many.token = type(token)("2", "app", "mine", b"", made["id"], 0, None)
        assert many.get("Me") == made
        changed = many.changed("Me", {"op": "replace", "path": "title", "value": "Myself"})
        assert changed["title"] == "Myself"
        assert many.ask("DELETE", "Me").status == 204
        refused(many.ask("GET", "Me"), 404)
    finally:
        many.token = token


def test_in_staging_everything_is_read_and_nothing_written(many: Inside) -> None:
    many.closed = "app is in staging: nothing is written to it."
    try:
        assert many.get("Users")["totalResults"] == 25
        for method, path in (("POST", "Users"), ("PUT", "Users/1"), ("PATCH", "Users/1"), ("DELETE", "Users/1")):
            assert "staging" in refused(many.ask(method, path, {"userName": "x"}), 403)
        refused(many.ask("POST", "Bulk", {}), 403)
    finally:
        many.closed = None
