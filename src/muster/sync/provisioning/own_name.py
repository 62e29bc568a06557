"""A name and the attribute that it is made of: what is named cn=Ada has Ada in its cn (RFC 4511 section 4.6).

Flows to both that do not agree can never come true; here that is told, and what can be done of them is left.
"""

from __future__ import annotations

from typing import Final

from muster.model import dn
from muster.model.values import Document, Scalar, items, shown
from muster.sync.provisioning.wishes import Note, Wish
from muster.sync.rules.ruleset import CompiledMapping, CompiledOutbound

_KEPT_UP: Final = ("always", "change")


def keep_to_name(mapping: CompiledMapping, wish: Wish, document: Document | None) -> None:
    """Let the attributes that the object's name is made of hold what it is named; tell which flow says otherwise.

    `document`: what the system shows of the object; None: it is to be made. Without a flow to the name nothing is to be
    done: a new value of the attribute then names the object anew.
    """
    flows, naming = mapping.own_name, mapping.schema.reference
    if not flows or naming in wish.later:
        return
    name = wish.values.get(naming, (document or {}).get(naming))
    if not isinstance(name, str):
        return
    for kind, text in dn.own_values(name):
        flow = flows.get(kind.lower())
        if flow is None or flow.edge or flow.flow.attribute in wish.later:
            continue
        if document is None or flow.flow.enforce in _KEPT_UP:
            _agree(wish, flow, naming, name, text, document)
            _give_reason(mapping, wish)


def _agree(wish: Wish, flow: CompiledOutbound, naming: str, name: str, text: str, document: Document | None) -> None:
    attribute, before = flow.flow.attribute, items((document or {}).get(flow.flow.attribute))
    written = attribute in wish.values or attribute in wish.add or attribute in wish.remove
    after = _after(wish, attribute, before)
    if (not after and not written) or _among(text, after):
        return
    gives = ", ".join(map(shown, after)) or "nothing"
    if flow.attribute.many:
        _beside(wish, attribute, text)
        told = f"{attribute} keeps {text!r} beside what its flow gives ({gives})"
    else:
        if _among(text, before):
            wish.values.pop(attribute, None)
            wish.was.pop(attribute, None)
        else:
            wish.values[attribute] = text
            wish.was.setdefault(attribute, (document or {}).get(attribute))
        told = f"{attribute} is {text!r}, and not what its flow gives ({gives})"
    _withdraw(wish, attribute)
    message = (
        f"{told}: {naming} names the object {name}, and a name's own part is always a value of its attribute. Let the "
        f"flows to {naming} and {attribute} give the same, or take the one to {attribute} out"
    )
    wish.notes.append(Note("name", message, flow.flow.place, error=not flow.attribute.many))


def _after(wish: Wish, attribute: str, before: list[Scalar]) -> list[Scalar]:
    """The values that the attribute would have after the change."""
    if attribute in wish.values:
        return items(wish.values[attribute])
    removed = wish.remove.get(attribute, [])
    return [*(one for one in before if one not in removed), *wish.add.get(attribute, [])]


def _beside(wish: Wish, attribute: str, text: str) -> None:
    """Leave the name's value where it is; the others come and go beside it."""
    if attribute in wish.values:
        wish.values[attribute] = [*items(wish.values[attribute]), text]
    left = [one for one in wish.remove.get(attribute, []) if not dn.same_value(str(one), text)]
    if left:
        wish.remove[attribute] = left
    else:
        wish.remove.pop(attribute, None)


def _withdraw(wish: Wish, attribute: str) -> None:
    """Where nothing of the attribute is written any more, it was no drift, nor the reason of a change."""
    if any(attribute in part for part in (wish.values, wish.add, wish.remove)):
        return
    wish.meant.pop(attribute, None)
    if attribute in wish.drift:
        wish.drift.remove(attribute)


def _give_reason(mapping: CompiledMapping, wish: Wish) -> None:
    """A change is not made because of what it does not do any more."""
    done = {*wish.values, *wish.add, *wish.remove, *wish.waits, *wish.later}
    if wish.place is None or wish.rule in done:
        return
    wish.rule, wish.place = "", None
    for flow in mapping.outbound:
        if flow.flow.attribute in done:
            wish.because(flow.flow.attribute, flow.flow.place)


def _among(text: str, values: list[Scalar]) -> bool:
    return any(dn.same_value(str(one), text) for one in values)
