"""What an attribute may hold, and when two values are the same.

A document (the attributes of an object or of an identity) is a JSON object. Text, whole numbers, decimals and
booleans are themselves; an instant is ISO 8601 text in UTC (`2026-01-31T17:00:00Z`), a date `2026-01-31`, bytes are
base64 text. What such a text means is said by the attribute's `Type`, never guessed from its looks.
"""

from __future__ import annotations

import base64
import binascii
import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final, TypeAlias

Scalar: TypeAlias = str | int | float | bool
Value: TypeAlias = "Scalar | list[Scalar] | None"
Document: TypeAlias = dict[str, Value]


class Type(StrEnum):
    """The kinds of value that systems and the metaverse know."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    DATE = "date"
    BINARY = "binary"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Attribute:
    """What a schema says of one attribute of one object type.

    `exact` False: the system ignores case. `writable` "always", "create" (only with the object itself) or "never".
    `large` True: a many-valued reference that is read and written as edges, never as one list in the document.
    """

    name: str
    type: Type = Type.TEXT
    many: bool = False
    required: bool = False
    exact: bool = True
    writable: str = "always"
    large: bool = False
    description: str = ""


class WrongType(ValueError):
    """A value that cannot be what its attribute's type asks for. The message says what was found and expected."""


_TRUE: Final = frozenset({"true", "yes", "1", "t", "y"})
SMALLEST: Final = -(1 << 63)
LARGEST: Final = (1 << 64) - 1
"""Whole numbers that can be stored."""
_FALSE: Final = frozenset({"false", "no", "0", "f", "n"})


def shown(value: object) -> str:
    """The value as an error or a plan shows it: short, quoted when it is text."""
    text = str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else text[:77] + "…"


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, int | float):
        return str(value)
    raise WrongType(f"expected text, found {shown(value)}")


def _integer(value: object) -> int:
    found: int | None = None
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        found = int(value)
    elif isinstance(value, str):
        with suppress(ValueError):
            found = int(value.strip())
    if found is None:
        raise WrongType(f"expected a whole number, found {shown(value)}")
    if not SMALLEST <= found <= LARGEST:
        raise WrongType(f"expected a whole number of 64 bits at most, found {shown(value)}")
    return found


def _decimal(value: object) -> float:
    found = math.nan
    if isinstance(value, int | float | str):
        with suppress(ValueError, OverflowError):
            found = float(value)
    if not math.isfinite(found):
        raise WrongType(f"expected a number, found {shown(value)}")
    return found


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    if isinstance(value, str):
        low = value.strip().lower()
        if low in _TRUE:
            return True
        if low in _FALSE:
            return False
    raise WrongType(f"expected true or false, found {shown(value)}")


def parse_instant(text: str) -> datetime:
    """The instant that an ISO 8601 text names, in UTC; a text without an offset is UTC. Raises `WrongType`."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise WrongType(f"expected a date and time such as 2026-01-31T17:00:00Z, found {shown(text)}") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def instant_text(moment: datetime) -> str:
    """The one text of an instant: UTC, `Z`, microseconds only when there are some."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _datetime(value: object) -> str:
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00Z"
    if isinstance(value, str):
        return instant_text(parse_instant(value))
    raise WrongType(f"expected a date and time, found {shown(value)}")


def _date(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).date().isoformat() if value.tzinfo else value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        text = value.strip()
        try:
            return date.fromisoformat(text).isoformat() if len(text) <= 10 else parse_instant(text).date().isoformat()
        except ValueError:
            raise WrongType(f"expected a date such as 2026-01-31, found {shown(value)}") from None
    raise WrongType(f"expected a date, found {shown(value)}")


def _binary(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, str):
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise WrongType(f"expected base64 text, found {shown(value)}") from None
        return value
    raise WrongType(f"expected bytes, found {shown(value)}")


_CONVERT: Final[Mapping[Type, Callable[[object], Scalar]]] = {
    Type.TEXT: _text,
    Type.REFERENCE: _text,
    Type.INTEGER: _integer,
    Type.DECIMAL: _decimal,
    Type.BOOLEAN: _boolean,
    Type.DATETIME: _datetime,
    Type.DATE: _date,
    Type.BINARY: _binary,
}


def convert(value: object, attribute: Attribute) -> Value:
    """The value in the attribute's own form (see the module's text), or `WrongType`.

    A single value given to a many-valued attribute becomes a list of one; a list given to a single-valued attribute
    is an error unless it holds one value. Empty text and an empty list are NULL. A list is without doubles.
    """
    if value is None or value == "":
        return None
    kind = attribute.type
    if attribute.many:
        items = value if isinstance(value, list | tuple | set | frozenset) else [value]
        one = _CONVERT[kind]
        return list(dict.fromkeys(one(item) for item in items if item is not None and item != "")) or None
    if isinstance(value, list | tuple):
        if len(value) > 1:
            raise WrongType(f"expected one value, found {len(value)}: {shown(list(value))}")
        return convert(value[0], attribute) if value else None
    if kind is Type.TEXT and type(value) is str:
        return value
    return _CONVERT[kind](value)


def comparable(value: Scalar, attribute: Attribute) -> Scalar:
    """What two values that the system holds to be the same have in common: case, Unicode form and time zone gone."""
    kind = attribute.type
    if isinstance(value, str):
        if kind is Type.DATETIME:
            try:
                return instant_text(parse_instant(value))
            except WrongType:
                return value
        text = value if value.isascii() else unicodedata.normalize("NFC", value)
        return text if attribute.exact else text.casefold()
    if kind in (Type.TEXT, Type.REFERENCE):
        return comparable(_text(value), attribute)
    return value


def same(left: Value, right: Value, attribute: Attribute) -> bool:
    """Whether the system that has this attribute would call the two values equal. Lists are compared as sets."""
    if left == right and type(left) is type(right):
        return True
    if left is None or right is None or left == [] or right == []:
        return left in (None, []) and right in (None, [])
    if isinstance(left, list) or isinstance(right, list):
        return comparable_set(left, attribute) == comparable_set(right, attribute)
    try:
        return comparable(_CONVERT[attribute.type](left), attribute) == comparable(
            _CONVERT[attribute.type](right), attribute
        )
    except WrongType:
        return False


def items(value: Value) -> list[Scalar]:
    """The values as a list: empty for NULL, one for a single value."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def comparable_set(value: Value, attribute: Attribute) -> frozenset[Scalar]:
    """The values of a many-valued attribute in comparable form."""
    return frozenset(comparable(item, attribute) for item in items(value))


def difference(have: Value, want: Value, attribute: Attribute) -> tuple[list[Scalar], list[Scalar]]:
    """What must be added to and removed from `have` so that it becomes `want`, each in the order given."""
    has = {comparable(item, attribute): item for item in items(have)}
    wants = {comparable(item, attribute): item for item in items(want)}
    add = [item for key, item in wants.items() if key not in has]
    remove = [item for key, item in has.items() if key not in wants]
    return add, remove


def key_text(parts: Iterable[Value]) -> str | None:
    """The join key of several values: case and Unicode form do not matter; None when any part is NULL or a list."""
    found: list[str] = []
    for part in parts:
        if part is None or isinstance(part, list) or part == "":
            return None
        text = part if isinstance(part, str) else _text(part)
        found.append(text if text.isascii() else unicodedata.normalize("NFC", text))
    return "\x1f".join(found).casefold()
