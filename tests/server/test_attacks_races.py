"""Two who want the same: one gets it. Names that are taken, objects that changed meanwhile, groups in circles."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.directory.support import device, person, security, unified
from tests.server.sdk import fresh
from tests.server.wire import Wire, refused, sound

BAD = "Request_BadRequest"
NOBODY = "00000000-0000-4000-8000-000000000000"


def at_once(work: Callable[[int], httpx.Response], count: int = 8) -> list[httpx.Response]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


# --- names


def test_of_eight_who_want_a_name_at_once_one_gets_it(wire: Wire) -> None:
    token = wire.client.headers["Authorization"]
    for _ in range(5):
        name = fresh()

        def take(number: int, name: str = name) -> httpx.Response:
            with wire.server.client(headers={"Authorization": token}) as client:
                body = person(f"{name}{number}", userPrincipalName=f"{name}@ACME.example")
                return sound(client.post("/v1.0/users", json=body), wire.server)

        answers = at_once(take)
        assert sorted(one.status_code for one in answers) == [201] + [400] * 7
        for one in answers:
            if one.status_code == 400:
                assert one.json()["error"]["details"][0]["code"] == "ObjectConflict"
        assert wire.get(f"/users/{name}@acme.example").status_code == 200
        assert len(wire.get("/users", filter=f"userPrincipalName eq '{name}@acme.example'").json()["value"]) == 1


def test_an_address_is_one_objects_whatever_its_kind(wire: Wire) -> None:
    address = f"smtp:{fresh()}@acme.example"
    wire.user(proxyAddresses=[address])
    for path, body in (
        ("/users", person(fresh(), proxyAddresses=[address.upper().replace("SMTP", "smtp")])),
        ("/groups", security(fresh(), mailEnabled=True, proxyAddresses=[address])),
        ("/contacts", {"displayName": "c", "mail": address[5:]}),
    ):
        answer = wire.post(path, body)
        refused(answer, 400, BAD, "proxyAddresses")
        assert answer.json()["error"]["details"][0]["code"] == "ObjectConflict"


def test_who_comes_back_finds_the_name_taken(wire: Wire) -> None:
    name = fresh()
    first = wire.user(name)
    wire.ask("DELETE", f"/users/{first}")
    second = wire.user(name)
    answer = wire.post(f"/directory/deletedItems/{first}/restore", {})
    refused(answer, 400, BAD, "userPrincipalName")
    refused(wire.ask("GET", f"/users/{first}"), 404, "Request_ResourceNotFound")
    for wrong in ("no name", f"{name}@acme.example", f"{name}2@elsewhere.example", 5, ["x"]):
        answer = wire.post(f"/directory/deletedItems/{first}/restore", {"newUserPrincipalName": wrong})
        assert answer.status_code == 400
    free = {"newUserPrincipalName": f"{name}2@acme.example"}
    assert wire.post(f"/directory/deletedItems/{first}/restore", free).status_code == 200
    refused(wire.post(f"/directory/deletedItems/{first}/restore", free), 404, "Request_ResourceNotFound")
    assert wire.get(f"/users/{name}@acme.example").json()["id"] == second


# --- objects that are not what they were


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_change_of_something_that_has_changed(wire: Wire, method: str) -> None:
    guid = wire.user()
    seen = wire.get(f"/users/{guid}").headers["ETag"]
    assert wire.ask("PATCH", f"/users/{guid}", json={"jobTitle": "x"}, headers={"If-Match": seen}).status_code == 204
    body = {"json": {"jobTitle": "y"}} if method == "PATCH" else {}
    for old in (seen, 'W/"0"', "x", 'W/"é"', ""):
        answer = wire.ask(method, f"/users/{guid}", headers={"If-Match": old.encode()}, **body)
        refused(answer, 412, "Request_PreconditionFailed")
    now = wire.get(f"/users/{guid}").headers["ETag"]
    assert wire.ask(method, f"/users/{guid}", headers={"If-Match": f'W/"1", {now}'}, **body).status_code == 204


def test_of_eight_who_change_what_they_saw_one_does(wire: Wire) -> None:
    guid = wire.user()
    headers = {
        "Authorization": wire.client.headers["Authorization"],
        "If-Match": wire.get(f"/users/{guid}").headers["ETag"],
    }

    def change(number: int) -> httpx.Response:
        with wire.server.client(headers=headers) as client:
            return sound(client.patch(f"/v1.0/users/{guid}", json={"jobTitle": f"{number}"}), wire.server)

    assert sorted(one.status_code for one in at_once(change)) == [204] + [412] * 7


def test_a_group_goes_while_members_come(wire: Wire) -> None:
    token = wire.client.headers["Authorization"]
    people = [wire.user() for _ in range(24)]
    group = wire.group()

    def work(number: int) -> httpx.Response:
        with wire.server.client(headers={"Authorization": token}) as client:
            answer = None
            if number == 4:
                return sound(client.delete(f"/v1.0/groups/{group}"), wire.server)
            for guid in people[number * 3 : number * 3 + 3]:
                body = wire.reference(guid)
                answer = sound(client.post(f"/v1.0/groups/{group}/members/$ref", json=body), wire.server)
                assert answer.status_code in (204, 404)
            assert answer is not None
            return answer

    answers = at_once(work)
    assert answers[4].status_code == 204
    refused(wire.ask("GET", f"/groups/{group}/members"), 404, "Request_ResourceNotFound")
    assert wire.post(f"/directory/deletedItems/{group}/restore", {}).status_code == 200
    members = {one["id"] for one in wire.get(f"/groups/{group}/members").json()["value"]}
    assert members <= set(people)


def test_of_eight_who_add_the_same_member_one_does(wire: Wire) -> None:
    group, guid = wire.group(), wire.user()

    def add(_: int) -> httpx.Response:
        with wire.server.client(headers={"Authorization": wire.client.headers["Authorization"]}) as client:
            body = wire.reference(guid)
            return sound(client.post(f"/v1.0/groups/{group}/members/$ref", json=body), wire.server)

    assert sorted(one.status_code for one in at_once(add)) == [204] + [400] * 7
    assert [one["id"] for one in wire.get(f"/groups/{group}/members").json()["value"]] == [guid]


# --- members


def test_a_group_inside_itself(wire: Wire) -> None:
    group = wire.group()
    refused(wire.post(f"/groups/{group}/members/$ref", wire.reference(group)), 400, BAD, "member of itself")


def test_groups_in_a_circle_have_an_end(wire: Wire) -> None:
    first, second, third = (wire.group() for _ in range(3))
    guid = wire.user()
    for outer, inner in ((first, second), (second, third), (third, first), (third, guid)):
        assert wire.post(f"/groups/{outer}/members/$ref", wire.reference(inner)).status_code == 204
    inside = {one["id"] for one in wire.get(f"/groups/{first}/transitiveMembers").json()["value"]}
    assert inside == {first, second, third, guid}
    around = {one["id"] for one in wire.get(f"/users/{guid}/transitiveMemberOf").json()["value"]}
    assert around == {first, second, third}
    assert wire.get(f"/groups/{first}", expand="transitiveMembers").status_code == 200


def test_references_by_twenty_at_most(wire: Wire) -> None:
    group = wire.group()
    people = [wire.address(wire.user()) for _ in range(21)]
    refused(wire.ask("PATCH", f"/groups/{group}", json={"members@odata.bind": people}), 400, BAD, "at most 20")
    refused(wire.post("/groups", security(fresh(), **{"members@odata.bind": people})), 400, BAD, "at most 20")
    both = {"members@odata.bind": people[:20], "owners@odata.bind": people[20:]}
    refused(wire.post("/groups", security(fresh(), **both)), 400, BAD, "at most 20")
    assert wire.get(f"/groups/{group}/members").json()["value"] == []
    assert wire.ask("PATCH", f"/groups/{group}", json={"members@odata.bind": people[:20]}).status_code == 204


@pytest.mark.parametrize(
    ("address", "status"),
    [
        *((f"https://graph.microsoft.com/v1.0/directoryObjects/{NOBODY}", 404), (f"/users/{NOBODY}", 404)),
        *(("x", 400), ("https://x/v1.0/directoryObjects/..", 400), ("https://x/v1.0/directoryObjects/a%00b", 400)),
        *(("javascript:alert(1)", 400), ("https://x/v1.0/applications/" + NOBODY, 400), ("/" * 5000, 400)),
    ],
)
def test_a_member_that_is_nobody(wire: Wire, address: str, status: int) -> None:
    group, known = wire.group(), wire.user()
    body = {"members@odata.bind": [wire.address(known), address]}
    assert wire.ask("PATCH", f"/groups/{group}", json=body).status_code == status
    assert wire.post(f"/groups/{group}/members/$ref", {"@odata.id": address}).status_code == status
    assert wire.get(f"/groups/{group}/members").json()["value"] == [], "all are added, or none"


def test_a_member_of_the_wrong_kind(wire: Wire) -> None:
    team, group, user = wire.made("/groups", unified(fresh())), wire.group(), wire.user()
    machine = wire.made("/devices", device(fresh(), int(group[:8], 16)))
    for guid in (group, machine):
        refused(wire.post(f"/groups/{team}/members/$ref", wire.reference(guid)), 400, BAD, "Only users")
    refused(wire.post(f"/groups/{group}/members/$ref", wire.reference(team)), 400, BAD, "Microsoft 365 group")
    refused(wire.post(f"/groups/{group}/owners/$ref", wire.reference(machine)), 400, BAD, "Only users")
    refused(wire.ask("PUT", f"/users/{user}/manager/$ref", json=wire.reference(group)), 404, "Request_ResourceNotFound")
    refused(wire.ask("PUT", f"/users/{user}/manager/$ref", json=wire.reference(user)), 400, BAD, "own manager")


def test_a_member_twice(wire: Wire) -> None:
    group, guid = wire.group(), wire.user()
    twice: dict[str, Any] = {"members@odata.bind": [wire.address(guid), wire.address(guid.upper())]}
    refused(wire.ask("PATCH", f"/groups/{group}", json=twice), 400, BAD, "already exist")
    refused(wire.ask("DELETE", f"/groups/{group}/members/{guid}/$ref"), 404, "Request_ResourceNotFound")
