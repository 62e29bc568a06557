"""The objects that an object refers to, and those that refer to it, page by page; and through nested groups."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

from muster.directory.edges import Relation
from muster.directory.objects import COLUMNS, Entry, entry
from muster.directory.pages import Page, Position
from muster.directory.schema.kinds import Kind
from muster.directory.work import Work


def members(
    work: Work, relation: Relation, owner: Entry, limit: int, after: Position | None = None, kind: Kind | None = None
) -> Page:
    """What the owner refers to."""
    where = "e.relation = ? AND e.owner = ? AND e.state = 0 AND e.member > ?"
    values: tuple[Any, ...] = (int(relation), owner.id, after.id if after else 0)
    if kind is not None:
        where, values = f"{where} AND e.kind = ?", (*values, int(kind))
    rows = work.session.rows(
        f"SELECT {COLUMNS} FROM dir_edge e JOIN dir_object o ON o.id = e.member WHERE {where} "
        "ORDER BY e.member LIMIT ?",
        *values,
        limit + 1,
    )
    return _page([entry(row) for row in rows], limit)


def owners(work: Work, relation: Relation, member: Entry, limit: int, after: Position | None = None) -> Page:
    """What refers to the member."""
    rows = work.session.rows(
        f"SELECT {COLUMNS} FROM dir_edge e JOIN dir_object o ON o.id = e.owner WHERE e.member = ? AND e.state = 0 "
        "AND e.relation = ? AND e.owner > ? AND o.state = 0 ORDER BY e.owner LIMIT ?",
        *(member.id, int(relation), after.id if after else 0, limit + 1),
    )
    return _page([entry(row) for row in rows], limit)


def count_members(work: Work, relation: Relation, owner: Entry, kind: Kind | None = None) -> int:
    """How many the owner refers to."""
    if kind is None:
        return int(work.session.value(f"SELECT COUNT(*) FROM dir_edge WHERE {_OWNED}", int(relation), owner.id))
    return int(
        work.session.value(
            f"SELECT COUNT(*) FROM dir_edge WHERE {_OWNED} AND kind = ?", int(relation), owner.id, int(kind)
        )
    )


_OWNED = "relation = ? AND owner = ? AND state = 0"


def count_owners(work: Work, relation: Relation, member: Entry) -> int:
    """How many refer to the member."""
    return int(
        work.session.value(
            "SELECT COUNT(*) FROM dir_edge e JOIN dir_object o ON o.id = e.owner "
            "WHERE e.member = ? AND e.state = 0 AND e.relation = ? AND o.state = 0",
            member.id,
            int(relation),
        )
    )


# --- through nested groups


def nested_groups(work: Work, group: Entry) -> list[int]:
    """The group and every group inside it, however deep; a circle ends where it began."""
    rows = work.session.rows(
        "WITH RECURSIVE inside (id) AS (SELECT CAST(? AS BIGINT) UNION SELECT e.member FROM inside "
        "JOIN dir_edge e ON e.owner = inside.id AND e.relation = 1 AND e.kind = 2 AND e.state = 0) "
        "SELECT id FROM inside",
        group.id,
    )
    return [row[0] for row in rows]


def groups_around(work: Work, member: Entry) -> list[int]:
    """Every group that the object is in, directly or through others, in the order in which they were made."""
    rows = work.session.rows(
        "WITH RECURSIVE around (id) AS (SELECT e.owner FROM dir_edge e JOIN dir_object o ON o.id = e.owner "
        "WHERE e.member = ? AND e.state = 0 AND e.relation = 1 AND o.state = 0 UNION SELECT e.owner FROM around "
        "JOIN dir_edge e ON e.member = around.id AND e.state = 0 AND e.relation = 1 "
        "JOIN dir_object o ON o.id = e.owner AND o.state = 0) SELECT id FROM around ORDER BY id",
        member.id,
    )
    return [row[0] for row in rows]


def all_members(work: Work, group: Entry, limit: int, after: Position | None = None, kind: Kind | None = None) -> Page:
    """Members of the group and of the groups inside it."""
    start = after.id if after else 0
    found: list[list[int]] = []
    for number in nested_groups(work, group):
        where, values = f"{_OWNED} AND member > ?", (1, number, start)
        if kind is not None:
            where, values = f"{where} AND kind = ?", (*values, int(kind))  # type: ignore[assignment]
        rows = work.session.rows(
            f"SELECT member FROM dir_edge WHERE {where} ORDER BY member LIMIT ?", *values, limit + 1
        )
        found.append([row[0] for row in rows])
    numbers: list[int] = []
    for number in heapq.merge(*found):
        if not numbers or numbers[-1] != number:
            numbers.append(number)
        if len(numbers) > limit:
            break
    return _page(by_number(work, numbers), limit)


def count_all_members(work: Work, group: Entry, kind: Kind | None = None) -> int:
    """How many members the group and the groups inside it have, each counted once."""
    where, values = ("", ()) if kind is None else (" AND kind = ?", (int(kind),))
    return int(
        work.session.value(
            f"SELECT COUNT(DISTINCT member) FROM dir_edge WHERE relation = 1 AND state = 0 AND owner IN ?i{where}",
            nested_groups(work, group),
            *values,
        )
    )


def by_number(work: Work, numbers: Sequence[int]) -> list[Entry]:
    """Live objects by their inner numbers, in the order of these."""
    rows = work.session.rows(f"SELECT {COLUMNS} FROM dir_object o WHERE o.id IN ?i AND o.state = 0", list(numbers))
    known = {row[0]: row for row in rows}
    return [entry(known[number]) for number in numbers if number in known]


def _page(entries: list[Entry], limit: int) -> Page:
    more = len(entries) > limit
    entries = entries[:limit]
    return Page(entries, Position(entries[-1].id) if more else None)
