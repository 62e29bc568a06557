"""A table as the database declares it: its columns, their types, its keys; and the statements that read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, column, inspect, text
from sqlalchemy import table as lightweight
from sqlalchemy import types as sa
from sqlalchemy.engine import Inspector
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.sql import TableClause

from muster.connectors.sql.declared import Declared, declared
from muster.connectors.sql.lacking import no_column, no_table
from muster.connectors.sql.settings import ListTable, SqlObject
from muster.model.schema import ENABLED, ObjectSchema
from muster.model.values import Attribute, Type

_KINDS: Final[Sequence[tuple[type[sa.TypeEngine[Any]], Type]]] = (
    (sa.Boolean, Type.BOOLEAN),
    (sa.Integer, Type.INTEGER),
    (sa.Numeric, Type.DECIMAL),
    (sa.DateTime, Type.DATETIME),
    (sa.Date, Type.DATE),
    (sa.LargeBinary, Type.BINARY),
    (sa.BINARY, Type.BINARY),
    (sa.VARBINARY, Type.BINARY),
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what its attribute is, and what the database itself holds in it."""

    attribute: Attribute
    zoned: bool = False


@dataclass(slots=True)
class Table:
    """One object type's table. `unique` True: the database itself keeps the anchor unique."""

    system: str
    kind: str
    spec: SqlObject
    clause: TableClause
    columns: dict[str, Column]
    lists: dict[str, tuple[ListTable, TableClause, Column]]
    unique: bool
    generated: bool
    uniques: list[list[str]]
    dialect: str
    changes: TableClause | None = None

    def attribute(self, name: str) -> Attribute:
        """The attribute of that name. Raises `IncompleteRead` naming the nearest when there is none."""
        if name == ENABLED and self.spec.enabled is not None:
            return Attribute(ENABLED, Type.BOOLEAN)
        if name in self.lists:
            return self.lists[name][2].attribute
        if name not in self.columns:
            raise no_column(self.system, self.spec.table, name, self.columns)
        return self.columns[name].attribute

    def schema(self) -> ObjectSchema:
        """The object type as the table declares it."""
        attributes = {name: one.attribute for name, one in self.columns.items()}
        attributes |= {name: one.attribute for name, (_, _, one) in self.lists.items()}
        if self.spec.enabled is not None:
            attributes.pop(ENABLED, None)
        return ObjectSchema(
            name=self.kind,
            anchor=self.spec.anchor,
            attributes=attributes,
            assigned=self.generated,
            can_enable=self.spec.enabled is not None,
            called=f"table {self.spec.table}",
            word="column",
            advice="correct the name, or have the column added there",
        )

    @property
    def filter(self) -> Any:
        """The settings' own condition as a clause; None without one."""
        return None if self.spec.where is None else text(f"({self.spec.where})")


def reflected(connection: Connection, system: str, kind: str, spec: SqlObject) -> Table:
    """The table as it is now. Raises `IncompleteRead` when it, or a column that the settings name, does not exist."""
    inspector = inspect(connection)
    schema, name = _split(spec.table)
    found = _columns(inspector, system, spec.table)
    used = [
        spec.anchor,
        *([spec.enabled.column] if spec.enabled else []),
        *([spec.watermark] if spec.watermark else []),
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
    columns = {one["name"]: _column(one, spec, generated, one["name"] in loose) for one in found}
    lists = {}
    for attribute, side in spec.lists.items():
        listed = _columns(inspector, system, side.table)
        _need(system, side.table, [side.owner, side.value], [one["name"] for one in listed])
        value = next(_column(one, spec, False, False) for one in listed if one["name"] == side.value)
        kept = replace(
            value.attribute,
            name=attribute,
            many=True,
            required=False,
            writable="always",
            large=side.large,
            type=Type.REFERENCE if side.large or side.reference else value.attribute.type,
        )
        lists[attribute] = (side, _clause(connection, side.table, [side.owner, side.value]), Column(kept, value.zoned))
    changes = None
    if spec.changes is not None:
        listed = _columns(inspector, system, spec.changes.table)
        wanted = [spec.changes.sequence, spec.changes.key]
        _need(system, spec.changes.table, wanted, [one["name"] for one in listed])
        changes = _clause(connection, spec.changes.table, wanted)
    return Table(
        system, kind, spec, _clause(connection, spec.table, list(columns)), columns, lists,
        unique=key == [spec.anchor] or [spec.anchor] in uniques,
        generated=generated,
        uniques=[one for one in [key, *uniques] if one],
        dialect=connection.dialect.name,
        changes=changes,
    )  # fmt: skip


def _clause(connection: Connection, table: str, columns: Sequence[str]) -> TableClause:
    schema, name = _split(table)
    types = declared(connection, lightweight(name, schema=schema))
    return lightweight(name, *(column(one, types.get(one, Declared())) for one in columns), schema=schema)


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


def _column(one: ReflectedColumn, spec: SqlObject, generated: bool, loose: bool) -> Column:
    kind, many, made = one["type"], False, one.get("computed") is not None
    if isinstance(kind, sa.ARRAY):
        kind, many = kind.item_type, True
    name = one["name"]
    is_key = name == spec.anchor
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
