"""Unique values as decisions see them: which of them an identity holds, and which it goes on with. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from muster.model.values import Value, key_text


class Allocate(Protocol):
    """Gives an identity the first free one of some candidates, unique in a scope; None when all are taken."""

    def __call__(self, scope: str, candidates: Sequence[str]) -> str | None: ...


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
