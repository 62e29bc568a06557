"""Durations as people write them: `30 days`, `5 minutes`, `every 2 hours`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_UNITS: Final = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_DURATION: Final = re.compile(r"(\d{1,6})\s*([a-z]+?)s?", re.IGNORECASE)
_EVERY: Final = re.compile(r"every\s+(?:(\S.*)|)", re.IGNORECASE)

PATTERN: Final = r"^\s*\d{1,6}\s*(second|minute|hour|day|week)s?\s*$"
SCHEDULE_PATTERN: Final = r"^\s*([Ee]very\s+)?(\d{1,6}\s*)?(second|minute|hour|day|week)s?\s*$"


def parse_duration(text: object) -> timedelta:
    """The duration, or ValueError that says what was expected."""
    if isinstance(text, str):
        match = _DURATION.fullmatch(text.strip())
        unit = _UNITS.get(match[2].lower()) if match else None
        if match and unit:
            return int(match[1]) * unit
    raise ValueError(f"expected a duration such as `30 days`, `2 hours` or `5 minutes`, found {_found(text)}")


def parse_schedule(text: object) -> timedelta:
    """`every 30 minutes`, `every hour` or `30 minutes`; never zero. ValueError says what was expected."""
    if isinstance(text, str):
        match = _EVERY.fullmatch(text.strip())
        rest = (match[1] or "") if match else text
        try:
            found = _UNITS.get(rest.strip().lower()) if match else None
            found = found or parse_duration(rest)
        except ValueError:
            found = timedelta(0)
        if found:
            return found
    raise ValueError(f"expected an interval such as `every 30 minutes` or `every hour`, found {_found(text)}")


def _found(value: object) -> str:
    if isinstance(value, str):
        return f"`{value}`"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value} without a unit"
    return "nothing" if value is None else "a list or keys"
