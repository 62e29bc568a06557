"""The statements that write rows of an object type's table: many at once, or one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Update, delete, func, insert, select, update
from sqlalchemy.sql import TableClause

from muster.connectors.sql import own_statements
from muster.connectors.sql.database import ANSWERED
from muster.connectors.sql.declared import OWN, ROWS, among, given, rows_as_table, rows_as_text
from muster.connectors.sql.preparing import Item
from muster.connectors.sql.tables import Removal, Table
from muster.connectors.sql.wire import anchor_text, to_driver
from muster.model.values import Type, instant_text

PARAMETERS: Final = 30_000
"""Parameters in one statement: below the bound of SQLite (32,766)."""

CHUNK: Final = 500
_MARKS: Final = {"sqlite": "?", "postgresql": "%s", "mysql": "%s", "mariadb": "%s"}

_T = TypeVar("_T")


class Uneven(Exception):
    """A statement did not touch just the rows that it should."""


def create_rows(connection: Connection, items: Sequence[Item]) -> list[Any]:
    """Insert rows of the same columns; their keys, the items' own or those that the database made."""
    table, names = items[0].table, sorted(items[0].columns)
    if not table.generated:
        insert_rows(connection, table.clause, [item.columns for item in items])
        return [item.key for item in items]
    if connection.dialect.name != "postgresql" or len(items) == 1 or not names:
        return [insert_one(connection, item) for item in items]
    # One statement for all could answer in any order: a key would go to somebody else.
    statement = _values(connection, table.clause, names, 1, answer=table.spec.anchor)
    rows = [tuple(item.columns[name] for name in names) for item in items]
    with connection.exec_driver_sql(statement, rows, execution_options={ANSWERED: True}) as result:
        return [key for answer in result.cursor.results() for (key,) in answer]


