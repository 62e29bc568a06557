"""The safety limits: what one system may lose over 24 hours before a person is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from muster.model.values import items
from muster.project.configuration import Safety
from muster.store.codec import decode
from muster.store.database import Session
from muster.sync.clock import DAY
from muster.sync.problems import Problem
from muster.sync.references.edge_marks import NOBODY
from muster.sync.rules.ruleset import Rules

SMALLEST_SYSTEM: Final = 5
SMALLEST_GROUP: Final = 50
SMALLEST_UPDATE: Final = 50
LIMITS: Final = frozenset({"deletes", "percent", "members", "updates"})
"""The kinds of problem that hold a system; a person may let them through."""
LOSS: Final = "loss"
"""`kind` in `spent`: deletes, disables and re-creations of what another hand deleted."""
TOMBSTONES: Final = "tombstones"
"""`kind` in `spent`: objects that the system itself said are deleted."""


def over_limits(session: Session, rules: Rules, now: int, systems: Iterable[str] | None = None) -> list[Problem]:
    """What the pending changes exceed, one problem for each system and limit; nothing of such a system is written."""
    found: list[Problem] = []
    for system in sorted(rules.project.systems if systems is None else systems):
        spaces = rules.spaces_of(system)
        if spaces:
            found.extend(_System(session, rules, system, spaces, now).problems())
    return found


def spend(session: Session, system: str, now: int, counts: Mapping[str, int]) -> None:
    """Count what was done, by kind, against the next 24 hours."""
    rows = [(system, kind, now, count) for kind, count in sorted(counts.items()) if count]
    if rows:
        session.insert("spent", ("system", "kind", "at", "count"), rows)
        session.run("DELETE FROM spent WHERE at <= ?", now - DAY)


def spent(session: Session, system: str, now: int) -> dict[str, int]:
    """What was done to the system in the last 24 hours, by kind."""
    return {
        kind: int(count)
        for kind, count in session.rows(
            "SELECT kind, SUM(count) FROM spent WHERE system = ? AND at > ? GROUP BY kind", system, now - DAY
        )
    }


def members_kind(number: int, attribute: str) -> str:
    """`kind` in `spent`: edges removed from one group (an object's id)."""
    return f"members {number} {attribute}"


def updates_kind(space: int, attribute: str) -> str:
    """`kind` in `spent`: objects of one type that lost the value of one attribute."""
    return f"updates {space} {attribute}"


def lost_members(payload: Mapping[str, Any], name: str) -> int:
    """How many a change takes out of a reference that stands in the object itself; who is renamed stays a member."""
    renamed = payload.get("renamed", {}).get(name, ())
    return sum(1 for one in payload.get("remove", {}).get(name, ()) if one not in renamed)


def lost_edges(session: Session, condition: str, *arguments: Any) -> list[tuple[int, int, int, str]]:
    """The same of large references, where `condition` holds of the change `c`: (object, attribute, how many, anchor).

    A name that was ours and is nobody's by now goes for somebody who comes under another: who was renamed before.
    """
    rows = session.rows(
        "SELECT object, attribute, MIN(anchor), SUM(CASE WHEN target >= 0 THEN gone ELSE 0 END), "
        "SUM(CASE WHEN target < 0 THEN gone ELSE 0 END), SUM(come) FROM ("
        "SELECT c.object, e.attribute, e.target, MIN(c.anchor) AS anchor, "
        "CASE WHEN MIN(e.remove) = 1 THEN COUNT(*) ELSE 0 END AS gone, 1 - MAX(e.remove) AS come "
        f"FROM change c JOIN edge_change e ON e.change = c.id WHERE c.object IS NOT NULL AND {condition} "
        f"GROUP BY c.object, e.attribute, e.target, CASE WHEN e.target <= {NOBODY} THEN e.text ELSE '' END) values_of "
        "GROUP BY object, attribute ORDER BY 3",
        *arguments,
    )
    return [
        (number, attribute, int(gone) + max(0, int(former) - int(come)), anchor)
        for number, attribute, anchor, gone, former, come in rows
        if gone or former
    ]


def lost_values(payload: Mapping[str, Any]) -> set[str]:
    """The attributes of which a change takes away what the system shows."""
    return {*payload.get("was", ()), *payload.get("remove", ())}


def too_many(count: int, of: int, percent: int, smallest: int) -> bool:
    """Whether `count` is more than that share; shares mean nothing below `smallest`."""
    return of >= smallest and count * 100 > of * percent


def enough(count: int, percent: int, smallest: int) -> int | None:
    """Of so many objects, or more, `count` is not `too_many`. None: however many there are, it may be."""
    return max(smallest, count * 100 // percent + 1) if percent else None


def live_objects(session: Session, spaces: Sequence[int], most: int | None = None) -> int:
    """How many objects the spaces hold. With `most`, no more are counted: among a million, ten changes ask for few."""
    gone = int(session.value("SELECT COUNT(*) FROM object WHERE gone = 1 AND space IN ?i", list(spaces)))
    if most is None:
        return int(session.value("SELECT COUNT(*) FROM object WHERE space IN ?i", list(spaces))) - gone
    some = "SELECT COUNT(*) FROM (SELECT 1 FROM object WHERE space IN ?i LIMIT ?) counted"
    return int(session.value(some, list(spaces), most + gone)) - gone


class _System:
    """The limits of one system."""

    def __init__(self, session: Session, rules: Rules, system: str, spaces: list[int], now: int) -> None:
        self.session = session
        self.rules = rules
        self.system = system
        self.spaces = spaces
        self.now = now
        self.safety: Safety = rules.project.systems[system].safety
        self.spent = spent(session, system, now)

    def problems(self) -> Iterable[Problem]:
        yield from self._losses()
        yield from self._members()
        yield from self._updates()

    def _losses(self) -> Iterable[Problem]:
        planned, again = self.session.rows(
            "SELECT COUNT(*), COUNT(CASE WHEN action = 'create' THEN 1 END) FROM change WHERE state = 0 "
            "AND space IN ?i AND (action IN ('delete', 'disable') OR (action = 'create' AND object IS NOT NULL))",
            self.spaces,
        )[0]
        if not planned:
            return
        before = self.spent.get(LOSS, 0)
        total = int(planned) + before
        past = f" ({before} of them in the last 24 hours)" if before else ""
        what = "deletes and disables"
        if again:
            what = "deletes, disables and objects made again after another hand deleted them"
        if again == total:
            what = "objects made again after another hand deleted them"
        if total > self.safety.deletes:
            yield self._problem(
                "deletes",
                f"{total} {what}{past}; `safety: deletes` allows {self.safety.deletes} in 24 hours",
            )
            return
        objects = live_objects(self.session, self.spaces, enough(total, self.safety.percent, SMALLEST_SYSTEM))
        if too_many(total, objects, self.safety.percent, SMALLEST_SYSTEM):
            yield self._problem(
                "percent",
                f"{total} {what}{past} of {objects} objects; "
                f"`safety: percent` allows {self.safety.percent} % in 24 hours",
            )

    def _members(self) -> Iterable[Problem]:
        for number, name, removed, shown, anchor in (*self._large_groups(), *self._small_groups()):
            before = self.spent.get(members_kind(number, name), 0)
            if too_many(removed + before, shown + before, self.safety.members, SMALLEST_GROUP + 1):
                past = f" ({before} of them in the last 24 hours)" if before else ""
                yield self._problem(
                    "members",
                    f"{anchor} would lose {removed + before}{past} of {shown + before} {name}; "
                    f"`safety: members` allows {self.safety.members} % in 24 hours",
                    anchor,
                )

    def _large_groups(self) -> Iterable[tuple[int, str, int, int, str]]:
        """(object, attribute, values to be removed, values shown, anchor) of references that stream."""
        if not self.rules.writes_edges:
            return
        for number, attribute, lost, anchor in lost_edges(self.session, "c.state = 0 AND c.space IN ?i", self.spaces):
            shown = self.session.value(
                "SELECT count FROM shown_digest WHERE object = ? AND attribute = ?", number, attribute
            )
            yield number, self.rules.names.text(attribute), lost, shown or 0, anchor

    def _small_groups(self) -> Iterable[tuple[int, str, int, int, str]]:
        """The same of references that stand in the object itself."""
        for mapping in self.rules.mappings.values():
            names = [f.flow.attribute for f in mapping.references if f.attribute.many]
            if not names or mapping.space not in self.spaces:
                continue
            for number, data, payload, anchor in self.session.rows(
                "SELECT o.id, o.doc, p.doc, c.anchor FROM change c JOIN object o ON o.id = c.object "
                "JOIN payload p ON p.change = c.id "
                "WHERE c.state = 0 AND c.mapping = ? AND c.action = 'update' ORDER BY c.anchor",
                mapping.id,
            ):
                change = orjson.loads(payload)
                for name in names:
                    if lost := lost_members(change, name):
                        yield number, name, lost, len(items(decode(data).get(name))), anchor

    def _updates(self) -> Iterable[Problem]:
        for space in self.spaces:
            updates = self.session.value(
                "SELECT COUNT(*) FROM change WHERE state = 0 AND space = ? AND action = 'update'", space
            )
            kind = updates_kind(space, "")
            before = {name.removeprefix(kind): count for name, count in self.spent.items() if name.startswith(kind)}
            most = updates + max(before.values(), default=0)
            if not updates or most * 100 <= SMALLEST_UPDATE * self.safety.updates:
                continue
            objects = live_objects(self.session, [space], enough(most, self.safety.updates, SMALLEST_UPDATE))
            if not too_many(most, objects, self.safety.updates, SMALLEST_UPDATE):
                continue
            for name, count in sorted(self._changed(space).items()):
                past = before.get(name, 0)
                if too_many(count + past, objects, self.safety.updates, SMALLEST_UPDATE):
                    words = f" ({past} of them in the last 24 hours)" if past else ""
                    yield self._problem(
                        "updates",
                        f"{name} would be changed or cleared in {count + past}{words} of {objects} objects; "
                        f"`safety: updates` allows {self.safety.updates} % in 24 hours",
                    )

    def _changed(self, space: int) -> Counter[str]:
        """How many objects lose the value they show, by attribute."""
        counts: Counter[str] = Counter()
        after = 0
        while True:
            rows: list[tuple[Any, ...]] = self.session.rows(
                "SELECT c.id, p.doc FROM change c JOIN payload p ON p.change = c.id "
                "WHERE c.state = 0 AND c.space = ? AND c.action = 'update' AND c.id > ? ORDER BY c.id LIMIT 5000",
                space,
                after,
            )
            if not rows:
                return counts
            after = rows[-1][0]
            for _, payload in rows:
                counts.update(lost_values(orjson.loads(payload)))

    def _problem(self, kind: str, message: str, anchor: str | None = None) -> Problem:
        return Problem(
            kind,
            self.system,
            f"{self.system}: {message}. Nothing is written to {self.system}. If this is right, run again with "
            "--allow-deletes",
            anchor=anchor,
            held=True,
        )
