"""When one attribute is written: what the system shows, what we want now, and what we wanted last."""

from __future__ import annotations

from muster.model.aside import stands_aside
from muster.model.schema import ENABLED
from muster.model.values import Scalar, Value, comparable, difference, items
from muster.sync.provisioning.wishes import (
    MISSING,
    Question,
    Target,
    Wish,
    agree,
    disabled_elsewhere,
    does_not_stick,
    equal,
    last_wanted,
)
from muster.sync.rules.ruleset import CompiledOutbound


def enforce(question: Question, target: Target, wish: Wish, flow: CompiledOutbound, value: Value) -> None:
    """Write the value, if the flow's `enforce` says so. What we did not cause is marked as drift."""
    name, attribute, rule = flow.flow.attribute, flow.attribute, flow.flow.enforce
    shown = target.document.get(name)
    last = last_wanted(target, name)
    if equal(question.mapping, name, shown, value, attribute):
        agree(target, wish, name, value)
        return
    ours = last is not MISSING and not equal(question.mapping, name, last, value, attribute)
    if rule == "default" and shown not in (None, []):
        return
    if value is None and (rule == "add" or (flow.default is not None and last in (MISSING, None))):
        return
    if rule == "add" and attribute.many and not difference(shown, value, attribute)[0]:
        agree(target, wish, name, value)
        return
    if rule == "change" and not ours:
        if last is MISSING:
            agree(target, wish, name, value)
        return
    if name == ENABLED and value is True and shown is False and target.wrote.get(ENABLED) is not False:
        disabled_elsewhere(question, wish, flow.flow.place)
        return
    if not ours and does_not_stick(target, wish, name, flow.flow.place):
        return
    place = flow.slots[0].place if flow.slots else flow.flow.place
    if attribute.many and rule != "default":
        if not _single_values(target, wish, flow, value, last):
            return
    else:
        if last is not MISSING and not ours and not stands_aside(shown, target.anchor):
            wish.drift.append(name)
        wish.values[name] = value
        wish.was[name] = shown
    wish.because(name, place)


def _single_values(target: Target, wish: Wish, flow: CompiledOutbound, value: Value, last: object) -> bool:
    """Add and remove single values; with `change`, those alone that we want otherwise than before; with `add`, nothing
    is removed."""
    name, attribute = flow.flow.attribute, flow.attribute
    shown = target.document.get(name)
    known = last is not MISSING
    before: Value = last if isinstance(last, list | str | int | float) else None
    our_adds, our_removes = difference(before, value, attribute)
    if flow.flow.enforce == "change":
        has = {comparable(one, attribute) for one in items(shown)}
        add = [one for one in our_adds if comparable(one, attribute) not in has]
        remove = [one for one in our_removes if comparable(one, attribute) in has]
        if not add and not remove:
            agree(target, wish, name, value)
            return False
        wish.meant[name] = value
    else:
        add, remove = difference(shown, value, attribute)
        if flow.flow.enforce == "add":
            remove, our_removes = [], []
        left = [one for one in remove if not stands_aside(one, target.anchor)]
        aside = len(left) < len(remove)
        if known and not ((aside or _within(add, our_adds)) and _within(left, our_removes)):
            wish.drift.append(name)
    if add:
        wish.add[name] = add
    if remove:
        wish.remove[name] = remove
    return True


def _within(some: list[Scalar], all_of_them: list[Scalar]) -> bool:
    return set(some) <= set(all_of_them)
