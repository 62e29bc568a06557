"""A small organisation with everything in it that goes wrong: joiners, movers, leavers, renames, references, groups.

Three systems: people and teams in `hr`; `app`, whose accounts are named by their login; `dir`, a directory that gives
its own anchors, knows people by a DN and has groups.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from muster.model.values import Document
from tests.sync.world import MemorySide, World, schema

WORKER = """
identity: person
join: [{employeeId: '[id]'}]
project: true
inbound:
  precedence: 10
  flows:
    employeeId: '[id]'
    givenName: '[first]'
    surname: '[last]'
    displayName: 'Join(" ", [first], [last])'
    department: '[dept]'
    active: '[status] = "active"'
    manager: {reference: '[boss]', to: worker}
"""
TEAM = """
identity: group
join: [{mailNickname: '[id]'}]
project: true
inbound:
  precedence: 10
  flows:
    mailNickname: '[id]'
    displayName: '[title]'
    members: {references: '[people]', to: worker}
"""
ACCOUNT = """
identity: person
join: [{employeeId: '[emp]'}]
outbound:
  provision: '[active]'
  deprovision: disable
  flows:
    login: 'ToLower(Join(".", [givenName], [surname]))'
    emp: '[employeeId]'
    name: '[displayName]'
    dept: {value: '[department]', enforce: change}
    manager: {reference: '[manager]'}
"""
USER = """
identity: person
join: [{employeeId: '[number]'}]
inbound:
  precedence: 50
  flows:
    onPremisesObjectGuid: '[guid]'
outbound:
  provision: '[active]'
  deprovision: [{do: disable}, {after: 1 day, do: delete}]
  flows:
    dn: 'Join("", "cn=", EscapeDN([displayName]), ",ou=people,dc=x")'
    number: '[employeeId]'
    alias:
      value: 'SelectUniqueValue(ToLower([givenName]), ToLower([givenName] & [surname]), [employeeId])'
      enforce: once
    boss: {reference: '[manager]'}
"""
GROUP = """
identity: group
join: [{mailNickname: '[nick]'}]
outbound:
  provision: 'IsPresent([mailNickname])'
  deprovision: delete
  flows:
    dn: 'Join("", "cn=", EscapeDN([displayName]), ",ou=groups,dc=x")'
    nick: '[mailNickname]'
    member: {references: '[members]'}
"""
PEOPLE: dict[str, Document] = {
    "1": {"first": "Ada", "last": "Byron", "dept": "Board", "status": "active"},
    "2": {"first": "Bo", "last": "Dahl", "dept": "Sales", "status": "active", "boss": "1"},
    "3": {"first": "Cy", "last": "Young", "dept": "Sales", "status": "active", "boss": "2"},
    "4": {"first": "Di", "last": "Prince", "dept": "IT", "status": "active", "boss": "1"},
    "5": {"first": "Ed", "last": "Moss", "dept": "IT", "status": "left", "boss": "4"},
    "6": {"first": "Ada", "last": "Wong", "dept": "IT", "status": "active", "boss": "6"},
}
TEAMS: dict[str, tuple[str, list[str]]] = {"t1": ("Sales", ["1", "2", "3"]), "t2": ("Builders", ["4", "6"])}


class Company:
    """The organisation in a folder; `world.run()` and so on go on from here."""

    def __init__(self, folder: Path, *, store: str = "sqlite:///.muster/state.db") -> None:
        self.world = world = World(folder, store=store, safety="safety: {percent: 100, updates: 100, members: 100}\n")
        hr = world.system(
            "hr",
            schema("worker", "id", {}, enabled=False),
            schema("team", "id", {"people": "[reference] large"}, enabled=False),
        )
        self.workers, self.teams = MemorySide(hr, "worker"), MemorySide(hr, "team")
        world.mapping("hr-worker", "hr", "worker", WORKER)
        world.mapping("hr-team", "hr", "team", TEAM)
        self.accounts = world.target("app", "account", mapping=ACCOUNT, attributes={"manager": "reference"})
        named: dict[str, Any] = {"assigned": True, "naming": "dn", "name_is_dn": True, "keeps_references": False}
        directory = world.system(
            "dir",
            schema("user", "guid", {"dn": "text", "boss": "reference"}, **named),
            schema("group", "guid", {"dn": "text", "member": "[reference] large"}, enabled=False, **named),
        )
        self.users, self.groups = MemorySide(directory, "user"), MemorySide(directory, "group")
        world.mapping("dir-user", "dir", "user", USER)
        world.mapping("dir-group", "dir", "group", GROUP)
        for key, values in PEOPLE.items():
            self.workers.put(key, id=key, **values)
        for key, (title, people) in TEAMS.items():
            self.teams.put(key, id=key, title=title)
            self.teams.edges(key, "people", people)

    # --- what happens to it

    def days(self) -> list[Callable[[], None]]:
        """What happens before each run, in order."""
        return [self.begin, self.move, self.leave, self.meddle, self.end]

    def begin(self) -> None:
        """The first run."""

    def move(self) -> None:
        """A joiner, a mover, a new name, a new manager, another team."""
        self.workers.put("7", id="7", first="Flo", last="Nash", dept="Sales", status="active", boss="3")
        self.workers.edit("3", dept="IT", boss="4")
        self.workers.edit("4", last="Prince-Kent")
        self.workers.edit("5", status="active")
        self.teams.edges("t1", "people", ["7"], ["1"])
        self.teams.edges("t2", "people", ["3", "5"])
        self.teams.put("t3", id="t3", title="Newcomers")
        self.teams.edges("t3", "people", ["5", "7"])

    def leave(self) -> None:
        """Leavers by status and by a line that is gone, a team that is renamed, a team that ends."""
        self.workers.edit("2", status="left")
        self.workers.remove("6")
        self.teams.put("t1", id="t1", title="Sales & Service")
        self.teams.edges("t1", "people", [], ["2"])
        self.teams.remove("t3")

    def meddle(self) -> None:
        """Other hands: values, a membership, an account that is deleted, one that is enabled."""
        self.world.wait(days=2)
        self.accounts.edit("ada.byron", name="The Countess")
        self.accounts.edit("bo.dahl", enabled=True)
        self.accounts.remove("cy.young")
        self.workers.edit("2", status="active")
        group = next(anchor for anchor, values in self.groups.all().items() if values["nick"] == "t2")
        members = self.groups.members(group, "member")
        self.groups.edges(group, "member", ["cn=stranger,dc=x"], [min(members)])

    def end(self) -> None:
        """Everybody goes home."""
        for key in ("1", "2", "3", "4"):
            self.workers.edit(key, status="left")
        self.world.wait(days=3)

    # --- how it stands

    def targets(self) -> dict[str, dict[str, object]]:
        """What the target systems hold, by the names that people know."""
        users = self.users.all()
        known = {anchor: str(values["dn"]) for anchor, values in users.items()}
        assert len(set(known.values())) == len(known), f"a doubled account: {known}"
        return {
            "app": dict(self.accounts.all()),
            "user": {dn: {**users[anchor], "guid": ""} for anchor, dn in known.items()},
            "group": {
                str(values["nick"]): {**values, "guid": "", "member": sorted(self.groups.members(anchor, "member"))}
                for anchor, values in self.groups.all().items()
            },
        }
