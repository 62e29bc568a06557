"""Decisions of people about a part of the project: a system, its job, a mapping. Each is sealed in the audit trail."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from muster.store.audit import Decision, record_decisions
from muster.store.database import Session


@dataclass(frozen=True, slots=True)
class Decided:
    """Who decides, why, and when (microseconds); `rehearsed`: under a clock that was set."""

    by: str
    why: str
    at: int
    rehearsed: bool


def seal(session: Session, kind: str, name: str, decided: Decided, *, about: str = "", what: str = "") -> None:
    """Seal a decision of that kind about the system or mapping of that name; `what` it meant, in words.

    The record is called after the command: `about` and the kind, as in "job pause".
    """
    payload = orjson.dumps({"object": None, "identity": None, "other": name, "what": what, "why": decided.why})
    one = Decision(kind, decided.by, None, None, None, payload)
    record_decisions(session, [one], at=decided.at, rehearsed=decided.rehearsed, about=about)
