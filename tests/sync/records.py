"""One person with an HR record and a badge."""

from __future__ import annotations

from tests.sync.world import World

HR = """
identity: person
project: true
join:
  - employeeId: '[id]'
inbound:
  precedence: 10
  flows: {employeeId: '[id]', displayName: '[name]', department: '[dept]', mail: '[mail]', active: '[live] = "yes"'}
"""
BADGE = """
identity: person
join:
  - employeeId: '[emp]'
inbound:
  precedence: 20
  flows: {displayName: '[name]', department: '[dept]', city: '[city]'}
"""
APP = """
identity: person
join:
  - employeeId: '[emp]'
outbound:
  provision: '[active]'
  flows: {login: 'Join("", "u", [employeeId])', emp: '[employeeId]', name: '[displayName]', dept: '[department]'}
"""
ADA = {"name": "Ada", "dept": "Sales", "live": "yes"}
CARD = {"emp": "1", "name": "A. Byron", "dept": "Visitors", "city": "Berlin"}


def sources(world: World, hr: str = HR, badge: str = BADGE) -> None:
    """One person with an HR record and a badge."""
    world.source("hr", "worker", rows={"1": ADA}, mapping=hr)
    world.source("badge", "card", rows={"c": CARD}, mapping=badge)
