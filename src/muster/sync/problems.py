"""What a run has to tell people: problems of single objects, and what is held until somebody decides."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from muster.model.objects import ReadProblem
from muster.model.values import Value


@dataclass(frozen=True, slots=True)
class Problem:
    """One message. `kind` is a fixed word; `identities` are public ids. `held` True: a person must
    decide. `note` True: worth knowing, nothing is wrong. `case`: it stands for an open case."""

    kind: str
    system: str
    message: str
    type: str = ""
    anchor: str | None = None
    identities: tuple[str, ...] = ()
    held: bool = False
    note: bool = False
    case: bool = False

    @property
    def level(self) -> str:
        """`held`, `error` or `note`."""
        return "held" if self.held else "note" if self.note else "error"

    def document(self) -> dict[str, Any]:
        """The form of `held` and `errors` in JSON output."""
        return {
            "kind": self.kind,
            "system": self.system,
            "object_type": self.type,
            "anchor": self.anchor,
            "identities": list(self.identities),
            "message": self.message,
        }


def who_is(uid: str, document: Mapping[str, Value]) -> str:
    """An identity as a message names it: by what people call it, where it has such a name, and by its id."""
    name = document.get("displayName")
    return f"{name} ({uid})" if isinstance(name, str) and name else uid


def unreadable(system: str, problem: ReadProblem, types: Collection[str] = ()) -> Problem:
    """An object that could not be read: where it stands, which it is, what is wrong, and what comes of it.

    `types`: those that one cause kept from being read; the problem's own, if there are none.
    """
    named = f"{problem.type} {problem.anchor}" if problem.anchor is not None else ""
    what = problem.message if problem.message.endswith(".") else f"{problem.message}."
    there = f" of {problem.partition}" if problem.partition else ""
    until = "it stays as it was" if named else f"no {_either(types or (problem.type,))}{there} is taken for deleted"
    text = ": ".join(part for part in (system, problem.where, named, what) if part)
    return Problem("read", system, f"{text} Until that is mended, {until}", type=problem.type, anchor=problem.anchor)


def _either(names: Collection[str]) -> str:
    """Names as a sentence has them: user, group or device."""
    *first, last = sorted(names)
    return f"{', '.join(first)} or {last}" if first else last


@dataclass(slots=True)
class Report:
    """Collects the problems of a run, each once.

    `lacking`: the attributes that an identity (public id) has no value of because of a problem that was told.
    `faulty`: type and attributes of those (public ids) of which some could not be worked out, whatever they keep.
    """

    problems: dict[tuple[str, str, str, str | None, str], Problem] = field(default_factory=dict)
    lacking: dict[str, frozenset[str]] = field(default_factory=dict)
    faulty: dict[str, tuple[str, frozenset[str]]] = field(default_factory=dict)

    def add(self, problem: Problem) -> None:
        """Remember a problem."""
        key = (problem.kind, problem.system, problem.type, problem.anchor, problem.message)
        self.problems.setdefault(key, problem)

    def withdraw(self, problem: Problem) -> None:
        """It is told in other words."""
        self.problems.pop((problem.kind, problem.system, problem.type, problem.anchor, problem.message), None)

    def insist(self, problem: Problem) -> None:
        """Tell it so now, whatever was made of it before."""
        self.problems[(problem.kind, problem.system, problem.type, problem.anchor, problem.message)] = problem

    def note_lacking(self, identity: str, attributes: frozenset[str]) -> frozenset[str]:
        """What follows from the lack of these is no problem of its own; what it lacks since, or lacks no more."""
        before = self.lacking.get(identity, frozenset())
        if attributes:
            self.lacking[identity] = attributes
        elif before:
            del self.lacking[identity]
        return before ^ attributes

    def note_faulty(self, identity: str, kind: str, attributes: frozenset[str]) -> None:
        """What could not be worked out of an identity, as it stands now."""
        if attributes:
            self.faulty[identity] = kind, attributes
        else:
            self.faulty.pop(identity, None)

    def forget_cases(self) -> None:
        """Cases are told anew, as they stand now."""
        for key, problem in list(self.problems.items()):
            if problem.case:
                del self.problems[key]

    def forget(self, kind: str) -> None:
        """What is of this kind is told anew, as it stands now."""
        for key in [key for key in self.problems if key[0] == kind]:
            del self.problems[key]

    def let_through(self, kinds: Collection[str], system: str | None = None, how: str = "--allow-deletes") -> None:
        """A person allowed it: what these limits held (of one system) was written, and is only worth knowing."""
        for key, problem in list(self.problems.items()):
            if problem.held and problem.kind in kinds and system in (None, problem.system):
                said = problem.message.partition(". Nothing is written")[0]
                self.problems[key] = replace(problem, held=False, note=True, message=f"{said}; {how} let it through")

    @property
    def held(self) -> list[Problem]:
        """What waits for a person."""
        return [p for p in self.problems.values() if p.held]

    @property
    def errors(self) -> list[Problem]:
        """What is wrong."""
        return [p for p in self.problems.values() if not p.held and not p.note]

    @property
    def notes(self) -> list[Problem]:
        """What is worth knowing."""
        return [p for p in self.problems.values() if p.note]
