"""The queue of changes in the store: a row of `change`, and beside it its payload, which stays while states change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from muster.store.database import Session
from muster.sync.queue.changes import PLANNED

Change = tuple[Any, ...]
"""Without its id: run, space, mapping, identity, object, action, anchor, rank, waits, payload, state."""

_COLUMNS: Final = (
    *("id", "run", "space", "mapping", "identity", "object", "action", "anchor", "rank", "waits"),
    "state",
)
_PAYLOAD: Final = 9


def add_changes(session: Session, changes: Sequence[Change]) -> int:
    """Put changes at the end of the queue; the id of the first, the others follow."""
    if not changes:
        return 0
    first = session.reserve("change", len(changes))
    rows = [(number, *change[:_PAYLOAD], *change[_PAYLOAD + 1 :]) for number, change in enumerate(changes, first)]
    session.insert("change", _COLUMNS, rows)
    payloads = [(number, change[_PAYLOAD]) for number, change in enumerate(changes, first)]
    session.insert("payload", ("change", "doc"), payloads)
    return first


def rewrite_changes(session: Session, payloads: Sequence[tuple[bytes, int]]) -> None:
    """Other payloads for the changes with these ids."""
    session.update("payload", ("doc",), ("change",), payloads)


def drop_changes(session: Session, numbers: Sequence[int]) -> None:
    """Take changes out of the queue, as if they had never been planned."""
    if numbers:
        session.run("DELETE FROM payload WHERE change IN ?i", list(numbers))
        session.run("DELETE FROM change WHERE id IN ?i", list(numbers))


def planned_changes(session: Session, identities: Sequence[int]) -> list[int]:
    """The ids of the changes that are planned for these identities."""
    query = f"SELECT id FROM change WHERE identity IN ?i AND state = {PLANNED} ORDER BY id"
    return [row[0] for row in session.rows(query, list(identities))]
