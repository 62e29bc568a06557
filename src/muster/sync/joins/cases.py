"""Cases: what could not be joined without a person, or not be worked out at all. A case belongs to one object.

`several`, `taken`, `rivals` and `double` wait for a decision: people know them as ambiguous joins. `clash`, `owned` and
`exists` are objects in the way of what is to be made: nobody's, somebody's, and one that only the create met. `scope`
and `fault` are errors to be mended. A case closes by itself when its cause has gone, and then wakes the cases that had
to do with it.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from muster.store.codec import decode
from muster.store.database import Session
from muster.sync.marks import CHANGED, IN, OUT, TROUBLE
from muster.sync.names.unique import ANYBODY
from muster.sync.problems import Problem, Report
from muster.sync.references.naming import wake_waiting
from muster.sync.rules.ruleset import Rules

AMBIGUOUS: Final = "ambiguous-join"
ERRORS: Final = frozenset({"scope", "fault"})
"""The kinds that nobody can decide: a rule or a value is to be mended."""

CLASH: Final = "clash"
OWNED: Final = "owned"
EXISTS: Final = "exists"
NAMES: Final = (CLASH, OWNED, EXISTS)
"""The kinds that are about a name that is taken."""

_NAMES: Final = ", ".join(f"'{kind}'" for kind in NAMES)
_ERRORS: Final = ", ".join(f"'{kind}'" for kind in sorted(ERRORS))
ABOUT_NAMES: Final = f"c.kind IN ({_NAMES})"
ABOUT_OTHERS: Final = f"c.kind NOT IN ({_NAMES})"
ABOUT_JOINS: Final = "c.kind IN ('several', 'taken', 'rivals')"
ABOUT_ERRORS: Final = f"c.kind IN ({_ERRORS})"
UNJUDGED: Final = f"({ABOUT_ERRORS} AND o.identity IS NULL)"
UNDECIDED: Final = f"({ABOUT_JOINS} OR {UNJUDGED})"
"""Conditions on the cases c (and their objects o). Those about joins: the object is joined to nobody, and may be
somebody's who stands in the case. Where a rule or a value is to be mended first, it may be anybody's. In both cases
what it shows is neither free nor taken."""

WITH_OBJECTS: Final = "cases c CROSS JOIN object o WHERE o.id = c.object ORDER BY o.space, o.anchor"
"""The cases c with their objects o. A plain join would be read in the order of all objects there are."""

Place = tuple[int, int]
"""(identity, mapping id)."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case. `message` goes on from the name of the object."""

    object: int
    kind: str
    mapping: int
    identities: tuple[int, ...]
    message: str
    at: int


def shown_kind(kind: str) -> str:
    """What a case of that kind is called wherever it is shown; `cause` then says which it is."""
    if kind in (CLASH, OWNED):
        return CLASH
    if kind not in ERRORS and kind != EXISTS:
        return AMBIGUOUS
    return "expression" if kind == "fault" else kind


def any_case(session: Session) -> bool:
    """Whether anything waits for a person: mostly nothing does, and nothing else need be asked."""
    return session.one("SELECT object FROM cases LIMIT 1") is not None


def open_cases(session: Session, cases: Sequence[Case]) -> None:
    """Remember cases; one that is known keeps the instant at which it was found."""
    if not cases:
        return
    numbers = [case.object for case in cases]
    before = _places(session, numbers)
    session.upsert(
        "cases",
        ("object", "kind", "mapping", "identities", "message", "at"),
        ("object",),
        [(c.object, c.kind, c.mapping, orjson.dumps(list(c.identities)), c.message, c.at) for c in cases],
        ("at",),
    )
    session.run("DELETE FROM case_identity WHERE object IN ?i", numbers)
    rows = sorted({(identity, case.mapping, case.object) for case in cases for identity in case.identities})
    key = ("identity", "mapping", "object")
    session.upsert("case_identity", key, key, rows)
    _mark_outbound(session, {row[0] for row in rows})
    left = before - {(row[0], row[1]) for row in rows}
    _mark_outbound(session, {identity for identity, _ in left})
    wake_cases(session, left, numbers)


def close_cases(session: Session, numbers: Sequence[int]) -> None:
    """The cause of these objects' cases has gone. Whoever waits for a unique value may get it now."""
    if not numbers or not any_case(session):
        return
    freed = _places(session, numbers)
    kinds = {row[0] for row in session.rows("SELECT DISTINCT kind FROM cases WHERE object IN ?i", list(numbers))}
    if kinds - {"double", *NAMES}:
        session.run(f"UPDATE identity SET dirty = dirty | {IN} WHERE dirty > 0 AND dirty >= {TROUBLE}")
        wake_waiting(session, {identity for identity, _ in freed})
    if kinds & ERRORS:
        session.run(f"UPDATE identity SET dirty = dirty | {OUT} WHERE id IN (SELECT owner FROM waiting)")
    session.run("DELETE FROM cases WHERE object IN ?i", list(numbers))
    session.run("DELETE FROM case_identity WHERE object IN ?i", list(numbers))
    _mark_outbound(session, {identity for identity, _ in freed})
    wake_cases(session, freed, numbers)


