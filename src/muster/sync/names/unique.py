"""Unique values as decisions see them: which of them an identity holds, and which it goes on with. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from muster.model.values import Document, Value, key_text
from muster.project.configuration import MappingRules

UNDECIDED: Final = "undecided-name"
"""The kind of message about a unique value that waits for a person."""

ANYBODY: Final = (0, 0)
"""Instead of an identity and its account: whose an object is cannot be told, and it may be anybody's."""

AsIf: TypeAlias = Callable[[str], Document]
"""What the identity would hold if it had a candidate."""


@dataclass(frozen=True, slots=True)
class Disputed:
    """No value can be given yet: whose these objects are is for a person to decide, and the value with it.

    `objects`: as a message names them. `value`: what they show; None: what they say goes into the candidates.
    `unjudged`: a person must mend a rule or a value instead, which the error of the object names.
    """

    objects: str
    value: str | None = None
    unjudged: bool = False

    def message(self, attribute: str) -> str:
        """What to tell a person."""
        shows = f", which shows {self.value!r}," if self.value is not None else ""
        if self.unjudged:
            return (
                f"{attribute} is not given out before it can be told whose {self.objects}{shows} is: mend what its "
                "error says. What depends on it waits; everything else is written"
            )
        return (
            f"{attribute} is not given out before somebody decides whose {self.objects}{shows} is (muster joins). "
            "What depends on it waits; everything else is written"
        )


@dataclass(frozen=True, slots=True)
class NeverRead:
    """No value can be given yet: accounts of these systems may show one, and the systems were never read.

    `always`: what they show would win over what is known already.
    """

    systems: str
    always: bool

    def message(self, attribute: str) -> str:
        """What to tell a person, once for everybody."""
        return (
            f"{attribute} is given to nobody new before {self.systems} was read once: whoever has an account there "
            "keeps the name that it shows. What depends on it waits; everything else is written"
        )


def never_read(mappings: Iterable[MappingRules], systems: Collection[str]) -> dict[str, dict[str, NeverRead]]:
    """By identity type, the attributes that accounts of `systems`, which were never read, may show."""
    if not systems:
        return {}
    offers: dict[tuple[str, str], list[tuple[int, str | None]]] = {}
    for mapping in mappings:
        account = mapping.join and (mapping.outbound is not None or not mapping.project)
        unread = mapping.system if mapping.system in systems else None
        if unread is None or account:
            for flow in mapping.inbound.flows if mapping.inbound else ():
                offers.setdefault((mapping.identity, flow.attribute.name), []).append((flow.precedence, unread))
    found: dict[str, dict[str, NeverRead]] = {}
    for (kind, attribute), offered in offers.items():
        names = sorted({system for _, system in offered if system is not None})
        if names:
            _, best = min(offered, key=lambda one: one[0])
            found.setdefault(kind, {})[attribute] = NeverRead(" and ".join(names), best is not None)
    return found


class Allocate(Protocol):
    """Gives an identity the first free one of some candidates, unique in a scope; None when all are taken.

    With `as_if`, one that only objects of nobody show is free for whom the join rules would then tie them to.
    `Disputed` where a person must decide first whether one of them is free.
    """

    def __call__(
        self, scope: str, candidates: Sequence[str], as_if: AsIf | None = None, /
    ) -> str | Disputed | None: ...


@dataclass(slots=True)
class Wanted:
    """Gives nothing out: takes note of every candidate (scope, value)."""

    names: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, scope: str, candidates: Sequence[str], _as_if: AsIf | None = None, /) -> str | None:
        self.names.extend((scope, value) for value in candidates)
        return candidates[0] if candidates else None


@dataclass(slots=True)
class Reservation:
    """A unique value that an identity holds. `firm` once something was written with it."""

    value: str
    firm: bool


def held(own: Sequence[Reservation], current: Value, keys: Collection[str | None] | None = None) -> Reservation | None:
    """The reservation (of one of these keys) that an identity goes on with: the one in use, else a firm one."""
    mine = [one for one in own if keys is None or key_text((one.value,)) in keys]
    return min(mine, key=lambda one: (one.value != current, not one.firm, one.value), default=None)


def none_free(attribute: str, candidates: Sequence[str]) -> str:
    """What to tell a person when all candidates are taken."""
    if not candidates:
        return f"{attribute}: SelectUniqueValue has no candidate that is not NULL"
    return (
        f"{attribute}: all {len(candidates)} candidates are taken (last tried {candidates[-1]!r}); "
        "add another candidate to SelectUniqueValue"
    )
