"""What a check of the conformance kit is, and how a function becomes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from muster.connectors.kit.contract import FindsMany
from muster.connectors.kit.subject import Subject
from muster.model.errors import MusterError

Body: TypeAlias = Callable[[Subject], None]
Needs: TypeAlias = Callable[[Subject], str]


@dataclass(frozen=True, slots=True)
class Check:
    """One promise of the contract as a function that raises AssertionError when it is broken.

    `needs` answers with what the subject lacks for the check to mean anything; empty text: it applies.
    """

    name: str
    promise: str
    body: Body
    needs: Needs

    def lacking(self, subject: Subject) -> str:
        """Why the check does not apply to the subject; empty when it does."""
        return self.needs(subject)

    def run(self, subject: Subject) -> None:
        """Empty the system and run the check. Raises AssertionError with the promise that was broken."""
        subject.reset()
        try:
            self.body(subject)
        except (AssertionError, MusterError) as error:
            said = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
            raise AssertionError(f"{self.name}: {self.promise}\n{said}") from error

    def __str__(self) -> str:
        return self.name


def always(_subject: Subject) -> str:
    """A check for every connector."""
    return ""


def reads(subject: Subject) -> str:
    """A check for connectors that read."""
    return "" if subject.capabilities.reads else "it does not read"


def writes(subject: Subject) -> str:
    """A check for connectors that read and write."""
    if not subject.capabilities.writes:
        return "it does not write"
    return reads(subject)


def deltas(subject: Subject) -> str:
    """A check for connectors that tell single changes."""
    return "" if subject.deltas else "it does not read single changes"


def finds(subject: Subject) -> str:
    """A check for connectors that look objects up."""
    return "" if subject.capabilities.finds else "it does not find objects"


def finds_many(subject: Subject) -> str:
    """A check for connectors that look many objects up at once."""
    return "" if issubclass(subject.connector, FindsMany) else "it finds objects one by one"


def all_of(*needs: Needs) -> Needs:
    """A check that needs all of these."""

    def together(subject: Subject) -> str:
        return next((lack for lack in (one(subject) for one in needs) if lack), "")

    return together


def has(attribute: str, lack: str) -> Needs:
    """A check that needs the subject to name something (an attribute of the `Subject` that is not None)."""

    def present(subject: Subject) -> str:
        return "" if getattr(subject, attribute) is not None else lack

    return present


def supplies(method: str, lack: str) -> Needs:
    """A check that needs the subject to have a method of its own in the place of the base's, which gives None."""

    def overridden(subject: Subject) -> str:
        return "" if getattr(type(subject), method) is not getattr(Subject, method) else lack

    return overridden


def promise(needs: Needs = always) -> Callable[[Body], Check]:
    """Make a check of a function: its name, and its docstring as the promise."""

    def made(body: Body) -> Check:
        text = " ".join((body.__doc__ or "").split())
        return Check(body.__name__, text, body, needs)

    return made
