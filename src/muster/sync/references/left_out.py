"""Members that a system cannot have, told as notes: nothing is wrong with what Muster does, and all others are in."""

from __future__ import annotations

from typing import Final

from muster.store.codec import decode
from muster.store.database import Session
from muster.sync.problems import Problem, Report, who_is
from muster.sync.rules.ruleset import Rules

LEFT_OUT: Final = "left-out"
_EXAMPLES: Final = 3
_MOST: Final = 1_000


def report_left_out(session: Session, rules: Rules, report: Report) -> None:
    """Tell each group that would contain itself or members of another forest, in each run for as long as it holds."""
    report.forget(LEFT_OUT)
    groups: dict[tuple[int, int, int], list[int]] = {}
    for owner, attribute, mapping, target in session.rows(
        "SELECT owner, attribute, mapping, target FROM left_out ORDER BY owner, attribute, mapping, target LIMIT ?",
        _MOST,
    ):
        groups.setdefault((owner, attribute, mapping), []).append(target)
    for (owner, attribute, number), targets in groups.items():
        mapping = rules.mappings.get(number)
        flow = next((one for one in mapping.streams if one.edge == attribute), None) if mapping else None
        row = session.one(
            "SELECT i.uid, i.doc, o.anchor FROM identity i JOIN object o ON o.identity = i.id AND o.mapping = ? "
            "AND o.gone = 0 WHERE i.id = ?",
            number,
            owner,
        )
        if mapping is None or flow is None or row is None:
            continue
        uid, data, anchor = row
        system, kind = mapping.rules.system, mapping.rules.object
        told = _why(session, owner, targets)
        report.add(
            Problem(
                LEFT_OUT,
                system,
                f"{flow.flow.place}: {system}/{kind} {anchor} of {who_is(uid, decode(data))}: {told}",
                type=kind,
                anchor=anchor,
                identities=(uid,),
                note=True,
            )
        )


def _why(session: Session, owner: int, targets: list[int]) -> str:
    others = [target for target in targets if target != owner]
    reasons = []
    if owner in targets:
        reasons.append("would contain itself, so that is left out. Take it out of its own members where they come from")
    if others:
        rows = session.rows("SELECT uid, doc FROM identity WHERE id IN ?i ORDER BY id LIMIT ?", others, _EXAMPLES)
        some = ", ".join(who_is(uid, decode(data)) for uid, data in rows)
        more = ", …" if len(others) > len(rows) else ""
        count = f"{len(others)} members are" if len(others) > 1 else "1 member is"
        reasons.append(
            f"{count} in another forest, and a group has members of its own forest only, so that is left out: "
            f"{some}{more}. Give them a group in their own"
        )
    return "; ".join(reasons)
