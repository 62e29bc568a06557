"""Whether an identity should have an object through a mapping, since when, and whether the object may be touched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from muster.expressions import UNKNOWN, Context, Fault
from muster.model.values import Document, Value
from muster.project.configuration import Outbound, Place, Step
from muster.store.database import Session
from muster.sync.clock import moment
from muster.sync.identities.partial import PartialDocument
from muster.sync.identities.values import due_of
from muster.sync.provisioning.wishes import Note, Presence, Question, Wish
from muster.sync.rules.ruleset import CompiledMapping

Touchable = Callable[[Session, CompiledMapping, int, int, Document], bool]
"""Whether what a mapping writes may be written now: the mapping, the identity, its object and what that shows."""


def wanted_now(question: Question, context: Context, wish: Wish) -> bool | None:
    """Whether the object should exist; None when the mapping only updates, or when it cannot be told.

    While it cannot be told, an object that was wanted stays wanted, and one that was not stays unwanted.
    """
    outbound = question.mapping.rules.outbound
    if outbound is None or outbound.provision is None:
        return None
    wish.steps = outbound.deprovision
    if question.leaving:
        return False
    located = outbound.provision
    result = located.expression.evaluate(question.document, context)
    answer = _answer(result)
    if answer and outbound.scope is not None:
        return _in_scope(question, outbound, context, wish)
    if answer is not None:
        return answer
    if isinstance(result, Fault):
        wish.notes.append(Note("expression", f"provision: {result.message}", located.place))
    elif result is not UNKNOWN:
        wish.notes.append(Note("expression", f"provision gave {result!r}; it must be true or false", located.place))
    return question.presence.wanted if question.presence is not None else None


def steps_for(outbound: Outbound, document: Mapping[str, Value], leaving: bool, context: Context) -> Sequence[Step]:
    """The steps for an object that is not wanted: those of `out of scope` where only the scope speaks against it."""
    if outbound.scope is None or outbound.provision is None or leaving:
        return outbound.deprovision
    wanted = _answer(outbound.provision.expression.evaluate(document, context))
    return outbound.out_of_scope if wanted else outbound.deprovision


def _in_scope(question: Question, outbound: Outbound, context: Context, wish: Wish) -> bool | None:
    """Whether an identity that should have the object is in the mapping's scope; where that cannot be told, it stays
    as it was, and no step is taken."""
    assert outbound.scope is not None
    answer = outbound.scope.evaluate(question.document, context)
    if isinstance(answer, bool):
        wish.steps = outbound.out_of_scope
        return answer
    wish.steps = ()
    if isinstance(answer, Fault):
        place = outbound.scope_place or outbound.place
        wish.notes.append(Note("expression", f"scope: {answer.message}", place))
    return question.presence.wanted if question.presence is not None else None


def _answer(result: Any) -> bool | None:
    if isinstance(result, bool):
        return result
    if isinstance(result, str) and result.lower() in ("true", "false"):
        return result.lower() == "true"
    return False if result is None else None


def presence_of(question: Question, wanted: bool | None, now: int) -> Presence | None:
    """What is to be remembered of whether the object is wanted."""
    had = question.presence
    live = question.target is not None and not question.target.gone
    if wanted is None or (had is None and not wanted and not live):
        return had
    if had is None:
        return Presence(wanted, now)
    if had.wanted == wanted:
        return had
    return Presence(wanted, _since(question, wanted, now))


def _since(question: Question, wanted: bool, now: int) -> int:
    """The instant at which the answer became what it is: `now`, unless time alone brought it about earlier."""
    outbound = question.mapping.rules.outbound
    at = question.due
    if at is None or question.leaving or outbound is None or outbound.provision is None:
        return now
    while at is not None and at < now:
        context = Context(now=moment(at))
        answer = _answer(outbound.provision.expression.evaluate(question.document, context))
        if answer and outbound.scope is not None:
            answer = outbound.scope.evaluate(question.document, context) is True
        if answer is wanted:
            return at
        at = due_of(context, at)
    return now


def untouchable(
    mapping: CompiledMapping, document: Document, unknown: frozenset[str], context: Context
) -> Note | bool | None:
    """Why the object is not to be written: True, a note that says it, or None when it may be.

    What cannot be told protects: an object is left alone while `protect` fails or needs what was never read.
    """
    known: Mapping[str, Value] = PartialDocument(document, unknown) if unknown else document
    scope = mapping.rules.scope
    if scope is not None:
        answer = scope.evaluate(known, context)
        place = mapping.rules.scope_place or mapping.rules.place
        if answer is UNKNOWN:
            return True
        if isinstance(answer, Fault):
            return Note("expression", f"scope: {answer.message}; the object is not written", place)
        if not answer:
            return Note(
                "out-of-scope", "has left the mapping's scope; it stays joined and is not written", place, False
            )
    return True if protected(mapping, known, context) else None


def protected(mapping: CompiledMapping, document: Mapping[str, Value], context: Context) -> bool:
    """Whether `protect` names the object; also while that cannot be told."""
    protect = mapping.rules.protect
    return protect is not None and protect.expression.evaluate(document, context) not in (False, None)


def place_of(mapping: CompiledMapping) -> Place:
    """Where the mapping says what it writes."""
    return mapping.rules.outbound.place if mapping.rules.outbound else mapping.rules.place
