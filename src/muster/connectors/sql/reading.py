"""Rows → pages: all of them, or those that changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, func, select
from sqlalchemy.sql import ColumnElement

from muster.connectors.sql.deltas import Deltas
from muster.connectors.sql.tables import Table
from muster.connectors.sql.wire import BadValue, anchor_text, builder, from_driver, key_to_driver, selected
from muster.model.objects import ConnectorObject, EdgePage, Page, ReadProblem
from muster.model.values import Attribute, Value, WrongType

PAGE: Final = 5_000
CHUNK: Final = 1_000
_STREAMED: Final = {"stream_results": True, "max_row_buffer": PAGE}


class TableReading:
    """One object type, read inside one transaction. `complete` is known when the pages are through."""

    def __init__(
        self, connection: Connection, table: Table, wanted: Sequence[str], *, of_deleted: bool = False
    ) -> None:
        """`of_deleted`: the rows that are marked as deleted are read, and no others."""
        self.complete = True
        self._conditions = table.conditions_of_deleted if of_deleted else table.conditions
        self._connection = connection
        self._table = table
        self._wanted = wanted
        self._build = builder(table, wanted)
        self._names = selected(table, wanted)
        self._anchor = table.anchor
        self._exact = table.columns[table.spec.anchor].attribute.exact

    # --- pages

    def everything(self) -> Iterator[Page]:
        """Every row."""
        doubles = self._doubles()
        lists = {name: self._list(name, None) for name in self._wanted if self._is_small(name)}
        yield from self._made(self._stream(self._select()), lists, doubles)
        for name in self._wanted:
            if self._is_large(name):
                yield from self._edges(name, None)

    def changed(self, deltas: Deltas) -> Iterator[Page]:
        """What changed since the positions that the deltas know; what is not there any more as tombstones."""
        read: set[str] = set()
        for chunk in _chunks(deltas.keys()):
            usable = [key for key in (key_to_driver(anchor_text(one), self._table) for one in chunk) if key is not None]
            found: set[str] = set()
            for page in self._chosen(usable):
                found.update(self._name(item.anchor) for item in page.objects)
                found.update(self._name(problem.anchor) for problem in page.problems if problem.anchor)
                yield page
            anchors = dict.fromkeys(anchor_text(one) for one in chunk)
            gone = [anchor for anchor in anchors if self._name(anchor) not in found]
            if gone:
                yield Page([ConnectorObject(self._table.kind, anchor, deleted=True) for anchor in gone])
            read.update(anchors)
        for name in self._wanted:
            if self._is_large(name) and self._table.lists[name].log is not None:
                without = frozenset() if self._told_alone(name) else frozenset(read)
                yield from _paged(deltas.edges(name, without))

    def _told_alone(self, name: str) -> bool:
        """Whether each value of a large list that an object has was told as it came: the object was never hidden."""
        return self._table.lists[name].log is not None and not self._table.conditions

    def some(self, condition: Sequence[ColumnElement[bool]]) -> Iterator[ConnectorObject]:
        """The objects that fulfil the conditions, without large references."""
        found = self._connection.execute(self._select().where(*condition)).all()
        lists = {name: self._list(name, [row[0] for row in found]) for name in self._wanted if self._is_small(name)}
        for page in self._made(found, lists, frozenset()):
            yield from page.objects

    def references(self, name: str, key: Any) -> Iterator[EdgePage]:
        """Every value of one large reference of one row."""
        for page in self._edges(name, [key]):
            yield from page.edges

    def _chosen(self, anchors: Sequence[Any]) -> Iterator[Page]:
        lists = {name: self._list(name, anchors) for name in self._wanted if self._is_small(name)}
        rows = self._select().where(self._anchor.in_(anchors))
        yield from self._made(self._stream(rows), lists, self._doubles(anchors))
        for name in self._wanted:
            if self._is_large(name) and not self._told_alone(name):
                yield from self._edges(name, anchors)

    def _made(self, rows: Any, lists: dict[str, dict[str, Value]], doubles: frozenset[str]) -> Iterator[Page]:
        kind, name, build = self._table.kind, self._table.spec.anchor, self._build
        where = f"table {self._table.spec.table}"
        source = iter(rows)
        while part := list(islice(source, PAGE)):
            page = Page()
            for row in part:
                if row[0] is None:
                    self.complete = False
                    page.problems.append(ReadProblem(kind, None, f"a row has no {name}. Give it one.", where))
                    continue
                anchor = anchor_text(row[0])
                if doubles and self._name(anchor) in doubles:
                    text = f"several rows have the {name} {anchor!r}; none of them is read. Leave one."
                    page.problems.append(ReadProblem(kind, anchor, text, where))
                    continue
                try:
                    values = build(row)
                except BadValue as error:
                    page.problems.append(ReadProblem(kind, anchor, f"{error}. Correct it there.", where))
                    continue
                for column, listed in lists.items():
                    if anchor in listed:
                        values[column] = listed[anchor]
                page.objects.append(ConnectorObject(kind, anchor, values, where=where))
            yield page

    def _name(self, anchor: str) -> str:
        """The anchor, the same for all that the database takes for one."""
        return anchor if self._exact else anchor.casefold()

    def _doubles(self, among: Sequence[Any] | None = None) -> frozenset[str]:
        if self._table.unique:
            return frozenset()
        twice = self._filtered(select(self._anchor)).group_by(self._anchor).having(func.count() > 1)
        if among is not None:
            twice = twice.where(self._anchor.in_(among))
        return frozenset(self._name(anchor_text(row[0])) for row in self._stream(twice) if row[0] is not None)

    # --- side tables

    def _is_small(self, name: str) -> bool:
        return name in self._table.lists and not self._table.lists[name].spec.large

    def _is_large(self, name: str) -> bool:
        return name in self._table.lists and self._table.lists[name].spec.large

    def _list(self, name: str, owners: Sequence[Any] | None) -> dict[str, Value]:
        side = self._table.lists[name]
        statement = select(side.owner, side.value).where(side.value.is_not(None), *side.own)
        statement = statement.order_by(side.owner, side.value)
        if owners is not None:
            statement = statement.where(side.owner.in_(owners))
        single = side.single.attribute
        found: dict[str, dict[Any, None]] = {}
        for row in self._stream(statement):
            found.setdefault(anchor_text(row[0]), {})[_readable(row[1], single)] = None
        return {anchor: list(values) for anchor, values in found.items()}

    def _edges(self, name: str, owners: Sequence[Any] | None) -> Iterator[Page]:
        side = self._table.lists[name]
        mine = self._filtered(select(self._anchor.label("anchor")))
        if owners is not None:
            mine = mine.where(self._anchor.in_(owners))
        those = mine.subquery()
        joined = those.outerjoin(side.clause, and_(side.owner == those.c.anchor, *side.own))
        statement = select(those.c.anchor, side.value).select_from(joined).order_by(those.c.anchor)
        page = Page()
        weight = 0
        for edge in _grouped(self._stream(statement), self._table.kind, name):
            page.edges.append(edge)
            weight += len(edge.values) + 1
            if weight >= PAGE:
                yield page
                page, weight = Page(), 0
        if page.edges:
            yield page

    # --- statements

    def _select(self) -> Select[Any]:
        return self._filtered(select(*(self._table.clause.c[name] for name in self._names)))

    def _filtered(self, statement: Select[Any]) -> Select[Any]:
        return statement.where(*self._conditions)

    def _stream(self, statement: Select[Any]) -> Iterator[Any]:
        result = self._connection.execute(statement, execution_options=_STREAMED)
        try:
            for part in result.partitions(PAGE):
                yield from part
        finally:
            result.close()


def _grouped(rows: Iterator[Any], kind: str, name: str) -> Iterator[EdgePage]:
    current: str | None = None
    values: dict[str, None] = {}
    for row in rows:
        anchor = anchor_text(row[0])
        if anchor != current or len(values) == PAGE:
            if current is not None:
                yield EdgePage(kind, current, name, list(values), whole=True, last=anchor != current)
            current, values = anchor, {}
        if row[1] is not None:
            values[anchor_text(row[1])] = None
    if current is not None:
        yield EdgePage(kind, current, name, list(values), whole=True, last=True)


def _paged(edges: Iterator[EdgePage]) -> Iterator[Page]:
    while part := list(islice(edges, CHUNK)):
        yield Page(edges=part)


def _readable(value: Any, attribute: Attribute) -> Value:
    try:
        return from_driver(value, attribute)
    except WrongType:
        return str(value)


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for at in range(0, len(items), CHUNK):
        yield items[at : at + CHUNK]
