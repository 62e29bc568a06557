"""The values of one identity, worked out whole from all objects joined to it. Pure: data in, data out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Final

from muster.expressions import AUTHORITATIVE_NULL, UNKNOWN, Candidates, Context, Fault, Signal
from muster.model.aside import stands_aside
from muster.model.values import Document, Value, WrongType, convert, items, same
from muster.project.configuration import Place
from muster.sync.clock import micros, next_day
from muster.sync.identities.computing import Computing
from muster.sync.identities.partial import PartialDocument, Unread
from muster.sync.names.unique import Allocate, Disputed, NeverRead, Reservation
from muster.sync.rules.ruleset import HELD, NO_LOOKUP, CompiledInbound, CompiledMapping, CompiledType

MADE: Final = 1
CHANGED_SINCE: Final = 2
MADE_AGAIN: Final = 3
"""`made`: Muster made the object and no other hand has changed it since; made, then changed by another hand; seen
deleted, and then seen again as another hand has made it, until Muster writes it."""


@dataclass(slots=True)
class Joined:
    """One object that is joined to an identity."""

    id: int
    mapping: CompiledMapping
    anchor: str
    document: Document
    made: int = 0
    wrote: Document = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A flow that could not be worked out; `attribute` keeps its last good value.

    `waits`: a person must decide first, or a system be read.
    """

    attribute: str
    place: Place
    message: str
    joined: Joined | None
    waits: Disputed | NeverRead | None = None


@dataclass(slots=True)
class Values:
    """What an identity holds. `references`: (attribute id, how, key, object id); `due`: when to look again.

    `needs`: a unique value must be given out first. `stale`: references (attribute ids) of which no edge goes, because
    a flow could not be worked out. `lacking`: attributes that have no value because of a fault, or of `needs`.
    """

    document: Document
    origin: dict[str, int]
    references: list[tuple[int, int, str, int]]
    kept: dict[str, Value]
    due: int | None
    troubles: list[Trouble]
    needs: bool = False
    stale: set[int] = field(default_factory=set)
    lacking: frozenset[str] = frozenset()


_Rank = tuple[int, int]


@dataclass(slots=True)
class _Gathered:
    """What the flows offered, attribute by attribute."""

    best: dict[str, tuple[_Rank, Any, Joined | None]] = field(default_factory=dict)
    pools: dict[str, list[tuple[_Rank, Any, Joined]]] = field(default_factory=dict)
    faults: dict[str, _Rank] = field(default_factory=dict)
    links: dict[str, CompiledInbound] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)


def own_input(joined: Joined) -> Document:
    """The object's document without what Muster wrote and the system only shows back."""
    if not joined.wrote:
        return joined.document
    attribute = joined.mapping.schema.attribute
    wrote = joined.wrote
    return {
        name: value
        for name, value in joined.document.items()
        if name not in wrote or not (same(value, wrote[name], attribute(name)) or stands_aside(value, joined.anchor))
    }


def ordered(joined: Sequence[Joined], context: Context) -> list[Joined]:
    """The objects in the order that settles ties: primary ones first, then by anchor."""
    if len(joined) < 2:
        return list(joined)

    def rank(item: Joined) -> tuple[bool, str, str, int]:
        primary = item.mapping.rules.primary
        first = primary is not None and primary.expression.evaluate(item.document, context) is True
        return (not first, item.anchor, item.mapping.name, item.id)

    return sorted(joined, key=rank)


