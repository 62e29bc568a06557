"""Where a query begins: in the part of an index in which the fewest objects stand, so that a page costs a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from muster.directory.conditions import Conditions, Sql, Start
from muster.directory.filters import Among, Both, Compare, Condition, Either, Literal, Path, Quantified, Words
from muster.directory.keys import runs
from muster.directory.objects import State
from muster.directory.schema.kinds import Schema
from muster.directory.work import Work


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the id of its last object, and the key it was sorted by."""

    id: int
    key: str | int | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """`order`: the property to sort by; without it, objects come in an order in which they are found fast."""

    schema: Schema
    condition: Condition | None = None
    order: str | None = None
    descending: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Where to read, what must hold, the column of the number, and the column to sort by before it.

    `counts`: whether an entry with this document and key is one of the answer.
    """

    source: str
    where: Sql
    id: str = "o.id"
    sort: str | None = None
    counts: Callable[[Mapping[str, Any], str], bool] | None = None


_BY_ID: Final = (None, "createdDateTime")
_INDEX: Final = "dir_key k"
_INDEXED: Final = "dir_key k JOIN dir_object o ON o.id = k.object"
_MANY: Final = 5000
"""Objects that are sorted for a page rather than found in an order."""


def plan_page(work: Work, query: Query, after: Position | None) -> Plan:
    """How to read a page; the same way as the pages before it."""
    maker, parts = _maker(work, query), _parts(query.condition)
    if query.deleted:
        return replace(_deleted(query, maker, parts), sort="o.deleted" if query.order == "deletedDateTime" else None)
    if query.order not in _BY_ID:
        code = query.schema.code(query.schema.properties[str(query.order)].index)
        return Plan(_INDEXED, maker.all(Sql("k.code = ?", (code,)), parts), "k.object", "k.key")
    starts = _starts(maker, parts)
    ranged = next((one for one in starts if one[1].ranged), None) if query.order is None else None
    if after is not None and after.key is not None and ranged is not None:
        return _ranged(maker, parts, *ranged)
    best, size = _fewest(work, starts)
    if size > _MANY and ranged is not None and after is None:
        return _ranged(maker, parts, *ranged)
    if best is None or (size > _MANY and not best[1].ordered):
        return _all(query, maker, parts)
    return _begun(maker, parts, *best)


def plan_count(work: Work, query: Query) -> Plan:
    """How to count: each object once, in whatever order."""
    maker, parts = _maker(work, query), _parts(query.condition)
    if query.deleted:
        return _deleted(query, maker, parts)
    best, _ = _fewest(work, _starts(maker, parts))
    if best is None:
        return _all(query, maker, parts)
    part, start = best
    if len(parts) > 1:
        return _begun(maker, parts, part, start)
    if start.ordered:
        return Plan(_INDEX, start.where)
    return Plan(
        f"(SELECT DISTINCT k.object FROM dir_key k WHERE {start.where.text}) s", Sql("TRUE", start.where.values)
    )


def _maker(work: Work, query: Query) -> Conditions:
    extensions = work.extensions(query.schema.kind)
    return Conditions(query.schema, extensions, postgres=work.session.postgres, indexed=not query.deleted)


def _parts(condition: Condition | None) -> list[Condition]:
    """The conditions that must all hold; of a search, each word."""
    match condition:
        case None:
            return []
        case Both(conditions):
            return [each for one in conditions for each in _parts(one)]
        case Words((("displayName" | "description"),) as path, text) if runs(text):
            return [Words(path, word) for word in runs(text)]
        case Either(conditions):
            return [_among(conditions) or condition]
        case _:
            return [condition]


def _among(conditions: Sequence[Condition]) -> Condition | None:
    """One condition for several that are true for one value each, of the same property; None for others."""
    values: list[Literal] = []
    paths: set[tuple[Path, bool]] = set()
    for one in conditions:
        match one:
            case Compare(path, "eq", value) if value is not None:
                paths.add((path, False))
            case Quantified(path, False, Compare((), "eq", value)) if value is not None:
                paths.add((path, True))
            case _:
                return None
        values.append(value)
    if len(paths) != 1:
        return None
    ((path, many),) = paths
    return Quantified(path, False, Among((), tuple(values))) if many else Among(path, tuple(values))


# --- plans


def _deleted(query: Query, maker: Conditions, parts: Sequence[Condition]) -> Plan:
    held = Sql(f"o.state > 0 AND o.state = {State.DELETED:d} AND o.kind = ?", (int(query.schema.kind),))
    return Plan("dir_object o", maker.all(held, parts))


def _all(query: Query, maker: Conditions, parts: Sequence[Condition]) -> Plan:
    """One object after the other, or those alone that the query names."""
    held = Sql("o.state = 0 AND o.kind = ?", (int(query.schema.kind),))
    for part in parts:
        match part:
            case Compare(("id",), "eq", str() as value):
                held = Sql(f"{held.text} AND o.guid = ?", (*held.values, value.lower()))
            case Among(("id",), values):
                held = Sql(f"{held.text} AND o.guid IN ?t", (*held.values, [str(value).lower() for value in values]))
    return Plan("dir_object o", maker.all(held, parts))


def _begun(maker: Conditions, parts: Sequence[Condition], part: Condition, start: Start) -> Plan:
    """By number, from what an index has of one condition."""
    rest = [other for other in parts if other is not part]
    if start.ordered:
        return Plan(_INDEXED, maker.all(start.where, rest), "k.object")
    few = f"(SELECT DISTINCT k.object FROM dir_key k WHERE {start.where.text}) s JOIN dir_object o ON o.id = s.object"
    return Plan(few, maker.all(Sql("TRUE", start.where.values), rest), "s.object")


def _ranged(maker: Conditions, parts: Sequence[Condition], part: Condition, start: Start) -> Plan:
    """By key, along the index."""
    rest = [other for other in parts if other is not part]
    return Plan(_INDEXED, maker.all(start.where, rest), "k.object", "k.key", start.counts)


# --- choosing


def _starts(maker: Conditions, parts: Sequence[Condition]) -> list[tuple[Condition, Start]]:
    """The conditions that an index answers. None, where there are ids: they are an index of their own."""
    if any(isinstance(part, Compare | Among) and part.path == ("id",) for part in parts):
        return []
    return [(part, start) for part in parts if (start := maker.start(part)) is not None]


def _fewest(work: Work, starts: Sequence[tuple[Condition, Start]]) -> tuple[tuple[Condition, Start] | None, int]:
    """The start at which the fewest objects stand, and how many, if not many; of those with many, an ordered one."""
    if len(starts) == 1 and starts[0][1].ordered:
        return starts[0], 0
    best: tuple[Condition, Start] | None = None
    least = _MANY + 1
    for part, start in starts:
        size = work.session.value(
            f"SELECT COUNT(*) FROM (SELECT 1 FROM dir_key k WHERE {start.where.text} LIMIT ?) few",
            *start.where.values,
            least,
        )
        if best is None or size < least or (size > _MANY and start.ordered):
            best, least = (part, start), min(size, least)
    return best, least
