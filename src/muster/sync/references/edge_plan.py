"""Large references on their way out: which values a system must be told to add or to remove.

Only edges and texts marked dirty are looked at, so one member more costs one value, however large the group is. The
values of a change stand in `edge_change`, from where export streams them; a value whose target gets its object by
another change of the plan stands there without a text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from muster.store.codec import decode
from muster.store.database import Database, Session
from muster.store.pacing import Paced
from muster.sync.provisioning.presence import Touchable
from muster.sync.queue.changes import PLANNED, RANK_DANGLING, RANK_EDGES, RANK_LATE
from muster.sync.queue.queued import add_changes
from muster.sync.references.edge_lookup import Account, LargeReference
from muster.sync.references.edge_marks import FORMER, NOBODY
from muster.sync.rules.ruleset import CompiledMapping, CompiledOutbound, Rules

_COLUMNS: Final = ("change", "attribute", "target", "text", "remove")
_KEY: Final = ("change", "attribute", "text", "target")
_DIRTY: Final = ("owner", "attribute", "target", "text")
_LEFT: Final = ("owner", "attribute", "mapping", "target")
_OF: Final = "owner = ? AND attribute = ?"

_EACH: Final = 10
"""To begin with one reference takes as long as to look at so many of its values."""

_Row = tuple[int, int, str, int]
"""attribute, target, text, remove"""


def return_edges(session: Session, rules: Rules, changes: Sequence[int]) -> None:
    """These changes are not made: their edges are to be looked at again, those of very large changes as a whole."""
    if not rules.writes_edges or not changes:
        return
    rows = session.rows(
        "SELECT c.identity, c.mapping, e.attribute, e.target, e.text, e.remove FROM change c "
        "JOIN edge_change e ON e.change = c.id WHERE c.id IN ?i LIMIT ?",
        list(changes),
        session.most_edges + 1,
    )
    if len(rows) > session.most_edges:
        rows = [
            (identity, mapping, attribute, NOBODY, "", 1)
            for identity, mapping, attribute in session.rows(
                "SELECT DISTINCT c.identity, c.mapping, e.attribute FROM change c "
                "JOIN edge_change e ON e.change = c.id WHERE c.id IN ?i",
                list(changes),
            )
        ]
    dirty: set[tuple[int, int, int, str]] = set()
    for identity, mapping_id, attribute, target, text, remove in rows:
        mapping = rules.mappings.get(mapping_id)
        for flow in mapping.streams if mapping else ():
            if flow.attribute_id == attribute:
                if target > NOBODY:
                    dirty.add((identity, flow.edge, target, ""))
                if remove:
                    dirty.add((identity, flow.edge, NOBODY, text))
    session.upsert("edge_dirty", _DIRTY, _DIRTY, sorted(dirty))
    session.run("DELETE FROM edge_change WHERE change IN ?i", list(changes))


def fill_new(session: Session, rules: Rules, creates: Iterable[tuple[int, int]]) -> None:
    """Objects (identity, mapping) that are to be made hold all of their large references, whatever changed lately."""
    rows = {(owner, flow.edge, NOBODY, "") for owner, mapping in creates for flow in rules.mappings[mapping].streams}
    session.upsert("edge_dirty", _DIRTY, _DIRTY, sorted(rows))


class EdgePlan(Paced):
    """Turns what is dirty into values of changes, so many in each transaction. Objects that are not `touchable` wait.

    What was looked at is no longer dirty when its transaction ends. A reference that is looked at as a whole stays
    marked until its end was reached: after a kill that begins anew, and finds its values planned already.
    """

    def __init__(self, rules: Rules, database: Database, run: int, touchable: Touchable) -> None:
        super().__init__(database)
        self.rules = rules
        self.run = run
        self.touchable = touchable
        self.made = 0

    def plan(self, only: Collection[int] | None = None) -> int:
        """Look at everything that is dirty, or at these owners alone; how many new changes that made."""
        if self.rules.streamed:
            self.work(self._steps() if only is None else self._steps_of(sorted(only)))
        return self.made

    # --- step by step

    def _steps(self) -> Iterator[int]:
        owner, attribute = 0, 0
        while True:
            row = self.session.one(
                "SELECT owner, attribute FROM edge_dirty WHERE (owner, attribute) > (?, ?) "
                "ORDER BY owner, attribute LIMIT 1",
                owner,
                attribute,
            )
            if row is None:
                return
            owner, attribute = row
            yield _EACH
            yield from self._reference(owner, attribute)

    def _steps_of(self, owners: Sequence[int]) -> Iterator[int]:
        for owner in owners:
            rows = self.session.rows("SELECT DISTINCT attribute FROM edge_dirty WHERE owner = ?", owner)
            for (attribute,) in sorted(rows):
                yield _EACH
                yield from self._reference(owner, attribute)

    def _reference(self, owner: int, attribute: int) -> Iterator[int]:
        """One attribute of one owner, in every system that is told about it."""
        planners = [
            _Planner(self, mapping, flow, owner)
            for mapping in self.rules.mappings.values()
            for flow in mapping.streams
            if flow.edge == attribute
        ]
        ready = [planner for planner in planners if planner.ready(self.touchable)]
        mark = (owner, attribute, NOBODY, "")
        marked = self.session.one(f"SELECT owner FROM edge_dirty WHERE {_OF} AND target = ? AND text = ?", *mark)
        later = any(planner.later for planner in planners)
        if later:
            self.session.upsert("edge_dirty", _DIRTY, _DIRTY, [mark])
        if marked is not None or any(planner.new for planner in ready):
            yield from self._everything(owner, attribute, ready)
            ready = []
        yield from self._dirty(owner, attribute, ready)
        if not later:
            self.session.delete("edge_dirty", _DIRTY, [mark])

    def _dirty(self, owner: int, attribute: int, ready: Sequence[_Planner]) -> Iterator[int]:
        """What is dirty, one by one; with nobody to look at it, it just is no longer."""
        while True:
            rows = self.session.rows(
                f"SELECT target, text FROM edge_dirty WHERE {_OF} AND (target, text) > (?, '') "
                "ORDER BY target, text LIMIT ?",
                owner,
                attribute,
                NOBODY,
                self._page(ready),
            )
            if not rows:
                return
            targets = [target for target, _ in rows if target != NOBODY]
            texts = [text for target, text in rows if target == NOBODY]
            for planner in ready:
                planner.look(targets, texts)
            self.session.run(
                f"DELETE FROM edge_dirty WHERE {_OF} AND (target, text) > (?, '') AND (target, text) <= (?, ?)",
                owner,
                attribute,
                NOBODY,
                *rows[-1],
            )
            yield len(rows) * max(1, len(ready))

    def _everything(self, owner: int, attribute: int, ready: Sequence[_Planner]) -> Iterator[int]:
        """All edges against all that each system shows."""
        place: tuple[int, int, str] = (-1, -1, "")
        while ready:
            rows = self.session.rows(
                f"SELECT origin, how, key, target FROM edge WHERE {_OF} AND (origin, how, key) > (?, ?, ?) "
                "ORDER BY origin, how, key LIMIT ?",
                owner,
                attribute,
                *place,
                self._page(ready),
            )
            if not rows:
                break
            place = rows[-1][:3]
            targets = sorted({row[3] for row in rows if row[3] is not None})
            for planner in ready:
                planner.look(targets, ())
            yield len(rows) * len(ready)
        for planner in ready:
            text = ""
            while texts := planner.shown_after(text, self._page()):
                text = texts[-1]
                planner.look((), texts)
                yield len(texts)

    def _page(self, planners: Sequence[_Planner] = ()) -> int:
        """How many values to look at now; each planner looks at all of them."""
        return max(1, self.left // max(1, len(planners)))


@dataclass(slots=True)
class _Planner:
    """One large reference of one owner in one system. `later`: not now, but perhaps again. `new`: there is no object
    yet that shows anything."""

    plan: EdgePlan
    mapping: CompiledMapping
    flow: CompiledOutbound
    owner: int
    later: bool = False
    new: bool = False
    _anchor: str | None = None
    _change: int = 0
    _placed: bool = False
    _there: LargeReference = field(init=False)

    @property
    def session(self) -> Session:
        """The transaction of now."""
        return self.plan.session

    def ready(self, touchable: Touchable) -> bool:
        """Whether there is, or will be, an object to hold the reference."""
        session, enforce = self.session, self.flow.flow.enforce
        target = session.one(
            "SELECT id, anchor, doc FROM object WHERE identity = ? AND mapping = ? AND gone = 0",
            self.owner,
            self.mapping.id,
        )
        change = session.one(
            f"SELECT id, action FROM change WHERE identity = ? AND mapping = ? AND state = {PLANNED} "
            f"AND rank <> {RANK_DANGLING}",
            self.owner,
            self.mapping.id,
        )
        self.new = target is None
        number = 0 if target is None else target[0]
        self._there = LargeReference(session, self.plan.rules, self.mapping, self.flow, self.owner, number)
        if target is None:
            if change is None or change[1] != "create":
                return False
        else:
            number, self._anchor, data = target
            wanted = session.value(
                "SELECT wanted FROM presence WHERE identity = ? AND mapping = ?", self.owner, self.mapping.id
            )
            deleted = change is not None and change[1] == "delete"
            if wanted == 0 or deleted or not touchable(session, self.mapping, self.owner, number, decode(data)):
                self.later = True
                return False
            if enforce == "once" or (enforce == "default" and self._there.shows_something):
                return False
        self._change = change[0] if change else 0
        return True

    def look(self, targets: Sequence[int], texts: Sequence[str]) -> None:
        """Hold these targets, and these texts that the system shows, against the edges."""
        self._there.session = self.session
        if targets:
            self._add(self._of_targets(targets))
        if texts:
            self._add(self._of_texts(texts))

    def shown_after(self, text: str, most: int) -> list[str]:
        """The next texts that the object shows."""
        return [
            row[0]
            for row in self.session.rows(
                "SELECT text FROM shown WHERE object = ? AND attribute = ? AND text > ? ORDER BY text LIMIT ?",
                self._there.object,
                self.flow.attribute_id,
                text,
                most,
            )
        ]

    # --- deciding

    def _of_targets(self, targets: Sequence[int]) -> list[_Row]:
        there, attribute = self._there, self.flow.attribute_id
        names = there.names(targets)
        wanted = there.wanted(targets)
        wanted -= self._left_out(targets, names)
        shown = there.shown(names.values())
        kept = {names[pair] for pair in wanted & names.keys()}
        rows: list[_Row] = []
        moving = there.moving(targets) & wanted
        for (target, account), text in sorted(names.items()):
            if (target, account) in moving:
                rows.append((attribute, target, "", 0))
                rows.extend([(attribute, target, text, 1)] if text in shown else [])
            elif (target, account) in wanted:
                if text not in shown:
                    rows.append((attribute, target, text, 0))
            elif text in shown and text not in kept and self._may_remove(shown[text]):
                rows.append((attribute, target, text, 1))
        coming = (wanted - names.keys()) & there.coming(sorted({target for target, _ in wanted - names.keys()}))
        rows.extend((attribute, target, "", 0) for target in sorted({target for target, _ in coming}))
        return rows

    def _left_out(self, targets: Sequence[int], names: Mapping[Account, str]) -> set[Account]:
        """Those that cannot be in, written down so that each run tells them."""
        found = self._there.impossible(targets, names)
        edges = self._there.edges_to(sorted({target for target, _ in found})) & found
        of = (self.owner, self.flow.edge, self.mapping.id)
        self.session.run(
            "DELETE FROM left_out WHERE owner = ? AND attribute = ? AND mapping = ? AND target IN ?i",
            *of,
            list(targets),
        )
        rows = [(*of, target) for target in sorted({target for target, _ in edges})]
        self.session.upsert("left_out", _LEFT, _LEFT, rows)
        return found

    def _of_texts(self, texts: Sequence[str]) -> list[_Row]:
        """Texts that name an object of an identity are looked at as edges to it; the others are nobody's."""
        there = self._there
        owned = there.owned(texts)
        rows = self._of_targets(sorted(set(owned.values())))
        shown = there.shown(text for text in texts if text not in owned)
        left = sorted(shown)
        kept = there.own_keys(left) | there.returning(left) | there.undecided(left)
        rows.extend(
            (self.flow.attribute_id, FORMER if wrote else NOBODY, text, 1)
            for text, wrote in sorted(shown.items())
            if text not in kept and self._may_remove(wrote)
        )
        return rows

    def _may_remove(self, wrote: int) -> bool:
        enforce = self.flow.flow.enforce
        return enforce == "always" or (bool(wrote) and enforce != "add")

    # --- writing down

    def _add(self, rows: Sequence[_Row]) -> None:
        if not rows:
            return
        if not self._change:
            self._change = self._new_change()
            self.plan.made += 1
        elif self.new and not self._placed:
            self.session.run(
                "UPDATE change SET rank = rank + ? WHERE id = ? AND rank < ?", RANK_LATE, self._change, RANK_LATE
            )
            self._placed = True
        self.session.upsert("edge_change", _COLUMNS, _KEY, [(self._change, *row) for row in rows])

    def _new_change(self) -> int:
        place = self.flow.flow.place
        payload = {
            "values": {},
            "was": {},
            "reason": {
                "mapping": place.file,
                "line": place.line,
                "rule": self.flow.flow.attribute,
                "source": self._source(),
            },
        }
        mapping = self.mapping
        row = (
            (self.plan.run, mapping.space, mapping.id, self.owner, self._there.object, "update", self._anchor)
            + (RANK_EDGES, 0, orjson.dumps(payload), PLANNED)
        )  # fmt: skip
        return add_changes(self.session, [row])

    def _source(self) -> dict[str, Any] | None:
        """The object that the owner's references come from: the first that may show some."""
        reading = {
            m.id
            for m in self.plan.rules.mappings.values()
            if m is not self.mapping and any(f.attribute_id == self.flow.edge for f in m.inbound)
        }
        found = None
        for mapping, space, anchor in self.session.rows(
            "SELECT mapping, space, anchor FROM object WHERE identity = ? AND gone = 0 AND space <> ? "
            "ORDER BY space, anchor",
            self.owner,
            self.mapping.space,
        ):
            if found is None or (mapping in reading and found[0] not in reading):
                found = (mapping, space, anchor)
        if found is None:
            return None
        system, kind = self.plan.rules.spaces[found[1]]
        name = self.plan.rules.names.text(self.flow.edge)
        return {"system": system, "object": kind, "anchor": found[2], "attribute": name}