def insert_rows(connection: Connection, clause: TableClause, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of the same columns."""
    names = sorted(rows[0])
    if connection.dialect.name == "postgresql" and len(rows) > 1:
        table = rows_as_table({name: clause.c[name] for name in names})
        statement = insert(clause).from_select(names, select(*(table[name] for name in names)))
        connection.execute(statement, {ROWS: rows_as_text(rows)})
    elif connection.dialect.name in OWN:
        for part in parts(rows, max(1, min(CHUNK, PARAMETERS // len(names)))):
            values = tuple(row[name] for row in part for name in names)
            connection.exec_driver_sql(_values(connection, clause, names, len(part)), values)
    else:
        connection.execute(insert(clause), rows)


def _values(connection: Connection, clause: TableClause, names: Sequence[str], count: int, answer: str = "") -> str:
    """INSERT … VALUES for that many rows, which SQLAlchemy would compile anew each time."""
    mark, preparer = _MARKS[connection.dialect.name], connection.dialect.identifier_preparer
    columns = ", ".join(map(preparer.quote, names))
    head = " ".join(["INSERT INTO", preparer.format_table(clause), f"({columns})", "VALUES "])
    tail = f" RETURNING {preparer.quote(answer)}" if answer else ""
    if mark == "%s":
        head, tail = (part.replace("%%", "%").replace("%", "%%") for part in (head, tail))
    return head + ", ".join([f"({', '.join([mark] * len(names))})"] * count) + tail


def insert_one(connection: Connection, item: Item) -> Any:
    """Insert one row; the key that the database made, or the item's own."""
    table = item.table
    if table.spec.insert is not None:
        answered = own_statements.run(connection, table.spec.insert, item.columns)
        return answered if table.generated else item.key
    statement = insert(table.clause).values(item.columns)
    if not table.generated:
        connection.execute(statement)
        return item.key
    if connection.dialect.insert_returning:
        return connection.scalar(statement.returning(table.anchor))
    return connection.execute(statement).lastrowid


def update_rows(connection: Connection, items: Sequence[Item]) -> None:
    """Update rows of the same columns. Raises `Uneven` when some row is not there or not as expected."""
    first, table = items[0], items[0].table
    names = sorted(first.columns)
    held = sorted(name for name, value in first.expected.items() if value is not None)
    columns = {"k_": table.anchor}
    columns |= {f"v_{at}": table.clause.c[name] for at, name in enumerate(names)}
    columns |= {f"e_{at}": table.clause.c[name] for at, name in enumerate(held)}
    rows = [
        {
            "k_": item.key,
            **{f"v_{at}": item.columns[name] for at, name in enumerate(names)},
            **{f"e_{at}": item.expected[name] for at, name in enumerate(held)},
        }
        for item in items
    ]
    values, parameters = given(connection, columns, rows)
    conditions = [columns["k_"] == values["k_"]]
    conditions += [columns[f"e_{at}"] == values[f"e_{at}"] for at in range(len(held))]
    conditions += [table.clause.c[name].is_(None) for name, value in first.expected.items() if value is None]
    statement = update(table.clause).where(*conditions, *table.conditions)
    statement = statement.values({name: values[f"v_{at}"] for at, name in enumerate(names)})
    if _touched(connection, statement, parameters) != len(items):
        raise Uneven


def _touched(connection: Connection, statement: Update, parameters: Any) -> int:
    """How many rows a statement touched that is run with one set of parameters, or with several."""
    if isinstance(parameters, list) and not connection.dialect.supports_sane_multi_rowcount:
        return sum(connection.execute(statement, one).rowcount for one in parameters)
    return connection.execute(statement, parameters).rowcount


def mark_rows(connection: Connection, items: Sequence[Item], removal: Removal) -> None:
    """Mark rows as deleted. Raises `Uneven` when some row was not there, or marked already."""
    table = items[0].table
    condition, parameters = among(connection, table.anchor, [item.key for item in items])
    mark = _now(table, removal) if removal.marks is None else removal.marks[0]
    statement = update(table.clause).where(condition, *table.conditions).values({removal.column: mark})
    if connection.execute(statement, parameters).rowcount != len(items):
        raise Uneven


def restore_row(connection: Connection, item: Item) -> bool:
    """Give a row that is marked as deleted the item's values and no mark; False when there is no such row."""
    table = item.table
    statement = update(table.clause).where(table.anchor == item.key, *table.conditions_of_deleted)
    return connection.execute(statement.values(item.columns)).rowcount == 1


def _now(table: Table, removal: Removal) -> Any:
    column = table.columns[removal.column]
    now = datetime.now(UTC)
    text = now.date().isoformat() if column.attribute.type is Type.DATE else instant_text(now)
    return to_driver(text, column, table.dialect)


def delete_rows(connection: Connection, items: Sequence[Item]) -> None:
    """Delete rows. Raises `Uneven` when some row was not there."""
    table = items[0].table
    condition, parameters = among(connection, table.anchor, [item.key for item in items])
    statement = delete(table.clause).where(condition, *table.conditions)
    if connection.execute(statement, parameters).rowcount != len(items):
        raise Uneven


def find_rows(connection: Connection, items: Sequence[Item]) -> None:
    """Raises `Uneven` when some row is not there."""
    if count(connection, items[0].table, [item.key for item in items]) != len(items):
        raise Uneven


def count(connection: Connection, table: Table, keys: Sequence[Any]) -> int:
    """How many of the keys name rows that are objects."""
    condition, parameters = among(connection, table.anchor, keys)
    statement = select(func.count()).select_from(table.clause).where(condition, *table.conditions)
    return int(connection.scalar(statement, parameters) or 0)


def run_own(connection: Connection, sql: str, item: Item, row: Mapping[str, Any]) -> None:
    """Run the settings' own statement for a row that is there; what the change does not mention keeps its value."""
    own_statements.run(connection, sql, {**row, **item.columns, item.table.spec.anchor: item.key})


def row_of(connection: Connection, item: Item) -> Mapping[str, Any] | None:
    """All columns of the item's row as it is now, or None."""
    table = item.table
    if item.key is None:
        return None
    statement = select(*table.clause.c).where(table.anchor == item.key, *table.conditions)
    found = connection.execute(statement).mappings().first()
    return None if found is None else {str(name): value for name, value in found.items()}


def existing(connection: Connection, table: Table, keys: Sequence[Any], *, deleted: bool = False) -> set[str]:
    """The anchors, of those with these keys, that are in the table, whatever the settings' own condition says.

    `deleted`: those alone whose rows are marked as deleted.
    """
    conditions = table.conditions_of_deleted if deleted else []
    anchor = table.anchor
    condition, parameters = among(connection, anchor, keys)
    return {anchor_text(key) for key in connection.scalars(select(anchor).where(condition, *conditions), parameters)}


def holder(connection: Connection, item: Item) -> Any:
    """The anchor of the row that already has one of the item's unique values, or None."""
    table = item.table
    for names in table.uniques:
        if all(item.columns.get(name) is not None for name in names):
            same = [table.clause.c[name] == item.columns[name] for name in names]
            found = connection.scalar(select(table.anchor).where(*same))
            if found is not None:
                return found
    return None


def parts(values: Sequence[_T], size: int = CHUNK) -> Iterator[Sequence[_T]]:
    """The values in parts of at most that many."""
    for at in range(0, len(values), size):
        yield values[at : at + size]
