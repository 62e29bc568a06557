"""Changing and deleting what is there, each change as a chain of requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from muster.connectors.graph import licences, teams, wire
from muster.connectors.graph.answers import refused, taken
from muster.connectors.graph.conflicts import rival
from muster.connectors.graph.filters import query
from muster.connectors.graph.references import References, Writing
from muster.connectors.graph.resources import ANCHOR, MANAGER, GraphType
from muster.connectors.graph.session import Answer, Request, Session
from muster.connectors.graph.steps import Steps
from muster.connectors.graph.swapping import Blocked, Swaps, Wanted, given_up, written_names
from muster.connectors.graph.wire import Body
from muster.model.changes import Change, Outcome, Result
from muster.model.schema import ENABLED
from muster.model.values import Value, convert, same, shown

_APART: Final = (MANAGER, licences.LICENCES, teams.TEAM)
"""Attributes that no PATCH of the object writes."""


class Updating:
    """Changes objects in one session."""

    def __init__(self, session: Session, swaps: Swaps) -> None:
        self._session = session
        self._swaps = swaps

    def update(self, change: Change, kind: GraphType, anchor: str) -> Steps:
        """The outcome of an update."""
        where = kind.path(anchor)
        needed = [*change.expected, *change.add, *change.remove, *(n for n in change.values if _known_first(kind, n))]
        resource: Mapping[str, Any] = {}
        version: dict[str, str] = {}
        if needed:
            (answer,) = yield [self.read(kind, anchor, needed)]
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
        refusing = yield from licences.assign(change, kind, anchor, resource)
        if refusing is not None:
            return refused(change, f"{where}: {licences.LICENCES}", refusing)
        problem = yield from self.edges(change, kind, anchor)
        if isinstance(problem, Answer):
            return refused(change, where, problem)
        if problem is None:
            problem = yield from teams.make(change, kind, anchor, resource)
        if problem is not None:
            return Outcome(change.key, Result.REJECTED, anchor, reason=f"{where}: {problem}.")
        if not needed and change.edges is None and not any(request.method == "PATCH" for request in requests):
            (answer,) = yield [Request("GET", f"{where}?$select={ANCHOR}")]
            if not answer.good:
                return refused(change, where, answer)
        self._swaps.done(change, kind, anchor)
        return Outcome(change.key, Result.DONE, anchor)

    def step_aside(self, one: Blocked, wanted: Wanted) -> Steps:
        """Give up what others want; where that is refused, so is what they are written to."""
        (answer,) = yield [self.read(one.kind, one.anchor, written_names(one))]
        body = given_up(one, answer.body, wanted) if answer.good else {}
        if body:
            (answer,) = yield [Request("PATCH", one.kind.path(one.anchor), body, _version(answer))]
            one.aside = tuple(sorted(body)) if answer.good else ()
        return Outcome(one.change.key, Result.DONE, one.anchor)

    def _not_updated(self, change: Change, kind: GraphType, anchor: str, request: Request, answer: Answer) -> Steps:
        where = kind.path(anchor)
        outcome = refused(change, where, answer)
        if request.method == "PUT" and answer.status == 404:
            (found,) = yield [Request("GET", f"{where}?$select={ANCHOR}")]
            if found.good:
                outcome.result = Result.REJECTED
                outcome.reason = f"{where}: {MANAGER} {change.values[MANAGER]} is not in the directory."
        elif taken(answer):
            found_rival = yield from rival(change, kind, answer)
            outcome.reason += f" {found_rival.words}" if found_rival is not None else ""
            self._swaps.refused(change, kind, anchor, found_rival.anchor if found_rival else "", outcome)
        elif outcome.result is Result.CONFLICT and not change.expected:
            outcome.result = Result.RETRY
        return outcome

    def read(self, kind: GraphType, anchor: str, names: Iterable[str]) -> Request:
        """The request for what an update must know of the object."""
        asked = selection(kind, names)
        if MANAGER in names:
            asked["$expand"] = f"{MANAGER}($select={ANCHOR})"
        return Request("GET", f"{kind.path(anchor)}?{query(asked)}")

    def _requests(
        self, change: Change, kind: GraphType, anchor: str, resource: Mapping[str, Any], version: Mapping[str, str]
    ) -> list[Request]:
        """The requests of an update: its own properties, and its manager. Raises `WrongType`."""
        where = kind.path(anchor)
        body: Body = {}
        for name, value in change.values.items():
            if name not in _APART:
                wire.put(body, kind, name, value, resource)
        for name in {**change.add, **change.remove}.keys() - {licences.LICENCES}:
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
                else Request("PUT", path, {"@odata.id": self.address(str(manager))})
            )
        return requests

    def edges(self, change: Change, kind: GraphType, anchor: str) -> Writing:
        """Write the large references of an object."""
        settings = self._session.settings
        return (yield from References(kind, anchor, settings.graph, settings.concurrency).write(change.edges))

    def address(self, anchor: str) -> str:
        """By which a reference names an object."""
        return f"{self._session.settings.graph}/directoryObjects/{anchor}"

    def delete(self, change: Change, kind: GraphType, anchor: str) -> Steps:
        """The outcome of a delete; users and groups can be restored for 30 days."""
        where = kind.path(anchor)
        version: dict[str, str] = {}
        if change.expected:
            (answer,) = yield [self.read(kind, anchor, change.expected)]
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
        if not shows(kind, resource, name, value):
            has = convert(wire.shown_at(kind, resource, name), kind.attribute(name))
            reason = f"{where}: {name} is {shown(has)}, expected {shown(value)}."
            return Outcome(change.key, Result.CONFLICT, change.anchor, reason=reason)
    return None


def shows(kind: GraphType, resource: Mapping[str, Any], name: str, value: Value) -> bool:
    """Whether a resource shows the value. Raises `WrongType`."""
    attribute = kind.attribute(name)
    return same(convert(wire.shown_at(kind, resource, name), attribute), value, attribute)


def _went_well(request: Request, answer: Answer) -> bool:
    """Whether the object is as the request wanted it: who has no manager has none to lose."""
    return answer.good or (request.method == "DELETE" and answer.status == 404)


def _known_first(kind: GraphType, name: str) -> bool:
    """Whether what the object has decides what is written."""
    return name == teams.TEAM or (name != MANAGER and kind.place(name).listed)


def _version(answer: Answer) -> dict[str, str]:
    """The state of the object that was read, so that nothing comes between (RFC 9110 section 13.1.1)."""
    version = answer.headers.get("etag") or answer.body.get("@odata.etag")
    return {"If-Match": str(version)} if version else {}


def selection(kind: GraphType, names: Iterable[str]) -> dict[str, str]:
    """The `$select` for these attributes."""
    return {"$select": ",".join(kind.selected(name for name in names if name in kind.places or name == ENABLED))}
