"""What one system should hold for one identity, and the difference to what it shows. Pure: data in, data out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from muster.expressions import (
    AUTHORITATIVE_NULL,
    IGNORE_FLOW,
    IGNORE_OBJECT,
    UNKNOWN,
    Candidates,
    Context,
    Fault,
    UnknownValue,
)
from muster.model import dn
from muster.model.changes import Action
from muster.model.schema import ENABLED
from muster.model.values import (
    Attribute,
    Document,
    Scalar,
    Value,
    WrongType,
    convert,
    difference,
    items,
    key_text,
    same,
)
from muster.project.configuration import Place, Step
from muster.sync.clock import micros
from muster.sync.holds import Hold
from muster.sync.rules import CompiledMapping, CompiledOutbound
from muster.sync.values import Reservation, due_of

STICKS: Final = 3
"""A value that came back different this many times is left alone."""

Allocate = Callable[[str, list[str]], str | None]


@dataclass(slots=True)
class Target:
    """The object that an identity has through a mapping, as its system last showed it."""

    id: int
    anchor: str
    document: Document
    wrote: Document
    wanted: Document
    stick: Mapping[str, Sequence[int]]
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether the object was wanted, and since when it is so (or is not)."""

    wanted: bool
    since: int


@dataclass(slots=True)
class Question:
    """Everything that one decision looks at."""

    mapping: CompiledMapping
    document: Mapping[str, Value]
    leaving: bool
    target: Target | None
    presence: Presence | None
    holds: Sequence[Hold]
    references: Mapping[str, Sequence[tuple[int, int, str | None]]]
    """Attribute → the (identity, account) referred to, each with its name in this system; None: it has none there."""
    reserved: Mapping[str, Reservation]
    unknown: frozenset[str]
    blocked: bool
    flipped: int


@dataclass(slots=True)
class Note:
    """Something to tell about a decision. `kind` is a fixed word; an `error` makes the run end with 1."""

    kind: str
    message: str
    place: Place
    error: bool = True


@dataclass(slots=True)
class Wish:
    """What is to be done. `action` None: nothing.

    `was`: what the system shows of the attributes in `values`. `waits`: attributes whose references have no object yet
    ((identity, account)). `later`: attributes that are known only after other changes of the plan were made. `agreed`:
    values that the system shows as we want them (kept to tell drift from a change of ours).
    """

    action: Action | None = None
    anchor: str | None = None
    values: Document = field(default_factory=dict)
    was: Document = field(default_factory=dict)
    add: dict[str, list[Scalar]] = field(default_factory=dict)
    remove: dict[str, list[Scalar]] = field(default_factory=dict)
    waits: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    later: list[str] = field(default_factory=list)
    drift: list[str] = field(default_factory=list)
    rule: str = ""
    place: Place | None = None
    agreed: Document | None = None
    presence: Presence | None = None
    due: int | None = None
    recreate: bool = False
    clear_groups: bool = False
    notes: list[Note] = field(default_factory=list)


def decide(question: Question, context: Context, now: int, allocate: Allocate | None) -> Wish:
    """Should the object exist, what should it hold, and what must be written for that?"""
    context.reset()
    wish = Wish()
    mapping = question.mapping
    wanted = _wanted(question, context, wish)
    target = question.target
    live = target is not None and not target.gone
    wish.presence = _presence(question, wanted, live, now)
    if target is not None and live:
        if not _writable(question, target, context, wish):
            wish.due = due_of(context, now)
            return wish
        absent = any(h.kind == "absent" and _concerns(h, mapping) for h in question.holds)
        if absent:
            hold = next(h for h in question.holds if h.kind == "absent" and _concerns(h, mapping))
            _delete(wish, target, mapping, f"hold by {hold.by}: {hold.why}")
        elif wanted is False:
            _deprovision(question, target, wish, now, context)
        else:
            _update(question, target, wish, context, allocate)
        if absent or wanted is not False:
            wish.due = due_of(context, now)
    else:
        if (
            wanted
            and not question.blocked
            and not any(h.kind in ("absent", "disabled") and _concerns(h, mapping) for h in question.holds)
        ):
            _create(question, wish, context, allocate)
        wish.due = _earlier(wish.due, due_of(context, now))
    return wish


