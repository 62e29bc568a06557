"""Large references on their way out: which values a system must be told to add or to remove.

Only edges marked dirty are looked at, so one member more costs one value, however large the group is. The values of a
change stand in `edge_change`, from where export streams them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from muster.store.database import CHUNK, Session
from muster.sync.changes import CHANGE_COLUMNS, PLANNED
from muster.sync.edges import ALL
from muster.sync.rules import CompiledMapping, CompiledOutbound, Rules

RANK_EDGES: Final = 700_000
_COLUMNS: Final = ("change", "attribute", "target", "text", "remove")
_KEY: Final = ("change", "attribute", "text", "target")


def return_edges(session: Session, rules: Rules, owners: Sequence[int]) -> None:
    """The owners' pending changes are about to be replaced: their edges are to be looked at again."""
    if not rules.streamed:
        return
    rows = session.rows(
        "SELECT c.id, c.identity, c.mapping, e.attribute, e.target FROM change c JOIN edge_change e ON e.change = c.id "
        "WHERE c.state = 0 AND c.identity IN ?i",
        list(owners),
    )
    dirty: set[tuple[int, int, int]] = set()
    for _, identity, mapping_id, attribute, target in rows:
        mapping = rules.mappings.get(mapping_id)
        for flow in mapping.streams if mapping else ():
            if flow.attribute_id == attribute:
                dirty.add((identity, flow.edge, target))
    key = ("owner", "attribute", "target")
    session.upsert("edge_dirty", key, key, sorted(dirty))
    session.run("DELETE FROM edge_change WHERE change IN ?i", sorted({row[0] for row in rows}))


def plan_edges(session: Session, rules: Rules, owners: Sequence[int], run: int) -> int:
    """Turn the dirty edges of these owners into values of changes; how many new changes that made."""
    if not rules.streamed:
        return 0
    made = 0
    dirty: dict[tuple[int, int], list[int]] = {}
    for owner, attribute, target in session.rows(
        "SELECT owner, attribute, target FROM edge_dirty WHERE owner IN ?i ORDER BY owner, attribute, target",
        list(owners),
    ):
        dirty.setdefault((owner, attribute), []).append(target)
    for (owner, attribute), targets in dirty.items():
        for mapping in rules.mappings.values():
            for flow in mapping.streams:
                if flow.edge == attribute:
                    made += _Planner(session, rules, mapping, flow, owner, run).work(targets)
    session.run("DELETE FROM edge_dirty WHERE owner IN ?i", list(owners))
    return made


