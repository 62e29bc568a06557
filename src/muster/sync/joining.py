"""Which mapping an object belongs to, and which identity. Pure decisions over what a batch has loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from muster.expressions import Context, UnknownValue
from muster.model.values import Value
from muster.sync.rules import CompiledMapping, join_key


@dataclass(frozen=True, slots=True)
class Choice:
    """The mappings whose scope takes an object in; `known` False: an attribute it needs was never read."""

    mappings: tuple[CompiledMapping, ...]
    known: bool = True


def choose_mapping(mappings: Iterable[CompiledMapping], document: Mapping[str, Value], context: Context) -> Choice:
    """The mappings that accept the object: one is right, none leaves it out, two are an error on the object."""
    try:
        return Choice(tuple(m for m in mappings if in_scope(m, document, context)))
    except UnknownValue:
        return Choice((), known=False)


def in_scope(mapping: CompiledMapping, document: Mapping[str, Value], context: Context) -> bool:
    """Whether the mapping's scope takes the object in."""
    scope = mapping.rules.scope
    return scope is None or scope.matches(document, context)


def object_keys(mapping: CompiledMapping, document: Mapping[str, Value], context: Context) -> list[tuple[int, str]]:
    """The join keys of an object, in the order of the mapping's join lines."""
    found: list[tuple[int, str]] = []
    for join in mapping.joins:
        key = join_key(join.program, document, context)
        if key is not None:
            found.append((join.sig, key))
    return found


@dataclass(slots=True)
class Claim:
    """An object and the identities that its first matching join line found."""

    object: int
    mapping: CompiledMapping
    identities: tuple[int, ...]


@dataclass(slots=True)
class Settlement:
    """What becomes of the claims: joins (object, mapping, identity), and cases (claim, kind)."""

    joins: list[tuple[int, CompiledMapping, int]] = field(default_factory=list)
    cases: list[tuple[Claim, str]] = field(default_factory=list)


def settle(claims: Sequence[Claim], taken: set[tuple[int, int]]) -> Settlement:
    """Join what is beyond doubt; everything else is a case for a person.

    `taken` are the (identity, mapping id) places that hold an object already. Two objects that claim one place in the
    same run are both held: neither came first.
    """
    places: dict[tuple[int, int], int] = {}
    for claim in claims:
        if len(claim.identities) == 1:
            place = (claim.identities[0], claim.mapping.id)
            places[place] = places.get(place, 0) + 1
    result = Settlement()
    for claim in claims:
        if len(claim.identities) > 1:
            result.cases.append((claim, "ambiguous"))
            continue
        place = (claim.identities[0], claim.mapping.id)
        if not claim.mapping.rules.several and (place in taken or places[place] > 1):
            result.cases.append((claim, "taken" if place in taken else "rivals"))
            continue
        result.joins.append((claim.object, claim.mapping, claim.identities[0]))
    return result