def close_existing(session: Session, made: Collection[Place]) -> None:
    """Objects were made for these places: nothing stands in their way any more."""
    if not made or not any_case(session):
        return
    rows = session.rows(
        "SELECT ci.object, ci.identity, ci.mapping FROM case_identity ci CROSS JOIN cases c "
        f"WHERE ci.identity IN ?i AND c.object = ci.object AND c.kind = '{EXISTS}'",
        sorted({identity for identity, _ in made}),
    )
    close_cases(session, sorted({number for number, identity, mapping in rows if (identity, mapping) in made}))


def wake_cases(session: Session, places: Collection[Place], but_for: Collection[int] = ()) -> set[int]:
    """Objects whose cases have to do with these places are matched again; which ones."""
    if not places or not any_case(session):
        return set()
    found = session.rows(
        "SELECT identity, mapping, object FROM case_identity WHERE identity IN ?i",
        sorted({identity for identity, _ in places}),
    )
    others = {number for identity, mapping, number in found if (identity, mapping) in places} - set(but_for)
    if others:
        session.run(f"UPDATE object SET dirty = {CHANGED} WHERE id IN ?i AND gone = 0", sorted(others))
    return others


def judge_again(session: Session, numbers: Sequence[int]) -> None:
    """These objects were written: what could not be worked out of one of them may be now."""
    if numbers and any_case(session):
        session.run(
            f"UPDATE object SET dirty = {CHANGED} WHERE dirty = 0 AND id IN "
            f"(SELECT c.object FROM cases c WHERE c.object IN ?i AND {ABOUT_ERRORS})",
            list(numbers),
        )


def report_cases(session: Session, rules: Rules, report: Report) -> None:
    """Tell every open case, whenever it was found, and none that has closed."""
    report.forget_cases()
    cases = session.rows(f"SELECT c.kind, c.identities, c.message, c.mapping, o.space, o.anchor FROM {WITH_OBJECTS}")
    numbers = sorted({n for case in cases for n in orjson.loads(case[1])})
    uids: dict[int, str] = dict(session.rows("SELECT id, uid FROM identity WHERE id IN ?i", numbers)) if numbers else {}
    for kind, identities, message, mapping, space, anchor in told(rules, cases):
        system, object_type = rules.spaces[space]
        held = kind not in ERRORS
        whose = [uids[n] for n in orjson.loads(identities) if n in uids]
        ways = commands(rules, kind, mapping, space, anchor, whose)
        advice = f". Decide with: {'; or: '.join(ways)}" if ways else ""
        report.add(
            Problem(
                shown_kind(kind),
                system,
                f"{system}/{object_type} {anchor} {message}{advice}",
                type=object_type,
                anchor=anchor,
                identities=tuple(whose),
                held=held,
                case=True,
            )
        )


def commands(rules: Rules, kind: str, mapping: int, space: int, anchor: str, people: Sequence[str]) -> list[str]:
    """The commands that decide a case, ready to be typed; none where there is nothing to decide.

    `people`: the ids in the order of the case. One of several is for the reader to choose: IDENTITY.
    """
    if kind in ERRORS or kind == OWNED:
        return []
    about = named(*rules.spaces[space], anchor)
    if kind == "double":
        return [*(f"muster joins merge {one} {people[0]}" for one in people[1:]), f"muster joins refuse {about}"]
    accept = f"muster joins accept {about} {people[0] if len(people) == 1 else 'IDENTITY'}"
    if kind in (CLASH, EXISTS):
        return [accept]
    known = rules.mappings.get(mapping)
    nobody = f"muster joins {'new' if known and known.rules.project else 'refuse'} {about}"
    if kind == "taken":
        return [nobody]
    return [accept, nobody]


def standing_against(session: Session, disputed: Iterable[tuple[int, Place, str]]) -> dict[Place, dict[int, str]]:
    """Place → the objects that hold it or claim it, with their anchors. `disputed`: object, place and kind of cases."""
    known = list(disputed)
    claimed = {number: place for number, place, kind in known if kind == "rivals"}
    holders = {place for _, place, kind in known if kind == "taken"}
    found: dict[Place, dict[int, str]] = {}
    for number, anchor in session.rows("SELECT id, anchor FROM object WHERE id IN ?i", sorted(claimed)):
        found.setdefault(claimed[number], {})[number] = anchor
    for number, anchor, identity, mapping in session.rows(
        "SELECT id, anchor, identity, mapping FROM object WHERE identity IN ?i AND gone = 0",
        sorted({identity for identity, _ in holders}),
    ):
        if (identity, mapping) in holders:
            found.setdefault((identity, mapping), {})[number] = anchor
    return found