def recompute(
    kind: CompiledType,
    old: Values,
    joined: Sequence[Joined],
    context: Context,
    now: int,
    *,
    overrides: Mapping[str, Value] | None = None,
    reserved: Mapping[str, Sequence[Reservation]] | None = None,
    paths: Mapping[str, Value] | None = None,
    unknown: Unread | None = None,
    allocate: Allocate | None = None,
    frozen: Set[int] = frozenset(),
    leaving: bool = False,
    doubtful: Mapping[str, str] | None = None,
    unread: Mapping[str, NeverRead] | None = None,
    lacking_paths: frozenset[str] = frozenset(),
) -> Values:
    """The identity's values from the objects joined to it.

    A faulty or unknown flow that would have won leaves the attribute as `old` has it, and so does a value of an object
    in `frozen`, whose mapping cannot run. An identity that is `leaving` keeps what nobody says otherwise. With
    `allocate`, unique values are given out, but for those that stand on an attribute in `doubtful` (by the object that
    may change it, if a person says so) or in `unread` (systems that may show it and were never read); without, an
    identity that needs one says so in `needs`. `lacking_paths`: what it would read through references and others lack
    (see `Values.lacking`).
    """
    context.reset()
    plain = not overrides and len(joined) == 1 and not (unknown and unknown.of(joined[0].mapping.space, joined[0].id))
    result = _alone(joined[0], old, context) if plain else None
    if result is None:
        context.reset()
        result = _weighed(kind, old, joined, context, overrides, unknown)
    if frozen or leaving:
        _keep_what_was(kind, old, result, frozen, leaving, overrides or {})
    if kind.computed:
        _compute(
            kind,
            result,
            old,
            context,
            reserved or {},
            paths or {},
            allocate,
            overrides or {},
            doubtful or {},
            unread or {},
            lacking_paths,
        )
    result.due = due_of(context, now)
    return result


def _alone(item: Joined, old: Values, context: Context) -> Values | None:
    """The values of an identity of one object, when nothing has to be weighed; None when something has."""
    mapping = item.mapping
    if mapping.alone is None or mapping.inbound_program is None or item.wrote:
        return None
    results = mapping.inbound_program.run(item.document, context)
    document, _, others = mapping.alone.of(results)
    references: list[tuple[int, int, str, int]] = []
    for compiled in others:
        value: Any = results[compiled.slots[0].value]
        if value is None or value == "":
            continue
        if isinstance(value, Fault | Signal | Candidates):
            return None
        if compiled.flow.reference is not None:
            references.extend(_links(compiled, value, item))
        else:
            try:
                converted = convert(value, compiled.flow.attribute)
            except WrongType:
                return None
            if converted is not None:
                document[compiled.flow.attribute.name] = converted
    return Values(document, {"*": item.id} if document else {}, references, dict(old.kept), None, [])


def _weighed(
    kind: CompiledType,
    old: Values,
    joined: Sequence[Joined],
    context: Context,
    overrides: Mapping[str, Value] | None,
    unknown: Unread | None,
) -> Values:
    """The values of an identity, flow against flow."""
    found = _Gathered()
    for position, item in enumerate(ordered(joined, context)):
        _gather(found, item, position, context, unknown)
    overrides = overrides or {}
    document: Document = {}
    origin: dict[str, int] = {}
    references: list[tuple[int, int, str, int]] = []
    for name, value in overrides.items():
        found.faults.pop(name, None)
        if name in kind.references:
            found.best.pop(name, None)
            references.extend(_held_links(kind, name, value))
        else:
            found.best[name] = ((-1, 0), value, None)
    for name, pool in found.pools.items():
        if name in overrides:
            continue
        if name in found.links:
            references.extend(edge for _, value, item in pool for edge in _links(found.links[name], value, item))
            continue
        document_value, item = _merge(name, pool, faulty=name in found.faults)
        if document_value is not None:
            found.faults.pop(name, None)
            found.best[name] = (min(rank for rank, _, _ in pool), document_value, item)
    for name, (rank, value, source) in found.best.items():
        fault = found.faults.get(name)
        if fault is not None and fault < rank:
            continue
        if value is None:
            continue
        link = found.links.get(name)
        if link is not None and source is not None:
            references.extend(_links(link, value, source))
            continue
        document[name] = value
        if source is not None:
            origin[name] = source.id
    stale, lacking = _keep_last_good(found, old, document, origin, kind)
    kept = dict(old.kept)
    return Values(document, _short(origin), references, kept, None, found.troubles, stale=stale, lacking=lacking)


