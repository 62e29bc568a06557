"""What is remembered of a whole system: its schema, what it is, and when that is to be forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from muster.model.schema import SystemSchema, anchored_otherwise, mistaken
from muster.store.database import Database, Session
from muster.store.decided import Decided, seal


def remembered(session: Session, system: str) -> SystemSchema | None:
    """The schema that the system last showed."""
    data = session.value("SELECT schema FROM system WHERE name = ?", system)
    return msgspec.json.decode(bytes(data), type=SystemSchema) if data is not None else None


def remember(session: Session, system: str, schema: SystemSchema) -> None:
    """Keep the schema, for when the system is down."""
    data = msgspec.json.encode(schema, order="sorted")
    session.upsert("system", ("name", "schema"), ("name",), [(system, data)])


def another(session: Session, system: str, found: SystemSchema) -> str | None:
    """The message for a system that is another than the one whose objects are known, or that names them by another
    attribute; None where it is not.

    What was never read may turn out to be another.
    """
    known = remembered(session, system)
    if known is None:
        return None
    told = mistaken(system, known.identities, found.identities)
    if told is not None:
        return told if known_objects(session, system)[0] else None
    turned = anchored_otherwise(known, found)
    for kind, (before, now) in turned.items() if turned and not is_forgotten(session, system) else ():
        if _any_known(session, system, kind):
            return (
                f"{system}: the anchor of {kind} is {now} now, and what is known of it is named by its {before}: all "
                f"of it would be taken for gone, and as much for new. Nothing is read from {system} or written to it. "
                f"Correct the anchor in systems/{system}.yaml. If the new one is right: muster forget {system}"
            )
    return None


def _any_known(session: Session, system: str, kind: str) -> bool:
    query = (
        "SELECT object.id FROM space JOIN object ON object.space = space.id "
        "WHERE space.system = ? AND space.type = ? AND object.gone = 0 LIMIT 1"
    )
    return session.one(query, system, kind) is not None


def known_objects(session: Session, system: str) -> tuple[int, int]:
    """How many objects of the system are known, and how many of them belong to somebody."""
    row: Any = session.one(
        "SELECT COUNT(*), COUNT(object.identity) FROM space JOIN object ON object.space = space.id "
        "WHERE space.system = ? AND object.gone = 0",
        system,
    )
    return int(row[0]), int(row[1])


def forget_system(database: Database, system: str, decided: Decided) -> None:
    """Whatever answers next is the system: it is read whole, and what it does not show then is known no more.

    Until that has gone well everything stays as it is. The decision is sealed in the audit trail.
    """
    with database.write() as session:
        known = remembered(session, system)
        if known is not None:
            remember(session, system, replace(known, identities={}))
        session.run("UPDATE watermark SET value = NULL, full_at = NULL WHERE system = ?", system)
        objects, joined = known_objects(session, system)
        was = f" of {', '.join(sorted(known.identities.values()))}" if known is not None and known.identities else ""
        seal(session, "forget", system, decided, what=f"{objects} objects{was}, {joined} of them joined")


def is_forgotten(session: Session, system: str) -> bool:
    """Whether what is known of the system counts no longer: it was read, and no whole reading is in force."""
    row = session.one("SELECT full_at FROM watermark WHERE system = ?", system)
    return row is not None and row[0] is None
