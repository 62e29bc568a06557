"""The safety limits: what one system may lose over 24 hours before a person is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import orjson

from muster.project.configuration import Safety
from muster.store.database import Session
from muster.sync.clock import DAY
from muster.sync.problems import Problem
from muster.sync.rules import Rules

SMALLEST_SYSTEM: Final = 5
SMALLEST_GROUP: Final = 50
SMALLEST_UPDATE: Final = 50
LOSS: Final = "loss"
"""`kind` in `spent`: deletes, disables and re-creations of what another hand deleted."""


def over_limits(session: Session, rules: Rules, now: int) -> list[Problem]:
    """What the pending changes exceed, one problem for each system and limit; nothing of such a system is written."""
    found: list[Problem] = []
    for system in sorted(rules.project.systems):
        spaces = rules.spaces_of(system)
        if spaces:
            found.extend(_System(session, rules, system, spaces, now).problems())
    return found


def spend(session: Session, system: str, now: int, count: int) -> None:
    """Count losses that were written against the next 24 hours."""
    if count:
        session.insert("spent", ("system", "kind", "at", "count"), [(system, LOSS, now, count)])
        session.run("DELETE FROM spent WHERE at <= ?", now - DAY)


class _System:
    """The limits of one system."""

    def __init__(self, session: Session, rules: Rules, system: str, spaces: list[int], now: int) -> None:
        self.session = session
        self.rules = rules
        self.system = system
        self.spaces = spaces
        self.now = now
        self.safety: Safety = rules.project.systems[system].safety

    def problems(self) -> Iterable[Problem]:
        yield from self._losses()
        yield from self._members()
        yield from self._updates()

    def _objects(self, space: int | None = None) -> int:
        spaces = self.spaces if space is None else [space]
        return int(self.session.value("SELECT COUNT(*) FROM object WHERE space IN ?i AND gone = 0", spaces) or 0)

    def _losses(self) -> Iterable[Problem]:
        planned = self.session.value(
            "SELECT COUNT(*) FROM change WHERE state = 0 AND space IN ?i AND (action IN ('delete', 'disable') "
            "OR (action = 'create' AND object IS NOT NULL))",
            self.spaces,
        )
        if not planned:
            return
        before = self.session.value(
            "SELECT COALESCE(SUM(count), 0) FROM spent WHERE system = ? AND kind = ? AND at > ?",
            self.system,
            LOSS,
            self.now - DAY,
        )
        total = int(planned) + int(before)
        past = f" ({before} of them in the last 24 hours)" if before else ""
        if total > self.safety.deletes:
            yield self._problem(
                "deletes",
                f"{total} deletes and disables{past}; `safety: deletes` allows {self.safety.deletes} in 24 hours",
            )
            return
        objects = self._objects()
        if objects >= SMALLEST_SYSTEM and total * 100 > objects * self.safety.percent:
            yield self._problem(
                "percent",
                f"{total} deletes and disables{past} of {objects} objects; "
                f"`safety: percent` allows {self.safety.percent} % in 24 hours",
            )

    def _members(self) -> Iterable[Problem]:
        if not self.rules.streamed:
            return
        for number, attribute, removed, anchor in self.session.rows(
            "SELECT c.object, e.attribute, COUNT(*), MIN(c.anchor) FROM change c JOIN edge_change e ON e.change = c.id "
            "WHERE c.state = 0 AND c.space IN ?i AND e.remove = 1 GROUP BY c.object, e.attribute ORDER BY 4",
            self.spaces,
        ):
            count = self.session.value(
                "SELECT count FROM shown_digest WHERE object = ? AND attribute = ?", number, attribute
            )
            if count and count > SMALLEST_GROUP and removed * 100 > count * self.safety.members:
                yield self._problem(
                    "members",
                    f"{anchor} would lose {removed} of {count} {self.rules.names.text(attribute)}; "
                    f"`safety: members` allows {self.safety.members} %",
                    anchor,
                )

    def _updates(self) -> Iterable[Problem]:
        smallest = SMALLEST_UPDATE * self.safety.updates // 100
        for space in self.spaces:
            updates = self.session.value(
                "SELECT COUNT(*) FROM change WHERE state = 0 AND space = ? AND action = 'update'", space
            )
            if not updates or updates <= smallest:
                continue
            objects = self._objects(space)
            if objects < SMALLEST_UPDATE or updates * 100 <= objects * self.safety.updates:
                continue
            for name, count in sorted(self._changed(space).items()):
                if count * 100 > objects * self.safety.updates:
                    yield self._problem(
                        "updates",
                        f"{name} would be changed or cleared in {count} of {objects} objects; "
                        f"`safety: updates` allows {self.safety.updates} %",
                    )

    def _changed(self, space: int) -> Counter[str]:
        """How many objects lose the value they show, by attribute."""
        counts: Counter[str] = Counter()
        after = 0
        while True:
            rows: list[tuple[Any, ...]] = self.session.rows(
                "SELECT id, payload FROM change WHERE state = 0 AND space = ? AND action = 'update' AND id > ? "
                "ORDER BY id LIMIT 5000",
                space,
                after,
            )
            if not rows:
                return counts
            after = rows[-1][0]
            for _, payload in rows:
                content = orjson.loads(payload)
                counts.update({*content.get("was", ()), *content.get("remove", ())})

    def _problem(self, kind: str, message: str, anchor: str | None = None) -> Problem:
        return Problem(
            kind,
            self.system,
            f"{self.system}: {message}. Nothing is written to {self.system}. If this is right, run again with "
            "--allow-deletes",
            anchor=anchor,
            held=True,
        )
