"""The object should not be there, or not work: the steps that see to it, and how they are undone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from muster.expressions import UNKNOWN, Context, Fault
from muster.model import dn
from muster.model.changes import Action
from muster.model.schema import ENABLED, ObjectSchema
from muster.model.values import Value
from muster.project.configuration import Place, Step
from muster.sync.provisioning.wishes import (
    MISSING,
    Note,
    Question,
    Target,
    Wish,
    agree,
    disabled_elsewhere,
    does_not_stick,
    equal,
    last_wanted,
)


def delete(wish: Wish, target: Target, rule: str, place: Place) -> None:
    """The object goes, whatever else was to be done with it."""
    wish.write_nothing()
    wish.action = Action.DELETE
    wish.anchor = target.anchor
    wish.because(rule, place)


def deprovision(question: Question, target: Target, wish: Wish, now: int, context: Context) -> None:
    """Take the steps whose time has come, counted from the instant at which the object was no longer wanted."""
    if wish.presence is None:
        return
    due: list[Step] = []
    for step in wish.steps:
        at = wish.presence.since + int(step.after.total_seconds() * 1_000_000)
        if at <= now:
            due.append(step)
        elif wish.due is None or at < wish.due:
            wish.due = at
    last = next((step for step in due if step.do == "delete"), None)
    if last is not None:
        delete(wish, target, f"{_rule(question, wish)}: delete", last.place)
        return
    for step in due:
        if step.do == "disable":
            disable(question, target, wish, f"{_rule(question, wish)}: disable", step.place)
        elif step.do == "move":
            _move(question, target, wish, step, context)
        elif step.do == "clear groups":
            wish.clears = step.place
    wish.presence = replace(wish.presence, cleared=wish.clears is not None)


def _rule(question: Question, wish: Wish) -> str:
    """The key of the mapping that the steps stand under."""
    outbound = question.mapping.rules.outbound
    return "deprovision" if outbound is None or wish.steps is outbound.deprovision else "out of scope"


def disable(question: Question, target: Target, wish: Wish, rule: str, place: Place) -> None:
    """Switch the account off; a foreign enable is undone."""
    if not question.mapping.schema.can_enable:
        wish.notes.append(
            Note("deprovision", "cannot be disabled: the system has no `enabled`; say `delete` or `leave`", place)
        )
    elif _set(question, target, wish, ENABLED, False, rule, place):
        wish.action = Action.DISABLE


def enable_again(question: Question, target: Target, wish: Wish) -> None:
    """An account that we had switched off is switched on when it is wanted again; a foreign disable is left."""
    mapping = question.mapping
    outbound = mapping.rules.outbound
    if not mapping.schema.can_enable or outbound is None or outbound.provision is None:
        return
    if target.document.get(ENABLED) is not False:
        return
    flows = any(flow.flow.attribute == ENABLED for flow in mapping.outbound)
    if target.wrote.get(ENABLED) is not False:
        if not flows:
            disabled_elsewhere(question, wish, outbound.provision.place)
    elif not flows:
        _set(question, target, wish, ENABLED, True, "provision", outbound.provision.place)


def _move(question: Question, target: Target, wish: Wish, step: Step, context: Context) -> None:
    mapping = question.mapping
    naming = mapping.schema.naming
    if naming is None or step.to is None:
        wish.notes.append(Note("deprovision", "cannot be moved: objects of this system have no place", step.place))
        return
    to: Any = step.to.expression.evaluate(question.document, context)
    if isinstance(to, Fault):
        wish.notes.append(Note("expression", f"move: {to.message}", step.place))
    elif isinstance(to, str) and to:
        new = moved_name(mapping.schema, target.document.get(naming), to)
        _set(question, target, wish, naming, new, f"{_rule(question, wish)}: move", step.place)
    elif to is not UNKNOWN:
        wish.notes.append(Note("deprovision", f"cannot be moved: `to` gave {to!r}, no place", step.place))


def moved_name(schema: ObjectSchema, shown: Value, to: str) -> str:
    """The name of an object that is moved to a place: its own part below the container that `to` names.

    Where names are no DNs, or `to` begins with the object's own part, `to` is the whole new name.
    """
    if not schema.name_is_dn or not isinstance(shown, str):
        return to
    own = dn.split(shown)[:1]
    place = dn.split(to)[:1]
    if not own or (place and dn.normal(own[0]) == dn.normal(place[0])):
        return to
    return f"{own[0]},{to}"


def _set(question: Question, target: Target, wish: Wish, name: str, value: Value, rule: str, place: Place) -> bool:
    """Write one value that no flow asks for; whether it is to be written."""
    shown = target.document.get(name)
    mapping = question.mapping
    attribute = mapping.schema.attribute(name)
    if equal(mapping, name, shown, value, attribute):
        agree(target, wish, name, value)
        return False
    last = last_wanted(target, name)
    ours = last is MISSING or not equal(mapping, name, last, value, attribute)
    if not ours:
        if does_not_stick(target, wish, name, place):
            return False
        if name not in wish.drift:
            wish.drift.append(name)
    wish.anchor = target.anchor
    wish.values[name] = value
    wish.was[name] = shown
    wish.action = wish.action or Action.UPDATE
    wish.because(rule, place)
    return True
