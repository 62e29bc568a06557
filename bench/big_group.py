"""What does a group of 250,000 cost, and what one more member in it?

The people are there before. The group is filled in a process of its own, so that what the measured process holds is
what one member more takes.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.company import ACCOUNT, WORKER, Company
from bench.measuring import Measured, apart, held_mib, peak_mib, timed
from bench.thin import Accounts, Numbers, Teams, Workers
from muster.model.schema import ObjectSchema
from muster.model.values import Attribute, Type

COUNT = int(os.environ.get("BENCH_MEMBERS", "250000"))
GROUP = """\
system: teams
object: team
identity: group
join: [{displayName: '[name]'}]
project: true
inbound:
  precedence: 10
  flows:
    displayName: '[name]'
    members: {references: '[members]', to: hr/worker}
"""
LIST = """\
system: app
object: list
identity: group
join: [{displayName: '[name]'}]
outbound:
  provision: true
  deprovision: delete
  flows:
    name: '[displayName]'
    members: {references: '[members]'}
"""
LIST_TYPE = ObjectSchema(
    "list",
    "name",
    {"name": Attribute("name"), "members": Attribute("members", Type.REFERENCE, many=True, large=True)},
)
TEAM_TYPE = ObjectSchema("team", "name", LIST_TYPE.attributes)


class Town:
    """One team of `COUNT` people in a source, and the list of its members in a target."""

    def __init__(self, folder: Path) -> None:
        self.company = Company(folder, 0)
        self.hr = self.company.system(Workers, "hr", WORKER)
        self.hr.people = COUNT + 1
        self.teams = self.company.system(Teams, "teams", TEAM_TYPE)
        self.app = self.company.system(Accounts, "app", ACCOUNT, LIST_TYPE)
        self.company.mapping("teams-team", GROUP)
        self.company.mapping("app-list", LIST)

    def filled(self) -> None:
        """Be as the process that filled the store left everything."""
        self.teams.fill(COUNT)
        self.app.accounts = Numbers(COUNT + 1)
        self.app.put("list", "everybody", {"name": "everybody"}).edges["members"] = Numbers(COUNT)
        for system in (self.hr, self.teams, self.app):
            system.go_on()

    @property
    def members(self) -> int:
        """How many the list has."""
        held = self.app.get("list", "everybody")
        return len(held.edges["members"]) if held is not None else 0


def fill(folder: Path) -> tuple[float, dict[str, float]]:
    """The process that fills the group: how long that took, and each step."""
    town = Town(folder)
    town.company.run()
    town.teams.fill(COUNT)
    with timed() as seconds:
        found = town.company.run()
    town.company.run()
    if town.members != COUNT:
        raise AssertionError(f"{town.members} members, not {COUNT}")
    return round(seconds[0], 3), {name: round(taken, 3) for name, taken in found["steps"].items()}


def measure() -> Iterator[Measured]:
    """Fill the group, add a member upstream, run."""
    with tempfile.TemporaryDirectory() as folder:
        filling, steps = apart(fill, Path(folder))
        yield Measured(
            "filling a group", filling, "s", steps=steps, note=f"with {COUNT} members who have their accounts"
        )
        town = Town(Path(folder))
        town.filled()
        before = held_mib()
        town.teams.put_edges("team", "everybody", "members", [f"{COUNT:07d}"])
        with timed() as seconds:
            found = town.company.run()
        if town.members != COUNT + 1 or len(found["document"]["changes"]) != 1:
            raise AssertionError("the new member did not arrive as one change")
        steps = {name: round(taken, 3) for name, taken in found["steps"].items()}
        yield Measured("one member more", round(seconds[0], 3), "s", steps=steps, note=f"in a group of {COUNT}")
        yield Measured(
            "memory for one member more",
            round(peak_mib(), 1),
            "MiB",
            note=f"the whole process; {before:.0f} MiB before it began",
        )
