"""What a store knows, without the numbers that it gave: two stores that know the same have equal pictures."""

from __future__ import annotations

from typing import Any

import orjson

from muster.store.database import Database, Session

Picture = dict[str, list[Any]]


def picture(database: Database, *, volatile: bool = True) -> Picture:
    """Everything that decides what a run does next. `volatile` False leaves out the history of confirmations."""
    with database.read() as session:
        return _picture(session, volatile)


def _picture(session: Session, volatile: bool) -> Picture:
    names = {row[0]: row[1] for row in session.rows("SELECT id, text FROM name")}
    spaces = {row[0]: f"{row[1]}/{row[2]}" for row in session.rows("SELECT id, system, type FROM space")}
    uids = {row[0]: row[1] for row in session.rows("SELECT id, uid FROM identity")}
    objects = {
        row[0]: f"{spaces[row[1]]}/{row[2]}" for row in session.rows("SELECT id, space, anchor FROM object")
    }  # fmt: skip

    def mapping(number: int | None) -> str | None:
        return names[number] if number else None

    found: Picture = {
        "object": [
            (objects[row[0]], _json(row[1]), row[2], mapping(row[3]), uids.get(row[4]), row[5], _json(row[6]), *row[7:])
            for row in session.rows("SELECT id, doc, ref, mapping, identity, made, wrote, gone, dirty, due FROM object")
        ],
        "identity": [
            (row[0], row[1], _json(row[2]), _json(row[3]), row[4], row[5], row[6], row[7])
            for row in session.rows("SELECT uid, type, doc, kept, leaving, dirty, due_in, due_out FROM identity")
        ],
        "presence": [
            (uids.get(row[0]), mapping(row[1]), *row[2:])
            for row in session.rows("SELECT identity, mapping, wanted, since, step FROM presence")
        ],
        "edge": [
            (uids.get(row[0]), names[row[1]], objects.get(row[2]), uids.get(row[3]), row[4])
            for row in session.rows("SELECT owner, attribute, origin, target, account FROM edge")
        ],
        "shown": [
            (objects.get(row[0]), names[row[1]], row[2], row[3])
            for row in session.rows("SELECT object, attribute, text, wrote FROM shown")
        ],
        "shown_digest": [
            (objects.get(row[0]), names[row[1]], row[2], row[3])
            for row in session.rows("SELECT object, attribute, digest, count FROM shown_digest")
        ],
        "reserved": [
            (row[0], row[1], uids.get(row[2]), row[3], row[4])
            for row in session.rows("SELECT scope, key, identity, value, firm FROM reserved")
        ],
        "cases": [
            (objects.get(row[0]), row[1], mapping(row[2]), row[3])
            for row in session.rows("SELECT object, kind, mapping, message FROM cases")
        ],
        "open": session.rows(
            "SELECT c.action, c.anchor, c.state, p.doc FROM change c JOIN payload p ON p.change = c.id "
            "WHERE c.state < 2"
        ),
        "queues": [
            (table, session.value(f"SELECT COUNT(*) FROM {table}"))
            for table in ("shown_dirty", "edge_dirty", "edge_change")
        ],
    }
    if volatile:
        found["stick"] = [(objects[row[0]], _json(row[1])) for row in session.rows("SELECT id, stick FROM object")]
        found["written"] = [
            (uids.get(row[0]), mapping(row[1]), *row[2:])
            for row in session.rows("SELECT identity, mapping, action, anchor, state FROM change WHERE state > 1")
        ]
    return {table: sorted(rows, key=repr) for table, rows in found.items()}


def _json(data: bytes | None) -> Any:
    return orjson.loads(data) if data else None


def difference(first: Picture, second: Picture) -> dict[str, tuple[list[Any], list[Any]]]:
    """What only the first shows, and what only the second, by table; empty when they are equal."""
    found = {
        table: ([row for row in first[table] if row not in second[table]],
                [row for row in second[table] if row not in first[table]])
        for table in first
    }  # fmt: skip
    return {table: both for table, both in found.items() if both != ([], []) or first[table] != second[table]}
