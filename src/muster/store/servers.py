"""Which of two servers writes to the systems, as people decided it: a mark in the store of each.

A store without a mark goes by `staging:` in muster.yaml alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import orjson

from muster.store.audit import Decision, record_decisions
from muster.store.database import Session

_COLUMNS: Final = ("active", "at", "made_by", "why", "other", "despite", "owes")
_ONLY: Final = 1


@dataclass(frozen=True, slots=True)
class Mark:
    """`active` since `at` (microseconds), or not; `other`: the server that it took over from, or that took
    over from it.

    `despite`: active although muster.yaml said `staging: true` at the time; the address of the store, so that a copy of
    the store does not overrule the muster.yaml of another server. `owes`: the folder of a server that could
    not be told that it is no longer active.
    """

    active: bool
    at: int
    by: str
    why: str = ""
    other: str | None = None
    despite: str | None = None
    owes: str | None = None


def mark_of(session: Session) -> Mark | None:
    """The mark; None where nobody ever decided."""
    row = session.one(f"SELECT {', '.join(_COLUMNS)} FROM server WHERE id = ?", _ONLY)
    if row is None:
        return None
    active, at, by, why, other, despite, owes = row
    return Mark(bool(active), at, by, why, other, despite, owes)


def decide_server(session: Session, mark: Mark, *, rehearsed: bool) -> None:
    """Set the mark, and seal the decision in the audit trail."""
    _put(session, mark)
    kind = "promote" if mark.active else "demote"
    payload = orjson.dumps({"object": None, "identity": None, "other": mark.other, "why": mark.why})
    decision = Decision(kind, mark.by, None, None, None, payload)
    record_decisions(session, [decision], at=mark.at, rehearsed=rehearsed, about="staging")


def note_told(session: Session) -> None:
    """The other server has been told that it is no longer active."""
    mark = mark_of(session)
    if mark is not None:
        _put(session, replace(mark, owes=None))


def obey_the_file_again(session: Session) -> None:
    """muster.yaml no longer says `staging: true`; when it says so again, that is somebody's new wish."""
    session.run("UPDATE server SET despite = NULL WHERE id = ?", _ONLY)


def _put(session: Session, mark: Mark) -> None:
    row = (_ONLY, int(mark.active), mark.at, mark.by, mark.why, mark.other, mark.despite, mark.owes)
    session.upsert("server", ("id", *_COLUMNS), ("id",), [row])
