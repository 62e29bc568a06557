"""Large references on their way out: which values a system must be told to add or to remove.

Only edges and texts marked dirty are looked at, so one member more costs one value, however large the group is. The
values of a change stand in `edge_change`, from where export streams them; a value whose target gets its object by
another change of the plan stands there without a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from muster.store.codec import decode, folded, text_digest
from muster.store.database import CHUNK, Session, chunks
from muster.sync.changes import PLANNED, RANK_DANGLING, RANK_EDGES, RANK_LATE
from muster.sync.edge_lookup import LargeReference
from muster.sync.edges import NOBODY
from muster.sync.presence import Touchable
from muster.sync.queue import add_changes
from muster.sync.rules import CompiledMapping, CompiledOutbound, Rules

_COLUMNS: Final = ("change", "attribute", "target", "text", "remove")
_KEY: Final = ("change", "attribute", "text", "target")
_DIRTY: Final = ("owner", "attribute", "target", "text")

_OWNERS: Final = 200

_Row = tuple[int, int, str, int]
"""attribute, target, text, remove"""


def return_edges(session: Session, rules: Rules, changes: Sequence[int]) -> None:
    """These changes are not made: their edges are to be looked at again."""
    if not rules.writes_edges or not changes:
        return
    dirty: set[tuple[int, int, int, str]] = set()
    for identity, mapping_id, attribute, target, text, remove in session.rows(
        "SELECT c.identity, c.mapping, e.attribute, e.target, e.text, e.remove FROM change c "
        "JOIN edge_change e ON e.change = c.id WHERE c.id IN ?i",
        list(changes),
    ):
        mapping = rules.mappings.get(mapping_id)
        for flow in mapping.streams if mapping else ():
            if flow.attribute_id == attribute:
                if target:
                    dirty.add((identity, flow.edge, target, ""))
                if remove:
                    dirty.add((identity, flow.edge, NOBODY, text))
    session.upsert("edge_dirty", _DIRTY, _DIRTY, sorted(dirty))
    session.run("DELETE FROM edge_change WHERE change IN ?i", list(changes))


def fill_new(session: Session, rules: Rules, creates: Iterable[tuple[int, int]]) -> None:
    """Objects (identity, mapping) that are to be made hold all of their large references, whatever changed lately."""
    rows = {(owner, flow.edge, NOBODY, "") for owner, mapping in creates for flow in rules.mappings[mapping].streams}
    session.upsert("edge_dirty", _DIRTY, _DIRTY, sorted(rows))


def plan_edges(session: Session, rules: Rules, run: int, after: int, touchable: Touchable) -> tuple[int, int | None]:
    """Turn what is dirty of some owners with ids above `after` into values of changes. Objects that are not
    `touchable` wait.

    How many new changes that made, and the id after which to go on; None when that was the last.
    """
    if not rules.streamed:
        return 0, None
    rows = session.rows(
        "SELECT DISTINCT owner, attribute FROM edge_dirty WHERE owner > ? ORDER BY owner, attribute LIMIT ?",
        after,
        _OWNERS,
    )
    made = sum(_plan_owner(session, rules, owner, attribute, run, touchable) for owner, attribute in rows)
    return made, rows[-1][0] - 1 if len(rows) == _OWNERS else None


def _plan_owner(session: Session, rules: Rules, owner: int, attribute: int, run: int, touchable: Touchable) -> int:
    """One attribute of one owner, in every system that is told about it."""
    planners = [
        _Planner(session, rules, mapping, flow, owner, run)
        for mapping in rules.mappings.values()
        for flow in mapping.streams
        if flow.edge == attribute
    ]
    ready = [planner for planner in planners if planner.ready(touchable)]
    last = (NOBODY - 1, "")
    whole = session.one(
        "SELECT owner FROM edge_dirty WHERE owner = ? AND attribute = ? AND target = ? AND text = ''",
        owner,
        attribute,
        NOBODY,
    )
    while ready:
        rows = session.rows(
            "SELECT target, text FROM edge_dirty WHERE owner = ? AND attribute = ? AND (target, text) > (?, ?) "
            "ORDER BY target, text LIMIT ?",
            owner,
            attribute,
            *last,
            CHUNK,
        )
        if not rows:
            break
        last = rows[-1]
        targets = [target for target, _ in rows if target != NOBODY]
        texts = [text for target, text in rows if target == NOBODY and text]
        for planner in ready:
            if not planner.whole:
                planner.look(targets, texts)
    for planner in ready:
        if planner.whole or whole is not None:
            planner.look_at_everything()
        planner.finish()
    session.run("DELETE FROM edge_dirty WHERE owner = ? AND attribute = ?", owner, attribute)
    if any(planner.later for planner in planners):
        session.upsert("edge_dirty", _DIRTY, _DIRTY, [(owner, attribute, NOBODY, "")])
    return sum(planner.made for planner in ready)


@dataclass(slots=True)
class _Planner:
    """One large reference of one owner in one system."""

    session: Session
    rules: Rules
    mapping: CompiledMapping
    flow: CompiledOutbound
    owner: int
    run: int
    made: int = 0
    later: bool = False
    whole: bool = False
    _anchor: str | None = None
    _change: int = 0
    _mark: int = 0
    _there: LargeReference = field(init=False)

    def ready(self, touchable: Touchable) -> bool:
        """Whether there is, or will be, an object to hold the reference. `later`: not now, but perhaps again."""
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
        self.whole = target is None
        number = 0 if target is None else target[0]
        self._there = LargeReference(session, self.rules, self.mapping, self.flow, self.owner, number)
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
        if targets:
            self._add(self._of_targets(targets))
        if texts:
            self._add(self._of_texts(texts))

    def look_at_everything(self) -> None:
        """Hold all edges against all that the system shows."""
        after = 0
        while True:
            targets = [
                row[0]
                for row in self.session.rows(
                    "SELECT DISTINCT target FROM edge WHERE owner = ? AND attribute = ? AND target > ? "
                    "ORDER BY target LIMIT ?",
                    self.owner,
                    self.flow.edge,
                    after,
                    CHUNK,
                )
            ]
            if not targets:
                break
            after = targets[-1]
            self.look(targets, ())
        text = ""
        while True:
            texts = [
                row[0]
                for row in self.session.rows(
                    "SELECT text FROM shown WHERE object = ? AND attribute = ? AND text > ? ORDER BY text LIMIT ?",
                    self._there.object,
                    self.flow.attribute_id,
                    text,
                    CHUNK,
                )
            ]
            if not texts:
                break
            text = texts[-1]
            self.look((), texts)

    def finish(self) -> None:
        """The change is another one when its values are."""
        if self._mark:
            self.session.run(
                "UPDATE change SET digest = ? WHERE id = ?",
                folded(self.session.value("SELECT digest FROM change WHERE id = ?", self._change) + self._mark),
                self._change,
            )

    # --- deciding

    def _of_targets(self, targets: Sequence[int]) -> list[_Row]:
        there, attribute = self._there, self.flow.attribute_id
        wanted = there.wanted(targets)
        names = there.names(targets)
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

    def _of_texts(self, texts: Sequence[str]) -> list[_Row]:
        """Texts that name an object of an identity are looked at as edges to it; the others are nobody's."""
        there = self._there
        owned = there.owned(texts)
        rows = self._of_targets(sorted(set(owned.values())))
        shown = there.shown(text for text in texts if text not in owned)
        kept = there.own_keys(sorted(shown)) | there.returning(sorted(shown))
        rows.extend(
            (self.flow.attribute_id, NOBODY, text, 1)
            for text, wrote in sorted(shown.items())
            if text not in kept and self._may_remove(wrote)
        )
        return rows

    def _may_remove(self, wrote: int) -> bool:
        return bool(wrote) or self.flow.flow.enforce == "always"

    # --- writing down

    def _add(self, rows: Sequence[_Row]) -> None:
        if not rows:
            return
        if not self._change:
            self._change = self._new_change()
            self.made = 1
        elif self.whole and not self._mark:
            self.session.run(
                "UPDATE change SET rank = rank + ? WHERE id = ? AND rank < ?", RANK_LATE, self._change, RANK_LATE
            )
        for attribute, target, text, remove in rows:
            self._mark += text_digest(f"{attribute} {target} {remove} {text}")
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
            (self.run, mapping.space, mapping.id, self.owner, self._there.object, "update", self._anchor)
            + (RANK_EDGES, 0, orjson.dumps(payload), 0, PLANNED)
        )  # fmt: skip
        return add_changes(self.session, [row])

    def _source(self) -> dict[str, Any] | None:
        """The object that the owner's references come from: the first that may show some."""
        reading = {
            m.id
            for m in self.rules.mappings.values()
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
        system, kind = self.rules.spaces[found[1]]
        name = self.rules.names.text(self.flow.edge)
        return {"system": system, "object": kind, "anchor": found[2], "attribute": name}


def resolve_edges(session: Session, rules: Rules, changes: Sequence[int]) -> set[int]:
    """Targets that had no object when these changes were planned have one now, or are left for later. Whoever was to
    get another name, and did not, stays in under the name that is shown.

    The changes that have values of large references to write.
    """
    waiting: dict[tuple[int, int, int, int, int], list[int]] = {}
    for change, owner, mapping, number, attribute, target in session.rows(
        "SELECT e.change, c.identity, c.mapping, c.object, e.attribute, e.target FROM edge_change e "
        "JOIN change c ON c.id = e.change WHERE e.change IN ?i AND e.text = ''",
        list(changes),
    ):
        waiting.setdefault((change, owner, mapping, number or 0, attribute), []).append(target)
    for (change, owner, mapping_id, number, attribute), targets in waiting.items():
        mapping = rules.mappings[mapping_id]
        session.run("DELETE FROM edge_change WHERE change = ? AND attribute = ? AND text = ''", change, attribute)
        for flow in mapping.streams:
            if flow.attribute_id == attribute:
                there = LargeReference(session, rules, mapping, flow, owner, number)
                for batch in chunks(targets):
                    found = _appeared(there, batch)
                    shown = there.shown(row[2] for row in found)
                    session.run(
                        "DELETE FROM edge_change WHERE change = ? AND attribute = ? AND text IN ?t AND remove = 1",
                        change,
                        attribute,
                        sorted(shown),
                    )
                    rows = [(change, *row) for row in found if row[2] not in shown]
                    session.upsert("edge_change", _COLUMNS, _KEY, rows)
    return {row[0] for row in session.rows("SELECT DISTINCT change FROM edge_change WHERE change IN ?i", list(changes))}


def _appeared(there: LargeReference, targets: Sequence[int]) -> list[_Row]:
    """Those of the targets that have an object now, as values to add."""
    names = there.names(targets)
    found = sorted(there.wanted(targets) & names.keys())
    return [(there.flow.attribute_id, pair[0], names[pair], 0) for pair in found]
