"""The database's catalogue → what is known of a table: its columns, their types, its keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, column, inspect, text
from sqlalchemy import table as lightweight
from sqlalchemy import types as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.engine import Inspector
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.sql import TableClause

from muster.connectors.sql.declared import OWN, Declared, declared
from muster.connectors.sql.lacking import no_column, no_parameter, no_table
from muster.connectors.sql.own_statements import parameters
from muster.connectors.sql.settings import ChangeTable, ListChanges, ListTable, SqlObject
from muster.connectors.sql.tables import Column, Log, Removal, Side, Table
from muster.connectors.sql.wire import to_driver
from muster.model.errors import IncompleteRead
from muster.model.values import Attribute, Scalar, Type, WrongType

_KINDS: Final[Sequence[tuple[type[sa.TypeEngine[Any]], Type]]] = (
    (mssql.TIMESTAMP, Type.BINARY),
    (sa.Boolean, Type.BOOLEAN),
    (sa.Integer, Type.INTEGER),
    (sa.Numeric, Type.DECIMAL),
    (sa.DateTime, Type.DATETIME),
    (sa.Date, Type.DATE),
    (sa.LargeBinary, Type.BINARY),
    (sa.BINARY, Type.BINARY),
    (sa.VARBINARY, Type.BINARY),
)

_GROW: Final = (Type.DATETIME, Type.INTEGER, Type.DECIMAL, Type.BINARY, Type.TEXT)
"""The types of a column by which changes are told. Of two changes on one date, nothing says which came later."""


def reflected(connection: Connection, system: str, kind: str, spec: SqlObject) -> Table:
    """The table as it is now. Raises `IncompleteRead` when it, or a column that the settings name, does not exist."""
    inspector = inspect(connection)
    schema, name = _split(spec.table)
    found = _columns(inspector, system, spec.table)
    used = [
        spec.anchor,
        *([spec.enabled.column] if spec.enabled else []),
        *([spec.watermark] if spec.watermark else []),
        *([spec.deleted.column] if spec.deleted else []),
        *([spec.deleted.returns_by] if spec.deleted and spec.deleted.returns_by else []),
    ]
    _need(system, spec.table, used, [one["name"] for one in found])
    key = inspector.get_pk_constraint(name, schema).get("constrained_columns", [])
    uniques = [[*one["column_names"]] for one in inspector.get_unique_constraints(name, schema)]
    # SQLite keeps a UNIQUE of a column as an index of its own, which is shown only when asked for.
    own = {"include_auto_indexes": True} if connection.dialect.name == "sqlite" else {}
    indexes = inspector.get_indexes(name, schema, **own)
    uniques += [[str(part) for part in one["column_names"]] for one in indexes if one["unique"]]
    generated = _generated(connection, spec, found, key)
    loose = _loose(connection, schema, name)
    names = [one["name"] for one in found]
    for statement in (spec.insert, spec.update, spec.delete):
        _fit(system, kind, statement, names, spec.table)
    columns = {one["name"]: _column(one, spec.anchor, generated, one["name"] in loose) for one in found}
    if spec.watermark is not None:
        _grows(system, spec.table, columns[spec.watermark].attribute, _GROW)
    lists = {name: _side(connection, inspector, system, name, side) for name, side in spec.lists.items()}
    return Table(
        system, kind, spec, _clause(connection, spec.table, found, list(columns)), columns, lists,
        unique=key == [spec.anchor] or [spec.anchor] in uniques,
        generated=generated,
        uniques=[one for one in [key, *uniques] if one],
        dialect=connection.dialect.name,
        removal=_removal(system, kind, spec, columns, connection.dialect.name),
        log=_log(connection, inspector, system, spec.changes),
    )  # fmt: skip


def _side(connection: Connection, inspector: Inspector, system: str, name: str, side: ListTable) -> Side:
    listed = _columns(inspector, system, side.table)
    wanted = [side.owner, side.value, *side.fixed]
    _need(system, side.table, wanted, [one["name"] for one in listed])
    loose = _loose(connection, *_split(side.table))
    columns = {one["name"]: _column(one, "", False, one["name"] in loose) for one in listed if one["name"] in wanted}
    for statement in (side.insert, side.delete):
        _fit(system, name, statement, wanted, side.table)
    value = columns[side.value]
    attribute = replace(
        value.attribute,
        name=name,
        many=True,
        required=False,
        writable="always",
        large=side.large,
        type=Type.REFERENCE if side.large or side.reference else value.attribute.type,
    )
    fixed = {
        one: _of_settings(system, f"`fixed` of {name}", columns[one], given, connection.dialect.name)
        for one, given in side.fixed.items()
    }
    return Side(
        side,
        _clause(connection, side.table, listed, wanted),
        attribute,
        value,
        fixed,
        _log(connection, inspector, system, side.changes),
    )


def _log(connection: Connection, inspector: Inspector, system: str, spec: ChangeTable | None) -> Log | None:
    if spec is None:
        return None
    value = spec.value if isinstance(spec, ListChanges) else None
    wanted = [spec.sequence, spec.key, *([value] if value is not None else [])]
    listed = _columns(inspector, system, spec.table)
    _need(system, spec.table, wanted, [one["name"] for one in listed])
    sequence = next(_column(one, "", False, False).attribute for one in listed if one["name"] == spec.sequence)
    _grows(system, spec.table, sequence, (Type.INTEGER, Type.DECIMAL))
    return Log(spec, _clause(connection, spec.table, listed, wanted))


def _grows(system: str, table: str, column: Attribute, kinds: Sequence[Type]) -> None:
    """Raises `IncompleteRead` for a column in whose order changes cannot be told."""
    if column.type not in kinds:
        raise IncompleteRead(
            f"{system}: {column.name} of {table} is {column.type.value}, and changes are told by a column that grows "
            f"with each. Name one of {' or '.join(kind.value for kind in kinds)} in systems/{system}.yaml."
        )


def _removal(system: str, kind: str, spec: SqlObject, columns: Mapping[str, Column], dialect: str) -> Removal | None:
    gone = spec.deleted
    if gone is None:
        return None
    column, what = columns[gone.column], f"`deleted` of {kind}"
    marks: list[Scalar] | None = gone.marks
    alive = gone.alive
    if not marks and column.attribute.type in (Type.DATETIME, Type.DATE):
        marks = None
    elif not marks and column.attribute.type is Type.BOOLEAN:
        marks, alive = [True], False if alive is None else alive
    elif not marks:
        raise IncompleteRead(
            f"{system}: {what}: {gone.column} is {column.attribute.type.value}, and nothing says which value of it "
            f"means deleted. Write {{column: {gone.column}, value: …}} in systems/{system}.yaml."
        )
    return Removal(
        gone.column,
        None if marks is None else [_of_settings(system, what, column, mark, dialect) for mark in marks],
        None if alive is None else _of_settings(system, what, column, alive, dialect),
        gone.returns_by,
    )


def _of_settings(system: str, what: str, column: Column, given: Scalar, dialect: str) -> Any:
    """A value that the settings give, as the driver takes it for the column. Raises `IncompleteRead`."""
    try:
        return to_driver(given, column, dialect)
    except WrongType as error:
        raise IncompleteRead(
            f"{system}: {what}: {column.attribute.name}: {error}. Correct systems/{system}.yaml."
        ) from None


def _fit(system: str, what: str, statement: str | None, known: Sequence[str], table: str) -> None:
    """Raises `IncompleteRead` when a statement of the settings' own has a parameter that is no column."""
    for name in parameters(statement or ""):
        if name not in known:
            raise no_parameter(system, what, table, name, known)


