"""A copy of the store to think in: for questions that must leave no trace."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from muster.store.database import Database, chunks
from muster.store.opening import make_tables
from muster.store.tables import metadata


def scratch_copy(database: Database) -> Database:
    """The whole store in memory, as it is now. Takes no write lock; thrown away when it is closed."""
    copy = Database("sqlite://", Path())
    if database.postgres:
        _copy_tables(database, copy)
    else:
        source = database.engine.raw_connection()
        target = copy.engine.raw_connection()
        try:
            source.driver_connection.backup(target.driver_connection)  # type: ignore[union-attr]
        finally:
            source.close()
            target.close()
    return copy


def _copy_tables(database: Database, copy: Database) -> None:
    with database.read() as session, copy.write() as target:
        make_tables(target)
        for table in metadata.sorted_tables:
            columns = [column.name for column in table.columns]
            result = session.connection.execute(sa.select(*table.columns).execution_options(yield_per=5000))
            for batch in chunks(tuple(row) for row in result):
                target.insert(table.name, columns, batch)
