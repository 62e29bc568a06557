"""What does one more member cost in a group of 250,000?"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.company import Company
from bench.measuring import Measured, peak_mib, timed
from muster.connectors.kit.memory_system import MemorySystem
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


def measure() -> Iterator[Measured]:
    """Fill the group, add a member upstream, run."""
    with tempfile.TemporaryDirectory() as folder:
        company = Company(Path(folder) / "project", COUNT + 1)
        members = Attribute("members", Type.REFERENCE, many=True, large=True)
        teams = MemorySystem(
            "bench-teams", [ObjectSchema("team", "name", {"name": Attribute("name"), "members": members})]
        )
        app_types = [
            *company.app.types.values(),
            ObjectSchema("list", "name", {"name": Attribute("name"), "members": members}),
        ]
        company.close()
        app = MemorySystem("bench-app", app_types)
        hr = MemorySystem(company.hr.name, company.hr.types.values())
        try:
            for anchor, stored in company.hr.listed("worker", None):
                if stored is not None:
                    hr.put("worker", anchor, stored.values)
            _project(company.folder)
            teams.put("team", "everybody", {"name": "everybody"})
            teams.put_edges("team", "everybody", "members", (f"{n:07d}" for n in range(COUNT)))
            with timed() as filling:
                company.run()
            company.run()
            held = app.get("list", "everybody")
            if held is None or len(held.edges["members"]) != COUNT:
                raise AssertionError("the group was not filled")
            before = peak_mib()
            teams.put_edges("team", "everybody", "members", [f"{COUNT:07d}"])
            with timed() as seconds:
                found = company.run()
            if len(held.edges["members"]) != COUNT + 1 or len(found["document"]["changes"]) != 1:
                raise AssertionError("the new member did not arrive as one change")
            steps = {name: round(taken, 3) for name, taken in found["steps"].items()}
            yield Measured("one member more", round(seconds[0], 3), "s", steps=steps, note=f"in a group of {COUNT}")
            yield Measured(
                "memory for one member more",
                round(peak_mib() - before, 1),
                "MiB",
                note=f"above what stood before; filling the group took {filling[0]:.1f} s",
            )
        finally:
            for system in (teams, app, hr):
                system.close()


def _project(folder: Path) -> None:
    (folder / "systems" / "teams.yaml").write_text(
        "connector: memory\nsettings: {system: bench-teams}\nobjects: {team: {}}\n"
    )
    (folder / "systems" / "app.yaml").write_text(
        "connector: memory\nsettings: {system: bench-app}\nobjects: {account: {}, list: {}}\n"
    )
    (folder / "mappings" / "teams-team.yaml").write_text(GROUP)
    (folder / "mappings" / "app-list.yaml").write_text(LIST)
