"""Writing to a directory: each change as a chain of requests."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from muster.connectors.graph import wire
from muster.connectors.graph.answers import refusal, refused, retry, taken, target
from muster.connectors.graph.filters import equality, query
from muster.connectors.graph.pipeline import Pipeline, Steps
from muster.connectors.graph.references import References
from muster.connectors.graph.resources import ACCOUNT_ENABLED, ANCHOR, MANAGER, GraphType
from muster.connectors.graph.session import Answer, Request, Session
from muster.connectors.graph.settings import Resource
from muster.connectors.graph.wire import Body
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.schema import ENABLED
from muster.model.values import Document, Value, WrongType, convert, items, same, shown

_T = TypeVar("_T")
Part: TypeAlias = Generator[Sequence[Request], list[Answer], _T]
"""Part of a change: requests, and what comes of them."""

_ANSWERED: Final = ("userPrincipalName", "mail", "securityIdentifier")
"""What a new object is known by that the directory may have made itself."""
_IMMUTABLE: Final = "onPremisesImmutableId"
_GUEST: Final = "guest"
_GUEST_NAMES: Final = ("mail", "displayName", "userType")
"""What an invitation says; the rest of a guest is written after it."""


class Writer:
    """Writes changes of the given types in one session."""

    def __init__(self, session: Session, types: Mapping[str, GraphType]) -> None:
        self._session = session
        self._types = types

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """One outcome a change. Raises what ends the session, after the outcomes of what was under way."""
        pipeline = Pipeline(self._session.batch, self._session.settings.concurrency)
        try:
            for change in changes:
                yield from pipeline.submit(change, self._steps(change))
            yield from pipeline.finish()
        finally:
            pipeline.close()

    def _steps(self, change: Change) -> Steps:
        """The chain of requests of one change."""
        kind = self._types[change.type]
        try:
            if change.action is Action.CREATE:
                return (yield from self._create(change, kind))
            if change.anchor is None:
                return Outcome(change.key, Result.REJECTED, reason="an update or delete without an id.")
            if change.action is Action.DELETE:
                return (yield from self._delete(change, kind, change.anchor))
            return (yield from self._update(change, kind, change.anchor))
        except WrongType as error:
            return Outcome(change.key, Result.REJECTED, change.anchor, reason=f"{kind.name}: {error}.")

    # --- create

    def _create(self, change: Change, kind: GraphType) -> Steps:
        if self._session.settings.restore:
            restored = yield from self._restored(change, kind)
            if restored is not None:
                return restored
        if kind.resource is Resource.USER and str(change.values.get("userType") or "").lower() == _GUEST:
            return (yield from self._invite(change, kind))
        where = f"/{kind.collection}"
        (answer,) = yield [Request("POST", where, self._new(change, kind))]
        anchor = answer.body.get(ANCHOR)
        if not answer.good or not isinstance(anchor, str):
            return (yield from self._not_created(change, kind, answer))
        return (yield from self._completed(change, kind, anchor, _answered(kind, change, answer.body)))

    def _new(self, change: Change, kind: GraphType) -> Body:
        """The body of a POST. Raises `WrongType`."""
        body: Body = {}
        for name, value in {**change.values, **{name: list(more) for name, more in change.add.items()}}.items():
            if value is None or value == [] or kind.attribute(name).writable == "never":
                continue
            if name == MANAGER:
                body[f"{MANAGER}@odata.bind"] = self._address(str(convert(value, kind.attribute(name))))
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
        """The outcome of a create whose object is there, once its large references are."""
        problem = yield from self._edges(change, kind, anchor)
        if problem is None:
            return Outcome(change.key, Result.DONE, anchor, values)
        where = f"/{kind.collection}/{anchor}"
        words = refusal(where, problem) if isinstance(problem, Answer) else f"{where}: {problem}."
        return Outcome(change.key, Result.REJECTED, anchor, values, reason=f"created, but {words}")

    def _not_created(self, change: Change, kind: GraphType, answer: Answer) -> Steps:
        where = f"/{kind.collection}"
        if taken(answer):
            anchor = yield from self._existing(change, kind, target(answer))
            return Outcome(change.key, Result.EXISTS, anchor, reason=refusal(where, answer))
        result = Result.RETRY if retry(answer) else Result.REJECTED
        return Outcome(change.key, result, reason=refusal(where, answer), after=answer.after)

    def _existing(self, change: Change, kind: GraphType, first: str | None) -> Part[str | None]:
        """The id of the object that is in the way, where one of its values finds it."""
        names = dict.fromkeys([*([first] if first in kind.unique else []), *kind.unique])
        filters = [
            found
            for name in names
            for value in items(change.values.get(name))
            if (found := equality(kind, name, [value] if kind.attribute(name).many else value)) is not None
        ]
        if not filters:
            return None
        answers = yield [
            Request("GET", f"/{kind.collection}?{query({**one.parameters, '$select': ANCHOR})}", None, one.headers)
            for one in filters
        ]
        ids = [answer.values[0].get(ANCHOR) for answer in answers if len(answer.values) == 1]
        return next((str(one) for one in ids if one), None)

    def _restored(self, change: Change, kind: GraphType) -> Part[Outcome | None]:
        """The outcome of a create whose object was deleted and could be restored; None when there is none."""
        number = change.values.get(_IMMUTABLE)
        if kind.resource not in (Resource.USER, Resource.GROUP) or not number or _IMMUTABLE not in kind.places:
            return None
        found = equality(kind, _IMMUTABLE, number)
        assert found is not None
        path = f"/directory/deletedItems/microsoft.graph.{kind.cast}"
        asked = query({**found.parameters, "$count": "true", "$select": ANCHOR})
        (answer,) = yield [Request("GET", f"{path}?{asked}", None, {"ConsistencyLevel": "eventual"})]
        if len(answer.values) != 1:
            return None
        anchor = str(answer.values[0][ANCHOR])
        (answer,) = yield [Request("POST", f"/directory/deletedItems/{anchor}/restore", {})]
        if not answer.good:
            return (yield from self._not_created(change, kind, answer))
        return (yield from self._filled(change, kind, anchor, "restored"))

    def _filled(self, change: Change, kind: GraphType, anchor: str, done: str, but: Sequence[str] = ()) -> Steps:
        """The outcome of a create whose object is there without all its values: they are written, and read back."""
        values: Document = {
            name: value
            for name, value in change.values.items()
            if name not in but and value is not None and kind.attribute(name).writable == "always"
        }
        rest = Change(change.key, change.type, Action.UPDATE, anchor, values, change.add, {}, change.edges)
        outcome = yield from self._update(rest, kind, anchor)
        if outcome.result is not Result.DONE:
            result = Result.RETRY if outcome.result in (Result.RETRY, Result.GONE) else Result.REJECTED
            return Outcome(change.key, result, anchor, {ANCHOR: anchor}, f"{done}, but {outcome.reason}", outcome.after)
        (answer,) = yield [Request("GET", f"/{kind.collection}/{anchor}?{query(_select(kind, _ANSWERED))}")]
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
            Request("GET", f"/{kind.collection}?{query({**one.parameters, '$select': ANCHOR})}", None, one.headers)
            for one in filters
        ]
        return next((str(one[ANCHOR]) for answer in answers for one in answer.values), None)

    # --- update

    def _update(self, change: Change, kind: GraphType, anchor: str) -> Steps:
        where = f"/{kind.collection}/{anchor}"
        needed = [*change.expected, *change.add, *change.remove, *(n for n in change.values if _listed(kind, n))]
        resource: Mapping[str, Any] = {}
        version: dict[str, str] = {}
        if needed:
            (answer,) = yield [self._read(kind, anchor, needed)]
            if not answer.good:
                return refused(change, where, answer)
            resource, version = answer.body, _version(answer)
            conflict = _conflict(change, kind, resource, where)
            if conflict is not None:
                return conflict
        requests = self._requests(change, kind, anchor, resource, version)
        if requests:
            answers = yield requests
            bad = [pair for pair in zip(requests, answers, strict=True) if not _went_well(*pair)]
            if bad:
                return (yield from self._not_updated(change, kind, anchor, *bad[0]))
        problem = yield from self._edges(change, kind, anchor)
        if isinstance(problem, Answer):
            return refused(change, where, problem)
        if problem is not None:
            return Outcome(change.key, Result.REJECTED, anchor, reason=f"{where}: {problem}.")
        if not needed and change.edges is None and not any(request.method == "PATCH" for request in requests):
            (answer,) = yield [Request("GET", f"{where}?$select={ANCHOR}")]
            if not answer.good:
                return refused(change, where, answer)
        return Outcome(change.key, Result.DONE, anchor)

    def _not_updated(self, change: Change, kind: GraphType, anchor: str, request: Request, answer: Answer) -> Steps:
        where = f"/{kind.collection}/{anchor}"
        outcome = refused(change, where, answer)
        if request.method == "PUT" and answer.status == 404:
            (found,) = yield [Request("GET", f"{where}?$select={ANCHOR}")]
            if found.good:
                outcome.result = Result.REJECTED
                outcome.reason = f"{where}: {MANAGER} {change.values[MANAGER]} is not in the directory."
        elif outcome.result is Result.CONFLICT and not change.expected:
            outcome.result = Result.RETRY
        return outcome

    def _read(self, kind: GraphType, anchor: str, names: Iterable[str]) -> Request:
        """The request for what an update must know of the object."""
        asked = _select(kind, names)
        if MANAGER in names:
            asked["$expand"] = f"{MANAGER}($select={ANCHOR})"
        return Request("GET", f"/{kind.collection}/{anchor}?{query(asked)}")

    def _requests(
        self, change: Change, kind: GraphType, anchor: str, resource: Mapping[str, Any], version: Mapping[str, str]
    ) -> list[Request]:
        """The requests of an update: its own properties, and its manager. Raises `WrongType`."""
        where = f"/{kind.collection}/{anchor}"
        body: Body = {}
        for name, value in change.values.items():
            if name != MANAGER:
                wire.put(body, kind, name, value, resource)
        for name in dict.fromkeys([*change.add, *change.remove]):
            value = wire.merged(kind, name, resource, change.add.get(name, ()), change.remove.get(name, ()))
            wire.put(body, kind, name, value, resource)
        if change.password is not None:
            body["passwordProfile"] = {"password": change.password.reveal(), "forceChangePasswordNextSignIn": True}
        requests = [Request("PATCH", where, body, version)] if body else []
        if MANAGER in change.values:
            manager = convert(change.values[MANAGER], kind.attribute(MANAGER))
            path = f"{where}/{MANAGER}/$ref"
            requests.append(
                Request("DELETE", path)
                if manager is None
                else Request("PUT", path, {"@odata.id": self._address(str(manager))})
            )
        return requests

    def _edges(self, change: Change, kind: GraphType, anchor: str) -> Part[Answer | str | None]:
        settings = self._session.settings
        return (yield from References(kind, anchor, settings.graph, settings.concurrency).write(change.edges))

    def _address(self, anchor: str) -> str:
        return f"{self._session.settings.graph}/directoryObjects/{anchor}"

    # --- delete

    def _delete(self, change: Change, kind: GraphType, anchor: str) -> Steps:
        where = f"/{kind.collection}/{anchor}"
        version: dict[str, str] = {}
        if change.expected:
            (answer,) = yield [self._read(kind, anchor, change.expected)]
            if not answer.good:
                return refused(change, where, answer)
            conflict = _conflict(change, kind, answer.body, where)
            if conflict is not None:
                return conflict
            version = _version(answer)
        (answer,) = yield [Request("DELETE", where, None, version)]
        return Outcome(change.key, Result.DONE, anchor) if answer.good else refused(change, where, answer)


def _conflict(change: Change, kind: GraphType, resource: Mapping[str, Any], where: str) -> Outcome | None:
    """The outcome when the object no longer shows what is expected. Raises `WrongType`."""
    for name, value in change.expected.items():
        attribute = kind.attribute(name)
        has = convert(wire.shown_at(kind, resource, name), attribute)
        if not same(has, value, attribute):
            reason = f"{where}: {name} is {shown(has)}, expected {shown(value)}."
            return Outcome(change.key, Result.CONFLICT, change.anchor, reason=reason)
    return None


def _went_well(request: Request, answer: Answer) -> bool:
    """Whether the object is as the request wanted it: who has no manager has none to lose."""
    return answer.good or (request.method == "DELETE" and answer.status == 404)


def _listed(kind: GraphType, name: str) -> bool:
    return name != MANAGER and kind.place(name).listed


def _answered(kind: GraphType, change: Change, resource: Mapping[str, Any]) -> Document:
    """The anchor of a new object, and what else it is known by that was not written."""
    values: Document = {ANCHOR: str(resource[ANCHOR])}
    for name in _ANSWERED:
        if name in kind.places and change.values.get(name) is None and isinstance(resource.get(name), str):
            values[name] = str(resource[name])
    return values


def _version(answer: Answer) -> dict[str, str]:
    """The state of the object that was read, so that nothing comes between (RFC 9110 section 13.1.1)."""
    version = answer.headers.get("etag") or answer.body.get("@odata.etag")
    return {"If-Match": str(version)} if version else {}


def _select(kind: GraphType, names: Iterable[str]) -> dict[str, str]:
    return {"$select": ",".join(kind.selected(name for name in names if name in kind.places or name == ENABLED))}