class Resolving(Paced):
    """Targets that had no object when changes were planned have one now, or are left for later. Whoever was to get
    another name, and did not, stays in under the name that is shown.
    """

    def __init__(self, rules: Rules, database: Database) -> None:
        super().__init__(database)
        self.rules = rules

    def resolve(self, changes: Sequence[tuple[int, int, int, int]]) -> None:
        """Complete these changes (id, mapping, identity, object) before they are sent."""
        waiting = [
            (change, self.rules.mappings[mapping], flow, identity, number)
            for change, mapping, identity, number in changes
            for flow in self.rules.mappings[mapping].streams
        ]
        if waiting:
            self.work(self._steps(waiting))

    def _steps(self, waiting: Sequence[tuple[int, CompiledMapping, CompiledOutbound, int, int]]) -> Iterator[int]:
        for change, mapping, flow, owner, number in waiting:
            place = (change, flow.attribute_id)
            while targets := [
                row[0]
                for row in self.session.rows(
                    "SELECT target FROM edge_change WHERE change = ? AND attribute = ? AND text = '' "
                    "ORDER BY target LIMIT ?",
                    *place,
                    self.left,
                )
            ]:
                session = self.session
                there = LargeReference(session, self.rules, mapping, flow, owner, number)
                session.run(
                    "DELETE FROM edge_change WHERE change = ? AND attribute = ? AND text = '' AND target <= ?",
                    *place,
                    targets[-1],
                )
                found = _appeared(there, targets)
                shown = there.shown(row[2] for row in found)
                session.run(
                    "DELETE FROM edge_change WHERE change = ? AND attribute = ? AND text IN ?t AND remove = 1",
                    *place,
                    sorted(shown),
                )
                session.upsert("edge_change", _COLUMNS, _KEY, [(change, *row) for row in found if row[2] not in shown])
                yield len(targets)


def with_edges(session: Session, changes: Sequence[int]) -> set[int]:
    """Those of the changes that have values of large references to write."""
    query = "SELECT id FROM change WHERE id IN ?i AND EXISTS (SELECT 1 FROM edge_change e WHERE e.change = change.id)"
    return {row[0] for row in session.rows(query, list(changes))}


def _appeared(there: LargeReference, targets: Sequence[int]) -> list[_Row]:
    """Those of the targets that have an object now, as values to add."""
    names = there.names(targets)
    found = sorted((there.wanted(targets) - there.impossible(targets, names)) & names.keys())
    return [(there.flow.attribute_id, pair[0], names[pair], 0) for pair in found]
