"""What one system should hold for one identity, and the difference to what it shows. Pure: data in, data out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from muster.expressions import (
    AUTHORITATIVE_NULL,
    IGNORE_FLOW,
    IGNORE_OBJECT,
    UNKNOWN,
    Candidates,
    Context,
    Fault,
)
from muster.model import dn
from muster.model.aside import stands_aside
from muster.model.changes import Action
from muster.model.schema import ENABLED
from muster.model.values import Scalar, Type, Value, WrongType, convert, items, key_text, shown
from muster.project.configuration import Place
from muster.sync.identities.values import due_of, earliest
from muster.sync.names.unique import ANYBODY, UNDECIDED, Allocate, Disputed, held, none_free
from muster.sync.provisioning.deprovisioning import delete, deprovision, disable, enable_again
from muster.sync.provisioning.enforcing import enforce
from muster.sync.provisioning.own_name import keep_to_name
from muster.sync.provisioning.presence import place_of, presence_of, untouchable, wanted_now
from muster.sync.provisioning.wishes import MISSED, Note, Question, Target, Wish, equal
from muster.sync.rules.ruleset import CompiledMapping, CompiledOutbound

_AGAIN: Final = "was deleted and made again by another hand. Find out who did that before these changes are applied"

_ASIDE: Final = "stands aside under a name that Muster gave it, for others to take each other's names; this ends it"


def decide(question: Question, context: Context, now: int, allocate: Allocate | None) -> Wish:
    """Should the object exist, what should it hold, and what must be written for that?

    The strictest wins: holds, then deprovisioning, then provisioning.
    """
    context.reset()
    wish = Wish()
    wanted = wanted_now(question, context, wish)
    target = question.target
    wish.presence = presence_of(question, wanted, now)
    if target is None or target.gone:
        if wanted and not question.blocked and not question.hold("absent") and not question.hold("disabled"):
            _create(question, wish, context, allocate)
    else:
        why = untouchable(question.mapping, target.document, question.unknown, context)
        if why is None:
            _keep(question, target, wish, wanted, now, context, allocate)
            if target.again and wish.action is not None:
                wish.notes.append(Note("made-again", _AGAIN, place_of(question.mapping), False))
            if any(stands_aside(target.document.get(name), target.anchor) for name in {*wish.was, *wish.remove}):
                wish.notes.append(Note("unfinished", _ASIDE, place_of(question.mapping), False))
        elif isinstance(why, Note):
            wish.notes.append(why)
    wish.due = earliest(wish.due, due_of(context, now))
    return wish


def _keep(
    question: Question,
    target: Target,
    wish: Wish,
    wanted: bool | None,
    now: int,
    context: Context,
    allocate: Allocate | None,
) -> None:
    """The object is there, and may be written."""
    place = place_of(question.mapping)
    absent, disabled = question.hold("absent"), question.hold("disabled")
    if absent is not None:
        delete(wish, target, absent.reason, place)
        return
    if wanted is False:
        deprovision(question, target, wish, now, context)
    else:
        _update(question, target, wish, context, allocate)
    if disabled is not None and wish.action is not Action.DELETE:
        disable(question, target, wish, disabled.reason, place)
    elif wanted is not False:
        enable_again(question, target, wish)
    if wish.action is not Action.DELETE and wish.values.get(ENABLED) is False:
        wish.action = Action.DISABLE


# --- the object should be there


def _create(question: Question, wish: Wish, context: Context, allocate: Allocate | None) -> None:
    mapping = question.mapping
    outbound = mapping.rules.outbound
    if outbound is None or not outbound.creates:
        return
    missed = question.target is not None and question.target.gone == MISSED
    if missed and mapping.rules.deleted_elsewhere == "report":
        wish.notes.append(
            Note("deleted-elsewhere", "was deleted by another hand and is not made again", outbound.place, False)
        )
        return
    if question.lacking and any(flow.reads & question.lacking and _at_once(mapping, flow) for flow in mapping.outbound):
        return
    if not _fill(question, wish, context, allocate) or not _name(wish, mapping, outbound.place):
        wish.write_nothing()
        return
    keep_to_name(mapping, wish, None)
    scope = mapping.rules.scope
    if scope is not None and not wish.later and not _accepts(mapping, wish, context):
        place = mapping.rules.scope_place or mapping.rules.place
        wish.notes.append(Note("scope", "cannot be created: the mapping's own scope would not take it in", place))
        wish.write_nothing()
        return
    wish.action = Action.CREATE
    wish.rule = "deleted elsewhere: recreate" if missed else "provision"
    wish.recreate = missed
    wish.place = outbound.provision.place if outbound.provision else outbound.place


def _fill(question: Question, wish: Wish, context: Context, allocate: Allocate | None) -> bool:
    """Put the new object's values into the wish; whether it can be made with them."""
    mapping = question.mapping
    results = mapping.outbound_program.run(question.document, context) if mapping.outbound_program else []
    fixed = question.fixed()
    others = mapping.writes.flows
    if not fixed:
        wish.values, wish.omitted, others = mapping.writes.of(results)
    for flow in others:
        name = flow.flow.attribute
        if name in fixed:
            if fixed[name] is not None:
                wish.values[name] = fixed[name]
            continue
        if flow.attribute.writable == "never":
            continue
        if flow.edge:
            _create_reference(question, wish, flow)
            continue
        value = _result(question, flow, results, wish, allocate, current=None)
        if value is None and flow.default is not None:
            value = _result(question, replace(flow, slots=(flow.default,)), results, wish, None, current=None)
            wish.omitted.append(name)
        if value is _OBJECT or (value is _FAULT and flow in mapping.named_by):
            return False
        if value is _WAITS and _at_once(mapping, flow):
            return False
        if value is _LATER:
            wish.later.append(name)
        elif value is None:
            if flow.default is None:
                wish.omitted.append(name)
        elif not isinstance(value, _Mark):
            wish.values[name] = value
    if mapping.schema.can_enable:
        wish.values.setdefault(ENABLED, True)
    return True


