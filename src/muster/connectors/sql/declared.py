"""The type of a column by the database's own name for it, and many rows as one parameter of those types.

Values go to the driver as they are and without a cast: PostgreSQL then gives a parameter the type of the column that
stands beside it, be it uuid, inet or an enumeration. Many rows travel as one JSON text that PostgreSQL turns into a
table: the statement is the same, and short, whatever their number; thousands of parameters take four times as long.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import Connection, bindparam, cast, column, func, select, text
from sqlalchemy.sql import ColumnElement, TableClause
from sqlalchemy.types import UserDefinedType

OWN: Final = ("sqlite", "postgresql", "mysql", "mariadb")
"""The dialects whose drivers this connector speaks to by itself."""

ROWS: Final = "rows_"
"""The name of the parameter that holds the rows."""

_COLUMNS: Final = text(
    "SELECT a.attname, format_type(a.atttypid, -1), "
    "COALESCE(NULLIF(t.typbasetype, 0), t.oid) IN (CAST('json' AS regtype), CAST('jsonb' AS regtype)) "
    "FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid "
    "WHERE a.attrelid = to_regclass(:table) AND a.attnum > 0 AND NOT a.attisdropped"
)


class Declared(UserDefinedType[Any]):
    """A type that leaves values to the driver. `json`: it holds JSON documents, which are text to Muster."""

    cache_ok = True

    def __init__(self, name: str = "text", json: bool = False) -> None:
        self.name = name
        self.json = json

    def get_col_spec(self, **_: Any) -> str:
        """The type's name in a statement."""
        return self.name


def declared(connection: Connection, table: TableClause) -> dict[str, Declared]:
    """The types of a table's columns as PostgreSQL names them; nothing for another database."""
    if connection.dialect.name != "postgresql":
        return {}
    quoted = connection.dialect.identifier_preparer.format_table(table)
    return {row[0]: Declared(row[1], row[2]) for row in connection.execute(_COLUMNS, {"table": quoted})}


def given(
    connection: Connection, columns: Mapping[str, ColumnElement[Any]], rows: Sequence[Mapping[str, Any]]
) -> tuple[Mapping[str, ColumnElement[Any]], Any]:
    """What stands in a statement for the rows' values, by name and of the type of a column; and what to run it with.

    To PostgreSQL many rows go at once, to another database one by one.
    """
    if connection.dialect.name == "postgresql" and len(rows) > 1:
        return rows_as_table(columns), {ROWS: rows_as_text(rows)}
    return {name: bindparam(name, type_=one.type) for name, one in columns.items()}, rows


def among(
    connection: Connection, wanted: ColumnElement[Any], values: Sequence[Any]
) -> tuple[ColumnElement[bool], Mapping[str, Any]]:
    """The condition that the column holds one of the values, and the parameters to run it with."""
    if connection.dialect.name == "postgresql" and len(values) > 1:
        rows = rows_as_table({"k_": wanted})
        return wanted.in_(select(rows["k_"])), {ROWS: rows_as_text([{"k_": value} for value in values])}
    return wanted.in_(values), {}


def rows_as_table(columns: Mapping[str, ColumnElement[Any]]) -> dict[str, ColumnElement[Any]]:
    """The columns of the table that PostgreSQL makes of the parameter ROWS; each is of the type of the one given."""
    text_kind = Declared()
    documents = {name for name, one in columns.items() if isinstance(one.type, Declared) and one.type.json}
    shape = [column(name, text_kind if name in documents else one.type) for name, one in columns.items()]
    parameter = cast(bindparam(ROWS, type_=text_kind), Declared("json"))
    rows = func.json_to_recordset(parameter).table_valued(*shape, name=ROWS).render_derived(with_types=True)
    return {name: cast(rows.c[name], one.type) if name in documents else rows.c[name] for name, one in columns.items()}


def rows_as_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows in the driver's values as the JSON text that PostgreSQL reads them from."""
    try:
        return orjson.dumps(rows, default=_text).decode()
    except TypeError:  # an integer beyond 64 bits
        return json.dumps(rows, default=_text)


def _text(value: object) -> str:
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
