"""Opening the store: made when it is not there, upgraded in place when it is older, refused when it is newer.

The everyday opening is one query. Making and upgrading are one transaction each, in which no other process can be.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Final

from muster.model.errors import StoreError
from muster.store.database import Database, Session
from muster.store.migrations import VERSION, VERSION_TABLE
from muster.store.tables import metadata

_LOCK: Final = 4241
"""PostgreSQL's advisory lock of those who make or upgrade the tables."""


def open_store(url: str, folder: Path) -> Database:
    """The store of a project, ready. Raises `StoreError`."""
    database = Database(url, folder)
    try:
        with database.read() as session:
            version = _version(session)
        if version != VERSION:
            _bring_up_to_date(database)
    except BaseException:
        database.close()
        raise
    return database


def make_tables(session: Session) -> None:
    """The tables of today in an empty database: the same that all migrations lead to."""
    metadata.create_all(session.connection, checkfirst=False)
    session.run(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    session.run(f"INSERT INTO {VERSION_TABLE} (version_num) VALUES (?)", VERSION)


def _bring_up_to_date(database: Database) -> None:
    with database.write() as session:
        if session.postgres:
            session.run("SELECT pg_advisory_xact_lock(?)", _LOCK)
        version = _version(session)
        if version is None:
            _refuse_strangers(session, database.shown)
            make_tables(session)
        elif not (version.isdigit() and len(version) == len(VERSION)) or version > VERSION:
            raise StoreError(
                f"store {database.shown}: was made by a newer Muster (its tables are version {version}, this Muster "
                f"knows {VERSION}). Use that Muster, or newer; nothing was changed"
            )
        elif version < VERSION:
            importlib.import_module("muster.store.migrations.upgrading").upgrade(session.connection)


def _version(session: Session) -> str | None:
    """The revision of the tables; None where there are none."""
    found: str | None = None
    if VERSION_TABLE in _tables(session, [VERSION_TABLE]):
        found = session.value(f"SELECT version_num FROM {VERSION_TABLE}")
    return found


def _refuse_strangers(session: Session, shown: str) -> None:
    strange = _tables(session, sorted(metadata.tables))
    if strange:
        raise StoreError(
            f"store {shown}: has a table {strange[0]!r} and no {VERSION_TABLE!r}: it is another program's database, or "
            "of a Muster before 0.1. Give `store:` in muster.yaml a database of its own"
        )


def _tables(session: Session, names: list[str]) -> list[str]:
    """Which of these tables are there."""
    if session.postgres:
        rows = session.rows("SELECT name FROM unnest(?::text[]) name WHERE to_regclass(name) IS NOT NULL", names)
    else:
        rows = session.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ?t", names)
    return sorted(row[0] for row in rows)