def _name(wish: Wish, mapping: CompiledMapping, place: Place) -> bool:
    """Give the new object its anchor, where the system does not; whether it has one or will have."""
    schema = mapping.schema
    if schema.assigned:
        return True
    anchor = wish.values.get(schema.anchor)
    if anchor is not None and not isinstance(anchor, list):
        wish.anchor = str(anchor)
        return True
    if schema.anchor in wish.later:
        return True
    wish.notes.append(Note("no-anchor", f"cannot be created: {schema.anchor}, which names it, has no value", place))
    return False


def _at_once(mapping: CompiledMapping, flow: CompiledOutbound) -> bool:
    """Whether an object cannot be made now, and be given this value later."""
    return flow in mapping.named_by or flow.flow.enforce == "once" or flow.attribute.required


def _accepts(mapping: CompiledMapping, wish: Wish, context: Context) -> bool:
    scope = mapping.rules.scope
    answer = True if scope is None else scope.evaluate(wish.values, context)
    return answer is UNKNOWN or answer is True


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
    fixed = question.fixed()
    held = {ENABLED} if question.hold("disabled") else set()
    for flow in mapping.outbound:
        name = flow.flow.attribute
        if name == schema.anchor:
            _hold_anchor(question, target, wish, flow, results)
            continue
        if (
            flow.streamed
            or (flow.flow.enforce == "once" and name not in fixed)
            or flow.attribute.writable != "always"
            or name in question.unknown
            or name in held
        ):
            continue
        if name in fixed:
            enforce(question, target, wish, flow, fixed[name])
            continue
        if flow.edge:
            _update_reference(question, target, wish, flow)
            continue
        value = _result(question, flow, results, wish, allocate, current=target.document.get(name))
        if value is _OBJECT:
            wish.write_nothing()
            wish.ignored = True
            wish.anchor = target.anchor
            return
        if value is _LATER:
            wish.later.append(name)
            wish.was[name] = target.document.get(name)
            wish.because(name, flow.flow.place)
        elif not isinstance(value, _Mark):
            enforce(question, target, wish, flow, value)
    keep_to_name(mapping, wish, target.document)
    if wish.values or wish.add or wish.remove or wish.waits or wish.later:
        wish.action = Action.UPDATE


def _hold_anchor(
    question: Question, target: Target, wish: Wish, flow: CompiledOutbound, results: Sequence[Any]
) -> None:
    """An anchor is for ever; that its flow gives another one by now is worth knowing."""
    name = flow.flow.attribute
    if flow.flow.enforce in ("once", "default"):
        return
    shown = target.document.get(name, target.anchor)
    value = _result(question, flow, results, Wish(), None, current=shown)
    if value is None or isinstance(value, _Mark) or equal(question.mapping, name, shown, value, flow.attribute):
        return
    message = (
        f"{name} would be {value!r} by now, but an anchor is never changed. If it shall stay, say `enforce: once`; "
        f"otherwise rename the object in {question.mapping.rules.system} by hand"
    )
    wish.notes.append(Note("anchor-differs", message, flow.flow.place, False))


