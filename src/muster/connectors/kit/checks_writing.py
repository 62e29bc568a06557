"""Promises about writing: round trips, replays, refusals, one outcome a change."""

from __future__ import annotations

from muster.connectors.kit.check import all_of, has, promise, writes
from muster.connectors.kit.subject import Subject
from muster.model.changes import Action, Change, Result
from muster.model.schema import ENABLED
from muster.model.values import Document


def _can_rename(subject: Subject) -> str:
    return "" if subject.renamed(1) is not None else "its objects have no other name"


def _can_refuse(subject: Subject) -> str:
    return "" if subject.refused(1) is not None else "it refuses nothing"


def _can_enable(subject: Subject) -> str:
    return "" if subject.schema().can_enable else "its objects have no switch"


@promise(writes)
def create_comes_back(subject: Subject) -> None:
    """What is created is read with the same values, under the anchor that the outcome gave."""
    outcome = subject.written(subject.create(1))
    assert outcome.result is Result.DONE, f"found {outcome.result} {outcome.reason}"
    assert outcome.anchor, "the outcome carries no anchor"
    wrong = subject.shows(outcome.anchor, subject.sample(1))
    assert not wrong, wrong


@promise(writes)
def update_changes_just_what_it_says(subject: Subject) -> None:
    """An update is read back, and what it does not mention stays, on other objects too."""
    anchor, other = subject.add(1), subject.add(2)
    outcome = subject.written(_update(subject, anchor, {subject.text: "new value"}))
    assert outcome.result is Result.DONE, f"found {outcome.result} {outcome.reason}"
    wrong = subject.shows(anchor, {**subject.sample(1), subject.text: "new value"})
    assert not wrong, wrong
    wrong = subject.shows(other, subject.sample(2))
    assert not wrong, f"another object changed: {wrong}"


@promise(all_of(writes, has("clearable", "no attribute may be cleared")))
def null_clears(subject: Subject) -> None:
    """NULL clears an attribute: it is read back without a value."""
    anchor = subject.add(1)
    assert subject.clearable is not None
    assert subject.sample(1).get(subject.clearable) is not None, "the sample has no value to clear"
    outcome = subject.written(_update(subject, anchor, {subject.clearable: None}))
    assert outcome.result is Result.DONE, f"found {outcome.result} {outcome.reason}"
    wrong = subject.shows(anchor, {**subject.sample(1), subject.clearable: None})
    assert not wrong, wrong


@promise(writes)
def delete_removes_just_that(subject: Subject) -> None:
    """A deleted object is no longer read; others are."""
    anchor, other = subject.add(1), subject.add(2)
    outcome = subject.written(Change(1, subject.object_type, Action.DELETE, anchor))
    assert outcome.result is Result.DONE, f"found {outcome.result} {outcome.reason}"
    assert set(subject.objects()) == {other}, f"left are {sorted(subject.objects())}, expected {[other]}"


@promise(all_of(writes, _can_rename))
def rename_keeps_the_anchor(subject: Subject) -> None:
    """A new name moves or renames the object; its anchor and its other values stay."""
    anchor = subject.add(1)
    name = subject.renamed(1)
    assert name is not None
    outcome = subject.written(_update(subject, anchor, name))
    assert outcome.result is Result.DONE, f"found {outcome.result} {outcome.reason}"
    wrong = subject.shows(anchor, name)
    assert not wrong, wrong
    assert set(subject.objects()) == {anchor}, f"left are {sorted(subject.objects())}"


@promise(all_of(writes, has("many", "it has no many-valued attribute")))
def values_are_added_and_removed_one_by_one(subject: Subject) -> None:
    """Value-level adds and removes touch just those values; doing it twice changes nothing."""
    anchor = subject.add(1)
    many = subject.many
    assert many is not None
    one, two, three = subject.many_values
    subject.change(anchor, {many: [one, two]})
    for _ in range(2):
        change = Change(1, subject.object_type, Action.UPDATE, anchor, add={many: [three]}, remove={many: [one]})
        outcome = subject.written(change)
        assert outcome.result is Result.DONE, f"found {outcome.result} {outcome.reason}"
        wrong = subject.shows(anchor, {many: [two, three]})
        assert not wrong, wrong


@promise(writes)
def replayed_create_exists(subject: Subject) -> None:
    """A create that is sent again answers EXISTS and changes nothing; so does one with other values."""
    if subject.schema().assigned and subject.schema().naming is None:
        return
    anchor = subject.add(1)
    subject.change(anchor, {subject.text: "kept"})
    before = subject.objects()
    outcome = subject.written(subject.create(1))
    assert outcome.result is Result.EXISTS, f"expected exists, found {outcome.result} {outcome.reason}"
    assert subject.objects() == before, "the replayed create changed something"


@promise(writes)
def replayed_update_is_harmless(subject: Subject) -> None:
    """An update that is sent again is DONE again and changes nothing."""
    anchor = subject.add(1)
    for _ in range(2):
        outcome = subject.written(_update(subject, anchor, {subject.text: "same"}))
        assert outcome.result is Result.DONE, f"found {outcome.result} {outcome.reason}"
    wrong = subject.shows(anchor, {**subject.sample(1), subject.text: "same"})
    assert not wrong, wrong


