"""What is marked to be worked out: objects and identities by their `dirty`, a batch at a time, through the indexes.

The conditions repeat `dirty > 0` because the indexes hold marked rows alone, and SQLite uses such an index only for a
query that says so in the same words.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from muster.store.database import Session

CHANGED: Final = 1
AWAITING: Final = 2
CLAIMING: Final = 3
RETURNED: Final = 4
"""`dirty` of an object: changed; evaluated, joined to nobody and to be projected when all joins are done; evaluated,
with matches to be settled; back after it was gone."""

IN: Final = 1
OUT: Final = 2
NEEDS_UNIQUE: Final = 4
TROUBLE: Final = 8
"""Bits of an identity's `dirty`: work out its values; its objects; give it unique values; look again next run."""


def changed_objects(
    session: Session, columns: str, limit: int, only: Collection[int] | None = None
) -> list[tuple[Any, ...]]:
    """Some objects that changed or returned, of those given."""
    found: list[tuple[Any, ...]] = []
    if only is not None:
        return session.rows(
            f"SELECT {columns} FROM object WHERE id IN ?i AND dirty IN ({CHANGED}, {RETURNED}) "
            "ORDER BY dirty, space, anchor LIMIT ?",
            sorted(only),
            limit,
        )
    for mark in (CHANGED, RETURNED):
        if len(found) < limit:
            found += session.rows(
                f"SELECT {columns} FROM object WHERE dirty > 0 AND dirty = ? ORDER BY dirty, space, anchor LIMIT ?",
                mark,
                limit - len(found),
            )
    return found


def any_object(session: Session, *marks: int) -> bool:
    """Whether an object has one of these marks."""
    return any(
        session.one("SELECT id FROM object WHERE dirty > 0 AND dirty = ? LIMIT 1", mark) is not None for mark in marks
    )


def marked_identities(
    session: Session, columns: str, bit: int, after: int, limit: int, only: Collection[int] | None = None
) -> list[tuple[Any, ...]]:
    """The next identities in the order of their ids that have this bit; `columns` begins with the id."""
    found: list[tuple[Any, ...]] = []
    chosen = "" if only is None else "AND id IN ?i "
    given = () if only is None else (sorted(only),)
    for mark in range(1, 16):
        if mark & bit:
            found += session.rows(
                f"SELECT {columns} FROM identity WHERE dirty > 0 AND dirty = ? AND id > ? {chosen}ORDER BY id LIMIT ?",
                mark,
                after,
                *given,
                limit,
            )
    found.sort(key=lambda row: int(row[0]))
    return found[:limit]


def any_identity(session: Session, bits: int) -> bool:
    """Whether an identity has one of these bits."""
    return any(
        session.one("SELECT id FROM identity WHERE dirty > 0 AND dirty = ? LIMIT 1", mark) is not None
        for mark in range(1, 16)
        if mark & bits
    )
