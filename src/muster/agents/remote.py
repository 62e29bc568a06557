"""A connector whose work is done by an agent: the contract on this side, messages on the other.

An agent that goes away costs nothing but time. What was being written is sent again to another agent; what was being
looked up or read raises `SessionLost`, and whoever asked asks again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final, Self, cast

from muster.agents import codec
from muster.agents.codec import WireError, dump
from muster.agents.flying import Flight
from muster.agents.protocol import PROTOCOLS, EngineLine
from muster.connectors.kit.contract import (
    Acts,
    Connector,
    ConnectorSpec,
    FindsMany,
    FindsObjects,
    Health,
    ReadsReferences,
    Restores,
    SetsPasswords,
)
from muster.model.changes import Change, Outcome, Result
from muster.model.errors import ProjectError, SessionLost
from muster.model.objects import ConnectorObject, EdgePage, Page
from muster.model.schema import SystemSchema, mistaken
from muster.model.secrets import Secret
from muster.model.values import Value

CHANGES: Final = 200
"""Changes in one message."""
_FRUITLESS: Final = 3
"""So many agents may be lost in a row without one outcome: it may be the change that kills them."""
_LATER: Final = 3600.0
"""Seconds to wait with what may have been done already: the next run looks first."""

Message = dict[str, Any]


class RemoteBug(Exception):
    """What a connector raised on an agent and must not raise."""


class Remote:
    """The part that every connector has. `line` opens a session with some agent; settings go there as written."""

    spec: ClassVar[ConnectorSpec]

    def __init__(
        self,
        system: str,
        settings: Mapping[str, Any],
        objects: Mapping[str, Any],
        line: Callable[[], EngineLine],
    ) -> None:
        self.system = system
        self._settings = settings
        self._objects = objects
        self._open_line = line
        self._line: EngineLine | None = None
        self._schema: SystemSchema | None = None
        self._number = 0
        self._dropped: list[int] = []
        self._abandoned: list[int] = []

    def __enter__(self) -> Self:
        self._connected()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._line is None:
            return
        try:
            self._call("close")
        except SessionLost:
            return
        finally:
            self._leave()

    def check(self) -> Health:
        """What the connector's own check finds, seen from the agent."""
        found: Health = self._told("check", lambda answer: codec.health_in(answer["health"]))
        return found

    def schema(self) -> SystemSchema:
        """The schema as the connector gives it."""
        self._schema = self._told("schema", lambda answer: codec.schema_in(answer["schema"]))
        return self._schema

    # --- reading

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        """The connector's pages, each asked for when it is wanted."""
        asked = {kind: list(names) for kind, names in wanted.items()}
        for answer in self._stream("read", wanted=asked, since=since):
            yield self._read_as(codec.page_in, answer.get("page"))

    def _stream(self, verb: str, **more: Any) -> Iterator[Message]:
        stream = self._new()
        line = None
        ended = False
        try:
            answer = self._call(verb, stream=stream, **more)
            line = self._line
            while not (ended := bool(answer.get("end"))):
                yield answer
                if self._line is not line:
                    raise SessionLost(f"{self.system}: the agent that was reading is gone")
                answer = self._call("next", stream=stream)
            if len(answer) > 1:
                yield answer
        finally:
            if not ended and line is self._line and line is not None:
                self._dropped.append(stream)

    def _objects_of(self, verb: str, **more: Any) -> list[ConnectorObject]:
        found: list[ConnectorObject] = []
        for answer in self._stream(verb, **more):
            found.extend(self._read_as(codec.objects_in, answer.get("objects")))
        return found

    # --- writing

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """The connector's outcomes. Changes that an agent took with it are sent again to another."""
        flight = Flight(iter(changes))
        fruitless = 0
        while True:
            try:
                for outcome in self._written(flight):
                    fruitless = 0
                    flight.landed(outcome.key)
                    yield outcome
                return
            except SessionLost as error:
                fruitless += 1
                if fruitless == _FRUITLESS:
                    raise
                for change in flight.lost(self._schema):
                    reason = f"{error.message}. Whether it was created is not known; the next run looks first"
                    yield Outcome(change.key, Result.RETRY, None, reason=reason, after=_LATER)

    def _written(self, flight: Flight) -> Iterator[Outcome]:
        """The outcomes of one session's write."""
        stream = self._new()
        line = None
        ended = False
        try:
            messages, final = flight.take(CHANGES)
            answer = self._ask("write", stream=stream, changes=messages, final=final)
            line = self._line
            while True:
                then = answer.get("then")
                ended = then not in ("changes", "edges")
                yield from self._read_as(codec.outcomes_in, answer.get("outcomes", []))
                self._judge(answer)
                if ended:
                    return
                if self._line is not line:
                    raise SessionLost(f"{self.system}: the agent that was writing is gone")
                if then == "changes":
                    messages, final = flight.take(CHANGES)
                    answer = self._ask("changes", stream=stream, changes=messages, final=final)
                else:
                    rows, more = self._edges(flight, answer["key"])
                    answer = self._ask("edges", stream=stream, edges=rows, more=more)
        finally:
            if not ended and line is self._line and line is not None:
                self._abandoned.append(stream)

    def _edges(self, flight: Flight, key: int) -> tuple[list[Any], bool]:
        one = flight.flying.get(key)
        if one is None or one.edges is None:
            raise RemoteBug(f"edges are asked for of change {key}, which has none to give")
        return one.edges.take(codec.EDGES)

    # --- the conversation

    def _new(self) -> int:
        self._number += 1
        return self._number

    def _told(self, verb: str, read: Callable[[Message], Any], **more: Any) -> Any:
        answer = self._call(verb, **more)
        return self._read_as(read, answer)

    def _read_as(self, read: Callable[[Any], Any], sent: Any) -> Any:
        try:
            return read(sent)
        except (WireError, KeyError) as error:
            raise RemoteBug(f"an answer that is none: {error}") from None

    def _call(self, verb: str, **more: Any) -> Message:
        answer = self._ask(verb, **more)
        self._judge(answer)
        return answer

    def _judge(self, answer: Message) -> None:
        if "bug" in answer:
            raise RemoteBug(f"{answer['bug']} (on the agent {self._line.agent if self._line else ''})")
        if "error" in answer:
            error = self._read_as(codec.error_in, answer["error"])
            raise error or RemoteBug(f"an error that is none: {answer['error'][0]}")

    def _ask(self, verb: str, **more: Any) -> Message:
        """The answer to a call, by an agent that is looked for where there is none any more."""
        line = self._line or self._connected()
        try:
            while self._abandoned:
                line.call(dump({"do": "drop", "stream": self._abandoned[-1]}))
                self._abandoned.pop()
            dropped, self._dropped = self._dropped, []
            data = line.call(dump({"do": verb, "dropped": dropped, **more}))
        except SessionLost:
            self._leave()
            raise
        answer: Message = self._read_as(codec.load, data)
        return answer

    def _connected(self) -> EngineLine:
        self._line = line = self._open_line()
        try:
            self._call(
                "open",
                protocol=PROTOCOLS[1],
                system=self.system,
                connector=self.spec.name,
                settings=self._settings,
                objects=self._objects,
            )
            self._still_the_same()
        except BaseException:
            self._leave()
            raise
        return line

    def _still_the_same(self) -> None:
        """Raises `ProjectError` where another agent reaches another system under the same address."""
        known = {} if self._schema is None else self._schema.identities
        if known:
            found = self._told("schema", lambda answer: codec.schema_in(answer["schema"])).identities
            other = mistaken(self.system, known, found)
            if other is not None:
                raise ProjectError(other)

    def _leave(self) -> None:
        line, self._line = self._line, None
        self._dropped, self._abandoned = [], []
        if line is not None:
            line.close()


