"""What people are told of deletions that are not believed: which objects they are, and how to see what follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from muster.store.codec import decode
from muster.store.database import Database
from muster.sync.problems import who_is

IF_RIGHT: Final = "If this is right, run again with --allow-deletes; `muster plan --allow-deletes` shows what follows"
_NAMED: Final = 10


def some_of(database: Database, objects: Sequence[int]) -> str:
    """The first of these objects by id, as people know them, and how many more there are."""
    some = sorted(objects)[:_NAMED]
    with database.read() as session:
        rows = session.rows(
            "SELECT o.anchor, i.uid, i.doc FROM object o LEFT JOIN identity i ON i.id = o.identity WHERE o.id IN ?i "
            "ORDER BY o.id",
            some,
        )
    names = [anchor if uid is None else who_is(uid, decode(doc)) for anchor, uid, doc in rows]
    more = f" and {len(objects) - len(some)} more" if len(objects) > len(some) else ""
    return f"{', '.join(names)}{more}"
