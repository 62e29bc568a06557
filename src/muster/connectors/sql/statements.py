"""The statements that write: many rows at once, one row, side tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, text, update
from sqlalchemy.sql import ColumnElement

from muster.connectors.sql.preparing import Item
from muster.connectors.sql.tables import Table
from muster.connectors.sql.wire import to_driver
from muster.model.values import Attribute, Scalar

PARAMETERS: Final = 30_000
"""Parameters in one statement: below the bounds of SQLite (32,766) and PostgreSQL (65,535)."""

CHUNK: Final = 500
_MARKS: Final = {"sqlite": "?", "postgresql": "%s", "mysql": "%s", "mariadb": "%s"}


def insert_rows(connection: Connection, items: Sequence[Item]) -> None:
    """Insert rows of the same columns."""
    table, names = items[0].table, sorted(items[0].columns)
    mark = _MARKS.get(table.dialect)
    if mark is None:
        connection.execute(insert(table.clause), [item.columns for item in items])
        return
    at_once = max(1, min(CHUNK, PARAMETERS // len(names)))
    preparer = connection.dialect.identifier_preparer
    columns = ", ".join(map(preparer.quote, names))
    head = " ".join(["INSERT INTO", preparer.format_table(table.clause), f"({columns})", "VALUES "])
    if mark == "%s":
        head = head.replace("%%", "%").replace("%", "%%")
    one = f"({', '.join([mark] * len(names))})"
    for at in range(0, len(items), at_once):
        part = items[at : at + at_once]
        values = tuple(item.columns[name] for item in part for name in names)
        connection.exec_driver_sql(head + ", ".join([one] * len(part)), values)


def insert_one(connection: Connection, item: Item) -> Any:
    """Insert one row; the key that the database made, or the item's own."""
    table = item.table
    if table.spec.insert is not None:
        parameters = {name: item.columns.get(name) for name in _parameters(table.spec.insert)}
        result = connection.execute(text(table.spec.insert), parameters)
        first = result.first() if result.returns_rows else None
        return first[0] if first is not None else item.key
    statement = insert(table.clause).values(item.columns)
    if not table.generated:
        connection.execute(statement)
        return item.key
    if connection.dialect.insert_returning:
        return connection.scalar(statement.returning(table.clause.c[table.spec.anchor]))
    return connection.execute(statement).lastrowid


def update_rows(connection: Connection, items: Sequence[Item]) -> bool:
    """Update rows of the same columns; False when some row is not there or not as expected."""
    first = items[0]
    table = first.table
    conditions: list[ColumnElement[bool]] = [table.clause.c[table.spec.anchor] == bindparam("k_")]
    for at, name in enumerate(sorted(first.expected)):
        column = table.clause.c[name]
        conditions.append(column.is_(None) if first.expected[name] is None else column == bindparam(f"e_{at}"))
    statement = update(table.clause).where(*conditions)
    if table.filter is not None:
        statement = statement.where(table.filter)
    names = sorted(first.columns)
    statement = statement.values({name: bindparam(f"v_{at}") for at, name in enumerate(names)})
    rows = [
        {
            "k_": item.key,
            **{f"v_{at}": item.columns[name] for at, name in enumerate(names)},
            **{
                f"e_{at}": item.expected[name]
                for at, name in enumerate(sorted(item.expected))
                if item.expected[name] is not None
            },
        }
        for item in items
    ]
    return connection.execute(statement, rows).rowcount == len(items)


def delete_rows(connection: Connection, items: Sequence[Item]) -> bool:
    """Delete rows; False when some row was not there."""
    table = items[0].table
    statement = delete(table.clause).where(table.clause.c[table.spec.anchor].in_([item.key for item in items]))
    if table.filter is not None:
        statement = statement.where(table.filter)
    return connection.execute(statement).rowcount == len(items)


def run_own(connection: Connection, sql: str, item: Item, row: Mapping[str, Any]) -> None:
    """Run the settings' own statement for a row that is there; what the change does not mention keeps its value."""
    values = {**row, **item.columns, item.table.spec.anchor: item.key}
    connection.execute(text(sql), {name: values.get(name) for name in _parameters(sql)})


def row_of(connection: Connection, item: Item) -> Mapping[str, Any] | None:
    """All columns of the item's row as it is now, or None."""
    table = item.table
    if item.key is None:
        return None
    statement = select(*table.clause.c).where(table.clause.c[table.spec.anchor] == item.key)
    if table.filter is not None:
        statement = statement.where(table.filter)
    found = connection.execute(statement).mappings().first()
    return None if found is None else {str(name): value for name, value in found.items()}


def existing(connection: Connection, table: Table, keys: Iterable[Any]) -> set[Any]:
    """Those of the keys that are in the table, whatever the settings' own condition says."""
    anchor = table.clause.c[table.spec.anchor]
    return {row[0] for row in connection.execute(select(anchor).where(anchor.in_(list(keys))))}


def holder(connection: Connection, item: Item) -> Any:
    """The anchor of the row that already has one of the item's unique values, or None."""
    table = item.table
    for names in table.uniques:
        if all(item.columns.get(name) is not None for name in names):
            same = [table.clause.c[name] == item.columns[name] for name in names]
            found = connection.scalar(select(table.clause.c[table.spec.anchor]).where(*same))
            if found is not None:
                return found
    return None


# --- side tables


def listed(connection: Connection, table: Table, name: str, key: Any) -> list[Any]:
    """The values of a side table for one owner, as the driver gives them."""
    side, clause, _ = table.lists[name]
    return list(connection.scalars(select(clause.c[side.value]).where(clause.c[side.owner] == key)))


def put_listed(
    connection: Connection, table: Table, name: str, key: Any, add: Sequence[Scalar], remove: Sequence[Scalar]
) -> None:
    """Add to and remove from a side table; what is there already, or is not there, is passed. Raises `WrongType`."""
    side, clause, column = table.lists[name]
    owner, value = clause.c[side.owner], clause.c[side.value]
    single = column.__class__(Attribute(name, column.attribute.type), column.zoned)
    for part in _parts([to_driver(one, single, table.dialect) for one in remove]):
        connection.execute(delete(clause).where(owner == key, value.in_(part)))
    for part in _parts(list(dict.fromkeys(to_driver(one, single, table.dialect) for one in add))):
        there = set(connection.scalars(select(value).where(owner == key, value.in_(part))))
        rows = [{side.owner: key, side.value: one} for one in part if one not in there]
        if rows:
            connection.execute(insert(clause), rows)


def drop_listed(connection: Connection, table: Table, key: Any) -> None:
    """Remove everything that the side tables hold for one owner."""
    for side, clause, _ in table.lists.values():
        connection.execute(delete(clause).where(clause.c[side.owner] == key))


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for at in range(0, len(values), CHUNK):
        yield values[at : at + CHUNK]


def _parameters(sql: str) -> list[str]:
    return list(text(sql).compile().params)
