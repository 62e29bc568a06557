"""A set of tables with its migrations, opened: made when it is not there, upgraded when older, refused when newer, or
when they are not those of their revision.

The everyday opening is three small queries. Making and upgrading are one transaction each, in which no other process
can be.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import MetaData

from muster.model.errors import StoreError
from muster.store.database import Database, Session, is_there
from muster.store.shape import differences


@dataclass(frozen=True, slots=True)
class Lineage:
    """What the tables are today, and how older ones become so.

    `upgrading` is a module with `upgrade(connection)`, loaded only when one is due: Alembic takes most of a second to
    import. `lock` is PostgreSQL's advisory lock of those who make or upgrade the tables. `anew`: how to start with new
    ones, and what that loses.
    """

    what: str
    metadata: MetaData
    version: str
    version_table: str
    upgrading: str
    lock: int
    anew: str


_TOLD: Final = 3
"""Differences that a message names."""


def open_database(url: str, folder: Path, lineage: Lineage) -> Database:
    """The database with these tables, ready. Raises `StoreError`."""
    database = Database(url, folder)
    try:
        with database.read() as session:
            version = _version(session, lineage)
            if version == lineage.version:
                _refuse_other_tables(session, database.shown, lineage)
        if version != lineage.version:
            _bring_up_to_date(database, lineage)
    except BaseException:
        database.close()
        raise
    return database


def open_as_it_is(url: str, folder: Path, lineage: Lineage) -> Database:
    """The database with these tables, neither made nor upgraded. Raises `StoreError` where that would be needed."""
    if not is_there(url, folder):
        raise StoreError(f"{lineage.what} {url}: is not there yet. Its own server makes it: muster -C {folder} plan")
    database = Database(url, folder)
    try:
        with database.read() as session:
            version = _version(session, lineage)
            if version == lineage.version:
                _refuse_other_tables(session, database.shown, lineage)
        if version != lineage.version:
            raise StoreError(
                f"{lineage.what} {database.shown}: is of another version of Muster (its tables are "
                f"{version or 'not made yet'}, this Muster knows {lineage.version}), and only its own "
                "server may change that"
            )
    except BaseException:
        database.close()
        raise
    return database


def make_tables(session: Session, lineage: Lineage) -> None:
    """The tables of today where none of them is: the same that all migrations lead to."""
    lineage.metadata.create_all(session.connection, checkfirst=False)
    session.run(f"CREATE TABLE {lineage.version_table} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    session.run(f"INSERT INTO {lineage.version_table} (version_num) VALUES (?)", lineage.version)


def _bring_up_to_date(database: Database, lineage: Lineage) -> None:
    with database.write() as session:
        if session.postgres:
            session.run("SELECT pg_advisory_xact_lock(?)", lineage.lock)
        version = _version(session, lineage)
        if version is None:
            _refuse_strangers(session, database.shown, lineage)
            make_tables(session, lineage)
        elif not (version.isdigit() and len(version) == len(lineage.version)) or version > lineage.version:
            raise StoreError(
                f"{lineage.what} {database.shown}: was made by a newer Muster (its tables are version {version}, this "
                f"Muster knows {lineage.version}). Use that Muster, or newer; nothing was changed"
            )
        elif version < lineage.version:
            importlib.import_module(lineage.upgrading).upgrade(session.connection)


def _version(session: Session, lineage: Lineage) -> str | None:
    """The revision of the tables; None where there are none."""
    found: str | None = None
    if lineage.version_table in _tables(session, [lineage.version_table]):
        found = session.value(f"SELECT version_num FROM {lineage.version_table}")
    return found


def _refuse_strangers(session: Session, shown: str, lineage: Lineage) -> None:
    strange = _tables(session, sorted(lineage.metadata.tables))
    if strange:
        raise StoreError(
            f"{lineage.what} {shown}: has a table {strange[0]!r} and no {lineage.version_table!r}: it is another "
            "program's database, or of a Muster before 0.1. Give `store:` in muster.yaml a database of its own"
        )


def _refuse_other_tables(session: Session, shown: str, lineage: Lineage) -> None:
    """Tables of an unreleased Muster bear the number of today's and are others: no migration leads from them."""
    found = differences(session, lineage.metadata)
    if found:
        more = f" and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
        raise StoreError(
            f"{lineage.what} {shown}: its tables are not those of version {lineage.version}: {', '.join(found[:_TOLD])}"
            f"{more}. A Muster from before the first release made it, and it cannot be upgraded; nothing was changed. "
            f"Go on with the Muster that made it, or start with a new one: {lineage.anew}"
        )


def _tables(session: Session, names: list[str]) -> list[str]:
    """Which of these tables are there."""
    if session.postgres:
        rows = session.rows("SELECT name FROM unnest(?::text[]) name WHERE to_regclass(name) IS NOT NULL", names)
    else:
        rows = session.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ?t", names)
    return sorted(row[0] for row in rows)
