"""`muster audit`: whether the audit trail is what it was when it was written."""

from __future__ import annotations

from typing import Any

from muster.store.audit import verify
from muster.store.database import Database


def audit(database: Database) -> dict[str, Any]:
    """How much the chain holds and where it is broken, of one state of the store."""
    with database.read() as session:
        breaches = [{"record": breach.seq, "message": breach.message} for breach in verify(session)]
        return {
            "records": session.value("SELECT COUNT(*) FROM audit"),
            "changes": session.value("SELECT COUNT(*) FROM change WHERE sealed IS NOT NULL"),
            "decisions": session.value("SELECT COUNT(*) FROM decided"),
            "breaches": breaches,
        }
