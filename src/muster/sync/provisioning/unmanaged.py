"""Objects that nobody owns: what `unmanaged: disable | delete` does to them, and when it does nothing.

Nobody is taken for a stranger while an owner may be missing: an account of which the HR line could not be read looks
like one that nobody owns. Which account that is cannot be known; so none of that system is touched in such a run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from muster.expressions import Context
from muster.model.changes import Action
from muster.model.schema import ENABLED
from muster.model.values import Document
from muster.project.configuration import MappingRules
from muster.store.codec import decode
from muster.store.database import Session
from muster.sync.identities.partial import PartialDocument, Unread
from muster.sync.joins.cases import ABOUT_ERRORS, ABOUT_JOINS, any_case
from muster.sync.problems import Problem, Report
from muster.sync.provisioning.presence import protected
from muster.sync.queue.changes import PLANNED, rank_of
from muster.sync.queue.queued import add_changes, drop_changes, planned_changes
from muster.sync.rules.ruleset import CompiledMapping, Rules

LEFT_ALONE: Final = "unmanaged"
"""The kind of message about objects that were left alone because they may be somebody's."""

_Stranger = tuple[int, str, Document]
"""Id, anchor and document of an object that nobody owns."""


@dataclass(slots=True)
class _Left:
    """What was left alone in one system, and why. `objects`: how many of each type."""

    objects: dict[str, int] = field(default_factory=dict)
    doubts: dict[str, None] = field(default_factory=dict)


def unmanaged_changes(
    session: Session, rules: Rules, report: Report, run: int, context: Context, unknown: Unread
) -> None:
    """`unmanaged: disable | delete` acts on the objects that nobody owns and another hand made, unless protected.

    Where an owner may be missing, they are left alone, and one note for the system says why.
    """
    drop_changes(session, planned_changes(session, [0]))
    report.forget(LEFT_ALONE)
    left: dict[str, _Left] = {}
    for mapping in rules.mappings.values():
        if mapping.rules.unmanaged not in ("disable", "delete"):
            continue
        action = Action.DELETE if mapping.rules.unmanaged == "delete" else Action.DISABLE
        strangers = list(_strangers(session, mapping, action, context, unknown))
        doubts = list(_doubts(session, rules, mapping, report, unknown)) if strangers else []
        if doubts:
            alone = left.setdefault(mapping.rules.system, _Left())
            alone.objects[mapping.rules.object] = alone.objects.get(mapping.rules.object, 0) + len(strangers)
            alone.doubts.update(dict.fromkeys(doubts))
        else:
            add_changes(session, [_change(run, mapping, action, stranger) for stranger in strangers])
    for system, alone in left.items():
        report.add(_told(system, alone))


def _strangers(
    session: Session, mapping: CompiledMapping, action: Action, context: Context, unknown: Unread
) -> Iterator[_Stranger]:
    """The objects of a mapping that are to be dealt with, by anchor."""
    joined_by = {name for join in mapping.joins for one in join.line.pairs.values() for name in one.expression.reads}
    rows = session.rows(
        "SELECT anchor, id, doc FROM object o WHERE space = ? AND identity IS NULL AND gone = 0 AND mapping = ? "
        "AND made = 0 AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.object = o.id)",
        mapping.space,
        mapping.id,
    )
    for anchor, number, data in sorted(rows, key=lambda row: row[0]):
        document = decode(data)
        missing = unknown.of(mapping.space, number)
        if missing & joined_by or protected(mapping, PartialDocument(document, missing), context):
            continue
        if action is Action.DISABLE and (document.get(ENABLED) is False or not mapping.schema.can_enable):
            continue
        yield number, anchor, document


