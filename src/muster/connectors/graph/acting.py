"""What can be done with a user beyond writing: ending sessions, giving a temporary access pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from muster.connectors.graph.answers import refusal, refused
from muster.connectors.graph.resources import GraphType
from muster.connectors.graph.session import Answer, Request, Session
from muster.connectors.graph.settings import Resource
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.secrets import Secret
from muster.model.values import Attribute, Type, Value, WrongType, convert


def _revoke(session: Session, path: str, parameters: Mapping[str, Value]) -> tuple[Answer, str | None]:
    """https://learn.microsoft.com/graph/api/user-revokesigninsessions"""
    _known(parameters)
    return session.send(Request("POST", f"{path}/revokeSignInSessions", {})), None


def _access_pass(session: Session, path: str, parameters: Mapping[str, Value]) -> tuple[Answer, str | None]:
    """https://learn.microsoft.com/graph/api/authentication-post-temporaryaccesspassmethods"""
    body = _known(
        parameters,
        Attribute("lifetimeInMinutes", Type.INTEGER),
        Attribute("isUsableOnce", Type.BOOLEAN),
        Attribute("startDateTime", Type.DATETIME),
    )
    return session.send(Request("POST", f"{path}/authentication/temporaryAccessPassMethods", body)), (
        "temporaryAccessPass"
    )


def _known(parameters: Mapping[str, Value], *attributes: Attribute) -> dict[str, Any]:
    """The parameters in their types. Raises `WrongType`."""
    known = {one.name: one for one in attributes}
    for name in parameters:
        if name not in known:
            raise WrongType(f"there is no parameter {name!r}; known: {', '.join(known) or 'none'}")
    return {name: convert(value, known[name]) for name, value in parameters.items() if value is not None}


ACTIONS: Final[Mapping[str, Callable[[Session, str, Mapping[str, Value]], tuple[Answer, str | None]]]] = {
    "revoke sessions": _revoke,
    "temporary access pass": _access_pass,
}
"""By name: what is sent, and which property of the answer is a secret to be handed on."""


def act(
    session: Session, kind: GraphType, anchor: str, action: str, parameters: Mapping[str, Value], key: str
) -> Outcome:
    """Do it; doing it twice is harmless: a second pass takes the first one's place. `key` is not needed for that."""
    del key
    change = Change(0, kind.name, Action.UPDATE, anchor)
    if kind.resource is not Resource.USER or action not in ACTIONS:
        words = f"{kind.name}: there is no action {action!r}; users have: {', '.join(ACTIONS)}."
        return Outcome(0, Result.REJECTED, anchor, reason=words)
    path = kind.path(anchor)
    try:
        answer, says = ACTIONS[action](session, path, parameters)
    except WrongType as error:
        return Outcome(0, Result.REJECTED, anchor, reason=f"{action}: {error}.")
    if not answer.good:
        outcome = refused(change, path, answer)
        outcome.reason = refusal(f"{path}: {action}", answer)
        return outcome
    secret = answer.body.get(says) if says is not None else None
    return Outcome(0, Result.DONE, anchor, secret=Secret(secret) if isinstance(secret, str) else None)
