"""Which mapping an object belongs to, and which identity. Pure decisions over what a batch has loaded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from muster.expressions import UNKNOWN, Context, Fault
from muster.model.values import Value, key_text
from muster.sync.rules.ruleset import CompiledJoin, CompiledMapping


@dataclass(slots=True)
class Choice:
    """The mappings whose scope takes an object in; `known` False: it cannot be told, and `fault` may say why."""

    mappings: tuple[CompiledMapping, ...]
    known: bool = True
    fault: str | None = None


def choose_mapping(mappings: Iterable[CompiledMapping], document: Mapping[str, Value], context: Context) -> Choice:
    """The mappings that accept the object: one is right, none leaves it out, two are an error on the object."""
    accepting: list[CompiledMapping] = []
    for mapping in mappings:
        scope = mapping.rules.scope
        answer = True if scope is None else scope.evaluate(document, context)
        if isinstance(answer, Fault):
            place = mapping.rules.scope_place or mapping.rules.place
            return Choice((), known=False, fault=f"{place}: scope: {answer.message}")
        if answer is UNKNOWN:
            return Choice((), known=False)
        if answer:
            accepting.append(mapping)
    return Choice(tuple(accepting))


@dataclass(slots=True)
class Keys:
    """The join keys of an object, in the order of the mapping's join lines: (signature, key).

    `doubtful`: the next line cannot be worked out, so that neither a later line nor a projection may decide; `fault`
    says why, unless it only needs an attribute that was never read.
    """

    found: list[tuple[int, str]] = field(default_factory=list)
    doubtful: bool = False
    fault: str | None = None


def object_keys(mapping: CompiledMapping, document: Mapping[str, Value], context: Context) -> Keys:
    """The join keys of an object. A line of which a part is NULL never matches."""
    keys = Keys()
    for join in mapping.joins:
        results = join.program.run(document, context)
        if None in results:
            continue
        parts: list[Value] = []
        for result in results:
            if isinstance(result, Fault) or result is UNKNOWN:
                keys.doubtful = True
                if isinstance(result, Fault):
                    keys.fault = f"{join.line.place}: join: {result.message}"
                return keys
            if isinstance(result, str | int | float):
                parts.append(result)
        key = key_text(parts) if len(parts) == len(results) else None
        if key is not None:
            keys.found.append((join.sig, key))
    return keys


def line_that_ties(
    mapping: CompiledMapping, keys: Collection[tuple[int, str]], identity: Collection[tuple[int, str]]
) -> CompiledJoin | None:
    """The first join line that matches an object with an identity, by the keys of both.

    None, too, when a line before it speaks against it: both have a value there, and not the same.
    """
    found = _line_of_both(mapping, keys, identity)
    return found[0] if found is not None and found[1] else None


def line_that_parts(
    mapping: CompiledMapping, keys: Collection[tuple[int, str]], identity: Collection[tuple[int, str]]
) -> CompiledJoin | None:
    """The join line that speaks against an object being an identity's, where none before it says that it is."""
    found = _line_of_both(mapping, keys, identity)
    return found[0] if found is not None and not found[1] else None


def _line_of_both(
    mapping: CompiledMapping, keys: Collection[tuple[int, str]], identity: Collection[tuple[int, str]]
) -> tuple[CompiledJoin, bool] | None:
    """The first join line for which an object and an identity both have a value, and whether it is the same."""
    for join in mapping.joins:
        theirs = {key for sig, key in keys if sig == join.sig}
        own = {key for sig, key in identity if sig == join.sig}
        if theirs and own:
            return join, not theirs.isdisjoint(own)
    return None


def spoken_against(
    mapping: CompiledMapping, keys: Collection[tuple[int, str]], identity: Collection[tuple[int, str]]
) -> bool:
    """Whether only a name that Muster gives out ties an object to an identity, and a line before it says otherwise.

    An account that shows another employee number is somebody else's, though its login is the one we would give.
    """
    common = set(keys) & set(identity)
    first = next((join for join in mapping.joins if any(sig == join.sig for sig, _ in common)), None)
    return first is not None and first.given and line_that_ties(mapping, keys, identity) is None


def matching_identities(
    keys: Keys, identities: Mapping[tuple[int, str], Collection[int]], refused: Collection[int]
) -> tuple[int, ...]:
    """The identities that the first matching join line finds, in order; those refused by a person do not count."""
    for pair in keys.found:
        matches = sorted({number for number in identities.get(pair, ()) if number not in refused})
        if matches:
            return tuple(matches)
    return ()


@dataclass(slots=True)
class Claim:
    """An object and the identities that its first matching join line found. `decided`: a person said so."""

    object: int
    mapping: CompiledMapping
    identities: tuple[int, ...]
    due: int | None = None
    decided: bool = False

    @property
    def place(self) -> tuple[int, int]:
        """What the object would take: (identity, mapping id)."""
        return self.identities[0], self.mapping.id


@dataclass(slots=True)
class Settlement:
    """What becomes of the claims: those that join, and cases (claim, kind)."""

    joins: list[Claim] = field(default_factory=list)
    cases: list[tuple[Claim, str]] = field(default_factory=list)


def settle(claims: Sequence[Claim], taken: set[tuple[int, int]]) -> Settlement:
    """Join what is beyond doubt; everything else is a case for a person.

    `taken` are the (identity, mapping id) places that hold an object already. Two objects that claim one place in the
    same run are both held: neither came first, unless a person decided.
    """
    result = Settlement()
    filled = set(taken)
    for claim in claims:
        if claim.decided and len(claim.identities) == 1 and (claim.mapping.rules.several or claim.place not in filled):
            filled.add(claim.place)
            result.joins.append(claim)
    joined = {claim.object for claim in result.joins}
    places: dict[tuple[int, int], int] = {}
    for claim in claims:
        if len(claim.identities) == 1 and claim.object not in joined:
            places[claim.place] = places.get(claim.place, 0) + 1
    for claim in claims:
        if claim.object in joined:
            continue
        if len(claim.identities) > 1:
            result.cases.append((claim, "several"))
        elif not claim.mapping.rules.several and claim.place in filled:
            result.cases.append((claim, "taken"))
        elif not claim.mapping.rules.several and places[claim.place] > 1:
            result.cases.append((claim, "rivals"))
        else:
            result.joins.append(claim)
    return result
