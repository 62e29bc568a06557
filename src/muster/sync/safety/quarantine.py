"""A system that refuses most of what it is sent is left alone for a while, longer each time, until a success."""

from __future__ import annotations

from typing import Final

from muster.project.configuration import System
from muster.store.database import Database
from muster.sync.clock import moment
from muster.sync.problems import Problem

MINUTE: Final = 60_000_000
WAITS: Final = tuple(MINUTE * n for n in (5, 15, 60, 360, 720, 1440))
"""How long each further try waits; the last is repeated."""


def in_quarantine(database: Database, system: str, now: int) -> Problem | None:
    """The message while the system is left alone; None when it may be written (again)."""
    with database.read() as session:
        row = session.one("SELECT until, message FROM quarantine WHERE system = ?", system)
    if row is None or row[0] <= now:
        return None
    return Problem(
        "quarantine",
        system,
        f"{system}: {row[1]} It is left alone until {moment(row[0]):%Y-%m-%d %H:%M} UTC; nothing is lost. "
        "Why: muster log. Mend that; the first run after that time writes there again",
        held=True,
    )


def judge(
    database: Database, system: System, done: int, failed: int, now: int, *, references: int = 0
) -> Problem | None:
    """After an export: too many failures begin or lengthen the quarantine, a success ends it.

    `references`: of those that failed, how many only wrote references. A manager who is not there says little about
    the system, so they count for the absolute limit alone.
    """
    limits = system.quarantine
    total, plain = done + failed, failed - references
    too_many = (
        plain >= limits.failures > 0
        or failed >= limits.altogether > 0
        or (total >= limits.minimum and plain * 100 > total * limits.percent)
    )
    with database.read() as session:
        row = session.one("SELECT since, tries FROM quarantine WHERE system = ?", system.name)
    if too_many or (row is not None and failed and not done):
        tries = (row[1] if row else 0) + 1
        until = now + WAITS[min(tries, len(WAITS)) - 1]
        message = f"{failed} of {total} changes failed."
        with database.write() as session:
            session.upsert(
                "quarantine",
                ("system", "since", "until", "tries", "message"),
                ("system",),
                [(system.name, row[0] if row else now, until, tries, message)],
            )
        return in_quarantine(database, system.name, now)
    if row is not None and done:
        with database.write() as session:
            session.run("DELETE FROM quarantine WHERE system = ?", system.name)
    return None
