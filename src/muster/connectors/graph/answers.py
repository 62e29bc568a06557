"""What the answer to a write means for its change. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from muster.connectors.graph.session import Answer
from muster.model.changes import Change, Outcome, Result

_ALREADY: Final = "added object references already exist"
_LATER: Final = frozenset({408, 429})
_TAKEN: Final = ("ObjectConflict", "ConflictingObjects", "Request_MultipleObjectsWithSameKeyValue")
_TAKEN_WORDS: Final = ("another object with the same value", "conflicting object with one or more", "proxy address")


def taken(answer: Answer) -> bool:
    """Whether another object has a value that only one may have."""
    details = answer.error.get("details")
    codes = {answer.code, *(str(one.get("code")) for one in details or () if isinstance(one, dict))}
    said = answer.message.lower()
    conflict = answer.status == 409 or not codes.isdisjoint(_TAKEN)
    return answer.status in (400, 409) and (conflict or any(words in said for words in _TAKEN_WORDS))


def target(answer: Answer) -> str | None:
    """The attribute that an error is about, where it says so."""
    details = answer.error.get("details")
    names = [one.get("target") for one in details or () if isinstance(one, dict)]
    return next((name for name in names if isinstance(name, str)), None)


def already_there(answer: Answer) -> bool:
    """Whether a reference that was to be added is there."""
    return answer.status == 400 and _ALREADY in answer.message


def retry(answer: Answer) -> bool:
    """Whether it may go better later."""
    return answer.status in _LATER or answer.status >= 500


def refused(change: Change, where: str, answer: Answer) -> Outcome:
    """The outcome of a change of an object that is there, or was."""
    result = Result.REJECTED
    if answer.status == 404 and change.anchor is not None:
        result = Result.GONE
    elif answer.status == 412:
        result = Result.CONFLICT
    elif retry(answer):
        result = Result.RETRY
    return Outcome(change.key, result, change.anchor, reason=refusal(where, answer), after=answer.after)


def refusal(where: str, answer: Answer) -> str:
    """Why, in words: where, what Graph said, and what to do."""
    words = f"{where}: Graph answered {answer.message}."
    advice = _ADVICE.get("taken" if taken(answer) else _topic(answer), "")
    return f"{words} {advice}" if advice else words


def _topic(answer: Answer) -> str:
    said = answer.message.lower()
    if answer.status == 403:
        return "403"
    if "read-only" in said or "on-premises mastered" in said:
        return "mastered"
    if "passwordprofile" in said or "password must be specified" in said:
        return "password"
    return ""


_ADVICE: Final[Mapping[str, str]] = {
    "taken": "Only one object may have this value: give this one another, or free it.",
    "403": "Grant the application the right to write this; administrators and their passwords need a directory role.",
    "mastered": "What comes from on premises is written there: take this attribute out of the mapping.",
    "password": "A new user needs a password: say `password: generate` in the mapping.",
}