def _concerns(hold: Hold, mapping: CompiledMapping) -> bool:
    return hold.mapping is None or hold.mapping == mapping.name


def _earlier(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _wanted(question: Question, context: Context, wish: Wish) -> bool | None:
    """Whether the object should exist; None when the mapping only updates."""
    outbound = question.mapping.rules.outbound
    if outbound is None or outbound.provision is None:
        return None
    if question.leaving:
        return False
    located = outbound.provision
    result = located.expression.evaluate(question.document, context)
    if isinstance(result, bool):
        return result
    if isinstance(result, str) and result.lower() in ("true", "false"):
        return result.lower() == "true"
    if result is None:
        return False
    if not isinstance(result, Fault) and result is not UNKNOWN:
        wish.notes.append(Note("expression", f"provision gave {result!r}; it must be true or false", located.place))
    elif isinstance(result, Fault):
        wish.notes.append(Note("expression", f"provision: {result.message}", located.place))
    if question.presence is not None:
        return question.presence.wanted
    return None


def _presence(question: Question, wanted: bool | None, live: bool, now: int) -> Presence | None:
    had = question.presence
    if wanted is None or (had is None and not wanted and not live):
        return had
    if had is None:
        return Presence(wanted, now)
    if had.wanted == wanted:
        return had
    return Presence(wanted, min(now, question.flipped))


def _writable(question: Question, target: Target, context: Context, wish: Wish) -> bool:
    mapping = question.mapping
    scope = mapping.rules.scope
    try:
        if scope is not None and not scope.matches(target.document, context):
            place = mapping.rules.scope_place or mapping.rules.place
            wish.notes.append(
                Note("out-of-scope", "has left the mapping's scope; it stays joined and is not written", place, False)
            )
            return False
    except UnknownValue:
        return False
    protect = mapping.rules.protect
    return protect is None or protect.expression.evaluate(target.document, context) is not True


# --- the object should not be there


def _delete(wish: Wish, target: Target, mapping: CompiledMapping, rule: str) -> None:
    wish.action = Action.DELETE
    wish.anchor = target.anchor
    wish.rule = rule
    wish.place = mapping.rules.outbound.place if mapping.rules.outbound else mapping.rules.place


def _deprovision(question: Question, target: Target, wish: Wish, now: int, context: Context) -> None:
    outbound = question.mapping.rules.outbound
    if outbound is None or wish.presence is None:
        return
    due: list[Step] = []
    for step in outbound.deprovision:
        at = wish.presence.since + int(step.after.total_seconds() * 1_000_000)
        if at <= now:
            due.append(step)
        else:
            wish.due = _earlier(wish.due, at)
    last = next((step for step in due if step.do == "delete"), None)
    if last is not None:
        _delete(wish, target, question.mapping, "deprovision: delete")
        wish.place = last.place
        return
    for step in due:
        if step.do == "disable":
            _disable(question, target, wish, step.place, "deprovision: disable")
        elif step.do == "move" and step.to is not None:
            _move(question, target, wish, step, context)
        elif step.do == "clear groups":
            wish.clear_groups = True


def _disable(question: Question, target: Target, wish: Wish, place: Place, rule: str) -> None:
    if not question.mapping.schema.can_enable:
        wish.notes.append(
            Note("deprovision", "cannot be disabled: the system has no `enabled`; say `delete` or `leave`", place)
        )
        return
    if target.document.get(ENABLED) is False:
        _agree(target, wish, ENABLED, False)
        return
    if _last_wanted(target, ENABLED) is False:
        wish.drift.append(ENABLED)
    _set(wish, target, ENABLED, False, rule, place)
    wish.action = Action.DISABLE


def _move(question: Question, target: Target, wish: Wish, step: Step, context: Context) -> None:
    naming = question.mapping.schema.naming
    if naming is None or step.to is None:
        wish.notes.append(Note("deprovision", "cannot be moved: objects of this system have no place", step.place))
        return
    new = step.to.expression.evaluate(question.document, context)
    if isinstance(new, Fault):
        wish.notes.append(Note("expression", f"move: {new.message}", step.place))
    elif isinstance(new, str) and new:
        shown = target.document.get(naming)
        attribute = question.mapping.schema.attribute(naming)
        if not _equal(question.mapping, naming, shown, new, attribute):
            _set(wish, target, naming, new, "deprovision: move", step.place)


# --- the object should be there


def _create(question: Question, wish: Wish, context: Context, allocate: Allocate | None) -> None:
    mapping = question.mapping
    outbound = mapping.rules.outbound
    if outbound is None:
        return
    if question.target is not None and mapping.rules.deleted_elsewhere == "report":
        wish.notes.append(
            Note("deleted-elsewhere", "was deleted by another hand and is not made again", outbound.place, False)
        )
        return
    schema = mapping.schema
    results = mapping.outbound_program.run(question.document, context) if mapping.outbound_program else []
    for name, index, flow in mapping.writes:
        if index >= 0 and type(plain := results[index]) is str:
            if plain:
                wish.values[name] = plain
            continue
        if flow.attribute.writable == "never":
            continue
        if flow.edge:
            _create_reference(question, wish, flow)
            continue
        value = _result(question, flow, results, wish, allocate, current=None)
        if value is _OBJECT:
            wish.values.clear()
            return
        if value is _LATER:
            wish.later.append(name)
        elif not isinstance(value, _Mark) and value is not None:
            wish.values[name] = value
    if schema.can_enable:
        wish.values.setdefault(ENABLED, True)
    if not schema.assigned:
        anchor = wish.values.get(schema.anchor)
        if anchor is None or isinstance(anchor, list):
            if schema.anchor not in wish.later:
                wish.notes.append(
                    Note(
                        "no-anchor", f"cannot be created: {schema.anchor}, which names it, has no value", outbound.place
                    )
                )
                wish.values.clear()
                return
        else:
            wish.anchor = str(anchor)
    scope = mapping.rules.scope
    if scope is not None and not wish.later and not _accepts(mapping, wish, context):
        place = mapping.rules.scope_place or mapping.rules.place
        wish.notes.append(Note("scope", "cannot be created: the mapping's own scope would not take it in", place))
        wish.values.clear()
        return
    wish.action = Action.CREATE
    wish.rule = "deleted elsewhere: recreate" if question.target is not None else "provision"
    wish.recreate = question.target is not None
    wish.place = outbound.provision.place if outbound.provision else outbound.place


def _accepts(mapping: CompiledMapping, wish: Wish, context: Context) -> bool:
    scope = mapping.rules.scope
    try:
        return scope is None or scope.matches(wish.values, context)
    except UnknownValue:
        return True


def _create_reference(question: Question, wish: Wish, flow: CompiledOutbound) -> None:
    name = flow.flow.attribute
    targets = question.references.get(name, ())
    texts: list[Scalar] = [text for _, _, text in targets if text is not None]
    missing = [(number, account) for number, account, text in targets if text is None]
    if flow.attribute.many:
        if texts:
            wish.values[name] = texts
    elif texts:
        wish.values[name] = texts[0]
        return
    if missing:
        wish.waits[name] = missing


def _update(question: Question, target: Target, wish: Wish, context: Context, allocate: Allocate | None) -> None:
    mapping = question.mapping
    schema = mapping.schema
    wish.anchor = target.anchor
    results = mapping.outbound_program.run(question.document, context) if mapping.outbound_program else []
    for flow in mapping.outbound:
        name = flow.flow.attribute
        if (
            flow.streamed
            or flow.flow.enforce == "once"
            or flow.attribute.writable != "always"
            or name == schema.anchor
            or name in question.unknown
        ):
            continue
        if flow.edge:
            _update_reference(question, target, wish, flow)
            continue
        value = _result(question, flow, results, wish, allocate, current=target.document.get(name))
        if value is _OBJECT:
            wish.action, wish.values, wish.add, wish.remove = None, {}, {}, {}
            return
        if value is _LATER:
            wish.later.append(name)
            wish.was[name] = target.document.get(name)
            _because(wish, name, flow.flow.place)
        elif not isinstance(value, _Mark):
            _compare(question, target, wish, flow, value)
    _switch(question, target, wish)
    if wish.action is None and (wish.values or wish.add or wish.remove or wish.waits or wish.later):
        wish.action = Action.UPDATE
    if wish.values.get(ENABLED) is False:
        wish.action = Action.DISABLE


def _switch(question: Question, target: Target, wish: Wish) -> None:
    """An account that we had switched off is switched on again when it is wanted; a foreign disable is left."""
    mapping = question.mapping
    outbound = mapping.rules.outbound
    if not mapping.schema.can_enable or outbound is None:
        return
    hold = next((h for h in question.holds if h.kind == "disabled" and _concerns(h, mapping)), None)
    if hold is not None:
        wish.values.pop(ENABLED, None)
        _disable(question, target, wish, outbound.place, f"hold by {hold.by}: {hold.why}")
        return
    if any(flow.flow.attribute == ENABLED for flow in mapping.outbound) or outbound.provision is None:
        return
    if target.document.get(ENABLED) is False and _last_wanted(target, ENABLED) is False:
        place = outbound.provision.place
        _set(wish, target, ENABLED, True, "provision", place)


def _update_reference(question: Question, target: Target, wish: Wish, flow: CompiledOutbound) -> None:
    name = flow.flow.attribute
    targets = question.references.get(name, ())
    texts: list[Scalar] = [text for _, _, text in targets if text is not None]
    missing = [(number, account) for number, account, text in targets if text is None]
    if missing:
        wish.waits[name] = missing
        _because(wish, name, flow.flow.place)
    if flow.attribute.many:
        _compare(question, target, wish, flow, texts or None)
    elif texts:
        _compare(question, target, wish, flow, texts[0])
    elif not missing:
        _compare(question, target, wish, flow, None)


# --- one attribute


class _Mark:
    """Answers of a flow that are no values."""


_SKIP: Final = _Mark()
_LATER: Final = _Mark()
_OBJECT: Final = _Mark()


def _result(
    question: Question,
    flow: CompiledOutbound,
    results: Sequence[Any],
    wish: Wish,
    allocate: Allocate | None,
    *,
    current: Value,
) -> Value | _Mark:
    """The value that the flow wants."""
    name = flow.flow.attribute
    for slot in flow.slots:
        if slot.when is not None:
            condition = results[slot.when]
            if condition is UNKNOWN:
                return _LATER
            if isinstance(condition, Fault):
                wish.notes.append(Note("expression", f"{name}: {condition.message}", slot.place))
                return _SKIP
            if condition is not True:
                continue
        found = results[slot.value]
        if found is None and slot is not flow.slots[-1]:
            continue
        if found is None or found is AUTHORITATIVE_NULL:
            return None
        if found is IGNORE_FLOW:
            return _SKIP
        if found is IGNORE_OBJECT:
            return _OBJECT
        if found is UNKNOWN:
            return _LATER
        if isinstance(found, Fault):
            wish.notes.append(Note("expression", f"{name}: {found.message}", slot.place))
            return _SKIP
        if isinstance(found, Candidates):
            return _unique(question, flow, found, wish, allocate, current, slot.place)
        if type(found) is str and found and flow.attribute.type == "text" and not flow.attribute.many:
            return found
        try:
            return convert(found, flow.attribute)
        except WrongType as error:
            wish.notes.append(Note("value", f"{name}: {error}", slot.place))
            return _SKIP
    return None


def _unique(
    question: Question,
    flow: CompiledOutbound,
    candidates: Candidates,
    wish: Wish,
    allocate: Allocate | None,
    current: Value,
    place: Place,
) -> Value | _Mark:
    texts = [str(value) for value in candidates.values]
    keys = {key_text((text,)) for text in texts}
    if isinstance(current, str) and key_text((current,)) in keys:
        return current
    scope = flow.unique or ""
    had = question.reserved.get(scope)
    if had is not None and key_text((had.value,)) in keys:
        return had.value
    if allocate is None:
        return texts[0] if texts else _SKIP
    given = allocate(scope, texts)
    if given is None:
        tried = repr(texts[-1]) if texts else "none"
        wish.notes.append(
            Note(
                "unique",
                f"{flow.flow.attribute}: every candidate is taken (last tried {tried}); "
                "add another candidate to SelectUniqueValue",
                place,
            )
        )
        return _SKIP
    return given


_MISSING: Final = object()


def _last_wanted(target: Target, name: str) -> Any:
    if name in target.wanted:
        return target.wanted[name]
    return target.wrote.get(name, _MISSING)


def _equal(mapping: CompiledMapping, name: str, left: Value, right: Value, attribute: Attribute) -> bool:
    if name == mapping.schema.naming and mapping.schema.name_is_dn and isinstance(left, str) and isinstance(right, str):
        return dn.normal(left) == dn.normal(right)
    return same(left, right, attribute)


def _because(wish: Wish, rule: str, place: Place) -> None:
    """The first thing that a change does gives its reason."""
    if wish.place is None:
        wish.rule, wish.place = rule, place


def _agree(target: Target, wish: Wish, name: str, value: Value) -> None:
    last = _last_wanted(target, name)
    if last is _MISSING or last != value:
        if wish.agreed is None:
            wish.agreed = dict(target.wanted)
        wish.agreed[name] = value


def _set(wish: Wish, target: Target, name: str, value: Value, rule: str, place: Place) -> None:
    wish.anchor = target.anchor
    wish.values[name] = value
    wish.was[name] = target.document.get(name)
    if wish.action is None:
        wish.action = Action.UPDATE
    if wish.place is None:
        wish.rule, wish.place = rule, place


def _compare(question: Question, target: Target, wish: Wish, flow: CompiledOutbound, value: Value) -> None:
    """Write the value, if the rules of `enforce` say so."""
    name = flow.flow.attribute
    attribute = flow.attribute
    shown = target.document.get(name)
    last = _last_wanted(target, name)
    if _equal(question.mapping, name, shown, value, attribute):
        _agree(target, wish, name, value)
        return
    ours_changed = last is not _MISSING and not _equal(question.mapping, name, last, value, attribute)
    enforce = flow.flow.enforce
    if enforce == "default" and shown not in (None, []):
        return
    if enforce == "change" and not ours_changed:
        if last is _MISSING:
            _agree(target, wish, name, value)
        return
    if name == ENABLED and value is True and not ours_changed and last is not _MISSING:
        return
    if value is None and shown in (None, []):
        return
    stuck = target.stick.get(name)
    if stuck is not None and stuck[0] >= STICKS and not ours_changed:
        wish.notes.append(
            Note(
                "does-not-stick",
                f"{name} was written {stuck[0]} times and came back different each time; it is left as it is",
                flow.flow.place,
                False,
            )
        )
        return
    place = flow.slots[0].place if flow.slots else flow.flow.place
    if last is not _MISSING and not ours_changed:
        wish.drift.append(name)
    if attribute.many and enforce != "default":
        base = items(last) if enforce == "change" and last is not _MISSING else shown
        add, remove = difference(base if isinstance(base, list) else items(base), value, attribute)
        if enforce == "change":
            has = items(shown)
            add = [one for one in add if one not in has]
            remove = [one for one in remove if one in has]
        if add:
            wish.add[name] = add
        if remove:
            wish.remove[name] = remove
        if (add or remove) and wish.place is None:
            wish.rule, wish.place = name, place
        return
    wish.values[name] = value
    wish.was[name] = shown
    if wish.place is None:
        wish.rule, wish.place = name, place


def as_micros(context: Context) -> int:
    """The context's clock as the store keeps instants."""
    return micros(context.now)