class _Planner:
    """The edges of one attribute of one owner in one system."""

    def __init__(
        self, session: Session, rules: Rules, mapping: CompiledMapping, flow: CompiledOutbound, owner: int, run: int
    ) -> None:
        self.session = session
        self.rules = rules
        self.mapping = mapping
        self.flow = flow
        self.owner = owner
        self.run = run
        self.spaces = rules.spaces_of(mapping.rules.system)

    def work(self, targets: Sequence[int]) -> int:
        target_row = self.session.one(
            "SELECT id, anchor FROM object WHERE identity = ? AND mapping = ? AND gone = 0",
            self.owner,
            self.mapping.id,
        )
        change = self.session.one(
            "SELECT id, action FROM change WHERE identity = ? AND mapping = ? AND state = 0",
            self.owner,
            self.mapping.id,
        )
        if target_row is None and (change is None or change[1] != "create"):
            return 0
        if change is not None and change[1] == "delete":
            return 0
        presence = self.session.one(
            "SELECT wanted FROM presence WHERE identity = ? AND mapping = ?", self.owner, self.mapping.id
        )
        if presence is not None and not presence[0]:
            return 0
        number = target_row[0] if target_row else 0
        if ALL in targets or target_row is None:
            rows = self._everything(number)
        else:
            rows = []
            for start in range(0, len(targets), CHUNK):
                rows.extend(self._some(number, list(targets[start : start + CHUNK])))
        if not rows:
            return 0
        if change is None:
            change_id = self._new_change(number, target_row[1] if target_row else None)
        else:
            change_id = change[0]
            self.session.run("UPDATE change SET rank = rank + ? WHERE id = ? AND rank < ?", 200_000, change_id, 200_000)
        self.session.upsert("edge_change", _COLUMNS, _KEY, [(change_id, *row) for row in rows])
        return 0 if change else 1

    def _new_change(self, number: int, anchor: str | None) -> int:
        change_id = self.session.reserve("change", 1)
        place = self.flow.flow.place
        payload = {
            "values": {},
            "was": {},
            "reason": {"mapping": place.file, "line": place.line, "rule": self.flow.flow.attribute, "source": None},
        }
        self.session.insert(
            "change",
            CHANGE_COLUMNS,
            [
                (
                    change_id,
                    self.run,
                    self.mapping.space,
                    self.mapping.id,
                    self.owner,
                    number,
                    "update",
                    anchor,
                    RANK_EDGES,
                    0,
                    orjson.dumps(payload),
                    0,
                    PLANNED,
                )
            ],
        )
        return change_id

    def _objects(self, targets: list[int]) -> dict[int, str]:
        """The name in this system of the objects of the targets."""
        found: dict[int, str] = {}
        for identity, mapping_id, anchor, ref in self.session.rows(
            "SELECT identity, mapping, anchor, ref FROM object "
            "WHERE identity IN ?i AND space IN ?i AND gone = 0 ORDER BY space, anchor",
            targets,
            self.spaces,
        ):
            found.setdefault(identity, ref if ref is not None else anchor)
            _ = mapping_id
        return found

    def _coming(self, targets: list[int]) -> set[int]:
        """The targets that get an object in this system by another change of the plan."""
        return {
            row[0]
            for row in self.session.rows(
                "SELECT identity FROM change WHERE identity IN ?i AND space IN ?i AND state = 0 AND action = 'create'",
                targets,
                self.spaces,
            )
        }

    def _some(self, number: int, targets: list[int]) -> list[tuple[Any, ...]]:
        wanted = {
            row[0]
            for row in self.session.rows(
                "SELECT target FROM edge WHERE owner = ? AND attribute = ? AND target IN ?i",
                self.owner,
                self.flow.edge,
                targets,
            )
        }
        names = self._objects(targets)
        shown = {
            row[0]: row[1]
            for row in self.session.rows(
                "SELECT text, wrote FROM shown WHERE object = ? AND attribute = ? AND text IN ?t",
                number,
                self.flow.attribute_id,
                sorted(names.values()),
            )
        }
        rows: list[tuple[Any, ...]] = []
        for target, text in sorted(names.items()):
            if target in wanted and text not in shown:
                rows.append((self.flow.attribute_id, target, text, 0))
            elif target not in wanted and text in shown and (shown[text] or self.flow.flow.enforce == "always"):
                rows.append((self.flow.attribute_id, target, text, 1))
        waiting = sorted(wanted - names.keys())
        rows.extend((self.flow.attribute_id, target, "", 0) for target in sorted(self._coming(waiting)))
        return rows

    def _everything(self, number: int) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
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
            rows.extend(self._some(number, targets))
        rows.extend(self._foreign(number))
        return rows

    def _foreign(self, number: int) -> list[tuple[Any, ...]]:
        """Values that the system shows and no edge asks for."""
        if self.flow.flow.enforce != "always":
            return []
        return [
            (self.flow.attribute_id, target or 0, text, 1)
            for text, target in self.session.rows(
                "SELECT s.text, o.identity FROM shown s LEFT JOIN object o "
                "ON o.space IN ?i AND o.gone = 0 AND COALESCE(o.ref, o.anchor) = s.text "
                "WHERE s.object = ? AND s.attribute = ? AND NOT EXISTS "
                "(SELECT 1 FROM edge e WHERE e.owner = ? AND e.attribute = ? AND e.target = o.identity)",
                self.spaces,
                number,
                self.flow.attribute_id,
                self.owner,
                self.flow.edge,
            )
        ]
