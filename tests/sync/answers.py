"""An office whose application answers as the test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from muster.connectors.kit.memory import MemoryConnector
from muster.model.changes import Change, Outcome
from tests.sync.world import World

HR = """
identity: person
project: true
inbound:
  precedence: 10
  flows:
    employeeId: '[id]'
    displayName: '[name]'
    department: '[dept]'
    active: '[status] <> "left"'
"""
APP = """
identity: person
join: [{employeeId: '[emp]'}]
outbound:
  provision: '[active]'
  deprovision: delete
  flows:
    login: %s
    emp: '[employeeId]'
    name: '[displayName]'
    dept: '[department]'
"""
PLAIN = """'ToLower([displayName])'"""
UNIQUE = """'SelectUniqueValue(ToLower([displayName]), Join("", ToLower([displayName]), "2"))'"""
LIMITS = "safety: {percent: 100, updates: 100}"


class Office:
    """A source of people and one application."""

    def __init__(self, folder: Path, *people: str, login: str = PLAIN) -> None:
        self.world = World(folder, safety=LIMITS)
        self.hr = self.world.source("hr", "worker", mapping=HR)
        for number, name in enumerate(people, 1):
            self.hr.put(str(number), id=str(number), name=name)
        self.app = self.world.target("app", "account", mapping=APP % login)
        self.folder = folder

    def __enter__(self) -> Office:
        return self

    def __exit__(self, *exc: object) -> None:
        self.world.close()

    def file(self) -> Path:
        """Plan into a file."""
        path = self.folder / "plan.json"
        with self.world.muster() as muster:
            muster.write_plan(muster.plan(), path)
        return path

    def pending(self) -> list[tuple[int, int, int]]:
        """(identity, mapping, how many) of what is pending."""
        with self.world.muster() as muster, muster.database.read() as session:
            return [
                (row[0], row[1], row[2])
                for row in session.rows(
                    "SELECT identity, mapping, COUNT(*) FROM change WHERE state = 0 GROUP BY identity, mapping"
                )
            ]


Answer = Callable[[Change, Callable[[], Outcome]], Outcome]


@contextmanager
def answering(answer: Answer) -> Iterator[None]:
    """Put something between Muster and the memory systems: `answer` gets a change and the real way to write it."""
    real = MemoryConnector._write
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            MemoryConnector, "_write", lambda connector, change: answer(change, lambda: real(connector, change))
        )
        yield


def told(kind: str, result: Mapping[str, Any]) -> list[str]:
    """The messages of one kind among what a run held and complained of."""
    return [problem["message"] for problem in (*result["held"], *result["errors"]) if problem["kind"] == kind]
