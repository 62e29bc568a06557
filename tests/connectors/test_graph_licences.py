"""Licences of users: given and taken by the action that Graph has for it."""

from __future__ import annotations

from typing import Any

from muster.model.changes import Result
from muster.model.objects import Page
from muster.model.values import items
from tests.connectors.graphs import PASSWORD, Graph, fresh, person, to
from tests.connectors.sessions import create, one, update, written
from tests.servers.muster import MusterServer

LICENCES = "assignedLicenses"


def licence(server: MusterServer, units: int = 5) -> str:
    """A product of which there are so many licences; gives the id."""
    return str(server.muster("directory", "licence", "set", fresh(), str(units))["sku_id"])


def held(graph: Graph, user: str) -> dict[str, Any]:
    """What somebody has: the disabled plans by licence."""
    found = graph("GET", f"/users/{user}?$select={LICENCES}")[LICENCES]
    return {one["skuId"]: one["disabledPlans"] for one in found}


def test_licences_come_with_a_new_user_and_change_with_them(muster_server: MusterServer, graph: Graph) -> None:
    suite, mail, phone = (licence(muster_server) for _ in range(3))
    values = person(fresh(), usageLocation="CH", **{LICENCES: [suite, mail]})
    outcome = one(to(muster_server), create(1, values, password=PASSWORD))
    assert (outcome.result, outcome.reason) == (Result.DONE, "")
    ada = str(outcome.anchor)
    assert set(held(graph, ada)) == {suite, mail}

    done = one(to(muster_server), update(ada, {LICENCES: [suite.upper(), phone], "jobTitle": "Chief"}))
    assert done.result is Result.DONE
    assert set(held(graph, ada)) == {suite, phone}
    done = one(to(muster_server), update(ada, add={LICENCES: [mail]}, remove={LICENCES: [suite]}))
    assert done.result is Result.DONE
    assert set(held(graph, ada)) == {mail, phone}
    assert one(to(muster_server), update(ada, {LICENCES: None})).result is Result.DONE
    assert held(graph, ada) == {}


def test_a_usage_location_of_the_same_change_is_there_before_the_licence(
    muster_server: MusterServer, graph: Graph
) -> None:
    suite = licence(muster_server)
    bo = str(one(to(muster_server), create(1, person(fresh()), password=PASSWORD)).anchor)
    refused = one(to(muster_server), update(bo, {LICENCES: [suite]}))
    assert refused.result is Result.REJECTED
    assert "usage location" in refused.reason
    assert one(to(muster_server), update(bo, {LICENCES: [suite], "usageLocation": "CH"})).result is Result.DONE
    assert set(held(graph, bo)) == {suite}


def test_what_stays_keeps_its_disabled_plans(muster_server: MusterServer, graph: Graph) -> None:
    told = muster_server.muster("directory", "licence", "set", fresh(), "5", "--plan", "CHAT")
    suite, mail = str(told["sku_id"]), licence(muster_server)
    plans = {one["skuId"]: one["servicePlans"] for one in graph("GET", "/subscribedSkus")["value"]}
    chat = plans[suite][0]["servicePlanId"]
    cy = str(one(to(muster_server), create(1, person(fresh(), usageLocation="CH"), password=PASSWORD)).anchor)
    body = {"addLicenses": [{"skuId": suite, "disabledPlans": [chat]}], "removeLicenses": []}
    graph("POST", f"/users/{cy}/assignLicense", body)
    assert one(to(muster_server), update(cy, {LICENCES: [suite, mail]})).result is Result.DONE
    assert held(graph, cy) == {suite: [chat], mail: []}


def test_when_none_is_left_who_goes_without_is_told(muster_server: MusterServer) -> None:
    last = licence(muster_server, 1)
    changes = [create(n, person(fresh(), usageLocation="CH", **{LICENCES: [last]}), password=PASSWORD) for n in (1, 2)]
    outcomes = written(to(muster_server), *changes)
    (lucky,) = [one for one in outcomes.values() if one.result is Result.DONE]
    (other,) = [one for one in outcomes.values() if one is not lucky]
    assert (other.result, other.anchor is None) == (Result.REJECTED, False)
    assert "created, but" in other.reason
    assert "does not have any available licenses" in other.reason


def test_licences_are_read_back(muster_server: MusterServer) -> None:
    suite = licence(muster_server)
    values = person(fresh(), usageLocation="CH", **{LICENCES: [suite]})
    anchor = one(to(muster_server), create(1, values, password=PASSWORD)).anchor
    with to(muster_server) as connector:
        found: list[Page] = list(connector.read({"user": [LICENCES]}, None))
        assert [str(one.anchor) for one in connector.find("user", {LICENCES: [suite]})] == [anchor]
    shown = {item.anchor: items(item.values.get(LICENCES)) for page in found for item in page.objects}
    assert shown[str(anchor)] == [suite]
