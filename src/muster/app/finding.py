"""Finding an identity by what people call it: its id, an anchor of one of its objects, a join value, or its name.

Names have no index: they are looked through last, by the database, where nothing else is found.
"""

from __future__ import annotations

from itertools import product
from typing import Final

from muster.model.errors import Ambiguous, NotFound
from muster.model.values import key_text
from muster.project.diagnostics import nearest
from muster.store.codec import decode, encode
from muster.store.database import Database, Session

_SAME: Final = (4, 2)
"""So many letters at the beginning has a name that may have been meant too."""
_LOOKED_AT: Final = 1000
_NAME: Final = "displayName"


class Nobody(NotFound):
    """No identity bears the name."""


def find_identity(database: Database, who: str) -> int:
    """The number of the one identity that `who` names. Raises `Nobody` when there is none, `Ambiguous` when
    there are several."""
    with database.read() as session:
        found = _candidates(session, who.strip())
        if len(found) > 1:
            uids = [row[0] for row in session.rows("SELECT uid FROM identity WHERE id IN ?i ORDER BY uid", found)]
            raise Ambiguous(f"{who!r} names {len(found)} identities: {', '.join(uids)}. Use one of these ids")
        if not found:
            raise Nobody(_nobody(session, who.strip()))
    return found[0]


def _nobody(session: Session, who: str) -> str:
    """Why there is nobody of that name, and whom it may have meant."""
    row = session.one(
        "SELECT s.system, s.type FROM object o JOIN space s ON s.id = o.space WHERE o.anchor = ? AND o.gone = 0", who
    )
    if row is not None:
        return f"{row[0]}/{row[1]} {who} belongs to nobody. What waits for a decision: muster joins"
    if session.one("SELECT identity FROM reserved WHERE key = ?", key_text((who,))) is not None:
        return f"{who!r} was a name of somebody who is gone: it stays reserved, and nobody else gets it"
    if session.one("SELECT id FROM identity LIMIT 1") is None:
        return "Nobody is known yet. Next: muster plan"
    close = nearest(who, _alike(session, who))
    meant = f" Did you mean {close!r}?" if close else ""
    return (
        f"Nobody is known as {who!r}.{meant} Give an id, an anchor (employee number, login), a value "
        "that mappings join by, or the display name, whole"
    )


def _alike(session: Session, who: str) -> set[str]:
    """Anchors of people that begin as `who` does: not all of a million."""
    found: set[str] = set()
    spaces = session.rows("SELECT id FROM space ORDER BY id")
    starts = {start for length in _SAME for start in (who[:length], who[:length].lower()) if start}
    for (space,), start in product(spaces, sorted(starts)):
        rows = session.rows(
            "SELECT anchor FROM object WHERE space = ? AND anchor >= ? AND anchor < ? AND gone = 0 "
            "AND identity IS NOT NULL ORDER BY anchor LIMIT ?",
            space,
            start,
            start + chr(0x10FFFF),
            _LOOKED_AT,
        )
        found.update(row[0] for row in rows)
    return found


def _candidates(session: Session, who: str) -> list[int]:
    """What matches, by the surest kind of name that matches anything."""
    key = key_text((who,))
    spaces = [row[0] for row in session.rows("SELECT id FROM space")]
    ways = [row[0] for row in session.rows("SELECT id FROM name WHERE kind = 'how'")]
    owned = "SELECT DISTINCT identity FROM object WHERE identity IS NOT NULL AND gone = 0"
    for sql, *values in (
        ("SELECT id FROM identity WHERE uid = ?", who),
        (f"{owned} AND space IN ?i AND anchor = ?", spaces, who),
        ("SELECT DISTINCT identity FROM identity_key WHERE sig IN ?i AND key = ?", ways, key),
        ("SELECT DISTINCT i.id FROM reserved r JOIN identity i ON i.id = r.identity WHERE key = ?", key),
        (f"{owned} AND ref = ?", who.lower()),
    ):
        if values[-1] is not None and (rows := session.rows(sql, *values)):
            return sorted(row[0] for row in rows)
    return _named(session, who)


def _named(session: Session, who: str) -> list[int]:
    """Those whose display name is exactly that."""
    there = "position(? IN doc) > 0" if session.postgres else "instr(doc, ?) > 0"
    entry = encode({_NAME: who})[1:-1]
    rows = session.rows(f"SELECT id, doc FROM identity WHERE {there} ORDER BY id", entry)
    return [number for number, data in rows if decode(data).get(_NAME) == who]