def _clause(
    connection: Connection, table: str, listed: Sequence[ReflectedColumn], wanted: Sequence[str]
) -> TableClause:
    """The table with the columns that are wanted. Where this connector speaks to the driver by itself, values go to it
    as they are; for any other database SQLAlchemy's own types carry them."""
    schema, name = _split(table)
    types: dict[str, sa.TypeEngine[Any]] = {**declared(connection, lightweight(name, schema=schema))}
    if connection.dialect.name not in OWN:
        types = {one["name"]: one["type"] for one in listed}
    return lightweight(name, *(column(one, types.get(one, Declared())) for one in wanted), schema=schema)


def _split(table: str) -> tuple[str | None, str]:
    schema, dot, name = table.rpartition(".")
    return (schema, name) if dot else (None, table)


def _columns(inspector: Inspector, system: str, table: str) -> list[ReflectedColumn]:
    schema, name = _split(table)
    try:
        return inspector.get_columns(name, schema)
    except NoSuchTableError:
        raise no_table(inspector, system, schema, name) from None


def _need(system: str, table: str, wanted: Sequence[str], found: Sequence[str]) -> None:
    for name in wanted:
        if name not in found:
            raise no_column(system, table, name, found)


def _generated(connection: Connection, spec: SqlObject, found: Sequence[ReflectedColumn], key: Sequence[str]) -> bool:
    if spec.key_generated is not None:
        return spec.key_generated
    one = next(one for one in found if one["name"] == spec.anchor)
    if one.get("identity") is not None or one.get("computed") is not None:
        return True
    if list(key) != [spec.anchor]:
        return False
    if connection.dialect.name == "sqlite":
        return isinstance(one["type"], sa.INTEGER)
    return one.get("autoincrement") is True or one.get("default") is not None


