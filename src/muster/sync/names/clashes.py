"""Names that are taken: an object stands where one is to be made, and no join rule ties it to whom it would be for.

Such an object is a case for a person. It closes by itself when the object goes, when the join rules come to tie it, or
when nothing is to be made there any more. Of two creates of one plan for one name, the first to come goes on, and the
other is held: once the object is there, its case says the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from muster.model.changes import Action
from muster.model.values import Document, items
from muster.store.codec import decode
from muster.store.database import Session
from muster.sync.joins.cases import (
    ABOUT_NAMES,
    ABOUT_OTHERS,
    CLASH,
    EXISTS,
    OWNED,
    Case,
    any_case,
    close_cases,
    found_as,
    open_cases,
)
from muster.sync.names.in_the_way import find_in_the_way, if_accepted
from muster.sync.problems import Problem
from muster.sync.queue.sent import Sent
from muster.sync.rules.ruleset import CompiledMapping, Rules

Change = tuple[Any, ...]
"""A change as the queue holds it, without its id."""


@dataclass(slots=True)
class Clashes:
    """The creates of a batch that cannot be made. `there`: by the object in the way (id, its identity), whose creates;
    `planned`: creates for an anchor that another identity gets before; `frozen`: how many creates of a mapping (id)
    meet objects of a frozen one (name); `values`: by the object in the way, which value it has, where that is not its
    anchor.
    """

    refused: list[Change] = field(default_factory=list)
    there: dict[tuple[int, int | None], list[Change]] = field(default_factory=dict)
    planned: list[tuple[Change, int]] = field(default_factory=list)
    frozen: Counter[tuple[int, str]] = field(default_factory=Counter)
    values: dict[int, str] = field(default_factory=dict)
    in_cases: set[int] = field(default_factory=set)

    @property
    def troubled(self) -> set[int]:
        """The identities that are looked at again in the next run whatever happens; a case wakes the others."""
        return {change[3] for change in self.refused} - self.in_cases


def find_clashes(session: Session, rules: Rules, changes: Sequence[Change], frozen: Mapping[int, str]) -> Clashes:
    """Two creates never claim one anchor, nor the anchor of an object that is there: the first to come has it.

    `frozen`: the names of mappings (ids) that cannot run.
    """
    found = Clashes()
    claims: dict[int, dict[str, list[Change]]] = {}
    for change in changes:
        if change[5] == Action.CREATE and change[6] is not None:
            claims.setdefault(change[1], {}).setdefault(change[6], []).append(change)
    for space, wanted in claims.items():
        anchors = list(wanted)
        for number, anchor, mapping, identity in session.rows(
            "SELECT id, anchor, mapping, identity FROM object WHERE space = ? AND anchor IN ?t AND gone = 0",
            space,
            anchors,
        ):
            own = wanted.pop(anchor)
            found.refused.extend(own)
            if mapping in frozen:
                found.frozen.update((change[2], frozen[mapping]) for change in own)
            else:
                found.there.setdefault((number, identity), []).extend(own)
        first: dict[str, int] = dict(
            session.rows(
                "SELECT anchor, identity FROM change "
                "WHERE state = 0 AND action = 'create' AND space = ? AND anchor IN ?t",
                space,
                anchors,
            )
        )
        for anchor, own in wanted.items():
            late = own if anchor in first else own[1:]
            if late:
                winner = first[anchor] if anchor in first else own[0][3]
                found.refused.extend(late)
                found.planned.extend((change, winner) for change in late)
    for one in find_in_the_way(session, rules, changes):
        found.refused.append(one.change)
        found.there.setdefault((one.object, None), []).append(one.change)
        found.values.setdefault(one.object, one.value)
    return found


def settle_clashes(
    session: Session,
    rules: Rules,
    clashes: Clashes,
    numbers: Sequence[int],
    creating: Collection[tuple[int, int]],
    now: int,
) -> list[Problem]:
    """Open, change and close the cases of these identities; what is wrong besides.

    `creating`: the places (identity, mapping) for which an object is to be made.
    """
    open_now = _open(session, numbers)
    wanted = {number: (owner, own) for (number, owner), own in clashes.there.items()}
    problems: list[Problem] = []
    cases: list[Case] = []
    closed: list[int] = []
    for number in sorted(open_now.keys() | wanted.keys()):
        kind, mapping, had = open_now.get(number, ("", 0, frozenset()))
        owner, own = wanted.get(number, (None, []))
        staying = had - set(numbers)
        if kind == EXISTS:
            staying |= {one for one in had if (one, mapping) in creating}
        identities = tuple(sorted(staying | {change[3] for change in own}))
        if not identities:
            closed.append(number)
        elif set(identities) != had or (own and kind not in (CLASH, OWNED)):
            value = clashes.values.get(number)
            cases.append(_case(session, rules, number, owner, own[0][2] if own else mapping, identities, now, value))
    free = _free(session, [case.object for case in cases])
    problems.extend(_other(session, rules, case) for case in cases if case.object not in free)
    others = {case.object for case in cases} - free
    clashes.in_cases.update(change[3] for number, (_, own) in wanted.items() if number not in others for change in own)
    open_cases(session, [case for case in cases if case.object in free])
    close_cases(session, closed)
    problems.extend(_planned(session, rules, change, winner) for change, winner in clashes.planned)
    return problems


def _open(session: Session, identities: Sequence[int]) -> dict[int, tuple[str, int, frozenset[int]]]:
    """The open cases about names in which these identities are, by object: kind, mapping, all identities."""
    if not any_case(session):
        return {}
    return {
        row[0]: (row[1], row[2], frozenset(orjson.loads(row[3])))
        for row in session.rows(
            "SELECT c.object, c.kind, c.mapping, c.identities FROM case_identity ci CROSS JOIN cases c "
            f"WHERE ci.identity IN ?i AND c.object = ci.object AND {ABOUT_NAMES}",
            list(identities),
        )
    }


def _free(session: Session, objects: Sequence[int]) -> set[int]:
    """Those of the objects that are in no case of another kind."""
    other = {
        row[0]
        for row in session.rows(
            f"SELECT c.object FROM cases c WHERE c.object IN ?i AND {ABOUT_OTHERS}",
            list(objects),
        )
    }
    return set(objects) - other


def _case(
    session: Session,
    rules: Rules,
    number: int,
    owner: int | None,
    mapping: int,
    identities: tuple[int, ...],
    now: int,
    value: str | None,
) -> Case:
    """`value`: what the object has that is to be given to others; None: the anchor."""
    compiled = rules.mappings[mapping]
    name = compiled.schema.anchor
    who = found_as(session, rules, identities)
    if value is not None or compiled.schema.assigned:
        value = value or "value"
        then = if_accepted(session, number, compiled, identities[0])
        message = (
            f"is in the way: it is nobody's, and has the {value} that is to be given to {who}. None is made for them "
            f"until it is renamed or removed, or is theirs: if you accept it, {then}"
        )
        return Case(number, CLASH, mapping, identities, message, now)
    if owner is None:
        message = (
            f"is nobody's, and has the {name} that is to be given to {who}; no join line of mapping {compiled.name} "
            f"ties it to them. If it is somebody else's, let {name} be unique (SelectUniqueValue), or rename or remove "
            "this one"
        )
        return Case(number, CLASH, mapping, identities, message, now)
    message = f"belongs to {found_as(session, rules, [owner])}, {_given_too(compiled, who)}"
    return Case(number, OWNED, mapping, identities, message, now)


def _other(session: Session, rules: Rules, case: Case) -> Problem:
    """An object in the way that waits for a person for another reason already."""
    system, kind = rules.spaces[rules.mappings[case.mapping].space]
    anchor = session.value("SELECT anchor FROM object WHERE id = ?", case.object)
    uids = [
        row[0] for row in session.rows("SELECT uid FROM identity WHERE id IN ?i ORDER BY uid", list(case.identities))
    ]
    message = f"{system}/{kind} {anchor} {case.message}"
    return Problem(CLASH, system, message, type=kind, anchor=anchor, identities=tuple(uids), held=True)


def _given_too(mapping: CompiledMapping, who: str, name: str | None = None) -> str:
    """Why the rules are to be mended: one name (the anchor, unless told otherwise) for two people."""
    name = name or mapping.schema.anchor
    return (
        f"and mapping {mapping.name} gives the same {name} to {who}, for whom none is made until that is mended. Let "
        f"{name} be unique in {mapping.rules.place.file} (SelectUniqueValue)"
    )


def _planned(session: Session, rules: Rules, change: Change, winner: int) -> Problem:
    """Two people are to get one name at once: what the case will say when the first has it."""
    mapping = rules.mappings[change[2]]
    system, kind = rules.spaces[change[1]]
    both = [winner, change[3]]
    first, second = (found_as(session, rules, [one]) for one in both)
    uids: dict[int, str] = dict(session.rows("SELECT id, uid FROM identity WHERE id IN ?i", both))
    return Problem(
        CLASH,
        system,
        f"{system}/{kind} {change[6]} is planned for {first}, {_given_too(mapping, second)}",
        type=kind,
        anchor=change[6],
        identities=tuple(uids[one] for one in both),
        held=True,
    )


def still_existing(
    session: Session, rules: Rules, changes: Sequence[tuple[Sent, str | None, str]], now: int
) -> list[Problem]:
    """Creates that found an object there, which the join rules did not tie to the identity since: cases for a person.

    `changes`: each with the anchor of that object, and what the system said; None: it could not be found, and is only
    told. So is one that is somebody else's.
    """
    pending: set[tuple[int, int]] = set(
        session.rows(
            "SELECT identity, mapping FROM change WHERE state = 0 AND action = 'create' AND identity IN ?i",
            sorted({sent.identity for sent, _, _ in changes}),
        )
    )
    problems: list[Problem] = []
    cases: dict[int, Case] = {}
    for sent, anchor, reason in changes:
        if (sent.identity, sent.mapping) not in pending:
            continue
        row = (
            session.one(
                "SELECT id, identity, doc FROM object WHERE space = ? AND anchor = ? AND gone = 0",
                sent.space,
                anchor,
            )
            if anchor is not None
            else None
        )
        if row is None or row[1] == sent.identity:
            problems.append(_exists(session, rules, sent, reason))
            continue
        if row[1] is not None:
            problems.append(_of_another(session, rules, sent, row[1], decode(row[2]), str(anchor), reason))
            continue
        had = cases[row[0]].identities if row[0] in cases else ()
        identities = tuple(sorted({*had, sent.identity}))
        message = (
            f"is nobody's, and stood in the way of a create for {found_as(session, rules, identities)}; no join line "
            f"of mapping {rules.names.text(sent.mapping)} ties it to them. If it is somebody else's, rename or remove "
            "it"
        )
        cases[row[0]] = Case(row[0], EXISTS, sent.mapping, identities, message, now)
    free = _free(session, list(cases))
    open_cases(session, [case for number, case in cases.items() if number in free])
    return problems


def _owned(session: Session, rules: Rules, sent: Sent, owner: int) -> Problem:
    """An object of another identity has the name, which is not the anchor, that was to be given."""
    mapping = rules.mappings[sent.mapping]
    system, kind = rules.spaces[sent.space]
    name = mapping.schema.reference
    first, second = (found_as(session, rules, [one]) for one in (owner, sent.identity))
    uids: dict[int, str] = dict(session.rows("SELECT id, uid FROM identity WHERE id IN ?i", [owner, sent.identity]))
    return Problem(
        CLASH,
        system,
        f"{system}/{kind}: the {name} {sent.payload['values'].get(name, '')} belongs to {first}, "
        f"{_given_too(mapping, second, name)}",
        type=kind,
        anchor=sent.anchor,
        identities=tuple(uids[one] for one in (owner, sent.identity)),
        held=True,
    )


def _of_another(
    session: Session, rules: Rules, sent: Sent, owner: int, shown: Document, anchor: str, reason: str
) -> Problem:
    """An object of another identity has the name, or else a value, that only one may have."""
    wanted: Document = sent.payload["values"]
    name = rules.mappings[sent.mapping].schema.reference
    if _shared({name: wanted.get(name)}, shown, name):
        return _owned(session, rules, sent, owner)
    mine, theirs = found_as(session, rules, [sent.identity]), found_as(session, rules, [owner])
    what = _shared(wanted, shown, reason)
    return _held(
        rules,
        sent,
        f"the one of {theirs} ({anchor}) has {what or 'a value that only one may have'} already"
        f"{_said(reason)}. These are two identities: correct the value of one of them where it comes from. Only if "
        "both are one, join them there",
        mine,
    )


def _exists(session: Session, rules: Rules, sent: Sent, reason: str) -> Problem:
    return _held(
        rules,
        sent,
        f"is there already, and the join rules do not tie it to this identity{_said(reason)}. Give mapping "
        f"{rules.names.text(sent.mapping)} a join line that does, or rename or remove the object",
        found_as(session, rules, [sent.identity]) or sent.uid,
    )


def _held(rules: Rules, sent: Sent, message: str, whose: str) -> Problem:
    system = rules.system_of(sent.space)
    return Problem(
        EXISTS,
        system,
        f"{system}/{sent.kind} {sent.anchor or 'for ' + whose}: {message}",
        type=sent.kind,
        anchor=sent.anchor,
        identities=(sent.uid,) if sent.uid else (),
        held=True,
    )


def _said(reason: str) -> str:
    return f": {reason.rstrip('.')}" if reason else ""


def _shared(wanted: Document, shown: Document, reason: str) -> str:
    """The values that both have, of the attributes that the system named: `proxyAddresses smtp:ada@acme.example`."""
    found: list[str] = []
    for name, value in wanted.items():
        if name in reason:
            there = {str(one).casefold() for one in items(shown.get(name))}
            found.extend(f"{name} {one}" for one in items(value) if str(one).casefold() in there)
    return ", ".join(found)
