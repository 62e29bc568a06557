"""Connectors that break a promise about writing, one each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import ClassVar

from muster.connectors.kit.memory import MemoryConnector
from muster.model.changes import Action, Change, EdgeChange, Outcome, Result


class WritingMutant(MemoryConnector):
    """A connector that is honest but for one thing; `caught_by` names the check that must tell."""

    caught_by: ClassVar[str] = ""

    def one(self, change: Change) -> Outcome:
        """What the honest connector does with one change."""
        return next(super().write([change]))

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        for change in changes:
            yield self.mutated(change)

    def mutated(self, change: Change) -> Outcome:
        """What this connector does with one change."""
        return self.one(change)


class ForgetsTheAnchor(WritingMutant):
    """Does not say under which anchor it created."""

    caught_by = "create_comes_back"

    def mutated(self, change: Change) -> Outcome:
        return replace(self.one(change), anchor=None)


class LosesAnUpdate(WritingMutant):
    """Says that an update is done, and did not do it."""

    caught_by = "update_changes_just_what_it_says"

    def mutated(self, change: Change) -> Outcome:
        return Outcome(change.key, Result.DONE, change.anchor) if change.action is Action.UPDATE else self.one(change)


class ReplacesTheWholeObject(WritingMutant):
    """Clears everything that an update does not mention (a PUT)."""

    caught_by = "update_changes_just_what_it_says"

    def mutated(self, change: Change) -> Outcome:
        if change.action is Action.UPDATE:
            schema = self._schema(change.type)
            kept = {schema.anchor, schema.naming}
            change.values = {name: None for name in schema.attributes if name not in kept} | change.values
        return self.one(change)


class IgnoresNull(WritingMutant):
    """Leaves NULL out of what it writes."""

    caught_by = "null_clears"

    def mutated(self, change: Change) -> Outcome:
        change.values = {name: value for name, value in change.values.items() if value is not None}
        return self.one(change)


class DeletesTooMuch(WritingMutant):
    """Deletes every object, not just the one."""

    caught_by = "delete_removes_just_that"

    def mutated(self, change: Change) -> Outcome:
        outcome = self.one(change)
        if change.action is Action.DELETE:
            kind = self._types[change.type]
            for anchor, _ in self.memory.listed(kind, None):
                self.memory.remove(kind, anchor)
        return outcome


class RenamesByCopying(WritingMutant):
    """Makes a new object under the new name and leaves the old one."""

    caught_by = "rename_keeps_the_anchor"

    def mutated(self, change: Change) -> Outcome:
        if change.action is Action.UPDATE and self._schema(change.type).naming in change.values and change.anchor:
            kind = self._types[change.type]
            self.memory.put(kind, f"{change.anchor}-copy", {**change.values})
            return Outcome(change.key, Result.DONE, change.anchor)
        return self.one(change)


class AddsByReplacing(WritingMutant):
    """Writes the added values as the only ones."""

    caught_by = "values_are_added_and_removed_one_by_one"

    def mutated(self, change: Change) -> Outcome:
        change.values.update({name: list(values) for name, values in change.add.items()})
        change.add, change.remove = {}, {}
        return self.one(change)


class UpdatesWhatExists(WritingMutant):
    """Takes a create of what exists for an update."""

    caught_by = "replayed_create_exists"

    def mutated(self, change: Change) -> Outcome:
        outcome = self.one(change)
        if outcome.result is Result.EXISTS and outcome.anchor is not None:
            schema = self._schema(change.type)
            values = {name: value for name, value in change.values.items() if name != schema.anchor}
            return self.one(replace(change, action=Action.UPDATE, anchor=outcome.anchor, values=values))
        return outcome


class RefusesToRepeat(WritingMutant):
    """Answers CONFLICT when an update changes nothing."""

    caught_by = "replayed_update_is_harmless"

    def mutated(self, change: Change) -> Outcome:
        stored = self.memory.get(self._types[change.type], change.anchor) if change.anchor else None
        if stored is not None and change.values and stored.values.items() >= change.values.items():
            return Outcome(change.key, Result.CONFLICT, change.anchor, reason="nothing to do")
        return self.one(change)


class CallsGoneDone(WritingMutant):
    """Says DONE about what is not there."""

    caught_by = "what_is_not_there_is_gone"

    def mutated(self, change: Change) -> Outcome:
        outcome = self.one(change)
        return replace(outcome, result=Result.DONE) if outcome.result is Result.GONE else outcome


class StopsAtABadObject(WritingMutant):
    """Gives up on everything after a rejected object."""

    caught_by = "bad_object_does_not_stop_the_others"

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        rejected = False
        for change in changes:
            outcome = Outcome(change.key, Result.RETRY, reason="batch failed") if rejected else self.one(change)
            rejected = rejected or outcome.result is Result.REJECTED
            yield outcome


class AnswersTwice(WritingMutant):
    """Gives two outcomes for the first change of a write."""

    caught_by = "every_change_has_one_outcome"

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        for number, change in enumerate(changes):
            outcome = self.one(change)
            yield outcome
            if number == 0:
                yield outcome


class LosesALastBatch(WritingMutant):
    """Writes in batches of ten and forgets the last one."""

    caught_by = "every_change_has_one_outcome"

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        batch: list[Change] = []
        for change in changes:
            batch.append(change)
            if len(batch) == 10:
                yield from map(self.one, batch)
                batch = []


class AnswersNobody(WritingMutant):
    """Gives an outcome for a change that there is not."""

    caught_by = "writing_nothing_answers_nothing"

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        yield from super().write(changes)
        yield Outcome(0, Result.DONE)


class IgnoresWhatIsExpected(WritingMutant):
    """Overwrites what another hand changed."""

    caught_by = "outdated_expectation_is_a_conflict"

    def mutated(self, change: Change) -> Outcome:
        change.expected = {}
        return self.one(change)


class IgnoresRemovedEdges(WritingMutant):
    """Adds edges and never removes one (a PATCH remove that answers 200 and does nothing)."""

    caught_by = "edges_are_removed_one_by_one"

    def mutated(self, change: Change) -> Outcome:
        if change.edges is not None:
            change.edges = (EdgeChange(edge.attribute, edge.add, []) for edge in change.edges)
        return self.one(change)


class CreatesWithoutEdges(WritingMutant):
    """Leaves the edges of a create unwritten."""

    caught_by = "create_takes_its_edges_along"

    def mutated(self, change: Change) -> Outcome:
        if change.action is Action.CREATE:
            change.edges = None
        return self.one(change)
