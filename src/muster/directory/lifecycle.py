"""Objects that are deleted: kept for a while, restored, or gone for ever."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from muster.directory.addresses import check_sign_in_name
from muster.directory.edges import drop, leave, resume, suspend
from muster.directory.errors import Taken
from muster.directory.keys import fold
from muster.directory.licences import reclaim, release
from muster.directory.objects import COLUMNS as ENTRY
from muster.directory.objects import Entry, State, bury, entry, unbury
from muster.directory.schema.kinds import Kind
from muster.directory.unique import refuse_taken
from muster.directory.work import Work
from muster.store.database import Session

ROOM: Final = Session.most_edges
"""References that one transaction clears away."""
_INDEXED: Final = "state > 0"
"""SQLite uses an index of some of the rows only where a query repeats which (https://www.sqlite.org/partialindex.html)."""
_OBJECT: Final = 10
"""As so many references an object counts."""


def delete(work: Work, old: Entry) -> None:
    """Delete a live object: users and groups can be restored, other kinds are gone."""
    if old.schema.soft:
        suspend(work, old.id)
        release(work, old)
        bury(work, old, State.DELETED)
    else:
        purge(work, old)


def purge(work: Work, old: Entry, room: int = ROOM) -> int:
    """An object is gone for ever; only its id is left, for those who ask what has changed.

    Of its references, `room` are cleared away at once, the rest by `clear_old`; how many that were.
    """
    if old.state is State.LIVE:
        leave(work, old.id)
    release(work, old)
    for table in ("dir_pass", "dir_invitation"):
        work.session.run(f"DELETE FROM {table} WHERE object = ?", old.id)
    bury(work, old, State.GOING)
    return _clear(work, old.id, room)


def _clear(work: Work, number: int, room: int) -> int:
    """Clear away references of an object that is gone; how many that were."""
    done = drop(work, number, room)
    if done < room:
        work.session.run("UPDATE dir_object SET state = ? WHERE id = ?", int(State.GONE), number)
    return done


def restore(work: Work, old: Entry, *, name: str | None = None, lose_addresses: bool = False) -> Entry:
    """A deleted object is back, with all that referred to it. Raises `Taken`, `Invalid`.

    `name` is a new userPrincipalName for a user; with `lose_addresses`, mail addresses that others have by now stay
    with them.
    """
    doc = dict(old.doc)
    if name is not None and old.kind is Kind.USER:
        check_sign_in_name(name, work.tenant)
        doc["userPrincipalName"] = name
    if lose_addresses:
        _lose_taken(work, old, doc)
    reclaim(work, old.id, doc)
    found = unbury(work, old, doc)
    resume(work, old.id)
    return found


def _lose_taken(work: Work, old: Entry, doc: dict[str, Any]) -> None:
    kept = [one for one in doc.get("proxyAddresses") or () if not _is_taken(work, old, one)]
    doc.pop("proxyAddresses", None)
    if kept:
        doc["proxyAddresses"] = kept
    mail = doc.get("mail")
    if mail is not None and fold(f"smtp:{mail}") not in {fold(one) for one in kept}:
        del doc["mail"]


def _is_taken(work: Work, old: Entry, address: str) -> bool:
    try:
        refuse_taken(work, old.schema, [(old.id, {"proxyAddresses": [address]})])
    except Taken:
        return True
    return False


# --- what time does


@dataclass(frozen=True, slots=True)
class Kept:
    """What was cleared away: deleted objects whose time was over, and marks that nobody can ask for any more.

    `more`: there is more to clear away.
    """

    purged: int
    forgotten: int
    more: bool


EXPIRED: Final = (
    f"SELECT {ENTRY} FROM dir_object o WHERE {_INDEXED} AND state = 1 AND deleted < ? ORDER BY deleted LIMIT ?"
)
"""Objects that were deleted before an instant, the first ones first."""


def clear_old(work: Work, deleted: int, changes: int, room: int = ROOM) -> Kept:
    """Purge what was deleted more than `deleted` microseconds ago; forget changes older than `changes`.

    One call clears away so much that its transaction stays short: about `room` references, or as much work.
    """
    left, purged = room, 0
    for (number,) in work.session.rows(
        f"SELECT id FROM dir_object WHERE {_INDEXED} AND state = 3 LIMIT ?", max(room // _OBJECT, 1)
    ):
        left -= _OBJECT + _clear(work, number, max(left, 1))
        if left <= 0:
            return Kept(0, 0, more=True)
    for row in work.session.rows(EXPIRED, work.now - deleted, max(left // _OBJECT, 1)):
        left -= _OBJECT + purge(work, entry(row), max(left, 1))
        purged += 1
        if left <= 0:
            return Kept(purged, 0, more=True)
    forgotten = _forget(work, changes, left)
    return Kept(purged, forgotten, more=forgotten >= left)


def _forget(work: Work, changes: int, room: int) -> int:
    """Marks of what is gone, of before the last hour that began `changes` ago or earlier; `room` of them at most."""
    horizon = work.session.value(
        "SELECT seq FROM dir_moment WHERE at <= ? ORDER BY at DESC LIMIT 1", work.now - changes
    )
    known = int(work.session.value("SELECT value FROM dir_setting WHERE name = 'horizon'"))
    if horizon is not None and horizon > known:
        work.session.run("UPDATE dir_setting SET value = ? WHERE name = 'horizon'", str(horizon))
        work.session.run("DELETE FROM dir_moment WHERE seq < ?", horizon)
        known = horizon
    old = "SELECT relation, owner, member FROM dir_edge WHERE state = 1 AND seq <= ? ORDER BY seq LIMIT ?"
    count = work.session.run(f"DELETE FROM dir_edge WHERE (relation, owner, member) IN ({old})", known, room)
    gone = f"{_INDEXED} AND state = 2 AND deleted < ? AND seq <= ? ORDER BY deleted LIMIT ?"
    return count + work.session.run(
        f"DELETE FROM dir_object WHERE id IN (SELECT id FROM dir_object WHERE {gone})",
        *(work.now - changes, known, room - count),
    )