def undecided_names(session: Session, rules: Rules, identities: Sequence[int]) -> dict[tuple[int, str, int], set[str]]:
    """Names of objects that may be these identities', if a person says so: what a reference to them may hold now.

    Under `ANYBODY`: names of objects that may be anybody's.
    """
    found: dict[tuple[int, str, int], set[str]] = {}
    if not identities or not any_case(session):
        return found
    for identity, mapping, space, anchor, data in session.rows(
        "SELECT ci.identity, ci.mapping, o.space, o.anchor, o.doc FROM case_identity ci CROSS JOIN cases c CROSS JOIN "
        f"object o WHERE ci.identity IN ?i AND c.object = ci.object AND o.id = c.object AND {ABOUT_JOINS}",
        list(identities),
    ):
        place = (identity, rules.system_of(space), rules.account_of(mapping))
        found.setdefault(place, set()).update(_names(rules, space, anchor, data))
    for space, anchor, data in session.rows(
        "SELECT o.space, o.anchor, o.doc FROM cases c CROSS JOIN object o "
        f"WHERE o.id = c.object AND o.gone = 0 AND {UNJUDGED}"
    ):
        place = (ANYBODY[0], rules.system_of(space), ANYBODY[1])
        found.setdefault(place, set()).update(_names(rules, space, anchor, data))
    return found


def _names(rules: Rules, space: int, anchor: str, data: bytes) -> set[str]:
    """What a reference to an object may hold."""
    schema = rules.schema_of(space)
    if schema is None or schema.naming is None:
        return {anchor}
    return {anchor, str(decode(data).get(schema.naming))}


def called(session: Session, identities: Sequence[int]) -> str:
    """What people call these identities, with their ids."""
    rows = session.rows("SELECT uid, doc FROM identity WHERE id IN ?i ORDER BY uid", list(identities))
    return ", ".join(f"{decode(data).get('displayName') or 'somebody'} ({uid})" for uid, data in rows)


def found_as(session: Session, rules: Rules, identities: Sequence[int]) -> str:
    """What people call these identities, and where they find them: with the objects of their sources, and their ids."""
    sources: dict[int, list[str]] = {}
    for identity, space, anchor in session.rows(
        "SELECT identity, space, anchor FROM object WHERE identity IN ?i AND mapping IN ?i AND gone = 0 "
        "ORDER BY space, anchor",
        list(identities),
        [number for number, mapping in rules.mappings.items() if mapping.rules.project],
    ):
        sources.setdefault(identity, []).append(f"{'/'.join(rules.spaces[space])} {anchor}")
    rows = session.rows("SELECT id, uid, doc FROM identity WHERE id IN ?i ORDER BY uid", list(identities))
    return ", ".join(
        f"{decode(data).get('displayName') or 'somebody'} ({', '.join([*sources.get(number, ()), uid])})"
        for number, uid, data in rows
    )


def named(system: str, object_type: str, anchor: str) -> str:
    """An object as the commands of `muster joins` take it."""
    return f"{system}/{object_type} {'-- ' if anchor.startswith('-') else ''}{shlex.quote(anchor)}"


def told(rules: Rules, cases: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The cases to be told: of a match found after both sides projected, the side of the worse precedence alone."""
    worst: dict[tuple[int, ...], tuple[Any, ...]] = {}
    for case in cases:
        if case[0] == "double":
            people = tuple(sorted(orjson.loads(case[1])))
            if people not in worst or _standing(rules, case) > _standing(rules, worst[people]):
                worst[people] = case
    kept = {id(case) for case in worst.values()}
    return [case for case in cases if case[0] != "double" or id(case) in kept]


def _standing(rules: Rules, case: tuple[Any, ...]) -> tuple[int, str, str]:
    mapping = rules.mappings.get(case[3])
    inbound = mapping.rules.inbound if mapping else None
    return (inbound.precedence if inbound else 1 << 30, mapping.name if mapping else "", case[5])


def _places(session: Session, numbers: Sequence[int]) -> set[Place]:
    return {
        (row[0], row[1])
        for row in session.rows("SELECT identity, mapping FROM case_identity WHERE object IN ?i", list(numbers))
    }


def _mark_outbound(session: Session, identities: Iterable[int]) -> None:
    """What the identities should have in the systems is to be worked out again."""
    wanted = sorted(identities)
    if wanted:
        session.run("UPDATE identity SET dirty = dirty | 2 WHERE id IN ?i", wanted)
