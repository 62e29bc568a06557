"""Writing to a service provider: each change as a chain of requests."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

import httpx

from muster.connectors.scim import wire
from muster.connectors.scim.names import literal
from muster.connectors.scim.pool import Pool, Send, Steps
from muster.connectors.scim.session import Session, json_of, scim_error, version_of
from muster.connectors.scim.wire import Operation, Resource, ScimType
from muster.model.changes import Action, Change, EdgeChange, Outcome, Result
from muster.model.values import Document, Scalar, WrongType, convert, same, shown

CHUNK: Final = 100
"""Values of a large attribute in one request."""

_Part: TypeAlias = Generator[Send, httpx.Response, "httpx.Response | str | None"]
"""Part of a change: None when it went well, else the refusal, or in words what was left out."""


class Writer:
    """Writes changes of the given types in one session."""

    def __init__(self, session: Session, types: Mapping[str, ScimType]) -> None:
        self._session = session
        self._types = types

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """One outcome a change. Raises what ends the session, after the outcomes of what was under way."""
        pool = Pool(self._session.settings.concurrency)
        try:
            for change in changes:
                yield from pool.submit(change, self.steps(change))
            yield from pool.finish()
        finally:
            pool.close()

    def steps(self, change: Change) -> Steps:
        """The chain of requests of one change."""
        kind = self._types[change.type]
        try:
            if change.action is Action.CREATE:
                return (yield from self._create(change, kind))
            if change.anchor is None:
                return Outcome(change.key, Result.REJECTED, reason="an update or delete without an id.")
            if change.action is Action.DELETE:
                return (yield from self._delete(change, kind, change.anchor))
            if self._session.patches:
                return (yield from self._update(change, kind, change.anchor))
            return (yield from self._put(change, kind, change.anchor))
        except WrongType as error:
            return Outcome(change.key, Result.REJECTED, change.anchor, reason=f"{kind.name}: {error}")

    # --- create

    def _create(self, change: Change, kind: ScimType) -> Steps:
        session = self._session
        edges = _chunks(change.edges)
        first = next(edges, None)
        body = wire.new_resource(kind, change, first.add if first else ())
        response = yield lambda: session.send("POST", session.path(kind), body)
        if not response.is_success:
            return (yield from self._not_created(change, kind, response))
        anchor = (json_of(response) or {}).get("id")
        if not isinstance(anchor, str):
            anchor = yield from self._existing(change, kind)
        if anchor is None:
            return Outcome(change.key, Result.REJECTED, reason=f"{session.path(kind)}: it was made, without an `id`.")
        values: Document = {"id": anchor}
        problem = yield from self._edges(kind, anchor, edges)
        if problem is None:
            return Outcome(change.key, Result.DONE, anchor, values)
        if isinstance(problem, httpx.Response):
            problem = session.said(problem)
        reason = f"{session.path(kind, anchor)}: created, but {problem}"
        return Outcome(change.key, Result.REJECTED, anchor, values, reason=reason)

    def _not_created(self, change: Change, kind: ScimType, response: httpx.Response) -> Steps:
        if response.status_code == 409 or scim_error(response) == "uniqueness":
            anchor = yield from self._existing(change, kind)
            return Outcome(change.key, Result.EXISTS, anchor, reason=self._refusal(kind, None, response))
        if response.status_code == 404:
            return Outcome(change.key, Result.REJECTED, reason=self._refusal(kind, None, response))
        return self._refused(change, kind, None, response)

    def _existing(self, change: Change, kind: ScimType) -> Generator[Send, httpx.Response, str | None]:
        """The id of the object that is in the way, where a filter finds it."""
        session = self._session
        if not session.provider.filter:
            return None
        for name in (*kind.unique, "externalId"):
            value = change.values.get(name)
            if not isinstance(value, str) or not value:
                continue
            asked: dict[str, str | int] = {"filter": f"{name} eq {literal(value)}", "count": 2}
            if kind.large is not None:
                asked["excludedAttributes"] = kind.large
            response = yield _get(session, kind, asked)
            found = (json_of(response) or {}).get("Resources") if response.is_success else None
            if isinstance(found, list) and len(found) == 1 and isinstance(found[0], dict):
                return str(found[0].get("id") or "") or None
        return None

    # --- update

    def _update(self, change: Change, kind: ScimType, anchor: str) -> Steps:
        """By PATCH (RFC 7644 section 3.5.2)."""
        version, _, refused = yield from self._condition(change, kind, anchor)
        if refused is not None:
            return refused
        operations = wire.patch(kind, change)
        if operations:
            response = yield self._patch(kind, anchor, operations, version)
            if response.status_code == 400 and scim_error(response) == "noTarget":
                response = yield from self._patch_as_it_is(change, kind, anchor, version, response)
            if not response.is_success:
                return self._refused(change, kind, anchor, response)
        problem = yield from self._edges(kind, anchor, _chunks(change.edges))
        if isinstance(problem, httpx.Response):
            return self._refused(change, kind, anchor, problem)
        if problem is not None:
            reason = f"{self._session.path(kind, anchor)}: {problem}"
            return Outcome(change.key, Result.REJECTED, anchor, reason=reason)
        if not operations and change.edges is None:
            response = yield lambda: self._session.resource(kind, anchor)
            if not response.is_success:
                return self._refused(change, kind, anchor, response)
        return Outcome(change.key, Result.DONE, anchor)

    def _patch_as_it_is(
        self, change: Change, kind: ScimType, anchor: str, version: str | None, refusal: httpx.Response
    ) -> Generator[Send, httpx.Response, httpx.Response]:
        """An item that a path names is not there: read the object, and add the item or leave the removal out."""
        response = yield lambda: self._session.resource(kind, anchor)
        resource = json_of(response)
        if not response.is_success or resource is None:
            return response
        operations = wire.patch(kind, change, resource)
        if not operations:
            return response
        again = yield self._patch(kind, anchor, operations, version)
        return refusal if scim_error(again) == "noTarget" else again

    def _patch(self, kind: ScimType, anchor: str, operations: list[Operation], version: str | None = None) -> Send:
        session = self._session
        body: Resource = {"schemas": [wire.PATCH_OP], "Operations": operations}
        return lambda: session.send("PATCH", session.path(kind, anchor), body, if_match=version)

    def _put(self, change: Change, kind: ScimType, anchor: str) -> Steps:
        """By GET and PUT, with everything that the object has (RFC 7644 section 3.5.1)."""
        session = self._session
        version, read, refused = yield from self._condition(change, kind, anchor, always=True)
        if refused is not None or read is None:
            return refused or Outcome(change.key, Result.GONE, anchor)
        body = wire.merged(kind, read, change)
        if kind.large is not None and change.edges is not None:
            body[kind.large] = _with_edges(body.get(kind.large), change.edges)
        response = yield lambda: session.send("PUT", session.path(kind, anchor), body, if_match=version)
        if response.is_success:
            return Outcome(change.key, Result.DONE, anchor)
        outcome = self._refused(change, kind, anchor, response)
        if outcome.result is Result.CONFLICT and not change.expected:
            return replace(outcome, result=Result.RETRY)
        return outcome

    def _condition(
        self, change: Change, kind: ScimType, anchor: str, always: bool = False
    ) -> Generator[Send, httpx.Response, tuple[str | None, Resource | None, Outcome | None]]:
        """The version and the object that `expected` was compared with, or the outcome when it does not hold."""
        if not change.expected and not always:
            return None, None, None
        response = yield lambda: self._session.resource(kind, anchor, whole=always)
        resource = json_of(response)
        if not response.is_success or resource is None:
            return None, None, self._refused(change, kind, anchor, response)
        for name, value in change.expected.items():
            attribute = kind.schema.attribute(name)
            has = convert(wire.value_at(resource, kind.place(name), attribute.many), attribute)
            if not same(has, value, attribute):
                reason = f"{self._session.path(kind, anchor)}: {name} is {shown(has)}, expected {shown(value)}."
                return None, None, Outcome(change.key, Result.CONFLICT, anchor, reason=reason)
        return (version_of(response) if self._session.provider.etag else None), resource, None

    # --- large attributes

    def _edges(self, kind: ScimType, anchor: str, edges: Iterator[EdgeChange]) -> _Part:
        left_out: list[str] = []
        for part in edges:
            for values, operations in (
                (part.add, lambda some, name=part.attribute: [wire.addition(kind, name, some)]),
                (part.remove, lambda some, name=part.attribute: wire.removals(kind, name, some)),
            ):
                if values:
                    problem = yield from self._values(kind, anchor, operations, values)
                    if isinstance(problem, httpx.Response):
                        return problem
                    if problem is not None:
                        left_out.append(problem)
        return "; ".join(left_out[:5]) if left_out else None

    def _values(
        self, kind: ScimType, anchor: str, operations: Callable[[list[Scalar]], list[Operation]], values: list[str]
    ) -> _Part:
        """Add or remove values. When one of them is refused, the rest is halved until it is found."""
        response = yield self._patch(kind, anchor, operations(list(values)))
        if response.is_success:
            return None
        if response.status_code != 400:
            return response
        if len(values) == 1:
            gone = scim_error(response) == "noTarget"
            return None if gone else f"{kind.large} {values[0]} was refused: {self._session.said(response)}"
        half = len(values) // 2
        first = yield from self._values(kind, anchor, operations, values[:half])
        if isinstance(first, httpx.Response):
            return first
        second = yield from self._values(kind, anchor, operations, values[half:])
        if isinstance(second, httpx.Response):
            return second
        return "; ".join(text for text in (first, second) if text) or None

    # --- delete

    def _delete(self, change: Change, kind: ScimType, anchor: str) -> Steps:
        session = self._session
        version, _, refused = yield from self._condition(change, kind, anchor)
        if refused is not None:
            return refused
        response = yield lambda: session.send("DELETE", session.path(kind, anchor), if_match=version)
        if response.is_success:
            return Outcome(change.key, Result.DONE, anchor)
        return self._refused(change, kind, anchor, response)

    # --- refusals (RFC 7644 section 3.12)

    def _refused(self, change: Change, kind: ScimType, anchor: str | None, response: httpx.Response) -> Outcome:
        status = response.status_code
        result = Result.REJECTED
        if status == 404 and anchor is not None:
            result = Result.GONE
        elif status == 412:
            result = Result.CONFLICT
        elif status == 408 or (status >= 500 and status != 501):
            result = Result.RETRY
        return Outcome(change.key, result, anchor, reason=self._refusal(kind, anchor, response))

    def _refusal(self, kind: ScimType, anchor: str | None, response: httpx.Response) -> str:
        words = f"{self._session.path(kind, anchor)}: the server answered {self._session.said(response)}"
        advice = _ADVICE.get(scim_error(response)) or _ADVICE.get(str(response.status_code), "")
        return f"{words}. {advice}" if advice else f"{words}."


_ADVICE: Final[Mapping[str, str]] = {
    "uniqueness": "Another object has this name already.",
    "mutability": "The server does not let this attribute be changed: take it out of the mapping.",
    "invalidValue": "Correct the value, or flow what is missing.",
    "403": "Grant the token the right to write this.",
    "404": "Correct `url`, or the object's `resource`.",
    "501": "The server cannot do this.",
}


def _get(session: Session, kind: ScimType, params: Mapping[str, str | int]) -> Send:
    return lambda: session.send("GET", session.path(kind), params=params)


def _chunks(edges: Iterator[EdgeChange] | None) -> Iterator[EdgeChange]:
    """The edges in requests of at most `CHUNK` values."""
    for part in edges or ():
        size = max(len(part.add), len(part.remove))
        for at in range(0, size, CHUNK):
            yield EdgeChange(part.attribute, part.add[at : at + CHUNK], part.remove[at : at + CHUNK])


def _with_edges(have: object, edges: Iterator[EdgeChange]) -> list[Resource]:
    """The members of an object after all its edges, for a PUT."""
    members = {str(one.get("value")): one for one in have if isinstance(one, dict)} if isinstance(have, list) else {}
    for part in edges:
        for value in part.remove:
            members.pop(value, None)
        for value in part.add:
            members.setdefault(value, {"value": value})
    return list(members.values())
