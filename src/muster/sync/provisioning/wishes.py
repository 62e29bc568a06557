"""What one decision of step three looks at, and what it answers. Pure data."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from muster.model import dn
from muster.model.changes import Action
from muster.model.values import Attribute, Document, Scalar, Value, same
from muster.project.configuration import Place, Step
from muster.sync.names.unique import Reservation
from muster.sync.provisioning.holds import Hold
from muster.sync.rules.ruleset import CompiledMapping

STICKS: Final = 3
"""A value that came back different this many times is left alone."""

MISSED: Final = 1
UNMISSED: Final = 2
"""`gone` of an object: deleted by another hand while it was wanted; and when nobody wanted it any more."""


@dataclass(slots=True)
class Target:
    """The object that an identity has through a mapping, as its system last showed it. `gone` 0: it is there;
    `again`: another hand deleted it and made it again, and nothing was written to it since; `stranger`: it was
    nobody's, no person said whose it is, and nothing was ever written to it."""

    id: int
    anchor: str
    document: Document
    wrote: Document
    wanted: Document
    stick: Mapping[str, Sequence[int]]
    gone: int = 0
    again: bool = False
    stranger: bool = False


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether the object is wanted, since when it is so (or is not), and whether it was taken out of all groups."""

    wanted: bool
    since: int
    cleared: bool = False


@dataclass(slots=True)
class Question:
    """Everything that one decision looks at. `holds` are those in force.

    `due`: the instant, now past, at which time alone may have changed the answer; None: it was not time.
    """

    mapping: CompiledMapping
    document: Mapping[str, Value]
    leaving: bool
    target: Target | None
    presence: Presence | None
    holds: Sequence[Hold]
    references: Mapping[str, Sequence[tuple[int, int, str | None]]]
    """Attribute → the (identity, account) referred to, each with its name in this system; None: it has none there."""
    reserved: Mapping[str, Sequence[Reservation]]
    unknown: frozenset[str]
    blocked: bool
    undecided: Mapping[tuple[int, int], Collection[str]] = field(default_factory=dict)
    """(identity, account) referred to → names of objects of which a person must decide whether they are theirs; of
    `ANYBODY`, those of which a rule or a value is to be mended first."""
    renamed: Mapping[tuple[int, int], str] = field(default_factory=dict)
    """(identity, account) referred to → the present name of an object of theirs that gets another."""
    lacking: frozenset[str] = frozenset()
    """What the identity should have and has not because of something that was told already; so do paths that lead to
    such a value. Nothing is made of its lack."""
    due: int | None = None

    def hold(self, kind: str) -> Hold | None:
        """The first hold of that kind on this mapping's object. A mapping that only updates takes nothing away."""
        outbound = self.mapping.rules.outbound
        if outbound is None or outbound.provision is None:
            return None
        return next((h for h in self.holds if h.kind == kind and h.mapping in (None, self.mapping.name)), None)

    def lacks_names(self) -> bool:
        """Whether unique values may have to be given out: to make the object, or to write it again and again."""
        there = self.target is not None and not self.target.gone
        flows = (f for f in self.mapping.outbound if f.unique and not (there and f.flow.enforce == "once"))
        return any(not self.reserved.get(flow.unique or "") for flow in flows)

    def fixed(self) -> dict[str, Value]:
        """The values of this mapping's object that holds set."""
        return {
            hold.attribute: hold.value
            for hold in self.holds
            if hold.kind == "value" and hold.mapping == self.mapping.name and hold.attribute is not None
        }


@dataclass(slots=True)
class Note:
    """Something to tell about a decision. `kind` is a fixed word; an `error` makes the run end with 1, one that is
    `held` for a person with 3.

    What is no error is told in each run while it holds, without being worked out again.
    """

    kind: str
    message: str
    place: Place
    error: bool = True
    held: bool = False


@dataclass(slots=True)
class Wish:
    """What is to be done. `action` None: nothing.

    `was`: what the system shows of the attributes in `values`. `omitted`: attributes of a create that have no value of
    ours: they are left out, or have their default. `meant`: the values that single adds and removes stand for. `waits`:
    attributes whose references have no object yet ((identity, account)). `renamed`: what is removed of a reference and
    comes back under another name. `later`: attributes that are known only after
    other changes of the plan were made. `agreed`: values that the system shows as we want them (kept to tell drift from
    a change of ours).
    """

    action: Action | None = None
    anchor: str | None = None
    values: Document = field(default_factory=dict)
    was: Document = field(default_factory=dict)
    add: dict[str, list[Scalar]] = field(default_factory=dict)
    remove: dict[str, list[Scalar]] = field(default_factory=dict)
    omitted: list[str] = field(default_factory=list)
    meant: Document = field(default_factory=dict)
    waits: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    renamed: dict[str, list[Scalar]] = field(default_factory=dict)
    later: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    """Attributes of the identity that the system will answer to this create, and what is computed from them."""
    drift: list[str] = field(default_factory=list)
    rule: str = ""
    place: Place | None = None
    agreed: Document | None = None
    presence: Presence | None = None
    steps: Sequence[Step] = ()
    """What is to happen to an object that is not wanted."""
    due: int | None = None
    recreate: bool = False
    ignored: bool = False
    """A flow says that nothing is to be done with the object."""
    clears: Place | None = None
    """The step that takes the object out of all groups."""
    notes: list[Note] = field(default_factory=list)

    def because(self, rule: str, place: Place) -> None:
        """The first thing that a change does gives its reason."""
        if self.place is None:
            self.rule, self.place = rule, place

    def write_nothing(self) -> None:
        """Forget what was to be written; what is to be told stays."""
        self.action = None
        for part in (self.values, self.was, self.add, self.remove, self.meant, self.waits, self.renamed):
            part.clear()
        self.later.clear()
        self.answers.clear()
        self.drift.clear()
        self.omitted.clear()
        self.rule, self.place = "", None


MISSING: Final = object()


def last_wanted(target: Target, name: str) -> Any:
    """The value that we last wrote, or last found there as we wanted it; MISSING when there never was one."""
    if name in target.wanted:
        return target.wanted[name]
    return target.wrote.get(name, MISSING)


def equal(mapping: CompiledMapping, name: str, left: Value, right: Value, attribute: Attribute) -> bool:
    """Whether the system would call the two values the same."""
    if name == mapping.schema.naming and mapping.schema.name_is_dn and isinstance(left, str) and isinstance(right, str):
        return dn.normal(left) == dn.normal(right)
    return same(left, right, attribute)


def agree(target: Target, wish: Wish, name: str, value: Value) -> None:
    """The system shows what we want: remember that we want it."""
    last = last_wanted(target, name)
    if last is MISSING or last != value:
        if wish.agreed is None:
            wish.agreed = dict(target.wanted)
        wish.agreed[name] = value


def does_not_stick(target: Target, wish: Wish, name: str, place: Place) -> bool:
    """Whether the value came back different too often to be written again; it is then told."""
    times = target.stick.get(name, (0, 0))[0]
    if times < STICKS:
        return False
    wish.notes.append(
        Note(
            "does-not-stick",
            f"{name} was written {times} times and came back different each time; it is left as it is",
            place,
            False,
        )
    )
    return True


def disabled_elsewhere(question: Question, wish: Wish, place: Place) -> None:
    """Another hand switched the account off: that is left as it is, and told."""
    message = "another hand disabled it, and that is left so; if it should work, enable it in "
    wish.notes.append(Note("disabled-elsewhere", message + question.mapping.rules.system, place, False))
