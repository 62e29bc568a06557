"""References by a key that nobody has, or more than one: a manager's number that stands in no source, or in two lines.

Told in each run, the former one line a flow. The value is not lost: it waits, and is resolved when somebody appears.
What refers to a key that a second person gets goes on leading to the first, and is held until the data are mended, or
somebody decided that these are two people. References to anything of a system (the members
of a directory's groups) often lead to what is not kept in step, and are not told.
"""

from __future__ import annotations

from typing import Final

from muster.store.database import Session
from muster.sync.joins.cases import found_as
from muster.sync.joins.decisions import Decisions
from muster.sync.problems import Problem, Report
from muster.sync.references.key_owners import shared_keys
from muster.sync.rules.ruleset import HELD, CompiledInbound, Rules

UNRESOLVED: Final = "unresolved-reference"
SHARED: Final = "shared-key"
_EXAMPLES: Final = 3
_COUNTED: Final = 1_000
"""So many are counted; what is more is said to be more."""


def report_unresolved(session: Session, rules: Rules, report: Report) -> None:
    """Tell the references of people and other identities that name nobody; reads those alone, and not all of many."""
    report.forget(UNRESOLVED)
    if not any(_told(rules, flow) for mapping in rules.mappings.values() for flow in mapping.inbound):
        return
    if session.one("SELECT owner FROM edge WHERE target IS NULL LIMIT 1") is None:
        return
    for mapping in sorted(rules.mappings.values(), key=lambda one: one.name):
        for flow in mapping.inbound:
            if _told(rules, flow):
                found = session.rows(
                    "SELECT o.anchor, e.how, e.key, i.uid FROM edge e CROSS JOIN object o CROSS JOIN identity i WHERE "
                    f"e.target IS NULL AND e.attribute = ? AND e.origin <> {HELD} AND e.how = ? AND o.id = e.origin "
                    "AND o.mapping = ? AND i.id = e.owner ORDER BY e.attribute, e.how, e.owner LIMIT ?",
                    flow.attribute_id,
                    flow.how,
                    mapping.id,
                    _COUNTED + 1,
                )
                if found:
                    report.add(_problem(session, rules, mapping.rules.system, mapping.rules.object, flow, found))


def report_shared(session: Session, rules: Rules, report: Report) -> None:
    """Tell the keys that more than one person has and by which others refer to the one who had it first."""
    report.forget(SHARED)
    for sig, key, owner, others in shared_keys(session, sorted(rules.key_hows), _COUNTED):
        people = [owner, *others]
        apart = Decisions().apart(session, people)
        decided = all((owner, other) in apart for other in others)
        uids: dict[int, str] = dict(session.rows("SELECT id, uid FROM identity WHERE id IN ?i", people))
        kind, _, attribute = rules.hows[sig][1].partition(":")
        first = found_as(session, rules, [owner])
        report.add(
            Problem(
                SHARED,
                "",
                f"{kind}: {attribute} {key!r} is that of {first}, and now also of {found_as(session, rules, others)}. "
                f"What refers to it goes on leading to the first. Correct the {attribute} of the one who "
                "has it by mistake, where it comes from",
                type=kind,
                identities=tuple(uids[one] for one in people),
                held=not decided,
                note=decided,
            )
        )


def _told(rules: Rules, flow: CompiledInbound) -> bool:
    return bool(flow.how) and flow.streamed is None and rules.hows[flow.how][0] != "system"


def _problem(
    session: Session,
    rules: Rules,
    system: str,
    kind: str,
    flow: CompiledInbound,
    found: list[tuple[str, int, str, str]],
) -> Problem:
    name = flow.flow.attribute.name
    count = f"more than {_COUNTED:,}" if len(found) > _COUNTED else f"{len(found):,}"
    shown = [f"{anchor} says {key!r}{_several(session, rules, how, key)}" for anchor, how, key, _ in found[:_EXAMPLES]]
    more = ", …" if len(found) > _EXAMPLES else ""
    what = "values name" if len(found) > 1 else "value names"
    return Problem(
        UNRESOLVED,
        system,
        f"{flow.slots[0].place}: {system}/{kind}: {count} {what} nobody as {name}: {', '.join(shown)}{more}. Until "
        f"somebody has that key, it is left out of {name}",
        type=kind,
        anchor=found[0][0] if len(found) == 1 else None,
        identities=tuple(uid for *_, uid in found[:_EXAMPLES]),
        note=True,
    )


def _several(session: Session, rules: Rules, how: int, key: str) -> str:
    """Why a key that is there leads to nobody."""
    if rules.hows[how][0] != "identity":
        return ""
    count = session.value("SELECT count(*) FROM identity_key WHERE sig = ? AND key = ?", how, key)
    return f" ({count} have it)" if count else ""
