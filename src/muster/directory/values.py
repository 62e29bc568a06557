"""JSON values as clients send them → values as the directory keeps them."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Final

from muster.directory.errors import Invalid
from muster.directory.schema.property import Property, Type
from muster.model.values import WrongType, instant_text, parse_instant

_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOST: Final = 1000
"""Values of a list that has no limit of its own."""
_INTEGER: Final = 1 << 63


def is_guid(text: str) -> bool:
    """Whether a text is a GUID in its usual form."""
    return _GUID.fullmatch(text.lower()) is not None


def kept(value: Any, one: Property, path: str = "") -> Any:
    """A value in the form in which it is kept; None and an empty list are no value. Raises `Invalid`."""
    path = path or one.name
    if value is None:
        return None
    if one.many:
        if not isinstance(value, list):
            raise _wrong(path, "a list")
        if len(value) > (one.most or _MOST):
            raise Invalid(f"Property '{path}' holds at most {one.most or _MOST} values.", path)
        found = [_one(item, one, path) for item in value]
        if one.type is Type.COMPLEX:
            return found or None
        return list(dict.fromkeys(found)) or None
    return _one(value, one, path)


def _one(value: Any, one: Property, path: str) -> Any:
    if one.type is Type.STRING:
        return kept_text(value, one, path)
    match one.type:
        case Type.BOOLEAN:
            if not isinstance(value, bool):
                raise _wrong(path, "true or false")
            return value
        case Type.INTEGER:
            if isinstance(value, bool) or not isinstance(value, int) or not -_INTEGER <= value < _INTEGER:
                raise _wrong(path, "a whole number")
            return value
        case Type.INSTANT:
            return _instant(value, path)
        case Type.GUID:
            if not isinstance(value, str) or not is_guid(value):
                raise _wrong(path, "a GUID")
            return value.lower()
        case Type.BINARY:
            return _binary(value, path)
        case _:
            return _complex(value, one, path)


def kept_text(value: Any, one: Property, path: str) -> str:
    """A text in the form in which it is kept. Raises `Invalid`."""
    if not isinstance(value, str):
        raise _wrong(path, "a text")
    if not value:
        raise Invalid(f"Invalid value specified for property '{path}': it is empty; null clears it.", path)
    if "\x00" in value:
        raise Invalid(f"Invalid value specified for property '{path}': it has a NUL character.", path)
    if one.longest and len(value) > one.longest:
        raise Invalid(
            f"Invalid value specified for property '{path}': it is longer than {one.longest} characters.", path
        )
    if one.choices:
        found = next((choice for choice in one.choices if choice.lower() == value.lower()), None)
        if found is None:
            raise Invalid(
                f"Invalid value specified for property '{path}'. Possible values: {', '.join(one.choices)}.", path
            )
        return found
    return value


def _instant(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _wrong(path, "a date and time such as 2026-01-31T17:00:00Z")
    try:
        return instant_text(parse_instant(value))
    except (WrongType, OverflowError):
        raise _wrong(path, "a date and time such as 2026-01-31T17:00:00Z") from None


def _binary(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _wrong(path, "base64 text")
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise _wrong(path, "base64 text") from None
    return base64.b64encode(data).decode("ascii")


def _complex(value: Any, one: Property, path: str) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        raise _wrong(path, "an object")
    found: dict[str, Any] = {}
    for name, item in value.items():
        if name.startswith("@odata."):
            continue
        part = one.part.get(name)
        if part is None:
            raise Invalid(f"Invalid property '{path}/{name}'.", f"{path}/{name}")
        found[name] = kept(item, part, f"{path}/{name}")
    return found


def _wrong(path: str, expected: str) -> Invalid:
    return Invalid(f"Invalid value specified for property '{path}': expected {expected}.", path)
