"""Objects page by page: whatever the page, it starts where the one before ended, and costs the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from muster.directory.objects import COLUMNS, Entry, entry
from muster.directory.planning import Position, Query, plan_count, plan_page
from muster.directory.work import Work

__all__ = ["Page", "Position", "Query", "count", "page"]


@dataclass(frozen=True, slots=True)
class Page:
    """Some objects, and where the next page starts; None when there is none."""

    entries: list[Entry]
    next: Position | None


def page(work: Work, query: Query, limit: int, after: Position | None = None) -> Page:
    """The next page of at most `limit` objects. Raises `Unsupported`."""
    plan = plan_page(work, query, after)
    order = "DESC" if query.descending else "ASC"
    beyond = "<" if query.descending else ">"
    columns = [name for name in (plan.sort, plan.id) if name is not None]
    values: tuple[Any, ...] = plan.where.values
    text = plan.where.text
    if after is not None:
        place = (after.key, after.id) if plan.sort is not None else (after.id,)
        marks = ", ".join("?" * len(place))
        text = f"{text} AND ({', '.join(columns)}) {beyond} ({marks})"
        values = (*values, *place)
    rows = work.session.rows(
        f"SELECT {COLUMNS}, {plan.sort or 'NULL'} FROM {plan.source} WHERE {text} "
        f"ORDER BY {', '.join(f'{name} {order}' for name in columns)} LIMIT ?",
        *values,
        limit + 1,
    )
    more = len(rows) > limit
    rows = rows[:limit]
    found = [(entry(row), row[9]) for row in rows]
    entries = [one for one, key in found if plan.counts is None or plan.counts(one.doc, key)]
    return Page(entries, Position(rows[-1][0], rows[-1][9]) if more else None)


def count(work: Work, query: Query) -> int:
    """How many objects there are. Raises `Unsupported`."""
    plan = plan_count(work, query)
    return int(work.session.value(f"SELECT COUNT(*) FROM {plan.source} WHERE {plan.where.text}", *plan.where.values))
