"""A company and its cloud directory, through the command: people join, move and leave; groups keep in step."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import Answer, inside
from tests.connectors.graphs import PASSWORD, Graph
from tests.servers.muster import MusterServer

NOW = "2026-03-02T09:00:00Z"
FILES = {
    "muster.yaml": """
        project: acme
        safety: {percent: 100, members: 100, updates: 100}
    """,
    "systems/hr.yaml": """
        connector: flatfile
        settings: {path: data/workers.csv}
        objects: {worker: {anchor: id}}
    """,
    "systems/teams.yaml": """
        connector: flatfile
        settings: {path: data/teams.jsonl}
        objects: {team: {anchor: name}}
    """,
    "systems/cloud.yaml": """
        connector: graph
        settings:
          url: URL
          ca: CERTIFICATE
          tenant: TENANT
          client_id: CLIENT
          secret: ${secret:cloud}
        objects:
          user: {resource: user}
          group: {resource: group}
    """,
    "mappings/hr-worker.yaml": """
        system: hr
        object: worker
        identity: person
        project: true
        inbound:
          precedence: 10
          flows:
            employeeId: '[id]'
            displayName: '[name]'
            department: '[unit]'
            active: '[status] <> "left"'
            manager: {reference: '[boss]', to: worker}
    """,
    "mappings/team.yaml": """
        system: teams
        object: team
        identity: group
        project: true
        inbound:
          precedence: 10
          flows:
            displayName: '[name]'
            members: {references: '[members]', to: hr/worker}
    """,
    "mappings/cloud-user.yaml": """
        system: cloud
        object: user
        identity: person
        join: [{employeeId: '[onPremisesImmutableId]'}]
        outbound:
          provision: '[active]'
          deprovision: [{do: disable}, {after: 30 days, do: delete}]
          password: generate
          flows:
            userPrincipalName: {value: '"w" & [employeeId] & "@acme.example"', enforce: once}
            mailNickname: '"w" & [employeeId]'
            displayName: '[displayName]'
            employeeId: '[employeeId]'
            onPremisesImmutableId: {value: '[employeeId]', enforce: default}
            department: '[department]'
            extensionAttribute1: '"from HR"'
            manager: {reference: '[manager]'}
    """,
    "mappings/cloud-group.yaml": """
        system: cloud
        object: group
        identity: group
        join: [{displayName: '[displayName]'}]
        outbound:
          provision: 'true'
          deprovision: delete
          flows:
            displayName: '[displayName]'
            mailNickname: '[displayName]'
            members: {references: '[members]'}
    """,
}


class Company:
    """A project in a folder, its source files, and the directory as another hand sees it."""

    def __init__(self, folder: Path, server: MusterServer, graph: Graph) -> None:
        self.folder, self.server, self.graph = folder, server, graph
        self.now = NOW
        of = server.application
        values = {
            "URL": server.graph,
            "CERTIFICATE": str(server.certificate),
            "TENANT": of["tenant"],
            "CLIENT": of["client_id"],
        }
        for name, text in FILES.items():
            for key, value in values.items():
                text = text.replace(f": {key}\n", f": {value}\n")
            self.write(name, text)
        self.workers: dict[str, tuple[str, str, str, str]] = {}

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip(), "utf-8")

    def hr(self, **workers: tuple[str, str, str, str]) -> None:
        """The workers of today by number: name, unit, boss and status."""
        self.workers |= {key.lstrip("w"): values for key, values in workers.items()}
        lines = [",".join((key, *values)) for key, values in self.workers.items()]
        self.write("data/workers.csv", "\n".join(["id,name,unit,boss,status", *lines, ""]))

    def team(self, *members: str) -> None:
        listed = ", ".join(f'"{one}"' for one in members)
        self.write("data/teams.jsonl", f'{{"name": "engines", "members": [{listed}]}}\n')

    def __call__(self, *arguments: str) -> Answer:
        secret = {"MUSTER_SECRET_CLOUD": self.server.application["secret"], "cloud": self.server.application["secret"]}
        return inside(*arguments, "--json", folder=self.folder, now=self.now, **secret)

    def run(self) -> Any:
        """One run, after which nothing is left to do."""
        done = self("run")
        assert (done.code, done.document["errors"], done.document["held"]) == (0, [], []), done
        left = self("plan")
        assert (left.code, left.document["changes"]) == (0, []), left
        return done.document

    def user(self, number: str, select: str) -> dict[str, Any]:
        found: dict[str, Any] = self.graph("GET", f"/users/w{number}@acme.example?$select={select}")
        found.pop("@odata.context")
        return found

    def id(self, number: str) -> str:
        return str(self.user(number, "id")["id"])

    def group(self) -> str:
        (found,) = self.graph("GET", "/groups?$filter=displayName eq 'engines'&$select=id")["value"]
        return str(found["id"])

    def members(self) -> set[str]:
        return {one["id"] for one in self.graph("GET", f"/groups/{self.group()}/members")["value"]}


@pytest.fixture
def company(muster_server: MusterServer, tmp_path: Path) -> Iterator[Company]:
    graph = Graph(muster_server)
    graph.empty("users", "groups")
    made = Company(tmp_path, muster_server, graph)
    made.hr(w1=("Ada", "Board", "", "here"), w2=("Bo", "Sales", "1", "here"), w3=("Cy", "Sales", "1", "here"))
    made.team("1", "2", "3")
    yield made
    graph.close()


def test_people_join_move_and_leave(company: Company) -> None:
    assert company("check").code == 0
    company.run()
    ada, bo, cy = (company.id(number) for number in "123")
    assert company.user("2", "displayName,department,accountEnabled") == {
        "displayName": "Bo",
        "department": "Sales",
        "accountEnabled": True,
    }
    assert company.graph("GET", f"/users/{bo}/manager")["id"] == ada
    assert company.members() == {ada, bo, cy}

    company.hr(w2=("Bo Berg", "Engines", "3", "here"), w4=("Di", "Sales", "2", "here"))
    company.team("2", "4")
    company.run()
    di = company.id("4")
    assert company.user("2", "displayName,department") == {"displayName": "Bo Berg", "department": "Engines"}
    assert company.graph("GET", f"/users/{bo}/manager")["id"] == cy
    assert company.members() == {bo, di}

    company.hr(w3=("Cy", "Sales", "", "left"), w4=("Di", "Sales", "", "here"))
    company.run()
    assert company.user("3", "accountEnabled") == {"accountEnabled": False}
    assert company.graph.client.get(f"/v1.0/users/{di}/manager").status_code == 404
    company.now = "2026-04-02T09:00:00Z"
    company.run()
    assert company.graph.client.get(f"/v1.0/users/{cy}").status_code == 404
    assert company.graph.client.get(f"/v1.0/users/{bo}/manager").status_code == 404, "nobody's manager any more"


def test_what_other_hands_do_is_seen_by_the_delta_and_undone(company: Company) -> None:
    company.run()
    ada, bo, cy = (company.id(number) for number in "123")
    graph, group = company.graph, company.group()
    graph("PATCH", f"/users/{bo}", {"department": "Pirates", "jobTitle": "Captain"})
    graph("PUT", f"/users/{cy}/manager/$ref", {"@odata.id": f"{company.server.graph}/users/{bo}"})
    graph("DELETE", f"/groups/{group}/members/{ada}/$ref")
    graph("PATCH", f"/users/{ada}", {"jobTitle": "Chair", "displayName": "Ada A"})
    graph("DELETE", f"/users/{ada}")

    company.now = "2026-03-02T09:30:00Z"
    planned = company("plan")
    changes = {(one["action"], one["anchor"]): one["attributes"] for one in planned.document["changes"]}
    assert changes["update", bo]["department"] == {"from": "Pirates", "to": "Sales", "drift": True}
    assert "jobTitle" not in changes["update", bo]
    assert changes["create", ada] == {"displayName": {"from": "Ada A", "to": "Ada"}}, "what she still has is left"
    (back,) = [one for one in planned.document["changes"] if one["action"] == "create"]
    assert back["restores"] == ada
    (cloud,) = [one for one in company("status").document["systems"] if one["name"] == "cloud"]
    assert (cloud["last_read"], cloud["last_full"]) == (company.now, NOW), "only what changed was read"

    done = company("run", "--allow-deletes")
    assert done.code == 0, done
    company("run", "--allow-deletes")
    assert company.user("1", "id,jobTitle,displayName") == {"id": ada, "jobTitle": "Chair", "displayName": "Ada"}
    assert company.user("2", "department,jobTitle") == {"department": "Sales", "jobTitle": "Captain"}
    assert graph("GET", f"/users/{cy}/manager")["id"] == ada, "restored, and no other was made"
    assert company.members() == {ada, bo, cy}
    assert company("plan").code == 0


def test_people_swap_their_sign_in_names_in_one_run(company: Company) -> None:
    name = '{value: \'"w" & [employeeId] & "@acme.example"\', enforce: once}'
    text = FILES["mappings/cloud-user.yaml"]
    assert name in text
    company.write("mappings/cloud-user.yaml", text.replace(name, "'[displayName] & \"@acme.example\"'"))
    company.run()
    ids = {one["displayName"]: one["id"] for one in company.graph.all("users", "id,displayName")}
    company.hr(w2=("Cy", "Sales", "1", "here"), w3=("Bo", "Sales", "1", "here"))
    company.run()
    names = {one["id"]: one["userPrincipalName"] for one in company.graph.all("users", "id,userPrincipalName")}
    assert (names[ids["Bo"]], names[ids["Cy"]]) == ("Cy@acme.example", "Bo@acme.example")


def test_who_has_the_name_under_another_source_anchor_is_in_the_way_until_a_person_decides(company: Company) -> None:
    name = "w2@acme.example"
    body = {"displayName": "B", "mailNickname": "b", "accountEnabled": True, "onPremisesImmutableId": "elsewhere"}
    profile = {"password": PASSWORD.reveal()}
    other = company.graph("POST", "/users", {**body, "userPrincipalName": name.upper(), "passwordProfile": profile})[
        "id"
    ]
    planned = company("plan")
    assert planned.code == 3
    created = {one["attributes"]["displayName"]["to"] for one in planned.document["changes"] if not one["anchor"]}
    assert created == {"Ada", "Cy", "engines"}, "what must fail is not planned"
    (held,) = planned.document["held"]
    for words in (
        other,
        f"userPrincipalName {name}",
        "hr/worker 2",
        "onPremisesImmutableId stays 'elsewhere'",
        "is '2'",
    ):
        assert words in held["message"]
    assert company("run").code == 3

    accepted = company("joins", "accept", "cloud/user", other, "2")
    assert f"cloud/user {other} becomes Bo (hr/worker 2" in accepted.document["then"]
    assert "its onPremisesImmutableId stays 'elsewhere', though theirs is '2'" in accepted.document["then"]
    company.run()
    shown = company.user("2", "id,displayName,onPremisesImmutableId")
    assert shown == {"id": other, "displayName": "Bo", "onPremisesImmutableId": "elsewhere"}
    assert len(company.graph.all("users")) == 3
