"""A session beside the system: the calls of an engine, answered by a connector."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import structlog
from pydantic import ValidationError

from muster import __version__
from muster.agents import codec
from muster.agents.bindings import PROGRAMS, Bindings, Request, asked_for, outside
from muster.agents.codec import WireError, dump
from muster.agents.protocol import LARGEST, PROTOCOLS, AgentLine, LineClosed
from muster.connectors.kit.contract import (
    Acts,
    Connector,
    FindsMany,
    FindsObjects,
    ReadsReferences,
    Restores,
    SetsPasswords,
)
from muster.connectors.kit.redaction import Redactor
from muster.connectors.kit.registry import connector_class
from muster.model.changes import Change, EdgeChange, Outcome
from muster.model.errors import SESSION_ENDING, AuthFailed, IncompleteRead, MusterError, ProjectError, Unreachable
from muster.model.objects import ConnectorObject, Page
from muster.model.secrets import Secret
from muster.project.secrets import Lookup, placeholders, resolve

log = structlog.get_logger(__name__)

Message = dict[str, Any]
_MANY: Final = 200
"""Objects of a search in one message."""


class Host:
    """Answers the calls of one session until it is over. Nothing that it says holds a secret.

    `connectors` gives the class of a name, `allowed` names those that may be used here (None: any), `secrets` looks
    up the secrets that the settings ask for, relative paths are relative to `folder`, where it is also kept
    to which places the secrets may go (`bindings`).
    """

    def __init__(
        self,
        line: AgentLine,
        agent: str,
        secrets: Lookup,
        folder: Path,
        *,
        connectors: Callable[[str], type[Connector]] = connector_class,
        allowed: Sequence[str] | None = None,
    ) -> None:
        self._line = line
        self._agent = agent
        self._secrets = secrets
        self._folder = folder
        self._bindings = Bindings(folder)
        self._connectors = connectors
        self._allowed = allowed
        self._redact = Redactor()
        self._connector: Connector | None = None
        self._streams: dict[int, Iterator[Message]] = {}
        self._system = ""

    def run(self) -> None:
        """Answer until the line is closed; the connector is then closed too."""
        answer: bytes | None = None
        try:
            while True:
                answer = self._answer(codec.load(self._line.next(answer)))
        except LineClosed:
            return
        except WireError as error:
            log.error("the server sent what is no call", system=self._system, error=str(error))
        finally:
            self._leave()

    # --- one call

    def _answer(self, call: Message) -> bytes:
        for stream in call.get("dropped", ()):
            self._streams.pop(stream, None)
        outcomes: list[Any] = []
        try:
            answer = self._do(call, outcomes)
            data = dump(answer)
            if len(data) > LARGEST:
                raise IncompleteRead(f"{self._system}: an object of {len(data)} bytes is too large for an agent")
        except LineClosed:
            raise
        except SESSION_ENDING as error:
            return dump({"error": self._error(error), "outcomes": outcomes})
        except Exception as error:
            trace = self._redact("".join(traceback.format_exception(error)))
            log.exception("a connector has a bug", system=self._system, trace=trace, exc_info=False)
            return dump({"bug": self._redact(f"{type(error).__name__}: {error}"), "outcomes": outcomes})
        return data

    def _error(self, error: MusterError) -> list[Any]:
        error.message = self._redact(error.message)
        return codec.error_out(error)

    def _do(self, call: Message, outcomes: list[Any]) -> Message:
        verb = call.get("do")
        if verb == "open":
            return self._open(call)
        if verb == "close":
            self._close()
            return {}
        connector = self._connector
        if connector is None:
            raise WireError(f"{verb!r} before `open`")
        if verb == "check":
            health = connector.check()
            health = type(health)(health.ok, self._redact(health.message), [self._redact(m) for m in health.missing])
            return {"health": codec.health_out(health)}
        if verb == "schema":
            return {"schema": codec.schema_out(connector.schema())}
        if verb == "read":
            pages = connector.read(codec.wanted_in(call["wanted"]), call["since"])
            return self._first(call, self._parts(pages))
        if verb == "next":
            return self._next(call["stream"])
        if verb == "drop":
            return {}
        if verb == "write":
            return self._write(connector, call, outcomes)
        if verb == "set_password" and isinstance(connector, SetsPasswords):
            password = self._hidden(codec.secret_in(call["password"]))
            outcome = connector.set_password(call["type"], call["anchor"], password, call["must_change"])
            return {"outcome": self._outcome(outcome)}
        if verb == "act" and isinstance(connector, Acts):
            parameters = codec.document_in(call["parameters"])
            outcome = connector.act(call["type"], call["anchor"], call["action"], parameters, call["key"])
            return {"outcome": self._outcome(outcome)}
        if verb == "find_deleted" and isinstance(connector, Restores):
            return self._first(call, _found(connector.find_deleted(call["type"], codec.values_in(call["values"]))))
        if isinstance(connector, FindsObjects):
            return self._find(connector, call)
        raise WireError(f"{verb!r} is nothing that {connector.spec.name} can be asked")

    def _find(self, connector: FindsObjects, call: Message) -> Message:
        verb, kind = call.get("do"), call["type"]
        if verb == "get":
            found = connector.get(kind, call["anchor"])
            return {"object": None if found is None else codec.object_out(found)}
        if verb == "find":
            return self._first(call, _found(connector.find(kind, codec.document_in(call["equal"]))))
        if verb == "references" and isinstance(connector, ReadsReferences):
            pages = connector.references(kind, call["anchor"], call["attribute"])
            return self._first(call, self._parts(Page(edges=[one]) for one in pages))
        if verb == "find_any" and isinstance(connector, FindsMany):
            return self._first(
                call, _found(connector.find_any(kind, call["attribute"], codec.values_in(call["values"])))
            )
        raise WireError(f"{verb!r} is no call")

    # --- the session

    def _open(self, call: Message) -> Message:
        """Make the connector and connect it. What is wrong with its settings here is told as what ends a session."""
        self._system, name = call["system"], call["connector"]
        where = f"{self._system}: the agent {self._agent}"
        if not PROTOCOLS[0] <= call["protocol"] <= PROTOCOLS[1]:
            raise Unreachable(
                f"{where} (Muster {__version__}) speaks protocol {PROTOCOLS[1]}, and {call['protocol']} is asked for. "
                "Install one version of Muster on the server and on its agents"
            )
        if self._allowed is not None and name not in self._allowed:
            raise AuthFailed(
                f"{where} does not run the connector {name!r}: its own administrator allows {', '.join(self._allowed)}"
            )
        try:
            made = self._made(name, call["settings"], call["objects"])
        except ProjectError as error:
            raise AuthFailed(f"{where}: {error.message}") from None
        self._connector = made
        try:
            made.__enter__()
        except BaseException:
            self._connector = None
            raise
        return {"agent": self._agent}

    def _made(self, name: str, settings: Mapping[str, Any], objects: Mapping[str, Any]) -> Connector:
        try:
            kind = self._connectors(name)
        except ProjectError as error:
            raise Unreachable(f"{self._system}: the agent {self._agent}: {error.message}") from None
        wanted = placeholders([settings, objects])
        for secret in wanted:
            self._hidden(Secret(self._secrets(secret)))
        spec = kind.spec
        try:
            checked = spec.settings.model_validate(resolve(settings, self._secrets))
            of_objects = {
                one: spec.object_settings.model_validate(resolve(given or {}, self._secrets))
                for one, given in objects.items()
            }
        except ValidationError as error:
            first = error.errors(include_input=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ProjectError(f"{where}: {first['msg']}. Is the agent as new as the server?") from None
        models = [checked, *of_objects.values()]
        for file in (file for one in models for file in one.files()):
            if outside(self._folder, file):
                raise ProjectError(
                    f"{file} is not shown through an agent: only files in its folder {self._folder} are, and none of "
                    "its own. Put the file, or a link to it, there"
                )
        programs = [program for one in models for program in one.programs()]
        wanted += [PROGRAMS] if programs else []
        if wanted:
            place = asked_for(self._system, name, spec.settings, settings, objects)
            unencrypted = [address for one in models for address in one.unencrypted()]
            self._bindings.permit(Request(place, wanted, unencrypted, programs))
        return kind(self._system, checked, of_objects, self._folder)

    def _close(self) -> None:
        connector, self._connector = self._connector, None
        self._streams.clear()
        if connector is not None:
            connector.__exit__(None, None, None)

    def _leave(self) -> None:
        try:
            self._close()
        except SESSION_ENDING as error:
            log.warning("a session did not end well", system=self._system, error=self._redact(error.message))

    def _hidden(self, secret: Secret) -> Secret:
        self._redact.add([secret])
        return secret

    # --- what comes in parts

    def _first(self, call: Message, parts: Iterator[Message]) -> Message:
        self._streams[call["stream"]] = parts
        return self._next(call["stream"])

    def _next(self, stream: int) -> Message:
        parts = self._streams.pop(stream, None)
        if parts is None:
            raise WireError(f"there is no stream {stream}")
        part = next(parts, None)
        if part is None:
            return {"end": True}
        self._streams[stream] = parts
        return part

    def _parts(self, pages: Iterable[Page]) -> Iterator[Message]:
        for page in pages:
            for problem in page.problems:
                problem.message = self._redact(problem.message)
                problem.where = self._redact(problem.where)
            for part in codec.pages_out(page):
                yield {"page": part}

    # --- a write: the connector asks for changes, and this asks the engine

    def _write(self, connector: Connector, call: Message, outcomes: list[Any]) -> Message:
        stream = call["stream"]

        def feed() -> Iterator[Change]:
            asked: Message | None = call
            while asked is not None:
                for message in asked["changes"]:
                    if not self._line.held():
                        return
                    yield self._change(stream, message, outcomes)
                if asked["final"]:
                    return
                asked = self._wait(stream, {"then": "changes"}, outcomes)

        for outcome in connector.write(feed()):
            outcomes.append(self._outcome(outcome))
        return {"then": "end", "outcomes": outcomes}

    def _change(self, stream: int, message: Message, outcomes: list[Any]) -> Change:
        change, first, more = codec.change_in(message)
        if change.password is not None:
            self._hidden(change.password)
        if first is not None:
            change.edges = self._edges(stream, change.key, first, more, outcomes)
        return change

    def _edges(
        self, stream: int, key: int, first: list[EdgeChange], more: bool, outcomes: list[Any]
    ) -> Iterator[EdgeChange]:
        yield from first
        while more:
            call = self._wait(stream, {"then": "edges", "key": key}, outcomes)
            if call is None:
                return
            yield from [codec.edge_change_in(row) for row in call["edges"]]
            more = call["more"]

    def _wait(self, stream: int, answer: Message, outcomes: list[Any]) -> Message | None:
        """What the engine gives the stream; None when it gives no more. Other calls are answered meanwhile."""
        data = dump({**answer, "outcomes": outcomes})
        outcomes.clear()
        while True:
            call = codec.load(self._line.next(data))
            if call.get("stream") == stream:
                return None if call["do"] == "drop" else call
            data = self._answer(call)

    def _outcome(self, outcome: Outcome) -> list[Any]:
        if outcome.secret is not None:
            self._hidden(outcome.secret)
        outcome.reason = self._redact(outcome.reason)
        return codec.outcome_out(outcome)


def _found(objects: Iterable[ConnectorObject]) -> Iterator[Message]:
    rows: list[Any] = []
    size = 0
    for item in objects:
        row = codec.object_out(item)
        rows.append(row)
        size += len(dump(row))
        if len(rows) >= _MANY or size >= codec.PART:
            yield {"objects": rows}
            rows, size = [], 0
    yield {"objects": rows, "end": True}
