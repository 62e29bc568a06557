"""Deleted objects that come back: a create whose object is among the deleted ones of its system restores it.

The plan says so, with what is then written to it; the export does what the plan says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson

from muster.model.objects import ConnectorObject
from muster.model.values import Value, key_text
from muster.store.database import Database, chunks
from muster.sync.queue.changes import PLANNED
from muster.sync.queue.queued import rewrite_changes
from muster.sync.rules.ruleset import Rules

FindDeleted = Callable[[str, Sequence[Value]], Sequence[ConnectorObject]]
_BATCH: Final = 5000


class Restoring:
    """Asks the systems of a run for deleted objects, for each value once."""

    def __init__(self, rules: Rules, database: Database) -> None:
        self.rules = rules
        self.database = database
        self._asked: set[tuple[int, str]] = set()
        self._found: dict[tuple[int, str], ConnectorObject] = {}

    def mark(self, spaces: Sequence[int], find: FindDeleted) -> None:
        """Planned creates of these spaces say which deleted object they restore. Raises what `find` raises."""
        for space in spaces:
            schema = self.rules.schema_of(space)
            if schema is not None and schema.restored_by is not None:
                self._mark(space, schema.restored_by, find)

    def _mark(self, space: int, attribute: str, find: FindDeleted) -> None:
        with self.database.read() as session:
            numbers = [
                row[0]
                for row in session.rows(
                    f"SELECT id FROM change WHERE state = {PLANNED} AND action = 'create' AND space = ?", space
                )
            ]
        for batch in chunks(numbers, _BATCH):
            with self.database.read() as session:
                rows = session.rows("SELECT change, doc FROM payload WHERE change IN ?i", batch)
            payloads = {number: orjson.loads(data) for number, data in rows}
            self._ask(space, attribute, [payload["values"].get(attribute) for payload in payloads.values()], find)
            marked = [
                (orjson.dumps(_restores(payload, one)), number)
                for number, payload in payloads.items()
                if (one := self._found.get((space, key_text((payload["values"].get(attribute),)) or ""))) is not None
            ]
            if marked:
                with self.database.write() as session:
                    rewrite_changes(session, marked)

    def _ask(self, space: int, attribute: str, values: Sequence[Value], find: FindDeleted) -> None:
        wanted: dict[str, Value] = {}
        for value in values:
            key = key_text((value,))
            if key is not None and (space, key) not in self._asked:
                wanted[key] = value
        if not wanted:
            return
        for one in find(self.rules.spaces[space][1], list(wanted.values())):
            key = key_text((one.values.get(attribute),))
            if key in wanted:
                self._found[space, key] = one
        self._asked.update((space, key) for key in wanted)


def _restores(payload: dict[str, Any], one: ConnectorObject) -> dict[str, Any]:
    """The create, now with the object that it brings back and what that has."""
    was = {name: one.values[name] for name in payload["values"] if one.values.get(name) is not None}
    return {**payload, "restores": one.anchor, "was": was}
