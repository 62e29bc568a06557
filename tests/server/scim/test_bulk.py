"""Many requests in one: order, references by bulkId, circles, and where it stops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.server.scim.inside import ENTERPRISE, PATCH, Inside, refused

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


@pytest.fixture
def service() -> Iterator[Inside]:
    with Inside() as found:
        yield found


def post(number: str, path: str = "/Users", /, **data: Any) -> dict[str, Any]:
    return {"method": "POST", "path": path, "bulkId": number, "data": data}


def bulk(service: Inside, *operations: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    answer = service.ask("POST", "Bulk", {"schemas": [BULK], "Operations": list(operations), **more})
    assert answer.status == 200, answer.body
    assert answer.body is not None
    found: list[dict[str, Any]] = answer.body["Operations"]
    return found


def test_every_kind_of_request_can_be_part_of_it(service: Inside) -> None:
    old, gone = service.user("old"), service.user("gone")
    told = bulk(
        service,
        post("1", userName="new"),
        {"method": "PUT", "path": f"/Users/{old['id']}", "data": {"userName": "older"}},
        {
            "method": "PATCH",
            "path": "/Users/bulkId:1",
            "data": {"schemas": [PATCH], "Operations": [{"op": "add", "path": "title", "value": "Dr"}]},
        },
        {"method": "DELETE", "path": f"/Users/{gone['id']}", "version": gone["meta"]["version"]},
    )
    assert [one["status"] for one in told] == ["201", "200", "200", "204"]
    assert told[0]["bulkId"] == "1"
    assert told[0]["location"] == told[2]["location"]
    assert service.names("title pr") == ["new"]
    assert service.names("userName pr") == ["new", "older"]


def test_a_group_may_come_before_its_members(service: Inside) -> None:
    told = bulk(
        service,
        post("team", "/Groups", displayName="team", members=[{"value": "bulkId:ada"}, {"value": "bulkId:tim"}]),
        post("ada", userName="ada", **{ENTERPRISE: {"manager": {"value": "bulkId:tim"}}}),
        post("tim", userName="tim"),
    )
    assert [one["status"] for one in told] == ["201", "201", "201"]
    (group,) = service.get("Groups")["Resources"]
    users = {one["userName"]: one for one in service.get("Users")["Resources"]}
    assert {one["value"] for one in group["members"]} == {one["id"] for one in users.values()}
    assert users["ada"][ENTERPRISE]["manager"]["value"] == users["tim"]["id"]


def test_two_who_manage_each_other_are_both_made(service: Inside) -> None:
    told = bulk(
        service,
        post("a", userName="a", **{ENTERPRISE: {"department": "X", "manager": {"value": "bulkId:b"}}}),
        post("b", userName="b", **{ENTERPRISE: {"manager": {"value": "bulkId:a"}}}),
    )
    assert [one["status"] for one in told] == ["201", "201"]
    users = {one["userName"]: one for one in service.get("Users")["Resources"]}
    assert users["a"][ENTERPRISE]["manager"]["value"] == users["b"]["id"]
    assert users["b"][ENTERPRISE]["manager"]["value"] == users["a"]["id"]


def test_it_stops_after_so_many_errors(service: Inside) -> None:
    wrong = [post(str(number), title="no name") for number in range(3)]
    told = bulk(service, *wrong, post("right", userName="right"), failOnErrors=2)
    assert [one["status"] for one in told] == ["400", "400"]
    assert told[0]["response"]["scimType"] == "invalidValue"
    assert "location" not in told[0]
    assert service.names("userName pr") == []
    told = bulk(service, *wrong, post("right", userName="right"))
    assert [one["status"] for one in told] == ["400", "400", "400", "201"]


def test_who_refers_to_what_could_not_be_made_is_not_made_either(service: Inside) -> None:
    told = bulk(
        service,
        post("team", "/Groups", displayName="team", members=[{"value": "bulkId:ada"}]),
        post("ada", title="no name"),
        {"method": "DELETE", "path": "/Users/bulkId:unheard"},
    )
    assert [one["status"] for one in told] == ["409", "400", "409"]
    assert service.get("Groups")["totalResults"] == 0


def test_what_fails_inside_is_one_operation_s_error(service: Inside) -> None:
    service.user("there")
    service.memory.faults.unreachable = True
    service.live.leave()
    told = bulk(service, post("1", userName="new"), post("2", userName="newer"))
    assert [one["status"] for one in told] == ["503", "503"]


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"Operations": []}, 400, "invalidSyntax"),
        ({"schemas": [BULK]}, 400, "invalidSyntax"),
        ({"schemas": [BULK], "Operations": ["x"]}, 400, "invalidSyntax"),
        ({"schemas": [BULK], "Operations": [{"method": "GET", "path": "/Users"}]}, 400, "invalidSyntax"),
        ({"schemas": [BULK], "Operations": [{"method": "POST", "path": "/Users"}]}, 400, "invalidSyntax"),
        ({"schemas": [BULK], "Operations": [{"method": "PUT", "path": "Users/1"}]}, 400, "invalidSyntax"),
        ({"schemas": [BULK], "Operations": [post("1"), post("1")]}, 400, "invalidValue"),
        ({"schemas": [BULK], "Operations": [], "failOnErrors": 0}, 400, "invalidValue"),
        ({"schemas": [BULK], "Operations": [post(str(one)) for one in range(1001)]}, 413, "tooMany"),
    ],
)
def test_what_is_no_bulk_is_told(service: Inside, body: dict[str, Any], status: int, kind: str) -> None:
    refused(service.ask("POST", "Bulk", body), status, kind)


def test_a_bulk_holds_no_bulk(service: Inside) -> None:
    inner = {"schemas": [BULK], "Operations": []}
    (told,) = bulk(service, {"method": "POST", "path": "/Bulk", "bulkId": "1", "data": inner})
    assert told["status"] == "400"
