"""A wish → the pending change that it is in the store: what to do, with everything that tells why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from muster.model.changes import Action
from muster.model.values import Document
from muster.sync.names.reserving import written_names
from muster.sync.provisioning.outbound_batch import Member
from muster.sync.provisioning.wishes import UNMISSED, Question, Target, Wish
from muster.sync.queue.changes import PLANNED, rank_of
from muster.sync.rules.ruleset import CompiledMapping, Rules


def pending_change(
    rules: Rules,
    run: int,
    identity: int,
    document: Document,
    question: Question,
    wish: Wish,
    origin: Mapping[str, int],
    members: Sequence[Member],
) -> tuple[Any, ...]:
    """The row of `change`, without its id. `origin`: the object that each of the identity's values came from."""
    mapping, target = question.mapping, question.target
    action = wish.action or Action.UPDATE
    payload = {
        "values": wish.values,
        "was": {name: value for name, value in wish.was.items() if value is not None},
        "reason": _reason(rules, mapping, wish, origin, members),
    }
    for name, content in (
        ("add", wish.add),
        ("remove", wish.remove),
        ("waits", wish.waits),
        ("renamed", wish.renamed),
        ("later", wish.later),
        ("answers", wish.answers),
        ("drift", wish.drift),
        ("omitted", wish.omitted),
        ("meant", wish.meant),
    ):
        if content:
            payload[name] = content
    if mapping.unique_of and (names := written_names(mapping, document, wish.values, [*wish.values, *wish.add])):
        payload["names"] = sorted(names)
    if wish.recreate:
        payload["recreate"] = True
    if action is Action.CREATE and mapping.rules.outbound and mapping.rules.outbound.password:
        payload["password"] = mapping.rules.outbound.password
    return (
        run,
        mapping.space,
        mapping.id,
        identity,
        target.id if target is not None and target.gone != UNMISSED else None,
        action.value,
        wish.anchor,
        _rank(mapping, target, wish, action),
        1 if wish.waits else 0,
        orjson.dumps(payload),
        PLANNED,
    )


def _reason(
    rules: Rules, mapping: CompiledMapping, wish: Wish, origin: Mapping[str, int], members: Sequence[Member]
) -> dict[str, Any]:
    """Mapping file and line, rule, and the source object that it goes back to."""
    place = wish.place or mapping.rules.place
    reads = mapping.reads_of.get(wish.rule) or mapping.reads_of["provision"]
    name = next((one for one in sorted(reads) if one in origin), None) if len(origin) > 1 else None
    number = origin.get(name, origin.get("*")) if name else origin.get("*")
    member = next((m for m in members if m.id == number), None)
    source = None
    if member is not None:
        system, kind = rules.spaces[member.space]
        source = {"system": system, "object": kind, "anchor": member.anchor}
        if reads:
            source["attribute"] = name or min(reads)
    return {"mapping": place.file, "line": place.line, "rule": wish.rule, "source": source}


def _rank(mapping: CompiledMapping, target: Target | None, wish: Wish, action: Action) -> int:
    naming = mapping.schema.naming if mapping.schema.name_is_dn else None
    if naming is None:
        return rank_of(action, None)
    shown = target.document.get(naming) if target is not None else None
    return rank_of(action, wish.values.get(naming, shown), renames=naming in wish.values)
