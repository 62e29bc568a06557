"""Writing to a service provider: each change as a chain of requests."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from muster.connectors.kit.pipeline import Pipeline
from muster.connectors.scim import members, wire
from muster.connectors.scim.answers import WRITES, Answer, Request
from muster.connectors.scim.creating import Steps, create
from muster.connectors.scim.names import Resource
from muster.connectors.scim.refusing import mistaken, refused
from muster.connectors.scim.session import Session
from muster.connectors.scim.settings import Patch
from muster.connectors.scim.wire import Operation, ScimType
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.schema import ENABLED
from muster.model.values import WrongType, convert, same, shown

_SWITCHES: Final = frozenset({ENABLED, "active"})


@dataclass(slots=True)
class _Current:
    """The object as it was compared with `expected`; `over`: the outcome, when it does not hold."""

    version: str | None = None
    resource: Resource | None = None
    over: Outcome | None = None


class Writer:
    """Writes changes of the given types in one session."""

    def __init__(self, session: Session, types: Mapping[str, ScimType]) -> None:
        self._session = session
        self._types = types

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """One outcome a change. Raises what ends the session, after the outcomes of what was under way."""
        session = self._session
        pipeline = Pipeline(session.send, session.settings.concurrency, session.bulk_size, _alone)
        try:
            yield from pipeline.run((change, self._steps(change)) for change in changes)
        finally:
            pipeline.close()

    def _steps(self, change: Change) -> Steps:
        """The chain of requests of one change."""
        kind = self._types[change.type]
        try:
            if change.action is Action.CREATE:
                return (yield from create(self._session, change, kind))
            if change.anchor is None:
                return Outcome(change.key, Result.REJECTED, reason="an update or delete without an id.")
            if change.action is Action.DELETE:
                return (yield from self._delete(change, kind, change.anchor))
            return (yield from self._update(change, kind, change.anchor))
        except WrongType as error:
            return Outcome(change.key, Result.REJECTED, change.anchor, reason=f"{kind.name}: {error}")

    def _update(self, change: Change, kind: ScimType, anchor: str) -> Steps:
        """By PATCH or by PUT, as the server has it; where it patches `active` alone, that comes first."""
        patch = self._session.patch
        if patch is Patch.RFC:
            return (yield from self._patch(change, kind, anchor))
        switches = {name: value for name, value in change.values.items() if name in _SWITCHES}
        if patch is Patch.ACTIVE and switches:
            switch = replace(change, values=switches, add={}, remove={}, edges=None, password=None)
            outcome = yield from self._patch(switch, kind, anchor)
            rest = {name: value for name, value in change.values.items() if name not in switches}
            others = rest or change.add or change.remove or change.edges is not None or change.password is not None
            if outcome.result is not Result.DONE or not others:
                return outcome
            change = replace(change, values=rest, expected={})
        return (yield from self._put(change, kind, anchor))

    def _patch(self, change: Change, kind: ScimType, anchor: str) -> Steps:
        """Only what changed is sent (RFC 7644 section 3.5.2): nothing that was read before can undo what others did."""
        session = self._session
        current = yield from self._current(change, kind, anchor)
        if current.over is not None:
            return current.over
        operations = wire.patch(kind, change)
        if operations:
            (answered,) = yield [members.patch_of(session, kind, anchor, operations, current.version)]
            if answered.status == 400 and answered.kind == "noTarget":
                answered = yield from self._patch_as_it_is(change, kind, anchor, current.version, answered)
            wrong = self._refused(change, kind, anchor, answered)
            if wrong is not None:
                return wrong
        edges = members.chunks(change.edges, session.settings.members_per_patch)
        problem = yield from members.written(session, kind, anchor, edges)
        if isinstance(problem, Answer):
            return refused(session, change, kind, anchor, problem)
        if problem is not None:
            return Outcome(change.key, Result.REJECTED, anchor, reason=f"{session.path(kind, anchor)}: {problem}")
        if not operations and change.edges is None and current.resource is None:
            (answered,) = yield [session.resource(kind, anchor)]
            if not answered.good:
                return refused(session, change, kind, anchor, answered)
        return Outcome(change.key, Result.DONE, anchor)

    def _patch_as_it_is(
        self, change: Change, kind: ScimType, anchor: str, version: str | None, refusal: Answer
    ) -> Generator[Sequence[Request], list[Answer], Answer]:
        """An item that a path names is not there: read the object, and add the item or leave the removal out."""
        session = self._session
        (answered,) = yield [session.resource(kind, anchor)]
        if not answered.good or answered.document is None or mistaken(session, kind, anchor, answered):
            return answered
        operations: list[Operation] = wire.patch(kind, change, answered.document)
        if not operations:
            return answered
        (again,) = yield [members.patch_of(session, kind, anchor, operations, version)]
        return refusal if again.kind == "noTarget" else again

    def _put(self, change: Change, kind: ScimType, anchor: str) -> Steps:
        """By GET and PUT, with everything that the object has (RFC 7644 section 3.5.1)."""
        session = self._session
        current = yield from self._current(change, kind, anchor, whole=True)
        if current.over is not None or current.resource is None:
            return current.over or Outcome(change.key, Result.GONE, anchor)
        body = wire.merged(kind, current.resource, change)
        if kind.large is not None and change.edges is not None:
            body[kind.large] = members.merged(body.get(kind.large), change.edges)
        (answered,) = yield [Request("PUT", session.path(kind, anchor), body, version=current.version)]
        wrong = self._refused(change, kind, anchor, answered)
        if wrong is None:
            return Outcome(change.key, Result.DONE, anchor)
        overtaken = wrong.result is Result.CONFLICT and not change.expected
        return replace(wrong, result=Result.RETRY) if overtaken else wrong

    def _delete(self, change: Change, kind: ScimType, anchor: str) -> Steps:
        session = self._session
        current = yield from self._current(change, kind, anchor)
        if current.over is not None:
            return current.over
        (answered,) = yield [Request("DELETE", session.path(kind, anchor), version=current.version)]
        if answered.good:
            return Outcome(change.key, Result.DONE, anchor)
        return refused(session, change, kind, anchor, answered)

    def _current(
        self, change: Change, kind: ScimType, anchor: str, whole: bool = False
    ) -> Generator[Sequence[Request], list[Answer], _Current]:
        """The object as it is, where the change needs it."""
        if not change.expected and not whole:
            return _Current()
        session = self._session
        (answered,) = yield [session.resource(kind, anchor, whole=whole)]
        wrong = self._refused(change, kind, anchor, answered)
        if wrong is not None or answered.document is None:
            return _Current(over=wrong or refused(session, change, kind, anchor, answered))
        for name, value in change.expected.items():
            attribute = kind.schema.attribute(name)
            has = convert(wire.value_at(answered.document, kind.place(name), attribute.many), attribute)
            if not same(has, value, attribute):
                reason = f"{session.path(kind, anchor)}: {name} is {shown(has)}, expected {shown(value)}."
                return _Current(over=Outcome(change.key, Result.CONFLICT, anchor, reason=reason))
        return _Current(answered.version if session.provider.etag else None, answered.document)

    def _refused(self, change: Change, kind: ScimType, anchor: str, answered: Answer) -> Outcome | None:
        """The outcome of a request that was not done, or not to this object; None when it was."""
        if not answered.good:
            return refused(self._session, change, kind, anchor, answered)
        words = mistaken(self._session, kind, anchor, answered)
        return None if words is None else Outcome(change.key, Result.REJECTED, anchor, reason=words)


def _alone(request: Request) -> bool:
    return request.method not in WRITES
