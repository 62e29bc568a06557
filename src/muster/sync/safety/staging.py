"""Whether this server writes to the systems: what muster.yaml says, and what people decided since."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from muster.model.values import instant_text
from muster.project.configuration import Project
from muster.store.servers import Mark
from muster.sync.clock import moment
from muster.sync.problems import Problem

_THEN: Final = "changes are worked out, and none is written"
STAGING: Final = "staging"
"""The kind of notes that say what is not written."""
DEMOTED: Final = "demoted"
"""The kind of problem of a server that was active, and is asked to write."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What muster.yaml says (`staging`), and the mark of the store at this address, where there is one."""

    staging: bool
    mark: Mark | None
    store: str

    @property
    def active(self) -> bool:
        """Whether this server writes. Whatever says no has its way, but for the word that a promotion overruled."""
        if self.mark is None:
            return not self.staging
        return self.mark.active and (not self.staging or self.mark.despite == self.store)

    @property
    def overruled(self) -> bool:
        """Whether `staging: true` stands in muster.yaml and does not count, because somebody promoted this server."""
        return self.active and self.staging

    @property
    def demoted(self) -> bool:
        """Whether the mark alone keeps this server from writing: whoever reads muster.yaml takes it for active."""
        return self.mark is not None and not self.mark.active and not self.staging

    def notes(self, project: Project) -> list[Problem]:
        """What a run says of it, beside the systems that are in staging themselves."""
        if self.overruled and self.mark is not None:
            return [
                _note(
                    f"muster.yaml: `staging: true` no longer counts: {_told(self.mark)}. Take it out of muster.yaml. "
                    "To write nothing again: muster staging demote"
                )
            ]
        if not self.active:
            if self.demoted:
                return [Problem(DEMOTED, "", self.demotion(), note=True)]
            return [_note(f"muster.yaml: `staging: true`: {_THEN} to any system")]
        return [
            _note(f"systems/{name}.yaml: `staging: true`: {_THEN} to {name}", name)
            for name in sorted(project.systems)
            if project.systems[name].staging
        ]

    def refusal(self) -> Problem | None:
        """What a run that was asked to write says, where muster.yaml does not say that nothing will be written."""
        return Problem(DEMOTED, "", self.demotion()) if self.demoted else None

    def demotion(self) -> str:
        """How it came that this server is not active, and what to do."""
        assert self.mark is not None
        instead = f"; {self.mark.other} is active instead" if self.mark.other else ""
        other = f" --with {shlex.quote(str(folder_of(self.mark.other)))}" if self.mark.other else ""
        return (
            f"this server is not active, and writes to no system: {_told(self.mark)}{instead}. To keep it in staging, "
            f"put `staging: true` into muster.yaml; to make it the active one again: muster staging promote{other}"
        )

    def document(self) -> dict[str, Any]:
        """As JSON."""
        mark = self.mark
        return {
            "role": "active" if self.active else "staging",
            "staging": self.staging,
            "decided": None
            if mark is None
            else {
                "role": "active" if mark.active else "staging",
                "at": _instant(mark.at),
                "by": mark.by,
                "why": mark.why,
                "other": mark.other,
                "untold": mark.owes,
            },
        }


def folder_of(other: str) -> Path:
    """The project folder of a server, from the name by which the other one remembers it: FOLDER on HOST."""
    return Path(other.rpartition(" on ")[0])


def _told(mark: Mark) -> str:
    done = "promoted" if mark.active else "demoted"
    return f"it was {done} by {mark.by} on {_instant(mark.at)}" + (f" ({mark.why})" if mark.why else "")


def _instant(at: int) -> str:
    return instant_text(moment(at).replace(microsecond=0))


def _note(message: str, system: str = "") -> Problem:
    return Problem(STAGING, system, message, note=True)
