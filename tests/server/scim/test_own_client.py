"""Muster's own SCIM connector as a client of the gateway: bulks, versions, cursors."""

from __future__ import annotations

from typing import Any

from muster.connectors.scim import ScimConnector
from muster.connectors.scim.answers import Request
from muster.model.changes import Action, Change, EdgeChange, Result
from tests.connectors.sessions import create, one, update, written
from tests.connectors.test_scim import connector
from tests.servers.gateway import GatewayServer


def to(gateway: GatewayServer, **changed: Any) -> ScimConnector:
    return connector(gateway.address("app"), gateway.tokens["app"], ca=gateway.certificate, page_size=40, **changed)


def test_people_and_their_group_go_in_bulks_and_come_back_by_cursor(gateway: GatewayServer) -> None:
    people = [create(n, {"userName": f"bulk{n}", "displayName": f"Person {n}", "enabled": True}) for n in range(90)]
    outcomes = written(to(gateway, bulk_size=30), *people)
    assert {outcomes[n].result for n in range(90)} == {Result.DONE}
    again = one(to(gateway), create(90, {"userName": "bulk7"}))
    assert (again.result, again.anchor) == (Result.EXISTS, outcomes[7].anchor)
    ids = [outcomes[n].anchor or "" for n in range(90)]
    group = create(1, {"displayName": "everybody"}, "group", edges=iter([EdgeChange("members", ids, [])]))
    anchor = one(to(gateway), group).anchor or ""
    out = iter([EdgeChange("members", [], ids[:50])])
    assert one(to(gateway, members_per_patch=20), update(anchor, kind="group", edges=out)).result is Result.DONE
    with to(gateway) as made:
        assert "bulks of 20, versions, cursors" in made.check().message
        found = list(made.read({"user": ["userName", "enabled"]}, None))
        members = [value for page in made.references("group", anchor, "members") for value in page.values]
    assert {f"bulk{n}" for n in range(90)} <= {one.values["userName"] for page in found for one in page.objects}
    assert found[-1].complete_for == {("user", "")}
    assert sorted(members) == sorted(ids[50:])


def test_a_write_over_what_another_hand_changed_meanwhile_is_a_conflict(gateway: GatewayServer) -> None:
    anchor = one(to(gateway), create(1, {"userName": "etag", "title": "Chef", "enabled": True})).anchor or ""
    for patch in ("rfc", "none"):
        with to(gateway, patch=patch) as made, to(gateway) as other:
            send = made._session.send

            def overtaken(requests: Any) -> Any:
                if requests[0].method in ("PATCH", "PUT", "DELETE"):
                    list(other.write([Change(9, "user", Action.DISABLE, anchor, {"enabled": False, "title": "Cook"})]))
                return send(requests)  # noqa: B023

            made._session.send = overtaken  # type: ignore[method-assign]
            change = update(anchor, {"title": "Boss"}, expected={"title": "Chef"})
            (outcome,) = made.write([change])
            assert outcome.result is Result.CONFLICT
            assert "412" in outcome.reason
            found = made.get("user", anchor)
        assert found is not None
        assert (found.values["title"], found.values["enabled"]) == ("Cook", False)
        assert one(to(gateway), update(anchor, {"title": "Chef", "enabled": True})).result is Result.DONE


def test_a_bulk_holds_each_to_its_version(gateway: GatewayServer) -> None:
    made = to(gateway)
    ids = [found.anchor or "" for found in written(made, *[create(n, {"userName": f"v{n}"}) for n in (1, 2)]).values()]
    with made:
        kind = made._types["user"]
        version = made._session.ask(made._session.resource(kind, ids[0])).version
        deletes = [
            Request("DELETE", f"/Users/{ids[0]}", version=version),
            Request("DELETE", f"/Users/{ids[1]}", version='W/"0"'),
        ]
        assert [answer.status for answer in made._session.send(deletes)] == [204, 412]