def _keep_what_was(
    kind: CompiledType, old: Values, result: Values, frozen: Set[int], leaving: bool, overrides: Mapping[str, Value]
) -> None:
    computed = {one.attribute.name for one in kind.computed}
    for name, value in old.document.items():
        source = old.origin.get(name, old.origin.get("*"))
        if name in computed or name in overrides:
            continue
        if source in frozen or (leaving and name not in result.document):
            result.document[name] = value
            if source is not None:
                result.origin[name] = source


def _compute(
    kind: CompiledType,
    result: Values,
    old: Values,
    context: Context,
    reserved: Mapping[str, Sequence[Reservation]],
    paths: Mapping[str, Value],
    allocate: Allocate | None,
    overrides: Collection[str],
    doubtful: Mapping[str, str],
    unread: Mapping[str, NeverRead],
    lacking_paths: frozenset[str],
) -> None:
    """Add the computed values to what the sources gave."""
    computing = Computing(
        kind,
        result.document,
        result.kept,
        old.document,
        context,
        reserved,
        paths,
        allocate,
        overrides,
        doubtful=doubtful,
        unread=unread,
        lacking_paths=lacking_paths,
        lacking=set(result.lacking),
    )
    computing.work()
    for computed in kind.computed:
        result.origin.pop(computed.attribute.name, None)
    result.needs = computing.needs
    result.lacking = frozenset(computing.lacking)
    result.troubles.extend(
        Trouble(computed.attribute.name, computed.value.place, message, None) for computed, message in computing.faults
    )
    result.troubles.extend(
        Trouble(computed.attribute.name, computed.value.place, why.message(computed.attribute.name), None, why)
        for computed, why in computing.waits
    )


def due_of(context: Context, now: int) -> int | None:
    """When the answers that the context saw change next."""
    due = micros(context.due) if context.due is not None else None
    if context.daily:
        day = next_day(now)
        due = day if due is None else min(due, day)
    return due


def earliest(*instants: int | None) -> int | None:
    """The first of the instants that there are."""
    known = [one for one in instants if one is not None]
    return min(known) if known else None


def _gather(
    found: _Gathered,
    item: Joined,
    position: int,
    context: Context,
    unknown: Unread | None,
) -> None:
    mapping = item.mapping
    program = mapping.inbound_program
    if program is None:
        return
    document: Mapping[str, Value] = own_input(item)
    missing = unknown.of(mapping.space, item.id) if unknown else None
    if missing:
        document = PartialDocument(document, missing)
    results = program.run(document, context)
    best = found.best
    for compiled in mapping.inbound:
        for slot in compiled.slots:
            if slot.when is not None:
                condition = results[slot.when]
                if type(condition) is Fault or condition is UNKNOWN:
                    _fault(found, compiled, item, (slot.precedence, position), condition, slot.place)
                    break
                if condition is not True:
                    continue
            value: Any = results[slot.value]
            if value is None:
                continue
            rank = (slot.precedence, position)
            flow = compiled.flow
            name = flow.attribute.name
            if type(value) is not str or flow.attribute.type != "text" or flow.attribute.many:
                if type(value) is Fault or value is UNKNOWN:
                    _fault(found, compiled, item, rank, value, slot.place)
                    break
                if value is AUTHORITATIVE_NULL:
                    value = None
                elif compiled.flow.reference is None:
                    try:
                        value = convert(value, flow.attribute)
                    except WrongType as error:
                        _fault(found, compiled, item, rank, Fault(str(error)), slot.place)
                        break
                    if value is None:
                        continue
            elif value == "":
                continue
            if compiled.flow.reference is not None:
                found.links[name] = compiled
            if flow.merge != "first":
                found.pools.setdefault(name, []).append((rank, value, item))
            else:
                current = best.get(name)
                if current is None or rank < current[0]:
                    best[name] = (rank, value, item)
            break


