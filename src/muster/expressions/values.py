"""From one kind of value to another, as the expression language does it everywhere.

Every function takes whatever an attribute may hold. NULL is None; a multi-value is a list.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime

from muster.expressions.dotnet.format import us_text
from muster.expressions.dotnet.parse import parse_date, parse_iso
from muster.expressions.errors import EvaluationFault, shown
from muster.expressions.results import Signal


def to_text(value: object) -> str:
    """The value as text: numbers plainly, booleans as True and False, dates as `M/d/yyyy h:mm:ss tt` in UTC.

    NULL is the empty text and a list of one is its value; other lists and binary values are faults.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime | date):
        return us_text(as_instant(value))
    if isinstance(value, list):
        if len(value) == 1:
            return to_text(value[0])
        raise EvaluationFault(f"one value is needed and {len(value)} were found; pick one with Item, or use Join")
    if isinstance(value, Signal):
        raise EvaluationFault(f"{value.value} is an answer for the flow and cannot be part of a text")
    raise EvaluationFault(f"{type(value).__name__} {shown(value)} is no text; convert it first")


def to_number(value: object) -> int | float | None:
    """The value as a number, None when it is not one. `&HFF` is hexadecimal; True is 1."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, list):
        return to_number(value[0]) if len(value) == 1 else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    if "_" in text or not text.isascii():
        return None
    try:
        if text[:2] in {"&H", "&h"}:
            return int(text[2:], 16)
        return int(text) if text.lstrip("+-").isdigit() else _finite(float(text))
    except (ValueError, OverflowError):
        return None


def _finite(number: float) -> float | None:
    return number if number - number == 0 else None


def need_number(value: object, what: str) -> int | float:
    """The value as a number; a fault that names `what` when it is not one."""
    number = to_number(value)
    if number is None:
        raise EvaluationFault(f"{what} must be a number and is {_found(value)}")
    return number


def need_int(value: object, what: str) -> int:
    """The value as a whole number; a fault that names `what` when it is not one."""
    number = need_number(value, what)
    if number != int(number):
        raise EvaluationFault(f"{what} must be a whole number and is {shown(value)}")
    return int(number)


def _found(value: object) -> str:
    return "NULL" if value is None else shown(value)


def as_instant(value: datetime | date) -> datetime:
    """The instant in UTC; what has no zone is UTC already, a date is its midnight."""
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def to_date(value: object) -> datetime | None:
    """The value as an instant in UTC: a date, or a text in a common form. NULL and the empty text are None."""
    if isinstance(value, datetime | date):
        return as_instant(value)
    if isinstance(value, list) and len(value) == 1:
        return to_date(value[0])
    if value is None or value == "":
        return None
    found = parse_date(value) if isinstance(value, str) else None
    if found is None:
        raise EvaluationFault(f"{shown(value)} is no date; write 2026-01-31 or give its form to FormatDateTime")
    return found


def iso_date(value: object) -> datetime | None:
    """The instant, when the value is a date or a text in ISO 8601 form; else None."""
    if isinstance(value, str):
        return parse_iso(value)
    return as_instant(value) if isinstance(value, datetime | date) else None


def truth(value: object) -> bool:
    """Whether a condition holds. NULL and the empty text do not; of several values, one that holds is enough."""
    if value is None:
        return False
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value != 0
    if isinstance(value, list):
        return any(truth(each) for each in value)
    if isinstance(value, str):
        lower = value.strip().lower()
        if lower == "true":
            return True
        if lower in {"false", ""}:
            return False
        number = to_number(value)
        if number is not None:
            return number != 0
    raise EvaluationFault(f"{shown(value)} is neither true nor false; compare it with something")


def each(function: Callable[..., object], value: object, *rest: object) -> object:
    """`function` over every value of a list, dropping NULL; once, over the text, otherwise. NULL stays NULL."""
    if value is None:
        return None
    if isinstance(value, list):
        return [out for item in value if (out := function(item, *rest)) is not None]
    return function(to_text(value), *rest)
