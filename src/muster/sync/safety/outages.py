"""A system to be written that nobody could use in several runs in a row is left alone for a while, longer each time.

As Entra's "EncounteredQuarantineException": invalid credentials, or no connection, whatever was written or not. Signing
in again and again with a password that is refused also locks the account out that Muster signs in with.
"""

from __future__ import annotations

from typing import Final

from muster.model.errors import AuthFailed, IncompleteRead, MusterError, Unreachable
from muster.store.database import Database
from muster.sync.clock import moment
from muster.sync.problems import Problem
from muster.sync.safety.quarantine import MINUTE, WAITS

RUNS: Final = 3
"""So many runs in a row: a password that was corrected at once is tried at once."""
_HOUR_AT_MOST: Final = tuple(wait for wait in WAITS if wait <= 60 * MINUTE)
"""The waits for a system that does not answer: it comes back by itself, and nobody is there to tell that it has."""
COUNT: Final = (AuthFailed, Unreachable, IncompleteRead)
"""What counts: no sign-in, no answer, a read that broke off."""


def left_out(database: Database, system: str, now: int) -> Problem | None:
    """The message while the system is not even asked; None when it may be asked (again)."""
    with database.read() as session:
        row = session.one("SELECT until, runs, message FROM outage WHERE system = ?", system)
    if row is None or row[0] <= now:
        return None
    return Problem(
        "quarantine",
        system,
        f"{system}: it could not be used in {row[1]} runs in a row: {row[2].rstrip('.')}. It is neither read nor "
        f"written until {moment(row[0]):%Y-%m-%d %H:%M} UTC; nothing is lost. Mend that, then: "
        f"muster job restart {system} --reset quarantine-state",
        held=True,
    )


def failed(database: Database, system: str, error: MusterError, now: int) -> None:
    """A run could not use the system; from the third in a row on, the next ones wait."""
    with database.write() as session:
        row = session.one("SELECT since, runs FROM outage WHERE system = ?", system)
        since, runs = (row[0], row[1] + 1) if row is not None else (now, 1)
        waits = WAITS if isinstance(error, AuthFailed) else _HOUR_AT_MOST
        until = now + waits[min(runs - RUNS, len(waits) - 1)] if runs >= RUNS else now
        message = error.message.removeprefix(f"{system}: ")
        session.upsert(
            "outage",
            ("system", "since", "until", "runs", "message"),
            ("system",),
            [(system, since, until, runs, message)],
        )


def went_well(database: Database, system: str) -> None:
    """A run could use the system."""
    with database.read() as session:
        known = session.one("SELECT system FROM outage WHERE system = ?", system)
    if known is not None:
        with database.write() as session:
            session.run("DELETE FROM outage WHERE system = ?", system)
