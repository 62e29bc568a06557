"""Teams of an HR system, and the groups of an application that follow them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.sync.world import MemorySide, World, schema, the_change

PEOPLE = """
identity: person
project: true
inbound: {precedence: 10, flows: {employeeId: '[id]', active: '[status] <> "left"'}}
"""
TEAMS = """
identity: group
project: true
join: [{displayName: '[id]'}]
inbound:
  precedence: 10
  flows: {displayName: '[id]', members: {references: '[member]', to: hr/worker}}
"""
ACCOUNTS = """
identity: person
join: [{employeeId: '[login]'}]
outbound: {provision: '[active]', deprovision: %s, flows: {login: '[employeeId]'}}
"""
GROUPS = """
identity: group
join: [{displayName: '[id]'}]
outbound:
  provision: 'true'
  flows:
    id: '[displayName]'
    member: {references: '[members]'%s}
"""
LARGE = {"member": "[reference] large"}
NO_LIMITS = "safety: {percent: 100, members: 100, updates: 100}"


class Town:
    """People and teams in sources, accounts and groups in one target."""

    def __init__(
        self,
        folder: Path,
        people: Iterable[str],
        *,
        enforce: str = "",
        safety: str = NO_LIMITS,
        store: str = "sqlite:///.muster/state.db",
    ) -> None:
        self.world = World(folder, store=store, safety=safety)
        self.hr = self.world.source("hr", "worker", mapping=PEOPLE)
        for key in people:
            self.hr.put(key, id=key)
        self.teams = self.world.source("teams", "team", mapping=TEAMS, attributes=LARGE)
        self.system = self.world.system(
            "app", schema("account", "login", {}), schema("group", "id", LARGE, enabled=False)
        )
        self.world.mapping("app-account", "app", "account", ACCOUNTS % "delete")
        self.groups(enforce)
        self.accounts = MemorySide(self.system, "account")
        self.app = MemorySide(self.system, "group")

    def groups(self, enforce: str = "") -> None:
        self.world.mapping("app-group", "app", "group", GROUPS % (f", enforce: {enforce}" if enforce else ""))

    def team(self, name: str, *members: str) -> None:
        if self.teams.system.get("team", name) is None:
            self.teams.put(name, id=name)
        self.teams.edges(name, "member", members)

    def members(self, name: str = "t") -> set[str]:
        return self.app.members(name, "member")

    def __enter__(self) -> Town:
        return self

    def __exit__(self, *exc: object) -> None:
        self.world.close()


def edges_of(document: dict[str, Any], anchor: str = "t") -> Any:
    return the_change(document, "app", anchor)["attributes"]["member"]
