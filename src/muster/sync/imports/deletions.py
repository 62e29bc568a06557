"""Deletions: what a complete read did not show, and what a system says is deleted, within the limits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from muster.model.objects import ReadProblem
from muster.project.configuration import Safety
from muster.store.database import chunks
from muster.sync.imports.objects import ObjectImport
from muster.sync.problems import Problem, Report
from muster.sync.safety.limits import SMALLEST_SYSTEM, TOMBSTONES, enough, live_objects, spend, spent, too_many
from muster.sync.safety.telling import IF_RIGHT, some_of

NOT_TAKEN_IN: Final = frozenset({"shrunk", "tombstones"})
"""The kinds of problem that say that a system's deletions were not believed."""


class Deletions:
    """What follows for the objects that an import did not show, once all of it was read."""

    def __init__(self, objects: ObjectImport, report: Report, now: int, safety: Safety, allow_deletes: bool) -> None:
        self.objects = objects
        self.database = objects.database
        self.system = objects.system
        self.report = report
        self.now = now
        self.safety = safety
        self.allow_deletes = allow_deletes

    def infer(self, kind: str, part: str, problems: Sequence[ReadProblem]) -> bool:
        """Take what a complete read did not show for deleted; False when that is more than the limits allow.

        `problems`: the objects of the type, and of which part, that could not be read.
        """
        space = self.objects.spaces[kind]
        if any(problem.anchor is None and problem.partition in ("", part) for problem in problems):
            return True
        blocked = {problem.anchor for problem in problems}
        with self.database.read() as session:
            known = session.rows(
                "SELECT id, anchor FROM object WHERE space = ? AND part = ? AND gone = 0 AND id < ?",
                space,
                part,
                len(self.objects.seen),
            )
        missing = [number for number, anchor in known if not self.objects.seen[number] and anchor not in blocked]
        ours = self._deleted_by_us(missing)
        known = [row for row in known if row[0] not in ours]
        missing = [number for number in missing if number not in ours]
        if not missing:
            return True
        unread = sum(1 for number, anchor in known if not self.objects.seen[number] and anchor in blocked)
        shown = self.objects.shown.get((kind, part), 0) + unread
        floor = len(known) * (100 - self.safety.percent)
        if len(known) >= SMALLEST_SYSTEM and shown * 100 < floor and not self.allow_deletes:
            self.report.add(
                Problem(
                    "shrunk",
                    self.system,
                    f"{self.system}: {kind} shows {shown} objects where {len(known)} were known; more than "
                    f"{self.safety.percent} % are missing, so none is taken for deleted. {IF_RIGHT}. "
                    f"Missing: {some_of(self.database, missing)}",
                    type=kind,
                    held=True,
                )
            )
            return False
        for batch in chunks(missing):
            with self.database.write() as session:
                self.objects.mark_gone(session, batch)
        return True

    def forget_the_rest(self) -> None:
        """What the system was before it was forgotten, in parts that it no longer has."""
        with self.database.read() as session:
            rows = session.rows(
                "SELECT id FROM object WHERE space IN ?i AND gone = 0 AND id < ?",
                sorted(self.objects.spaces.values()),
                len(self.objects.seen),
            )
        for batch in chunks([row[0] for row in rows if not self.objects.seen[row[0]]]):
            with self.database.write() as session:
                self.objects.mark_gone(session, batch)

    def _deleted_by_us(self, numbers: Iterable[int]) -> set[int]:
        """Those of the missing objects that an interrupted run had deleted: they count against no limit again."""
        ours = self.objects.sent.deleting.intersection(numbers)
        if ours:
            with self.database.write() as session:
                self.objects.mark_gone(session, sorted(ours))
        return ours

    def believe_tombstones(self) -> bool:
        """Take for deleted what the system itself says is deleted; none, when that is more than the limits allow."""
        ours = self._deleted_by_us(self.objects.tombstones)
        numbers = [number for number in self.objects.tombstones if number not in ours]
        if not numbers:
            return True
        with self.database.read() as session:
            before = spent(session, self.system, self.now).get(TOMBSTONES, 0)
            total = len(numbers) + before
            most = enough(total, self.safety.percent, SMALLEST_SYSTEM)
            known = live_objects(session, list(self.objects.spaces.values()), most)
        over = total > self.safety.deletes or too_many(total, known + before, self.safety.percent, SMALLEST_SYSTEM)
        if over and not self.allow_deletes:
            past = f" ({before} of them in the last 24 hours)" if before else ""
            self.report.add(
                Problem(
                    "tombstones",
                    self.system,
                    f"{self.system}: says that {total}{past} of {known + before} objects were deleted; `safety` allows "
                    f"{self.safety.deletes} and {self.safety.percent} % in 24 hours, so none is taken for deleted. "
                    f"{IF_RIGHT}. Deleted: {some_of(self.database, numbers)}",
                    held=True,
                )
            )
            return False
        for batch in chunks(numbers):
            with self.database.write() as session:
                self.objects.mark_gone(session, batch)
                if not over:
                    spend(session, self.system, self.now, {TOMBSTONES: len(batch)})
        return True
