"""What a person is told of a change that was not made: which object, whose, why, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from muster.model.changes import Outcome, Result
from muster.model.schema import ENABLED
from muster.store.codec import decode
from muster.store.database import Session
from muster.sync.problems import Problem, who_is
from muster.sync.queue.sent import Sent
from muster.sync.rules.ruleset import CompiledMapping


def owners(session: Session, changes: Sequence[Sent]) -> dict[int, str]:
    """Whose these changes are, by identity: a name and an id."""
    numbers = sorted({sent.identity for sent in changes if sent.identity})
    rows = session.rows("SELECT id, uid, doc FROM identity WHERE id IN ?i", numbers) if numbers else []
    return {number: who_is(uid, decode(data)) for number, uid, data in rows}


def what_became(outcome: Outcome) -> str:
    """The system's reason, and before it what was done all the same."""
    return f"is disabled; the rest was refused: {outcome.reason}" if outcome.written else outcome.reason


def failure(mapping: CompiledMapping, sent: Sent, outcome: Outcome, whose: Mapping[int, str]) -> Problem:
    """The problem that an outcome is."""
    system = mapping.rules.system
    anchor = outcome.anchor or sent.anchor
    owner = whose.get(sent.identity, sent.uid)
    who = f"{system}/{sent.kind} {anchor or 'for ' + owner}"
    if anchor and mapping.schema.assigned and owner:
        who += f" of {owner}"
    reason, action = outcome.reason.rstrip("."), sent.action.value
    stays = "is STILL ENABLED: " if sent.payload["values"].get(ENABLED) is False else ""
    refused = what_became(outcome).rstrip(".") if outcome.written else f"{stays}{action} was refused: {reason}"
    message = {
        Result.EXISTS: f"{who}: is there already; the join rules look at it",
        Result.GONE: f"{who}: is not there any more; it is looked at again in the next run",
        Result.CONFLICT: f"{who}: was changed by another hand a moment ago; it is looked at again",
        Result.REJECTED: f"{who}: {refused}. Correct the value where it comes from, or "
        f"{mapping.rules.place.file}; the next run tries again",
        Result.RETRY: f"{who}: {stays}{action} did not work now: {reason}. The next run tries again",
    }[outcome.result]
    return Problem(
        outcome.result.value,
        system,
        message,
        type=sent.kind,
        anchor=anchor,
        identities=(sent.uid,) if sent.uid else (),
        note=outcome.result in (Result.EXISTS, Result.GONE, Result.CONFLICT),
    )
