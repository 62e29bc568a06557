"""MUSTER_NOW: the clock of rehearsals and tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final

from muster.model.errors import ProjectError

VARIABLE: Final = "MUSTER_NOW"


def set_clock(environment: Mapping[str, str]) -> datetime | None:
    """The instant that MUSTER_NOW names, in UTC; None without it. Raises `ProjectError` for what is no instant."""
    text = environment.get(VARIABLE, "")
    return instant(text, VARIABLE) if text.strip() else None


def instant(text: str, where: str) -> datetime:
    """An ISO 8601 instant; without an offset it is UTC. Raises `ProjectError` naming `where`."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ProjectError(
            f"{where}: expected an instant in ISO 8601 such as 2026-11-24T08:00:00Z, found {text!r}."
        ) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def day(text: str, where: str) -> date:
    """An ISO 8601 date. Raises `ProjectError` naming `where`."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise ProjectError(f"{where}: expected a date such as 2026-12-31, found {text!r}.") from None
