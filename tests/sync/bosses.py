"""Two people, one of them the manager of the other."""

from __future__ import annotations

from tests.sync.world import MemorySide, World

PERSON = """
identity: person
project: true
join: [{employeeId: '[id]'}]
inbound:
  precedence: 10
  flows:
    employeeId: '[id]'
    mail: '[mail]'
    displayName: '[name]'
    active: 'true'
    manager: {reference: '[boss]', to: %s}
"""
APP = """
identity: person
join: [{employeeId: '[emp]'}]
outbound:
  provision: '[active]'
  deprovision: delete
  flows:
    login: '[employeeId]'
    emp: '[employeeId]'
    manager: {reference: '[manager]'}
"""
REFERENCE = {"manager": "reference"}


def two_people(world: World, to: str, boss: str = "1") -> tuple[MemorySide, MemorySide]:
    hr = world.source(
        "hr",
        "worker",
        rows={"1": {"mail": "ada@x"}, "2": {"mail": "bo@x", "boss": boss}},
        mapping=PERSON % to,
    )
    return hr, world.target("app", "account", mapping=APP, attributes=REFERENCE)


PLAIN = """
identity: person
join: [{employeeId: '[emp]'}]
scope: 'Left([login], 2) <> "a-"'
outbound:
  provision: '[active]'
  flows: {login: '[employeeId]', emp: '[employeeId]'}
"""
TEAM = """
identity: group
project: true
inbound:
  precedence: 10
  flows: {displayName: '[id]', members: {references: '[member]', to: %s}}
"""


def held(side: MemorySide, anchor: str, large: str) -> set[str]:
    """The members of a group, large or small."""
    if large:
        return side.members(anchor, "member")
    members = side.values(anchor).get("member", [])
    assert isinstance(members, list)
    return set(map(str, members))
