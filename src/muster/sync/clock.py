"""Instants as the store keeps them: whole microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
DAY: Final = 86_400_000_000


def micros(moment: datetime) -> int:
    """The stored form of an instant."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(number: int) -> datetime:
    """The instant of a stored form."""
    return _EPOCH + timedelta(microseconds=number)


def next_day(number: int) -> int:
    """The start of the next day, UTC."""
    return (number // DAY + 1) * DAY
