"""The open cases, with whom each is about and the commands that decide it."""

from __future__ import annotations

from typing import Any

import orjson

from muster.app.explaining import known_schemas
from muster.project.configuration import Project
from muster.store.database import Database
from muster.store.names import Names
from muster.sync.clock import moment
from muster.sync.joins.cases import WITH_OBJECTS, commands, shown_kind, told
from muster.sync.plan_document import names_of
from muster.sync.rules.compiling import compile_rules


def open_joins(project: Project, database: Database) -> dict[str, Any]:
    """Every open case as one document; `commands` is empty where something is to be mended instead."""
    rules = compile_rules(project, known_schemas(database), Names(database))
    with database.read() as session:
        rows = session.rows(
            f"SELECT c.kind, c.identities, c.message, c.mapping, o.space, o.anchor, c.at FROM {WITH_OBJECTS}"
        )
        cases = [(row, orjson.loads(row[1])) for row in told(rules, rows)]
        numbers = sorted({number for _, people in cases for number in people})
        uids: dict[int, str] = dict(session.rows("SELECT id, uid FROM identity WHERE id IN ?i", numbers))
        names = names_of(session, numbers)
    found = []
    for (kind, _, message, mapping, space, anchor, at), numbers in cases:
        system, object_type = rules.spaces[space]
        people = [number for number in numbers if number in uids]
        found.append(
            {
                "kind": shown_kind(kind),
                "cause": kind,
                "system": system,
                "object_type": object_type,
                "anchor": anchor,
                "message": f"{system}/{object_type} {anchor} {message}",
                "candidates": [{"identity": uids[number], "displayName": names.get(number)} for number in people],
                "since": moment(at).isoformat().replace("+00:00", "Z"),
                "commands": commands(rules, kind, mapping, space, anchor, [uids[number] for number in people]),
            }
        )
    return {"cases": found}