def _fault(found: _Gathered, compiled: CompiledInbound, item: Joined, rank: _Rank, what: Any, place: Place) -> None:
    name = compiled.flow.attribute.name
    found.faults[name] = min(rank, found.faults.get(name, rank))
    if isinstance(what, Fault):
        found.troubles.append(Trouble(name, place, f"{name}: {what.message}", item))


def _merge(name: str, pool: list[tuple[_Rank, Any, Joined]], *, faulty: bool) -> tuple[Any, Joined]:
    """The merged value; none when one of the values is not known, and it might change the result."""
    pool.sort(key=lambda entry: entry[0])
    merge = _merge_rule(pool, name)
    values = [value for _, value, _ in pool if value is not None]
    first = pool[0][2]
    if not values:
        return None, first
    if faulty and not (merge == "any" and any(values)) and not (merge == "all" and not all(values)):
        return None, first
    if merge == "union":
        return list(dict.fromkeys(one for value in values for one in items(value))), first
    if merge == "any":
        return any(values), next((item for _, value, item in pool if value), first)
    if merge == "all":
        return all(values), first
    chosen = max(values) if merge == "max" else min(values)
    return chosen, next(item for _, value, item in pool if value == chosen)


def _merge_rule(pool: Sequence[tuple[_Rank, Any, Joined]], name: str) -> str:
    """The merge rule of the best-ranked flow of the attribute."""
    for compiled in pool[0][2].mapping.inbound:
        if compiled.flow.attribute.name == name:
            return compiled.flow.merge
    return "first"


def _held_links(kind: CompiledType, name: str, value: Value) -> list[tuple[int, int, str, int]]:
    """The edges of a reference that a hold sets, looked up the way its best source says; a mark if it names nobody."""
    how = kind.lookups.get(name, NO_LOOKUP)
    texts = [str(one) for one in items(value) if one != ""] if how != NO_LOOKUP else []
    if not kind.type.attributes[name].many:
        texts = texts[:1]
    number = kind.references[name]
    return [(number, how, text, HELD) for text in texts] or [(number, NO_LOOKUP, "", HELD)]


def _links(link: CompiledInbound, value: Any, source: Joined) -> list[tuple[int, int, str, int]]:
    """The edges of a reference flow that won, looked up the way the winning mapping says."""
    own = next((c for c in source.mapping.inbound if c.flow.attribute.name == link.flow.attribute.name), link)
    texts = items(value)
    if not own.flow.attribute.many:
        texts = texts[:1]
    return [(own.attribute_id, own.how, str(text), source.id) for text in texts if text != ""]


def _keep_last_good(
    found: _Gathered,
    old: Values,
    document: Document,
    origin: dict[str, int],
    kind: CompiledType,
) -> tuple[set[int], frozenset[str]]:
    """Fill in what faulty flows would have won; the references (attribute ids) that stay as they are, and the
    attributes that never had a good value: what they are is unknown, not NULL."""
    stale: set[int] = set()
    lacking: set[str] = set()
    for name, rank in found.faults.items():
        if name in document or (name in found.best and found.best[name][0] < rank):
            continue
        number = kind.references.get(name)
        if number is not None:
            stale.add(number)
        elif name in old.document:
            document[name] = old.document[name]
            source = old.origin.get(name, old.origin.get("*"))
            if source is not None:
                origin[name] = source
        else:
            lacking.add(name)
    return stale, frozenset(lacking)


def _short(origin: dict[str, int]) -> dict[str, int]:
    """Where each value came from; the commonest object stands once, under `*`."""
    if not origin:
        return {}
    counts: dict[int, int] = {}
    for number in origin.values():
        counts[number] = counts.get(number, 0) + 1
    if len(counts) == 1:
        return {"*": next(iter(counts))}
    common = max(sorted(counts), key=lambda number: counts[number])
    return {"*": common} | {name: number for name, number in sorted(origin.items()) if number != common}
