"""What a run made, as `apply` and `run` tell it.

What follows from the outcomes of a run's first round is written in later ones: the references of a circle, values that
a system answered. A plan shows that as part of one change, and so does the result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import orjson

from muster.app.combining import combined
from muster.model.changes import Action
from muster.store.database import Session
from muster.sync.plan_document import ACTIONS, change_document, edges_of, names_of, without_later
from muster.sync.queue.changes import DONE
from muster.sync.run import Run

_COLUMNS: Final = "c.id, c.space, c.mapping, c.identity, c.action, c.anchor, p.doc, i.uid"
_FROM: Final = "change c JOIN payload p ON p.change = c.id LEFT JOIN identity i ON i.id = c.identity"


@dataclass(slots=True)
class Attempt:
    """One change that was tried. Those of one `place` are about one object."""

    id: int
    place: tuple[int, int, int]
    action: str
    done: bool


@dataclass(slots=True)
class Followed:
    """What was written in later rounds. `parts`: change → those that completed it; `overtaken`: failed, and tried
    again in another form."""

    parts: dict[int, list[int]] = field(default_factory=dict)
    overtaken: set[int] = field(default_factory=set)

    @property
    def untold(self) -> set[int]:
        """The changes that are not told by themselves."""
        return self.overtaken.union(*self.parts.values())


def follow(attempts: Iterable[Attempt]) -> Followed:
    """Which of the changes, in the order in which they were made, are told with another one."""
    found = Followed()
    told: dict[tuple[int, int, int], list[Attempt]] = {}
    for attempt in attempts:
        before = told.setdefault(attempt.place, [])
        if before and not before[-1].done:
            found.overtaken.add(before.pop().id)
        last = before[-1] if before else None
        completes = attempt.done and attempt.action == Action.UPDATE
        if completes and last is not None and last.action in (Action.CREATE, Action.UPDATE):
            found.parts.setdefault(last.id, []).append(attempt.id)
        else:
            before.append(attempt)
    return found


def followed(run: Run, session: Session) -> Followed:
    """What the run wrote in later rounds."""
    later = run.attempted[run.first_round :]
    if not later:
        return Followed()
    attempted = set(run.attempted)
    rows = session.rows(
        "SELECT c.id, c.identity, c.mapping, c.object, c.action, c.state, p.doc FROM change c "
        "JOIN payload p ON p.change = c.id WHERE c.identity IN (SELECT identity FROM change WHERE id IN ?i) "
        "AND c.sealed IN (SELECT seq FROM audit WHERE run = ?) ORDER BY c.id",
        later,
        run.number,
    )
    return follow(
        Attempt(number, (identity, mapping, _apart(identity, item, payload)), action, state == DONE)
        for number, identity, mapping, item, action, state, payload in rows
        if number in attempted
    )


def _apart(identity: int, item: int | None, payload: bytes) -> int:
    """An identity has one object a mapping; unmanaged objects and groups that somebody leaves are told by object."""
    return (item or 0) if not identity or orjson.loads(payload).get("clears") else 0


def failed_changes(run: Run, session: Session) -> dict[str, int]:
    """How many changes were tried and not made, by system."""
    found: Counter[str] = Counter()
    if len(run.attempted) > len(run.applied):
        untold = followed(run, session).untold
        for space, count in session.rows(
            f"SELECT space, COUNT(*) FROM change WHERE state <> {DONE} AND id IN ?i GROUP BY space",
            [number for number in run.attempted if number not in untold],
        ):
            found[run.rules.system_of(space)] += count
    return dict(sorted(found.items()))


def made_summary(run: Run, session: Session) -> dict[str, dict[str, int]]:
    """How many changes of each kind were made, by system."""
    untold = followed(run, session).untold
    found: dict[str, dict[str, int]] = {}
    for space, action, count in session.rows(
        f"SELECT space, action, COUNT(*) FROM change WHERE state = {DONE} AND id IN ?i GROUP BY space, action",
        [number for number in run.applied if number not in untold],
    ):
        counts = found.setdefault(run.rules.system_of(space), dict.fromkeys(ACTIONS, 0))
        counts[action] += count
    return dict(sorted(found.items()))


def result_document(run: Run, session: Session, most: int | None) -> dict[str, Any]:
    """The changes made, what is pending and what there is to tell; of each system at most `most`, failed ones first."""
    told = followed(run, session)
    changes = [
        change
        for system in sorted(run.project.systems)
        for change in islice(_made(run, session, system, most, told), most)
    ]
    return {
        "run": run.number,
        "summary": made_summary(run, session),
        "changes": changes,
        "failed": failed_changes(run, session),
        "pending": session.value("SELECT COUNT(*) FROM change WHERE state = 0"),
        "staging": not run.standing.active,
        "held": [problem.document() for problem in run.report.held],
        "errors": [problem.document() for problem in run.report.errors],
        "notes": [problem.document() for problem in run.report.notes],
    }


def _made(run: Run, session: Session, system: str, most: int | None, told: Followed) -> Iterator[dict[str, Any]]:
    untold = told.untold
    first = "" if most is None else f"(c.state = {DONE}), "
    rows = session.rows(
        # The few that are shown are found first: what is sorted carries no payload.
        f"SELECT {_COLUMNS}, c.state, c.reason FROM {_FROM} WHERE c.id IN (SELECT c.id FROM change c "
        f"WHERE c.id IN ?i AND c.space IN ?i ORDER BY {first}c.rank, c.id LIMIT ?) ORDER BY {first}c.rank, c.id",
        [number for number in run.attempted if number not in untold],
        run.rules.spaces_of(system),
        len(run.attempted) if most is None else most,
    )
    edges = edges_of(run.rules, session, [row[0] for row in rows])
    names = names_of(session, [row[3] for row in rows])
    parts = _parts(run, session, [number for row in rows for number in told.parts.get(row[0], ())])
    for row in rows:
        change = change_document(run.rules, row[:8], edges.get(row[0], {}), names.get(row[3]))
        for number in told.parts.get(row[0], ()):
            both = combined(change, parts[number])
            change = {**change, "attributes": both["attributes"]} if both is not None else change
        del change["_identity"]
        change["outcome"] = "done" if row[8] == DONE else "failed"
        if row[8] == DONE:
            change = without_later(change)
        if row[9]:
            change["message"] = row[9]
        yield change


def _parts(run: Run, session: Session, numbers: list[int]) -> dict[int, dict[str, Any]]:
    """The changes that completed others."""
    rows = session.rows(f"SELECT {_COLUMNS} FROM {_FROM} WHERE c.id IN ?i", numbers)
    edges = edges_of(run.rules, session, numbers)
    return {row[0]: change_document(run.rules, row, edges.get(row[0], {})) for row in rows}