def _column(one: ReflectedColumn, anchor: str, generated: bool, loose: bool) -> Column:
    kind, many, made = one["type"], False, one.get("computed") is not None
    if isinstance(kind, sa.ARRAY):
        kind, many = kind.item_type, True
    name = one["name"]
    is_key = name == anchor
    writable = "never" if made or (is_key and generated) else "create" if is_key else "always"
    required = not one["nullable"] and one.get("default") is None and not made and not (is_key and generated)
    exact = not (loose or "CITEXT" in type(kind).__name__)
    attribute = Attribute(name, _type(kind), many, required, exact, writable, description=one.get("comment") or "")
    return Column(attribute, zoned=bool(getattr(kind, "timezone", False)))


def _type(kind: sa.TypeEngine[Any]) -> Type:
    if type(kind).__name__ == "TINYINT" and getattr(kind, "display_width", None) == 1:
        return Type.BOOLEAN
    if isinstance(kind, sa.Numeric) and not isinstance(kind, sa.Float) and kind.scale == 0:
        return Type.INTEGER
    if type(kind).__name__ == "BYTEA" or type(kind).__name__.endswith("BLOB"):
        return Type.BINARY
    return next((found for base, found in _KINDS if isinstance(kind, base)), Type.TEXT)


def _loose(connection: Connection, schema: str | None, table: str) -> set[str]:
    """The columns of a MariaDB or MySQL table whose collation ignores case."""
    if connection.dialect.name not in ("mysql", "mariadb"):
        return set()
    rows = connection.execute(
        text(
            "SELECT column_name FROM information_schema.columns WHERE table_name = :table "
            "AND table_schema = COALESCE(:schema, DATABASE()) AND collation_name LIKE '%\\_ci'"
        ),
        {"table": table, "schema": schema},
    )
    return {str(row[0]) for row in rows}


def without_transactions(connection: Connection, table: Table) -> list[str]:
    """What to say of the tables of MariaDB or MySQL that are written and keep no transactions."""
    if connection.dialect.name not in ("mysql", "mariadb"):
        return []
    names = dict.fromkeys([table.spec.table, *(side.spec.table for side in table.lists.values())])
    found: list[str] = []
    for name in names:
        schema, own = _split(name)
        engine = connection.scalar(_ENGINE, {"table": own, "schema": schema})
        if engine is not None:
            found.append(
                f"{name} is of engine {engine}, which cannot undo half of a batch that fails. "
                f"Change it: ALTER TABLE {name} ENGINE = InnoDB."
            )
    return found


_ENGINE: Final = text(
    "SELECT t.engine FROM information_schema.tables t JOIN information_schema.engines e ON e.engine = t.engine "
    "WHERE t.table_name = :table AND t.table_schema = COALESCE(:schema, DATABASE()) AND e.transactions <> 'YES'"
)
