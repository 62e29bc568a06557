"""Objects that are deleted: kept for a while, restored, or gone for ever."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from muster.directory.addresses import check_sign_in_name
from muster.directory.edges import drop, resume, suspend
from muster.directory.errors import Taken
from muster.directory.keys import fold
from muster.directory.licences import reclaim, release
from muster.directory.objects import COLUMNS as ENTRY
from muster.directory.objects import Entry, State, bury, entry, unbury
from muster.directory.schema.kinds import Kind
from muster.directory.unique import refuse_taken
from muster.directory.work import Work
from muster.store.database import chunks


def delete(work: Work, old: Entry) -> None:
    """Delete a live object: users and groups can be restored, other kinds are gone."""
    if old.schema.soft:
        suspend(work, old.id)
        release(work, old)
        bury(work, old, State.DELETED)
    else:
        purge(work, old)


def purge(work: Work, old: Entry) -> None:
    """An object is gone for ever; only its id is left, for those who ask what has changed."""
    drop(work, old.id)
    release(work, old)
    for table in ("dir_pass", "dir_invitation"):
        work.session.run(f"DELETE FROM {table} WHERE object = ?", old.id)
    bury(work, old, State.GONE)


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
    """What was cleared away: deleted objects whose time was over, and marks that nobody can ask for any more."""

    purged: int
    forgotten: int


def clear_old(work: Work, deleted: int, changes: int) -> Kept:
    """Purge what was deleted more than `deleted` microseconds ago; forget changes older than `changes`."""
    rows = work.session.rows(
        f"SELECT {ENTRY} FROM dir_object o WHERE o.state = 1 AND o.deleted < ? ORDER BY o.deleted LIMIT 1000",
        work.now - deleted,
    )
    for row in rows:
        purge(work, entry(row))
    return Kept(len(rows), _forget(work, changes))


def _forget(work: Work, changes: int) -> int:
    """Marks of what is gone, of before the last hour that began `changes` ago or earlier."""
    horizon = work.session.value(
        "SELECT seq FROM dir_moment WHERE at <= ? ORDER BY at DESC LIMIT 1", work.now - changes
    )
    known = int(work.session.value("SELECT value FROM dir_setting WHERE name = 'horizon'"))
    if horizon is None or horizon <= known:
        return 0
    work.session.run("UPDATE dir_setting SET value = ? WHERE name = 'horizon'", str(horizon))
    count = work.session.run("DELETE FROM dir_edge WHERE state = 1 AND seq <= ?", horizon)
    numbers = [row[0] for row in work.session.rows("SELECT id FROM dir_object WHERE state = 2 AND seq <= ?", horizon)]
    for batch in chunks(numbers):
        count += work.session.run("DELETE FROM dir_object WHERE id IN ?i", batch)
    work.session.run("DELETE FROM dir_moment WHERE seq < ?", horizon)
    return count
