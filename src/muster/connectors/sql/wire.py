"""Values of a driver ↔ values of a document. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

from muster.connectors.sql.tables import Column, Table
from muster.model.schema import ENABLED
from muster.model.values import Attribute, Document, Scalar, Type, Value, WrongType, convert, parse_instant, shown

_SQLITE_LARGEST: Final = (1 << 63) - 1
_OWN: Final = {Type.TEXT: str, Type.INTEGER: int, Type.BOOLEAN: bool}

Builder: TypeAlias = Callable[[Sequence[Any]], Document]


class BadValue(ValueError):
    """A value in the database that is not what its column is declared to be; the message names the column."""


def anchor_text(value: object) -> str:
    """The anchor as text."""
    if type(value) is str:
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(bytes(value)).decode("ascii")
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def from_driver(value: object, attribute: Attribute) -> Value:
    """The value in the attribute's own form. Raises `WrongType`."""
    if attribute.many and isinstance(value, list):
        single = replace(attribute, many=False)
        return convert([from_driver(one, single) for one in value], attribute)
    if isinstance(value, Decimal) and attribute.type is Type.INTEGER:
        return int(value)  # of more than 64 bits, too: whoever stores it says so
    if isinstance(value, Decimal):
        value = float(value)
    elif isinstance(value, memoryview | bytearray):
        value = bytes(value)
    elif isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False, sort_keys=True)
    elif attribute.type is Type.TEXT and not isinstance(value, str | bool | int | float | date | bytes):
        value = None if value is None else str(value)
    elif attribute.type is Type.BOOLEAN and isinstance(value, bytes):
        value = any(value)
    return convert(value, attribute)


def to_driver(value: Value, column: Column, dialect: str) -> Any:
    """The value as the driver takes it for the column. Raises `WrongType`."""
    found = convert(value, column.attribute)
    if isinstance(found, list):
        return [_one_to_driver(item, column, dialect) for item in found]
    return None if found is None else _one_to_driver(found, column, dialect)


def writer(column: Column, dialect: str) -> Callable[[Value], Any]:
    """`to_driver` for one column; what has the column's own type already, as most values have, goes the short way."""
    narrow = dialect == "sqlite" and column.attribute.type is Type.INTEGER
    own = None if narrow else _own(column.attribute)
    return lambda value: value if type(value) is own and value != "" else to_driver(value, column, dialect)


def key_to_driver(anchor: str, table: Table) -> Any:
    """The anchor as the driver takes it; None when no row can have it."""
    try:
        return to_driver(anchor, table.columns[table.spec.anchor], table.dialect)
    except WrongType:
        return None


def builder(table: Table, wanted: Sequence[str]) -> Builder:
    """From a row of the columns that `selected` names to the document. Raises `BadValue`."""
    place = {name: at for at, name in enumerate(selected(table, wanted))}
    switch = table.spec.enabled
    columns: list[tuple[str, int, type | None, Callable[[object], Value]]] = []
    for name in wanted:
        if name == ENABLED and switch is not None:
            columns.append((ENABLED, place[switch.column], bool if switch.on is None else None, switch.read))
        elif name not in table.lists:
            attribute = table.attribute(name)
            columns.append((name, place[name], _own(attribute), _reader(attribute)))

    def build(row: Sequence[Any]) -> Document:
        values: Document = {}
        for name, at, own, read in columns:
            value = row[at]
            if type(value) is not own:
                try:
                    value = read(value)
                except WrongType as error:
                    source = switch.column if name == ENABLED and switch is not None else name
                    raise BadValue(f"{source}: {error}") from None
            if value is not None and value != "":
                values[name] = value
        return values

    return build


def selected(table: Table, wanted: Sequence[str]) -> list[str]:
    """The columns to select for the wanted attributes: the anchor first, each once."""
    names = dict.fromkeys([table.spec.anchor])
    for name in wanted:
        if name == ENABLED and table.spec.enabled is not None:
            names[table.spec.enabled.column] = None
        elif name not in table.lists:
            table.attribute(name)
            names[name] = None
    return list(names)


def _own(attribute: Attribute) -> type | None:
    """The Python type whose values are the same in a document and for every driver; None when there is none."""
    return None if attribute.many else _OWN.get(attribute.type)


def _reader(attribute: Attribute) -> Callable[[object], Value]:
    return lambda value: from_driver(value, attribute)


def _one_to_driver(value: Scalar, column: Column, dialect: str) -> Any:
    kind = column.attribute.type
    if kind is Type.DATETIME:
        moment = parse_instant(str(value))
        if dialect == "sqlite":
            return moment.replace(tzinfo=None).isoformat(sep=" ")
        return moment.astimezone(UTC) if column.zoned else moment.replace(tzinfo=None)
    if kind is Type.DATE:
        return str(value) if dialect == "sqlite" else date.fromisoformat(str(value))
    if kind is Type.BINARY:
        return base64.b64decode(str(value))
    if kind is Type.INTEGER and dialect == "sqlite" and int(value) > _SQLITE_LARGEST:
        raise WrongType(f"expected a whole number up to {_SQLITE_LARGEST}, found {shown(value)}")
    if kind is Type.DECIMAL:
        return float(value) if dialect == "sqlite" else Decimal(str(value))
    return value
