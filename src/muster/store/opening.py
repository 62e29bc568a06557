"""Opening the store of a project."""

from __future__ import annotations

from pathlib import Path

from muster.store import lineage
from muster.store.database import Database, Session
from muster.store.lineage import Lineage
from muster.store.migrations import VERSION, VERSION_TABLE
from muster.store.tables import metadata


def open_store(url: str, folder: Path) -> Database:
    """The store of a project, ready. Raises `StoreError`."""
    return lineage.open_database(url, folder, _store())


def open_other_store(url: str, folder: Path) -> Database:
    """The store of another server, which is not upgraded or made by looking at it. Raises `StoreError`."""
    return lineage.open_as_it_is(url, folder, _store())


def make_tables(session: Session) -> None:
    """The tables of today in an empty database: the same that all migrations lead to."""
    lineage.make_tables(session, _store())


def _store() -> Lineage:
    return Lineage("store", metadata, VERSION, VERSION_TABLE, "muster.store.migrations.upgrading", lock=4241)
