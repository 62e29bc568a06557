"""Objects that take each other's sign-in names or addresses in one write: each change alone would be refused.

A change that is refused because another object has its value waits until all else is written. Whose rival has given the
value up by then goes first. What is left stands in circles: there everybody first gives up what another wants (a name
that must be is a temporary one meanwhile), then takes its own. Who is killed in between leaves objects that the next
run finds without their names, and writes again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from muster.connectors.graph import wire
from muster.connectors.graph.conflicts import wanted_values
from muster.connectors.graph.resources import GraphType
from muster.connectors.graph.wire import Body
from muster.model.aside import name_aside
from muster.model.changes import Change, Outcome, Result
from muster.model.values import convert, items

MOST: Final = 1000
"""Changes that wait at one time; others are refused at once, and written by the next run."""
_TRIES: Final = 3

Wanted = dict[str, set[str]]
"""Attribute → the values that some changes want, folded."""


@dataclass(slots=True, eq=False)
class Blocked:
    """A change of an object (`anchor`), and the object that has a value which it wants.

    `rival` is empty where nobody was found with the value: by then it had been given up, or a deleted object has it.
    """

    change: Change
    kind: GraphType
    anchor: str
    rival: str
    outcome: Outcome
    tries: int = 1
    aside: tuple[str, ...] = ()
    """The attributes of which it gave up values."""


@dataclass(slots=True)
class Swaps:
    """The changes of one write that wait for each other."""

    waiting: dict[str, Blocked] = field(default_factory=dict)
    _known: dict[int, Blocked] = field(default_factory=dict)
    _freed: set[str] = field(default_factory=set)

    def refused(self, change: Change, kind: GraphType, anchor: str, rival: str, outcome: Outcome) -> None:
        """Another object has a value that the change wants; `outcome` is what comes of it if that stays so."""
        one = self._known.get(change.key)
        if one is not None:
            one.rival, one.outcome, one.tries = rival, outcome, one.tries + 1
        elif len(self._known) < MOST:
            one = self._known[change.key] = Blocked(change, kind, anchor, rival, outcome)
        if one is not None and one.tries <= _TRIES:
            self.waiting[anchor] = one

    def done(self, change: Change, kind: GraphType, anchor: str) -> None:
        """The change was written: what it wrote over is free."""
        if any(name in change.values or name in change.remove for name in kind.unique):
            self._freed.add(anchor)

    def told(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """The outcomes but for those of changes that wait."""
        for outcome in outcomes:
            one = self._known.get(outcome.key)
            if one is not None and self.waiting.get(one.anchor) is one:
                continue
            if one is not None and one.aside and outcome.result is not Result.DONE:
                outcome.reason += (
                    f" It gave up its {' and '.join(one.aside)} before: the next run writes what is missing."
                )
            yield outcome

    def next(self) -> tuple[list[Blocked], bool]:
        """Who goes next, and whether they stand in circles, and are to give up first what the others want."""
        ready = [one for one in self.waiting.values() if one.rival not in self.waiting]
        circles = not ready
        ready = ready or list(self.waiting.values())
        for one in ready:
            del self.waiting[one.anchor]
        return ready, circles

    def hopeless(self, one: Blocked) -> bool:
        """Whether the rival keeps what it has: it is not written, or does not give it up."""
        return one.rival not in self._freed if one.rival else not self._freed


def wanted_by(blocked: Iterable[Blocked]) -> Wanted:
    """What these changes want."""
    found: Wanted = {}
    for one in blocked:
        for name in one.kind.unique:
            found.setdefault(name, set()).update(
                str(value).casefold() for value in wanted_values(one.change, name) if value is not None
            )
    return found


def given_up(one: Blocked, resource: Mapping[str, Any], wanted: Wanted) -> Body:
    """What is written to an object, which looks so, that it gives up what others want. Raises `WrongType`."""
    own = wanted_by([one])
    body: Body = {}
    for name in written_names(one):
        attribute = one.kind.attribute(name)
        theirs = wanted[name] - own[name]
        has = convert(wire.shown_at(one.kind, resource, name), attribute)
        kept = [value for value in items(has) if str(value).casefold() not in theirs]
        if len(kept) == len(items(has)):
            continue
        if attribute.many:
            wire.put(body, one.kind, name, kept, resource)
        else:
            wire.put(body, one.kind, name, _meanwhile(one, str(has)) if attribute.required else None, resource)
    return body


def written_names(one: Blocked) -> list[str]:
    """The unique attributes that a change writes."""
    change = one.change
    return [name for name in one.kind.unique if name in {**change.values, **change.add, **change.remove}]


def _meanwhile(one: Blocked, name: str) -> str:
    """A name that nobody else has, of the same domain."""
    _, at, domain = name.partition("@")
    return f"{name_aside(str(one.anchor))}{at}{domain}"
