"""Single objects, seen or missed without a read of their system: nothing follows from them for the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from muster.model.objects import ConnectorObject, EdgePage
from muster.store.database import Database
from muster.sync.imports.objects import ObjectImport
from muster.sync.references.edge_import import EdgeImport
from muster.sync.rules.ruleset import Rules
from muster.sync.safety.limits import TOMBSTONES, spend


def import_found(rules: Rules, database: Database, system: str, found: Sequence[ConnectorObject]) -> list[int]:
    """Take in objects that their system showed when it was asked for them, as a read of changes does; their numbers."""
    wanted = rules.wanted(system)
    job = ObjectImport(rules, database, system, wanted)
    named = "SELECT id, part FROM object WHERE space = ? AND anchor = ?"
    asked = [one for one in found if one.type in wanted]
    with database.read() as session:
        parts = [row[1] if (row := session.one(named, job.spaces[one.type], one.anchor)) else "" for one in asked]
    job.take(
        [
            replace(
                one,
                values={name: one.values[name] for name in wanted[one.type] if name in one.values},
                partition=one.partition or part,
            )
            for one, part in zip(asked, parts, strict=True)
        ],
        "",
    )
    with database.read() as session:
        rows = [session.one(named, job.spaces[one.type], one.anchor) for one in asked]
    return [row[0] for row in rows if row is not None]


def import_missing(rules: Rules, database: Database, system: str, numbers: Sequence[int], *, now: int) -> None:
    """Objects that their system did not have any more when it was asked for them are gone."""
    job = ObjectImport(rules, database, system, rules.wanted(system))
    with database.write() as session:
        job.mark_gone(session, numbers)
        spend(session, system, now, {TOMBSTONES: len(numbers)})


def take_in(
    rules: Rules,
    database: Database,
    system: str,
    objects: Sequence[ConnectorObject] = (),
    edges: Sequence[EdgePage] = (),
    gone: Sequence[tuple[str, str]] = (),
) -> None:
    """What somebody saw of a few objects, or did to them (`gone`: types and anchors), without a read.

    It stands in the connector space as an import would have put it there; nothing else is inferred.
    """
    job = ObjectImport(rules, database, system, rules.wanted(system))
    if objects:
        job.take(objects, None)
    EdgeImport(rules, database, job.spaces, job.told).take(edges)
    for kind, anchor in gone:
        with database.write() as session:
            number = session.value(
                "SELECT id FROM object WHERE space = ? AND anchor = ? AND gone = 0", job.spaces[kind], anchor
            )
            if number is not None:
                job.mark_gone(session, [number])
