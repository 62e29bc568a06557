"""Writing to a directory: which chain of requests each change is, and the pipeline that runs them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from muster.connectors.graph.creating import Creating
from muster.connectors.graph.resources import GraphType
from muster.connectors.graph.session import BATCH, Answer, Request, Session
from muster.connectors.graph.steps import Steps
from muster.connectors.graph.swapping import Swaps, wanted_by
from muster.connectors.graph.updating import Updating
from muster.connectors.kit.pipeline import Pipeline
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.values import WrongType


class Writer:
    """Writes changes of the given types in one session."""

    def __init__(self, session: Session, types: Mapping[str, GraphType]) -> None:
        self._session = session
        self._types = types
        self._swaps = Swaps()
        self._updating = Updating(session, self._swaps)
        self._creating = Creating(session, self._updating)

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """One outcome a change. Raises what ends the session, after the outcomes of what was under way."""
        pipeline = Pipeline(self._session.batch, self._session.settings.concurrency, BATCH)
        try:
            yield from self._swaps.told(pipeline.run((change, self._steps(change)) for change in changes))
            while self._swaps.waiting:
                yield from self._swaps.told(self._untangle(pipeline))
        finally:
            pipeline.close()

    def _untangle(self, pipeline: Pipeline[Request, Answer]) -> Iterator[Outcome]:
        """The outcomes of changes that waited for others, once more."""
        ready, circles = self._swaps.next()
        if circles:
            wanted = wanted_by(ready)
            for _ in pipeline.run((one.change, self._updating.step_aside(one, wanted)) for one in ready):
                pass
        tried = [one for one in ready if circles or not self._swaps.hopeless(one)]
        yield from (one.outcome for one in ready if one not in tried)
        yield from pipeline.run((one.change, self._steps(one.change)) for one in tried)

    def _steps(self, change: Change) -> Steps:
        """The chain of requests of one change."""
        kind = self._types[change.type]
        try:
            if change.action is Action.CREATE:
                return (yield from self._creating.create(change, kind))
            if change.anchor is None:
                return Outcome(change.key, Result.REJECTED, reason="an update or delete without an id.")
            if change.action is Action.DELETE:
                return (yield from self._updating.delete(change, kind, change.anchor))
            return (yield from self._updating.update(change, kind, change.anchor))
        except WrongType as error:
            return Outcome(change.key, Result.REJECTED, change.anchor, reason=f"{kind.name}: {error}.")