class _Finds(Remote):
    def get(self, object_type: str, anchor: str) -> ConnectorObject | None:
        """The object with that anchor, whole, or None."""
        found: ConnectorObject | None = self._told(
            "get",
            lambda answer: None if answer["object"] is None else codec.object_in(answer["object"]),
            type=object_type,
            anchor=anchor,
        )
        return found

    def find(self, object_type: str, equal: Mapping[str, Value]) -> Iterator[ConnectorObject]:
        """The objects that have all these values."""
        return iter(self._objects_of("find", type=object_type, equal=dict(equal)))


class _FindsMany(_Finds):
    def find_any(self, object_type: str, attribute: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
        """The objects that have one of these values."""
        return iter(self._objects_of("find_any", type=object_type, attribute=attribute, values=list(values)))


class _Restores(Remote):
    def find_deleted(self, object_type: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
        """The deleted objects that can be brought back by one of these values."""
        return iter(self._objects_of("find_deleted", type=object_type, values=list(values)))


class _ReadsReferences(_Finds):
    def references(self, object_type: str, anchor: str, attribute: str) -> Iterator[EdgePage]:
        """Every value of a large reference of one object."""
        for answer in self._stream("references", type=object_type, anchor=anchor, attribute=attribute):
            if "page" in answer:
                yield from self._read_as(codec.page_in, answer["page"]).edges


class _SetsPasswords(Remote):
    def set_password(self, object_type: str, anchor: str, password: Secret, must_change: bool) -> Outcome:
        """Set it. RETRY when the agent went away meanwhile: it may be set, and setting it twice may be refused."""
        try:
            outcome: Outcome = self._told(
                "set_password",
                lambda answer: codec.outcome_in(answer["outcome"]),
                type=object_type,
                anchor=anchor,
                password=password.reveal(),
                must_change=must_change,
            )
        except SessionLost as error:
            return Outcome(0, Result.RETRY, anchor, reason=f"{error.message}. It may be set already", after=_LATER)
        return outcome


class _Acts(Remote):
    def act(self, object_type: str, anchor: str, action: str, parameters: Mapping[str, Value], key: str) -> Outcome:
        """Do it. Another agent is asked when one goes away meanwhile: with the same key, twice is harmless."""
        for _ in range(_FRUITLESS - 1):
            try:
                return self._acted(object_type, anchor, action, parameters, key)
            except SessionLost:
                continue
        return self._acted(object_type, anchor, action, parameters, key)

    def _acted(self, object_type: str, anchor: str, action: str, parameters: Mapping[str, Value], key: str) -> Outcome:
        outcome: Outcome = self._told(
            "act",
            lambda answer: codec.outcome_in(answer["outcome"]),
            type=object_type,
            anchor=anchor,
            action=action,
            parameters=dict(parameters),
            key=key,
        )
        return outcome


_OPTIONAL: Final[Sequence[tuple[Any, type[Remote]]]] = (
    (FindsMany, _FindsMany),
    (ReadsReferences, _ReadsReferences),
    (FindsObjects, _Finds),
    (Restores, _Restores),
    (SetsPasswords, _SetsPasswords),
    (Acts, _Acts),
)
"""Each small protocol of the contract, and the part that carries it; wider ones first."""


def remote_class(kind: type[Connector]) -> type[Remote]:
    """The connector of this kind as it is seen from here: the same spec, the same abilities."""
    parts: list[type[Remote]] = []
    for protocol, part in _OPTIONAL:
        if issubclass(kind, protocol) and not any(issubclass(other, part) for other in parts):
            parts.append(part)
    made = type(f"Remote{kind.__name__}", tuple(parts or [Remote]), {"spec": kind.spec, "__doc__": kind.__doc__})
    return cast("type[Remote]", made)
