"""Making objects: by a POST, by restoring a deleted one, by inviting a guest; each as a chain of requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from muster.connectors.graph import wire
from muster.connectors.graph.answers import refusal, retry, taken
from muster.connectors.graph.conflicts import rival
from muster.connectors.graph.deleted import restoring
from muster.connectors.graph.filters import equality, query
from muster.connectors.graph.licences import LICENCES, assign
from muster.connectors.graph.resources import ACCOUNT_ENABLED, ANCHOR, MANAGER, GraphType
from muster.connectors.graph.session import Answer, Request, Session
from muster.connectors.graph.settings import Resource
from muster.connectors.graph.steps import Part, Steps
from muster.connectors.graph.teams import TEAM, make
from muster.connectors.graph.updating import Updating, selection, shows
from muster.connectors.graph.wire import Body
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.values import Document, Value, convert

_ANSWERED: Final = ("userPrincipalName", "mail", "securityIdentifier")
"""What a new object is known by that the directory may have made itself."""
_GUEST: Final = "guest"
_GUEST_NAMES: Final = ("mail", "displayName", "userType")
"""What an invitation says; the rest of a guest is written after it."""


class Creating:
    """Makes objects in one session."""

    def __init__(self, session: Session, updating: Updating) -> None:
        self._session = session
        self._updating = updating

    def create(self, change: Change, kind: GraphType) -> Steps:
        """The outcome of a create."""
        if change.restores is not None:
            return (yield from self._restore(change, kind, change.restores))
        if kind.resource is Resource.USER and str(change.values.get("userType") or "").lower() == _GUEST:
            return (yield from self._invite(change, kind))
        where = kind.path()
        (answer,) = yield [Request("POST", where, self._new(change, kind))]
        anchor = answer.body.get(ANCHOR)
        if not answer.good or not isinstance(anchor, str):
            return (yield from self._not_created(change, kind, answer))
        return (yield from self._completed(change, kind, anchor, _answered(kind, change, answer.body)))

    def _new(self, change: Change, kind: GraphType) -> Body:
        """The body of a POST. Raises `WrongType`."""
        body: Body = {}
        given = (
            {**change.values, **{name: list(more) for name, more in change.add.items()}}
            if change.add
            else change.values
        )
        for name, value in given.items():
            if value is None or value == [] or name in (LICENCES, TEAM) or kind.attribute(name).writable == "never":
                continue
            if name == MANAGER:
                body[f"{MANAGER}@odata.bind"] = self._updating.address(str(convert(value, kind.attribute(name))))
            else:
                wire.put(body, kind, name, value, {})
        if kind.schema.can_enable:
            body.setdefault(ACCOUNT_ENABLED, True)
        if kind.resource is Resource.GROUP:
            unified = "Unified" in (body.get("groupTypes") or ())
            body.setdefault("mailEnabled", unified)
            body.setdefault("securityEnabled", not unified)
        if change.password is not None:
            body["passwordProfile"] = {"password": change.password.reveal(), "forceChangePasswordNextSignIn": True}
        return body

    def _completed(self, change: Change, kind: GraphType, anchor: str, values: Document) -> Steps:
        """The outcome of a create whose object is there, once its licences, large references and team are."""
        problem: Answer | str | None = yield from assign(change, kind, anchor, {})
        if problem is None:
            problem = yield from self._updating.edges(change, kind, anchor)
        if problem is None:
            problem = yield from make(change, kind, anchor, {})
        if problem is None:
            return Outcome(change.key, Result.DONE, anchor, values)
        where = kind.path(anchor)
        words = refusal(where, problem) if isinstance(problem, Answer) else f"{where}: {problem}."
        return Outcome(change.key, Result.REJECTED, anchor, values, reason=f"created, but {words}")

    def _not_created(self, change: Change, kind: GraphType, answer: Answer) -> Steps:
        reason = refusal(kind.path(), answer)
        if taken(answer):
            found = yield from rival(change, kind, answer)
            reason = f"{reason} {found.words}" if found is not None else reason
            if found is not None and found.collection == kind.collection:
                return Outcome(change.key, Result.EXISTS, found.anchor, reason=reason)
            return Outcome(change.key, Result.REJECTED, reason=reason)
        result = Result.RETRY if retry(answer) else Result.REJECTED
        return Outcome(change.key, result, reason=reason, after=answer.after)

    def _restore(self, change: Change, kind: GraphType, anchor: str) -> Steps:
        """The outcome of a create that brings a deleted object back; what it lacks is written to it.

        One that is back already, by another hand or by this create before its answer was lost, is taken as it is.
        """
        (answer,) = yield [restoring(anchor)]
        if not answer.good and answer.status != 404:
            return (yield from self._not_created(change, kind, answer))
        (found,) = yield [self._updating.read(kind, anchor, change.values)]
        if not found.good:
            reason = f"{kind.path(anchor)} was to be restored, and is no longer among the deleted objects."
            return Outcome(change.key, Result.RETRY, reason=reason)
        return (yield from self._filled(change, kind, anchor, "restored", had=found.body))

    def _filled(
        self,
        change: Change,
        kind: GraphType,
        anchor: str,
        done: str,
        but: Sequence[str] = (),
        had: Mapping[str, Any] | None = None,
    ) -> Steps:
        """The outcome of a create whose object is there without all its values: they are written, and read back.

        `had`: the resource as it is, of which nothing is written again.
        """
        values: Document = {
            name: value
            for name, value in change.values.items()
            if name not in but
            and value is not None
            and kind.attribute(name).writable == "always"
            and not shows(kind, had or {}, name, value)
        }
        rest = Change(change.key, change.type, Action.UPDATE, anchor, values, change.add, {}, change.edges)
        outcome = yield from self._updating.update(rest, kind, anchor)
        if outcome.result is not Result.DONE:
            result = Result.RETRY if outcome.result in (Result.RETRY, Result.GONE) else Result.REJECTED
            return Outcome(change.key, result, anchor, {ANCHOR: anchor}, f"{done}, but {outcome.reason}", outcome.after)
        (answer,) = yield [Request("GET", f"{kind.path(anchor)}?{query(selection(kind, _ANSWERED))}")]
        return Outcome(change.key, Result.DONE, anchor, _answered(kind, change, {**answer.body, ANCHOR: anchor}))

    # --- guests

    def _invite(self, change: Change, kind: GraphType) -> Steps:
        """An invitation (https://learn.microsoft.com/graph/api/invitation-post), then what it cannot say.

        Whoever has the address already would be invited again, and be taken for new: so it is looked for first.
        """
        address = change.values.get("mail")
        if not isinstance(address, str) or not address:
            return Outcome(change.key, Result.REJECTED, reason="a guest is invited by mail address: flow `mail`.")
        found = yield from self._guest(kind, address)
        if found is not None:
            reason = f"{address} is in the directory already."
            return Outcome(change.key, Result.EXISTS, found, reason=reason)
        settings = self._session.settings
        body: dict[str, Any] = {
            "invitedUserEmailAddress": address,
            "inviteRedirectUrl": settings.invitation_redirect,
            "invitedUserType": "Guest",
            "sendInvitationMessage": settings.invitation_mail,
        }
        if change.values.get("displayName"):
            body["invitedUserDisplayName"] = change.values["displayName"]
        (answer,) = yield [Request("POST", "/invitations", body)]
        user = answer.body.get("invitedUser")
        anchor = user.get(ANCHOR) if isinstance(user, dict) else None
        if not answer.good or not isinstance(anchor, str):
            return (yield from self._not_created(change, kind, answer))
        return (yield from self._filled(change, kind, anchor, "invited", _GUEST_NAMES))

    def _guest(self, kind: GraphType, address: str) -> Part[str | None]:
        names: list[tuple[str, Value]] = [
            ("mail", address),
            ("otherMails", [address]),
            ("proxyAddresses", [f"smtp:{address}"]),
        ]
        filters = [one for name, value in names if (one := equality(kind, name, value)) is not None]
        answers = yield [
            Request("GET", f"{kind.path()}?{query({**one.parameters, '$select': ANCHOR})}", None, one.headers)
            for one in filters
        ]
        return next((str(one[ANCHOR]) for answer in answers for one in answer.values), None)


def _answered(kind: GraphType, change: Change, resource: Mapping[str, Any]) -> Document:
    """The anchor of a new object, and what else it is known by that was not written."""
    values: Document = {ANCHOR: str(resource[ANCHOR])}
    for name in _ANSWERED:
        if name in kind.places and change.values.get(name) is None and isinstance(resource.get(name), str):
            values[name] = str(resource[name])
    return values