@promise(writes)
def what_is_not_there_is_gone(subject: Subject) -> None:
    """A delete sent again, and an update of what is not there, answer GONE and create nothing."""
    anchor = subject.add(1)
    subject.remove(anchor)
    for change in (
        Change(1, subject.object_type, Action.DELETE, anchor),
        _update(subject, anchor, {subject.text: "ghost"}),
    ):
        outcome = subject.written(change)
        assert outcome.result is Result.GONE, f"{change.action}: expected gone, found {outcome.result} {outcome.reason}"
    assert not subject.objects(), "an object came into being"


@promise(all_of(writes, _can_refuse))
def bad_object_does_not_stop_the_others(subject: Subject) -> None:
    """A bad object among good ones is REJECTED with a reason; the others are DONE; nothing of the bad one stays."""
    numbers = range(1, 12)
    bad = 5
    changes = [subject.create(n, n, subject.refused(n) if n == bad else None) for n in numbers]
    outcomes = subject.outcomes(*changes)
    assert outcomes[bad].result is Result.REJECTED, f"the bad one: {outcomes[bad].result} {outcomes[bad].reason}"
    assert outcomes[bad].reason, "the rejection has no reason"
    others = {outcome.result for key, outcome in outcomes.items() if key != bad}
    assert others == {Result.DONE}, f"the good ones: {[(o.key, o.result, o.reason) for o in outcomes.values()]}"
    assert len(subject.objects()) == len(numbers) - 1, f"{len(subject.objects())} objects are there"


@promise(writes)
def every_change_has_one_outcome(subject: Subject) -> None:
    """Creates, updates and deletes in one stream each have exactly one outcome and all take effect."""
    anchors = [subject.add(n) for n in range(1, 7)]
    changes = [subject.create(n, n) for n in range(7, 40)]
    changes += [_update(subject, anchor, {subject.text: "mixed"}, 100 + i) for i, anchor in enumerate(anchors[:3])]
    changes += [Change(200 + i, subject.object_type, Action.DELETE, anchor) for i, anchor in enumerate(anchors[3:])]
    outcomes = subject.outcomes(*changes)
    wrong = [(o.key, o.result, o.reason) for o in outcomes.values() if o.result is not Result.DONE]
    assert not wrong, f"not done: {wrong}"
    found = subject.objects()
    assert len(found) == 36, f"{len(found)} objects are there, expected 36"
    assert all(found[anchor].values[subject.text] == "mixed" for anchor in anchors[:3]), "an update was lost"


@promise(writes)
def writing_nothing_answers_nothing(subject: Subject) -> None:
    """No changes, no outcomes, nothing written."""
    assert not subject.outcomes(), "outcomes came from nowhere"
    assert not subject.objects(), "an object came into being"


@promise(writes)
def outdated_expectation_is_a_conflict(subject: Subject) -> None:
    """When `expected` no longer holds, update and delete answer CONFLICT and write nothing; when it holds, DONE."""
    anchor = subject.add(1)
    subject.change(anchor, {subject.text: "foreign"})
    was: Document = {subject.text: subject.sample(1)[subject.text]}
    for action, values in ((Action.UPDATE, {subject.text: "ours"}), (Action.DELETE, {})):
        change = Change(1, subject.object_type, action, anchor, dict(values), expected=was)
        outcome = subject.written(change)
        assert outcome.result is Result.CONFLICT, f"{action}: expected conflict, found {outcome.result}"
    wrong = subject.shows(anchor, {subject.text: "foreign"})
    assert not wrong, f"something was written all the same: {wrong}"
    change = _update(subject, anchor, {subject.text: "ours"})
    change.expected = {subject.text: "foreign"}
    outcome = subject.written(change)
    assert outcome.result is Result.DONE, f"the expectation holds: found {outcome.result} {outcome.reason}"
    wrong = subject.shows(anchor, {subject.text: "ours"})
    assert not wrong, wrong


@promise(all_of(writes, _can_enable))
def enabled_is_a_boolean_both_ways(subject: Subject) -> None:
    """`enabled` reads as true or false and is switched off and on again by writing it."""
    anchor = subject.add(1)
    for action, value in ((Action.DISABLE, False), (Action.UPDATE, True)):
        outcome = subject.written(Change(1, subject.object_type, action, anchor, {ENABLED: value}))
        assert outcome.result is Result.DONE, f"{action}: {outcome.result} {outcome.reason}"
        found = subject.objects()[anchor].values.get(ENABLED)
        assert found is value, f"enabled reads {found!r}, expected {value}"
    switched_off = subject.create(2, 2, {**subject.sample(2), ENABLED: False})
    outcome = subject.written(switched_off)
    assert outcome.result is Result.DONE, f"created switched off: {outcome.result} {outcome.reason}"
    assert outcome.anchor is not None
    assert subject.objects()[outcome.anchor].values.get(ENABLED) is False, "it was created switched off, and is on"


def _update(subject: Subject, anchor: str, values: Document, key: int = 1) -> Change:
    return Change(key, subject.object_type, Action.UPDATE, anchor, values)
