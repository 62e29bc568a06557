"""Finding an identity by what people call it: its id, an anchor of one of its objects, or a join value."""

from __future__ import annotations

from muster.model.errors import ProjectError
from muster.model.values import key_text
from muster.store.database import Database, Session


def find_identity(database: Database, who: str) -> int:
    """The number of the one identity that `who` names. Raises `ProjectError` when there is none, or several."""
    with database.read() as session:
        found = _candidates(session, who.strip())
        if len(found) > 1:
            uids = [row[0] for row in session.rows("SELECT uid FROM identity WHERE id IN ?i ORDER BY uid", found)]
            raise ProjectError(f"{who!r} names {len(found)} identities: {', '.join(uids)}. Use one of these ids")
    if not found:
        raise ProjectError(
            f"Nobody is known as {who!r}. Give an id, an anchor (employee number, login) or a value "
            "that mappings join by"
        )
    return found[0]


def _candidates(session: Session, who: str) -> list[int]:
    """What matches, by the surest kind of name that matches anything."""
    for sql, value in (
        ("SELECT id FROM identity WHERE uid = ?", who),
        ("SELECT DISTINCT identity FROM object WHERE anchor = ? AND identity IS NOT NULL AND gone = 0", who),
        ("SELECT DISTINCT identity FROM identity_key WHERE key = ?", key_text((who,))),
        ("SELECT DISTINCT identity FROM reserved WHERE key = ?", key_text((who,))),
        ("SELECT DISTINCT identity FROM object WHERE ref = ? AND identity IS NOT NULL AND gone = 0", who.lower()),
    ):
        if value is not None and (rows := session.rows(sql, value)):
            return sorted(row[0] for row in rows)
    return []
