"""What is left of mappings that the project no longer has: objects that wait until a person retires or renames them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from muster.project.configuration import MappingRules, Project
from muster.store.database import Session
from muster.store.names import Names
from muster.sync.problems import Problem


def frozen_mappings(names: Names, project: Project) -> dict[str, int]:
    """The mappings that the store knows and the project lacks, with their ids."""
    known = names.known("mapping")
    return {name: known[name] for name in sorted(known.keys() - project.mappings.keys())}


def frozen_problems(session: Session, names: Names, project: Project) -> list[Problem]:
    """One problem for each such mapping that has objects; a person decides what becomes of them."""
    spaces = {number: place for place, number in names.spaces().items()}
    return [
        _problem(project, name, *spaces[space], count)
        for name, number in frozen_mappings(names, project).items()
        for space, count in session.rows(
            "SELECT space, COUNT(*) FROM object WHERE mapping = ? AND identity IS NOT NULL GROUP BY space ORDER BY 1",
            number,
        )
    ]


def _problem(project: Project, name: str, system: str, kind: str, count: int) -> Problem:
    objects, they = (f"its {count:,} objects", "are") if count != 1 else ("its 1 object", "is")
    left = f"{objects} in {system}/{kind} {they} frozen: not read, not written, not deleted"
    go = f"o let go of them: muster retire {shlex.quote(name)}"
    now = name.partition(" (")[0]
    if now in project.mappings:
        message = f"mapping {name}: mappings/{now}.yaml was turned to other objects, and {left}. T{go}"
    else:
        renamed = _renamed(project.mappings, name, system, kind)
        message = f"mapping {name} is no longer in the project; {left}. {renamed}; t{go}"
    return Problem("frozen", system, message, type=kind, held=True)


def _renamed(mappings: Mapping[str, MappingRules], name: str, system: str, kind: str) -> str:
    """How to say that the mapping has another name now."""
    alike = [rules.place.file for rules in mappings.values() if (rules.system, rules.object) == (system, kind)]
    if len(alike) == 1:
        return f"If it was renamed, write `was: {name}` in {alike[0]}"
    return f"If it was renamed, write `was: {name}` in the new file"
