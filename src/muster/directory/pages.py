"""Objects page by page: whatever the page, it starts where the one before ended, and costs the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from muster.directory.conditions import Conditions, Sql
from muster.directory.filters import Condition
from muster.directory.objects import COLUMNS, Entry, State, entry
from muster.directory.schema.kinds import Schema
from muster.directory.work import Work


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the id of its last object, and the key it was sorted by."""

    id: int
    key: str | int | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """`order`: the property to sort by; without it, objects come in the order in which they were made."""

    schema: Schema
    condition: Condition | None = None
    order: str | None = None
    descending: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Some objects, and where the next page starts; None when there is none."""

    entries: list[Entry]
    next: Position | None


_BY_ID: Final = (None, "createdDateTime")


def page(work: Work, query: Query, limit: int, after: Position | None = None) -> Page:
    """The next page of at most `limit` objects. Raises `Unsupported`."""
    source, where, sort = _plan(work, query)
    order = "DESC" if query.descending else "ASC"
    beyond = "<" if query.descending else ">"
    columns = [name for name in (sort, _id(source)) if name is not None]
    values: tuple[Any, ...] = where.values
    text = where.text
    if after is not None:
        place = (after.key, after.id) if sort is not None else (after.id,)
        marks = ", ".join("?" * len(place))
        text = f"{text} AND ({', '.join(columns)}) {beyond} ({marks})"
        values = (*values, *place)
    rows = work.session.rows(
        f"SELECT {COLUMNS}, {sort or 'NULL'} FROM {source} WHERE {text} "
        f"ORDER BY {', '.join(f'{name} {order}' for name in columns)} LIMIT ?",
        *values,
        limit + 1,
    )
    more = len(rows) > limit
    rows = rows[:limit]
    return Page([entry(row) for row in rows], Position(rows[-1][0], rows[-1][9]) if more else None)


def count(work: Work, query: Query) -> int:
    """How many objects there are. Raises `Unsupported`."""
    source, where, _ = _plan(work, Query(query.schema, query.condition, deleted=query.deleted))
    return int(work.session.value(f"SELECT COUNT(*) FROM {source} WHERE {where.text}", *where.values))


def _id(source: str) -> str:
    return "s.object" if source.startswith("dir_key") else "o.id"


def _plan(work: Work, query: Query) -> tuple[str, Sql, str | None]:
    """Where to read, what must hold, and the column to sort by before the id."""
    schema = query.schema
    maker = Conditions(schema, work.extensions(schema.kind), postgres=work.session.postgres, indexed=not query.deleted)
    if query.deleted:
        found = maker.sql(query.condition) if query.condition else Sql("TRUE")
        where = Sql(f"o.state = {State.DELETED:d} AND o.kind = ? AND {found.text}", (int(schema.kind), *found.values))
        return "dir_object o", where, "o.deleted" if query.order == "deletedDateTime" else None
    joined = "dir_key s JOIN dir_object o ON o.id = s.object"
    if query.order not in _BY_ID:
        one = schema.properties[str(query.order)]
        found = maker.sql(query.condition) if query.condition else Sql("TRUE")
        return joined, Sql(f"s.code = ? AND {found.text}", (schema.code(one.index), *found.values)), "s.key"
    start, found = maker.split(query.condition)
    if start is not None:
        return joined, Sql(f"s.code = ? AND s.key = ? AND {found.text}", (start.code, start.key, *found.values)), None
    return "dir_object o", Sql(f"o.state = 0 AND o.kind = ? AND {found.text}", (int(schema.kind), *found.values)), None
