"""A clock that was ahead and was put right: what it left in the store lies in the future, and is worked out again.

Due instants wake what a later moment changes, never what an earlier one does. After a run with a clock that was ahead
(a machine that woke with a wrong date, `MUSTER_NOW` set to try something out) somebody would stay disabled although the
last day has not come, and nothing would ever say so.
"""

from __future__ import annotations

from typing import Final

from muster.store.database import Database
from muster.sync.clock import moment
from muster.sync.problems import Problem

_GRACE: Final = 5 * 60_000_000
"""Clocks of two machines may differ by this much; what an early answer got wrong is right by itself that much later."""


def turn_back(database: Database, now: int) -> Problem | None:
    """Mark everything, and bring what was stamped with a later instant back to `now`, when the clock was ahead.

    One transaction: it has happened as a whole, or the next run does it.
    """
    with database.read() as session:
        ahead = session.value("SELECT MAX(read_at) FROM watermark")
    if ahead is None or ahead <= now + _GRACE:
        return None
    with database.write() as session:
        session.run("UPDATE object SET dirty = 1 WHERE dirty = 0")
        session.run("UPDATE identity SET dirty = dirty | 3")
        session.run("UPDATE presence SET since = ? WHERE since > ?", now, now)
        session.run("UPDATE spent SET at = ? WHERE at > ?", now, now)
        session.run("UPDATE watermark SET full_at = ? WHERE full_at > ?", now, now)
        session.run("UPDATE watermark SET read_at = ? WHERE read_at > ?", now, now)
        session.run("DELETE FROM quarantine WHERE since > ?", now)
        session.run("DELETE FROM outage WHERE since > ?", now)
    return Problem(
        "clock",
        "",
        f"the clock is {_form(now)} and was {_form(ahead)} in an earlier run, so everything that depends on the time "
        "is worked out again. If the clock is wrong now, set it right and run again",
        note=True,
    )


def _form(instant: int) -> str:
    return f"{moment(instant):%Y-%m-%d %H:%M} UTC"
