"""What an answer that is no success means for a change (RFC 7644 section 3.12)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from muster.connectors.scim.answers import Answer
from muster.connectors.scim.session import Session
from muster.connectors.scim.wire import ScimType
from muster.model.changes import Change, Outcome, Result

_ADVICE: Final[Mapping[str, str]] = {
    "uniqueness": "Another object has this name already.",
    "mutability": "The server does not let this attribute be changed: take it out of the mapping.",
    "invalidValue": "Correct the value, or flow what is missing.",
    "403": "Grant the token the right to write this.",
    "404": "Correct `url`, or the object's `resource`.",
    "405": "The server cannot do this; if it cannot PATCH at all, set `patch: none`.",
    "501": "The server cannot do this; if it cannot PATCH at all, set `patch: none`.",
}
_STRANGE: Final = "A login page, a proxy or a wrong address answers there: look, and correct `url`."


def refused(session: Session, change: Change, kind: ScimType, anchor: str | None, answered: Answer) -> Outcome:
    """The outcome of a change that was answered so."""
    result = Result.REJECTED
    if answered.gone and anchor is not None:
        result = Result.GONE
    elif answered.status == 412:
        result = Result.CONFLICT
    elif answered.status in (408, 429) or (answered.status >= 500 and answered.status != 501):
        result = Result.RETRY
    reason = refusal(session, kind, anchor, answered)
    return Outcome(change.key, result, anchor, reason=reason, after=answered.after if result is Result.RETRY else None)


def refusal(session: Session, kind: ScimType, anchor: str | None, answered: Answer) -> str:
    """The answer in words, and what to do."""
    words = f"{session.path(kind, anchor)}: the server answered {session.said(answered)}"
    advice = _STRANGE if answered.page else _ADVICE.get(answered.kind) or _ADVICE.get(str(answered.status), "")
    return f"{words}. {advice}" if advice else f"{words}."


def mistaken(session: Session, kind: ScimType, anchor: str, answered: Answer) -> str | None:
    """In words, that an answer about one object shows another; None when it does not."""
    shown = (answered.document or {}).get("id")
    if not answered.good or shown is None or shown == anchor:
        return None
    return (
        f"{session.path(kind, anchor)}: the server answered with {kind.name} {shown}. An id must not change (RFC 7643 "
        "section 3.1), and nothing is known of what was done: look at both there."
    )