def _change(run: int, mapping: CompiledMapping, action: Action, stranger: _Stranger) -> tuple[Any, ...]:
    number, anchor, document = stranger
    name = document.get(mapping.schema.naming or "") if mapping.schema.name_is_dn else None
    values = {ENABLED: False} if action is Action.DISABLE else {}
    place, rule = mapping.rules.place, f"unmanaged: {mapping.rules.unmanaged}"
    payload = {
        "values": values,
        "was": {ENABLED: document.get(ENABLED)} if values else {},
        "reason": {"mapping": place.file, "line": place.line, "rule": rule, "source": None},
    }
    rank, doc = rank_of(action, name), orjson.dumps(payload)
    return run, mapping.space, mapping.id, 0, number, action.value, anchor, rank, 0, doc, PLANNED


# --- whether an owner may be missing


def _doubts(session: Session, rules: Rules, mapping: CompiledMapping, report: Report, unknown: Unread) -> Iterator[str]:
    """Why an object of this mapping that nobody owns may be somebody's nevertheless."""
    attributes = _known_by(rules, mapping.rules)
    compiled = {one.name: one for one in rules.mappings.values()}
    for source in _sources(rules.project.mappings.values(), mapping.rules, attributes):
        place = f"{source.system}/{source.object}"
        known = compiled.get(source.name)
        if known is None or (source.system, source.object) in unknown.types or _any_in_part(session, known.space):
            yield f"{place} was not read completely"
        elif _any_held(session, known):
            yield f"objects of {place} are held or at fault, and belong to nobody yet"
    faulty = {name for kind, names in report.faulty.values() if kind == mapping.rules.identity for name in names}
    for name in sorted(faulty & attributes):
        yield f"{name} of some {mapping.rules.identity} could not be worked out"


def _known_by(rules: Rules, mapping: MappingRules) -> frozenset[str]:
    """The attributes of identities that decide whose an object is, and those that they are computed from."""
    found = {name for line in mapping.join for name in line.attributes}
    computed = {one.attribute.name: one.value.expression.reads for one in rules.types[mapping.identity].computed}
    following = sorted(found)
    while following:
        read = {part for path in computed.get(following.pop(), ()) for part in path.split(".")}
        following.extend(sorted(read - found))
        found |= read
    return frozenset(found)


def _sources(
    mappings: Collection[MappingRules], mapping: MappingRules, attributes: Collection[str]
) -> Iterator[MappingRules]:
    """The other mappings that may bring an owner: they make identities, or give what owners are known by."""
    for one in mappings:
        if one.identity == mapping.identity and one.name != mapping.name:
            flows = one.inbound.flows if one.inbound is not None else ()
            if one.project or any(flow.attribute.name in attributes for flow in flows):
                yield one


def _any_in_part(session: Session, space: int) -> bool:
    """Whether an object lacks attributes that no read has brought yet."""
    found = session.one("SELECT id FROM object WHERE unread IS NOT NULL AND space = ? AND gone = 0 LIMIT 1", space)
    return found is not None


def _any_held(session: Session, mapping: CompiledMapping) -> bool:
    """Whether an object of a source could not be given to anybody. One that no scope could judge is of no mapping."""
    if not any_case(session):
        return False
    found = session.one(
        "SELECT c.object FROM cases c CROSS JOIN object o WHERE o.id = c.object AND o.identity IS NULL "
        f"AND o.space = ? AND ({ABOUT_ERRORS} OR (c.mapping = ? AND {ABOUT_JOINS})) LIMIT 1",
        mapping.space,
        mapping.id,
    )
    return found is not None


def _told(system: str, left: _Left) -> Problem:
    count = sum(left.objects.values())
    what = f"{count} object{'s' if count > 1 else ''} ({', '.join(sorted(left.objects))}) that nobody owns"
    verb, whose = ("is", "it") if count == 1 else ("are", "they")
    why = _sentence(list(left.doubts))
    return Problem(
        LEFT_ALONE,
        system,
        f"{system}: {what} {verb} left alone, for {whose} may be somebody's: {why}. "
        "`unmanaged` acts again once that is mended",
        note=True,
    )


def _sentence(parts: Sequence[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)}, and {last}" if first else last
