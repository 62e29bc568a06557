"""Teams of Microsoft 365 groups: made with owners and members, and followed."""

from __future__ import annotations

from muster.model.changes import EdgeChange, Result
from muster.model.objects import Page
from muster.model.values import Document, Value
from tests.connectors.graphs import PASSWORD, Graph, fresh, person, to
from tests.connectors.sessions import create, one, update
from tests.servers.muster import MusterServer


def user(server: MusterServer) -> str:
    return str(one(to(server), create(1, person(fresh()), password=PASSWORD)).anchor)


def office(**more: Value) -> Document:
    """A Microsoft 365 group."""
    name = fresh()
    return {"displayName": name, "mailNickname": name, "groupTypes": ["Unified"], **more}


def roles(graph: Graph, team: str) -> dict[str, list[str]]:
    """The members of a team, and what they are there."""
    return {one["userId"]: one["roles"] for one in graph("GET", f"/teams/{team}/members")["value"]}


def test_a_team_is_made_with_its_owners_and_members(muster_server: MusterServer, graph: Graph) -> None:
    ada, bo = user(muster_server), user(muster_server)
    edges = [EdgeChange("owners", [ada], []), EdgeChange("members", [ada, bo], [])]
    outcome = one(to(muster_server), create(1, office(team=True), "group", edges=iter(edges)))
    assert (outcome.result, outcome.reason) == (Result.DONE, "")
    team = str(outcome.anchor)
    assert roles(graph, team) == {ada: ["owner"], bo: []}

    more = iter([EdgeChange("owners", [bo], []), EdgeChange("members", [], [ada])])
    assert one(to(muster_server), update(team, {"team": True}, "group", edges=more)).result is Result.DONE
    assert roles(graph, team)[bo] == ["owner"]


def test_a_group_gets_a_team_later_and_shows_it(muster_server: MusterServer) -> None:
    owner = iter([EdgeChange("owners", [user(muster_server)], [])])
    group = str(one(to(muster_server), create(1, office(), "group", edges=owner)).anchor)
    with to(muster_server) as connector:
        found: list[Page] = list(connector.read({"group": ["team"]}, None))
    assert [item.values for page in found for item in page.objects if item.anchor == group] == [{"team": False}]
    assert one(to(muster_server), update(group, {"team": True}, "group")).result is Result.DONE
    with to(muster_server) as connector:
        found = list(connector.read({"group": ["team"]}, found[-1].watermark))
    assert [item.values for page in found for item in page.objects if item.anchor == group] == [{"team": True}]
    kept = one(to(muster_server), update(group, {"team": False}, "group"))
    assert (kept.result, "takes no team away" in kept.reason) == (Result.REJECTED, True)


def test_a_security_group_gets_no_team(muster_server: MusterServer) -> None:
    outcome = one(to(muster_server), create(1, {**office(), "groupTypes": [], "team": True}, "group"))
    assert (outcome.result, outcome.anchor is None) == (Result.REJECTED, False)
    assert "created, but" in outcome.reason
    assert "Only a Microsoft 365 group can have a team" in outcome.reason