def _update_reference(question: Question, target: Target, wish: Wish, flow: CompiledOutbound) -> None:
    name = flow.flow.attribute
    targets = question.references.get(name, ())
    texts: list[Scalar] = [text for _, _, text in targets if text is not None]
    missing = [(number, account) for number, account, text in targets if text is None]
    if flow.flow.enforce == "default" and target.document.get(name) not in (None, []):
        return
    if missing:
        wish.waits[name] = missing
        wish.because(name, flow.flow.place)
        staying = _undecided(question, missing, items(target.document.get(name)))
        if staying and not flow.attribute.many:
            return
        texts += staying
    if flow.attribute.many:
        enforce(question, target, wish, flow, texts or None)
        if renamed := _renamed(question, missing, wish.remove.get(name, ())):
            wish.renamed[name] = renamed
    else:
        enforce(question, target, wish, flow, texts[0] if texts else None)


def _renamed(question: Question, missing: Sequence[tuple[int, int]], removed: Sequence[Scalar]) -> list[Scalar]:
    """What is removed as the name of an object that is referred to under another soon."""
    if not removed or not question.renamed:
        return []
    normal = dn.normal if question.mapping.schema.name_is_dn else str
    old = {normal(question.renamed[place]) for place in missing if place in question.renamed}
    return [one for one in removed if normal(str(one)) in old]


def _undecided(question: Question, missing: Sequence[tuple[int, int]], shown: Sequence[Scalar]) -> list[Scalar]:
    """What a reference shows that may be right: a person must decide whether that object is theirs who is meant."""
    names = {name for place in (*missing, ANYBODY) for name in question.undecided.get(place, ())}
    if not names:
        return []
    normal = dn.normal if question.mapping.schema.name_is_dn else str
    known = {normal(name) for name in names}
    return [one for one in shown if normal(str(one)) in known]


# --- one attribute


class _Mark:
    """Answers of a flow that are no values."""


_SKIP: Final = _Mark()
_FAULT: Final = _Mark()
_LATER: Final = _Mark()
_OBJECT: Final = _Mark()
_WAITS: Final = _Mark()
"""A person must decide first, or something that was told must be mended: what is there stays."""


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
                return _WAITS if flow.reads & question.lacking else _LATER
            if isinstance(condition, Fault):
                wish.notes.append(Note("expression", f"{name}: {condition.message}", slot.place))
                return _FAULT
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
            return _WAITS if flow.reads & question.lacking else _LATER
        if isinstance(found, Fault):
            wish.notes.append(Note("expression", f"{name}: {found.message}", slot.place))
            return _FAULT
        if isinstance(found, Candidates):
            return _unique(question, flow, found, wish, allocate, current, slot.place)
        if type(found) is str and found and flow.attribute.type == "text" and not flow.attribute.many:
            return found
        try:
            return _converted(question, flow, found)
        except WrongType as error:
            wish.notes.append(Note("value", f"{name}: {error}", slot.place))
            return _FAULT
    return None


def _converted(question: Question, flow: CompiledOutbound, found: object) -> Value:
    """The value in the attribute's own form. Raises `WrongType`."""
    value = convert(found, flow.attribute)
    if flow.attribute.type is Type.REFERENCE and question.mapping.schema.name_is_dn:
        for one in items(value):
            if not dn.is_name(str(one)):
                raise WrongType(
                    f"expected a distinguished name such as cn=ada,dc=acme,dc=example, found {shown(one)}. To name "
                    "somebody's object there, write a `reference`"
                )
    return value


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
    had = held(question.reserved.get(scope, ()), current, keys)
    if had is not None:
        return had.value
    if allocate is None:
        return texts[0] if texts else _SKIP
    given = allocate(scope, texts)
    if isinstance(given, Disputed):
        wish.notes.append(Note(UNDECIDED, given.message(flow.flow.attribute), place, held=True))
        return _WAITS
    if given is None:
        wish.notes.append(Note("unique", none_free(flow.flow.attribute, texts), place))
        return _FAULT
    return given
