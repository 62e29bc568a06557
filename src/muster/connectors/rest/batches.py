"""Several objects in one request, where the application takes batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from muster.connectors.rest import templates
from muster.connectors.rest.answers import Answer
from muster.connectors.rest.asking import Asking
from muster.connectors.rest.picks import pick
from muster.connectors.rest.requests import Batch
from muster.connectors.rest.settings import Meaning, Sends
from muster.connectors.rest.templates import Unfit, holes
from muster.connectors.rest.wire import RestType
from muster.connectors.rest.writing import Refused, Writer, needed
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.errors import IncompleteRead, Throttled, Unreachable
from muster.model.schema import ENABLED
from muster.model.values import WrongType


class Together:
    """Writes changes one by one, and in batches those that the system file has a batch for."""

    def __init__(self, session: Asking, writer: Writer) -> None:
        self._session = session
        self._writer = writer
        self._waiting: list[Change] = []

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """One outcome a change. Raises what ends the session. The order is kept."""
        for change in changes:
            kind = self._writer.types[change.type]
            batch = batch_of(kind, change)
            first = self._waiting[0] if self._waiting else None
            if first is not None and (batch is None or (first.type, first.action) != (change.type, change.action)):
                yield from self._flush()
            if batch is None:
                yield self._writer.single(change)
                continue
            self._waiting.append(change)
            if len(self._waiting) >= batch.size:
                yield from self._flush()
        yield from self._flush()

    def _flush(self) -> Iterator[Outcome]:
        changes, self._waiting = self._waiting, []
        if len(changes) == 1:
            yield self._writer.single(changes[0])
        elif changes:
            kind = self._writer.types[changes[0].type]
            batch = batch_of(kind, changes[0])
            assert batch is not None
            yield from self._send(kind, batch, changes)

    def _send(self, kind: RestType, batch: Batch, changes: Sequence[Change]) -> Iterator[Outcome]:
        writer = self._writer
        operation = str(changes[0].action)
        template = batch.item if batch.item is not None else needed(kind, operation).body
        sent: list[Change] = []
        bodies: list[Any] = []
        for change in changes:
            try:
                bodies.append(templates.body(template, writer.known(change, kind)))
                sent.append(change)
            except (WrongType, Unfit) as error:
                yield Outcome(change.key, Result.REJECTED, change.anchor, reason=f"{kind.name}: {error}")
        creating = changes[0].action is Action.CREATE
        method, _, path = batch.request.partition(" ")
        body = templates.body(batch.body, {"items": bodies})
        try:
            answered = self._session.ask(method, path, {}, body, once=creating)
        except Throttled as error:
            yield from (
                Outcome(o.key, Result.RETRY, o.anchor, reason=error.message, after=error.retry_after) for o in sent
            )
            return
        except (Unreachable, IncompleteRead) as error:
            if not creating:
                raise
            for change in sent:
                yield writer.doubt(change, kind, error)
            return
        meaning = self._session.meaning(answered, operation)
        answers = pick(batch.answers)(answered.body)
        whole = isinstance(answers, list) and len(answers) == len(sent)
        if meaning is Meaning.DONE and isinstance(answers, list) and whole:
            for change, one in zip(sent, answers, strict=True):
                yield self._one(kind, batch, change, one)
            return
        said = self._session.refusal(method, path, answered)
        unclear = meaning in (Meaning.DONE, Meaning.RETRY) or answered.success
        for change in sent:
            if not unclear:
                yield writer.single(change)
            elif creating:
                yield writer.doubt(change, kind, f"{said} One answer for each object was expected.")
            else:
                yield Outcome(change.key, Result.RETRY, change.anchor, reason=said)

    def _one(self, kind: RestType, batch: Batch, change: Change, one: Any) -> Outcome:
        """The outcome of the answer about one object."""
        writer = self._writer
        status = pick(batch.status)(one)
        text = str(status)
        found = Answer(int(text) if text.isdigit() else 500, one)
        operation = str(change.action)
        request = needed(kind, operation)
        meaning = self._session.meaning(found, operation)
        creating = change.action is Action.CREATE
        try:
            if creating and meaning is Meaning.RETRY:
                return writer.doubt(change, kind, self._session.refusal(request.method, request.path, found))
            if creating and meaning is Meaning.EXISTS:
                return writer.exists(change, kind, self._session.refusal(request.method, request.path, found))
            writer.judged(request, found, operation)
            if creating:
                return writer.created(change, kind, pick(batch.record)(one), found)
        except Refused as refused:
            return Outcome(change.key, refused.result, change.anchor, reason=refused.reason)
        return Outcome(change.key, Result.DONE, change.anchor)


def batch_of(kind: RestType, change: Change) -> Batch | None:
    """The batch that a change can go with; None when it needs requests of its own."""
    spec = kind.spec
    request = {Action.CREATE: spec.create, Action.DELETE: spec.delete}.get(change.action, spec.update)
    if request is None or request.batch is None or change.expected:
        return None
    if change.action is Action.CREATE:
        return request.batch
    alone = change.add or change.remove or change.edges is not None or change.password is not None
    switched = spec.disable is not None and ENABLED in change.values
    whole = spec.sends is Sends.WHOLE and change.action is not Action.DELETE
    template = request.batch.item if request.batch.item is not None else request.body
    elsewhere = set(holes(template)) & set(kind.schema.attributes) - set(change.values) - {spec.anchor}
    empty = change.action is not Action.DELETE and not change.values
    return None if alone or switched or whole or elsewhere or empty else request.batch
