"""What changed in the tables of one object type: which rows to read again, and which single values of large lists.

A change table and a column that grows only say where to look: what is true is what the table itself shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, func, select
from sqlalchemy.sql import ColumnElement

from muster.connectors.sql.positions import Position, position_of
from muster.connectors.sql.tables import Column, Log, Side, Table
from muster.connectors.sql.wire import anchor_text, from_driver, to_driver
from muster.model.errors import WatermarkExpired
from muster.model.objects import EdgePage
from muster.model.values import Attribute, Type, WrongType

AGAIN: Final = 1_000
"""So many of the newest changes are looked at again after a full read, where they carry no time."""

CHUNK: Final = 1_000
_NUMBER: Final = Column(Attribute("sequence", Type.INTEGER))


class Deltas:
    """The changes of one object type, looked for inside one transaction.

    `known`: the positions of the last read by name, as a watermark holds them; None before a read of everything.
    `now`: seconds. Raises `WatermarkExpired` when the changes since then cannot be told.
    """

    def __init__(self, connection: Connection, table: Table, known: Mapping[str, Any] | None, now: float) -> None:
        self._connection = connection
        self._table = table
        self._now = now
        self._overlap = float(table.spec.overlap)
        self._known: dict[str, Position] | None = None
        if known is not None:
            self._known = {name: self._position(known, name) for name in self._names()}

    # --- positions

    def positions(self) -> dict[str, Any]:
        """Where this read ends, by name; empty for a table that tells no changes."""
        return {name: self._next(name, *self._column_of(name)).document() for name in self._names()}

    def _names(self) -> list[str]:
        table = self._table
        if table.log is None and table.spec.watermark is None:
            return []
        return [table.kind, *(f"{table.kind}/{name}" for name, side in table.lists.items() if side.log is not None)]

    def _column_of(self, name: str) -> tuple[ColumnElement[Any], Column]:
        log = self._log_of(name)
        if log is not None:
            return log.sequence, _NUMBER
        watermark = self._table.spec.watermark or ""
        return self._table.clause.c[watermark], self._table.columns[watermark]

    def _log_of(self, name: str) -> Log | None:
        _, slash, attribute = name.partition("/")
        return self._table.lists[attribute].log if slash else self._table.log

    def _next(self, name: str, element: ColumnElement[Any], column: Column) -> Position:
        top = self._connection.scalar(select(func.max(element)))
        met = from_driver(top, column.attribute)
        if self._known is not None:
            return self._known[name].after(met, self._now, self._overlap)
        below = select(element).where(element.is_not(None)).order_by(element.desc()).offset(AGAIN).limit(1)
        before = from_driver(self._connection.scalar(below), column.attribute)
        return Position.first(met, before, column.attribute, self._now, self._overlap)

    def _position(self, known: Mapping[str, Any], name: str) -> Position:
        found = position_of(known.get(name))
        if found is None:
            raise WatermarkExpired(f"{self._table.system}: the last read left no position of {name}. Read everything.")
        return found

    # --- what changed

    def keys(self) -> list[Any]:
        """The anchors of the rows that changed, came, or went, as the driver has them, each once."""
        table = self._table
        if self._known is None or table.kind not in self._known:
            raise WatermarkExpired(
                f"{table.system}: {table.spec.table} tells no changes (no `watermark`, no `changes`). Read everything."
            )
        found = dict.fromkeys(self._changed(table.kind, table.anchor if table.log is None else table.log.key))
        for name, side in table.lists.items():
            if side.log is not None and not side.spec.large:
                found |= dict.fromkeys(self._changed(f"{table.kind}/{name}", side.log.key))
        return list({anchor_text(key): key for key in found if key is not None}.values())

    def edges(self, name: str, without: frozenset[str]) -> Iterator[EdgePage]:
        """The values of a large list that came or went, for the owners that are objects and not among `without`."""
        table, side = self._table, self._table.lists[name]
        assert side.log is not None
        pairs = self._changed_pairs(f"{table.kind}/{name}", side.log)
        pairs = [pair for pair in pairs if anchor_text(pair[0]) not in without]
        for start in range(0, len(pairs), CHUNK):
            part = pairs[start : start + CHUNK]
            owners = list(dict.fromkeys(key for key, _ in part))
            are = select(table.anchor).where(table.anchor.in_(owners), *table.conditions)
            there = {anchor_text(key) for key in self._connection.scalars(are)}
            for key, found in groupby(part, itemgetter(0)):
                if anchor_text(key) in there:
                    yield self._edge(name, side, key, [value for _, value in found])

    def _edge(self, name: str, side: Side, key: Any, values: Sequence[Any]) -> EdgePage:
        texts = {anchor_text(one) for one in values}
        usable = []
        for text in sorted(texts):
            with suppress(WrongType):
                usable.append(to_driver(text, side.single, self._table.dialect))
        held = select(side.value).where(side.owner == key, side.value.in_(usable), *side.own)
        has = [anchor_text(one) for one in self._connection.scalars(held)]
        gone = sorted(texts - set(has))
        return EdgePage(self._table.kind, anchor_text(key), name, has, gone)

    def _changed(self, name: str, key: ColumnElement[Any]) -> list[Any]:
        return [row[0] for row in self._connection.execute(select(key).where(*self._since(name)).distinct())]

    def _changed_pairs(self, name: str, log: Log) -> list[tuple[Any, Any]]:
        assert log.value is not None
        statement = select(log.key, log.value).where(*self._since(name)).distinct().order_by(log.key)
        return [(row[0], row[1]) for row in self._connection.execute(statement) if None not in row]

    def _since(self, name: str) -> list[ColumnElement[bool]]:
        assert self._known is not None
        element, column = self._column_of(name)
        position, log = self._known[name], self._log_of(name)
        if log is not None:
            self._reaches_back(log, position)
        if position.settled is None:
            return [element.is_not(None)]
        return [element > to_driver(position.settled, column, self._table.dialect)]

    def _reaches_back(self, log: Log, position: Position) -> None:
        oldest = self._connection.scalar(select(func.min(log.sequence)))
        met = int(position.met) if isinstance(position.met, int | float) else 0
        if (oldest is None and met) or (oldest is not None and oldest > met + 1):
            raise WatermarkExpired(
                f"{self._table.system}: {log.spec.table} no longer goes back so far. Read everything, and keep "
                "its rows for longer than the longest time between two reads."
            )
