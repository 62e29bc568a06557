"""The statements that write side tables: the values of many-valued attributes, for many owners at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, column, delete, exists, insert, select
from sqlalchemy.sql import ColumnElement, TableClause

from muster.connectors.sql.declared import ROWS, Declared, among, rows_as_table, rows_as_text
from muster.connectors.sql.preparing import Item
from muster.connectors.sql.settings import ListTable
from muster.connectors.sql.statements import insert_rows, parts
from muster.connectors.sql.tables import Column, Table
from muster.connectors.sql.wire import from_driver, to_driver
from muster.model.changes import Action
from muster.model.values import Attribute, Scalar, difference

Pair = tuple[Any, Any]
"""An owner's key and a value, as the driver has them."""


def write_lists(connection: Connection, table: Table, items: Sequence[tuple[Item, Any]]) -> None:
    """What the items, each with its row's key, say of their lists; edges apart. Raises `WrongType`."""
    for name in {name for item, _ in items for name in (*item.lists, *item.change.add, *item.change.remove)}:
        attribute = table.attribute(name)
        old = [key for item, key in items if name in item.lists and item.change.action is not Action.CREATE]
        have = listed(connection, table, name, old) if old else {}
        add: list[tuple[Any, Scalar]] = []
        remove: list[tuple[Any, Scalar]] = []
        for item, key in items:
            more, less = item.change.add.get(name, []), item.change.remove.get(name, [])
            if name in item.lists:
                held = have.get(key)
                missing, left = difference(from_driver(held, attribute) if held else None, item.lists[name], attribute)
                more, less = [*missing, *more], [*left, *less]
            add += [(key, one) for one in more]
            remove += [(key, one) for one in less]
        take_out(connection, table, name, remove)
        put_in(connection, table, name, add)


def listed(connection: Connection, table: Table, name: str, keys: Sequence[Any]) -> dict[Any, list[Any]]:
    """The values of some owners, as the driver gives them."""
    side, clause, _ = table.lists[name]
    owner, value = clause.c[side.owner], clause.c[side.value]
    if connection.dialect.name != "postgresql":
        return {key: list(connection.scalars(select(value).where(owner == key))) for key in keys}
    found: dict[Any, list[Any]] = {key: [] for key in keys}
    rows = rows_as_table({"k_": owner, "n_": column("n_", Declared("integer"))})
    numbered = rows_as_text([{"k_": key, "n_": at} for at, key in enumerate(keys)])
    statement = select(rows["n_"], value).where(owner == rows["k_"])
    for at, one in connection.execute(statement, {ROWS: numbered}):
        found[keys[at]].append(one)
    return found


def put_in(connection: Connection, table: Table, name: str, add: Iterable[tuple[Any, Scalar]]) -> None:
    """Add values to owners' lists, but for those that are there already. Raises `WrongType`."""
    side, clause, _ = table.lists[name]
    owner, value = clause.c[side.owner], clause.c[side.value]
    for part in parts(list(dict.fromkeys(_pairs(table, name, add)))):
        if connection.dialect.name == "postgresql":
            rows, parameters = _rows(side, clause, part)
            held = exists().where(owner == rows[side.owner], value == rows[side.value])
            new = select(rows[side.owner], rows[side.value]).where(~held)
            connection.execute(insert(clause).from_select([owner, value], new), parameters)
            continue
        lacking: list[Pair] = []
        for key, pairs in groupby(part, itemgetter(0)):
            values = [one for _, one in pairs]
            there = set(connection.scalars(select(value).where(owner == key, value.in_(values))))
            lacking += [(key, one) for one in values if one not in there]
        if lacking:
            insert_rows(connection, clause, _named(side, lacking))


def take_out(connection: Connection, table: Table, name: str, remove: Iterable[tuple[Any, Scalar]]) -> None:
    """Remove values from owners' lists; what is not there is passed. Raises `WrongType`."""
    side, clause, _ = table.lists[name]
    owner, value = clause.c[side.owner], clause.c[side.value]
    for part in parts(_pairs(table, name, remove)):
        if connection.dialect.name == "postgresql":
            rows, parameters = _rows(side, clause, part)
            these = [owner == rows[side.owner], value == rows[side.value]]
            connection.execute(delete(clause).where(*these), parameters)
            continue
        for key, pairs in groupby(part, itemgetter(0)):
            connection.execute(delete(clause).where(owner == key, value.in_([one for _, one in pairs])))


def empty(connection: Connection, table: Table, keys: Sequence[Any]) -> None:
    """Remove everything that the side tables hold for some owners."""
    for side, clause, _ in table.lists.values():
        condition, parameters = among(connection, clause.c[side.owner], keys)
        connection.execute(delete(clause).where(condition), parameters)


def _pairs(table: Table, name: str, values: Iterable[tuple[Any, Scalar]]) -> list[Pair]:
    column = table.lists[name][2]
    single = Column(Attribute(name, column.attribute.type), column.zoned)
    return [(key, to_driver(one, single, table.dialect)) for key, one in values]


def _named(side: ListTable, pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    return [{side.owner: key, side.value: one} for key, one in pairs]


def _rows(
    side: ListTable, clause: TableClause, pairs: Sequence[Pair]
) -> tuple[Mapping[str, ColumnElement[Any]], Mapping[str, Any]]:
    rows = rows_as_table({name: clause.c[name] for name in (side.owner, side.value)})
    return rows, {ROWS: rows_as_text(_named(side, pairs))}
