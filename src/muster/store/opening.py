"""Opening the store of a project."""

from __future__ import annotations

from pathlib import Path
from typing import Final

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


_ANEW: Final = (
    "move the old file away with its -wal and -shm (PostgreSQL: let `store:` in muster.yaml name an empty database), "
    "then muster plan. The join rules find every account again; decisions about joins, holds, delays that run, names "
    "kept for people who left, and the audit trail are lost"
)


def _store() -> Lineage:
    upgrading = "muster.store.migrations.upgrading"
    return Lineage("store", metadata, VERSION, VERSION_TABLE, upgrading, lock=4241, anew=_ANEW)
