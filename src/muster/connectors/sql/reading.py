"""Rows → pages: all of them, those since a watermark, or those that a change table names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, func, select
from sqlalchemy.sql import ColumnElement

from muster.connectors.sql.tables import Column, Table
from muster.connectors.sql.wire import BadValue, anchor_text, builder, from_driver, key_to_driver, selected, to_driver
from muster.model.errors import WatermarkExpired
from muster.model.objects import ConnectorObject, EdgePage, Page, ReadProblem
from muster.model.values import Attribute, Type, Value, WrongType

PAGE: Final = 5_000
CHUNK: Final = 1_000
_STREAMED: Final = {"stream_results": True, "max_row_buffer": PAGE}
_SEQUENCE: Final = Column(Attribute("sequence", Type.INTEGER))


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

    # --- watermarks

    def position(self) -> Value:
        """Where the changes end now; None for a table that tells none, or that is empty."""
        table, spec = self._table, self._table.spec
        if table.changes is not None and spec.changes is not None:
            top = self._connection.scalar(select(func.max(table.changes.c[spec.changes.sequence])))
            return 0 if top is None else from_driver(top, _SEQUENCE.attribute)
        if spec.watermark is not None:
            top = self._connection.scalar(select(func.max(table.clause.c[spec.watermark])))
            return from_driver(top, table.attribute(spec.watermark))
        return None

    # --- pages

    def everything(self) -> Iterator[Page]:
        """Every row."""
        doubles = self._doubles()
        lists = {name: self._list(name, None) for name in self._wanted if self._is_small(name)}
        yield from self._made(self._stream(self._select()), lists, doubles)
        for name in self._wanted:
            if self._is_large(name):
                yield from self._edges(name, None)

    def since(self, known: Value) -> Iterator[Page]:
        """What changed after the position. Raises `WatermarkExpired` when the table cannot tell."""
        table, spec = self._table, self._table.spec
        if table.changes is not None and spec.changes is not None and known is not None:
            yield from self._logged(known)
        elif spec.watermark is not None and known is not None:
            mark = to_driver(known, table.columns[spec.watermark], table.dialect)
            source = select(self._anchor).where(table.clause.c[spec.watermark] >= mark)
            anchors = (row[0] for row in self._stream(self._filtered(source)))
            for chunk in _chunks(list(anchors)):
                yield from self._chosen(chunk)
        else:
            raise WatermarkExpired(
                f"{table.system}: {spec.table} tells no changes (no `watermark` and no `changes`). Read everything."
            )

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

    def _logged(self, known: Value) -> Iterator[Page]:
        table, changes = self._table, self._table.spec.changes
        assert changes is not None
        assert table.changes is not None
        sequence, key = table.changes.c[changes.sequence], table.changes.c[changes.key]
        after = to_driver(known, _SEQUENCE, table.dialect)
        oldest = self._connection.scalar(select(func.min(sequence)))
        if (oldest is None and after) or (oldest is not None and oldest > after + 1):
            raise WatermarkExpired(f"{table.system}: {changes.table} no longer goes back so far. Read everything.")
        changed = select(key).where(sequence > after).distinct()
        keys = [anchor_text(row[0]) for row in self._stream(changed)]
        for chunk in _chunks(keys):
            found: set[str] = set()
            usable = [one for one in (key_to_driver(anchor, table) for anchor in chunk) if one is not None]
            for page in self._chosen(usable):
                found.update(item.anchor for item in page.objects)
                found.update(problem.anchor for problem in page.problems if problem.anchor)
                yield page
            gone = [ConnectorObject(table.kind, anchor, deleted=True) for anchor in chunk if anchor not in found]
            if gone:
                yield Page(gone)

    def _chosen(self, anchors: Sequence[Any]) -> Iterator[Page]:
        lists = {name: self._list(name, anchors) for name in self._wanted if self._is_small(name)}
        yield from self._made(self._stream(self._select().where(self._anchor.in_(anchors))), lists, frozenset())
        for name in self._wanted:
            if self._is_large(name):
                yield from self._edges(name, anchors)

    def _made(self, rows: Any, lists: dict[str, dict[str, Value]], doubles: frozenset[str]) -> Iterator[Page]:
        kind, name, build, exact = self._table.kind, self._table.spec.anchor, self._build, self._exact
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
                if doubles and (anchor if exact else anchor.casefold()) in doubles:
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

    @property
    def _exact(self) -> bool:
        return self._table.columns[self._table.spec.anchor].attribute.exact

    def _doubles(self) -> frozenset[str]:
        if self._table.unique:
            return frozenset()
        twice = self._filtered(select(self._anchor)).group_by(self._anchor).having(func.count() > 1)
        texts = [anchor_text(row[0]) for row in self._stream(twice) if row[0] is not None]
        return frozenset(texts if self._exact else [text.casefold() for text in texts])

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


def _readable(value: Any, attribute: Attribute) -> Value:
    try:
        return from_driver(value, attribute)
    except WrongType:
        return str(value)


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for at in range(0, len(items), CHUNK):
        yield items[at : at + CHUNK]
