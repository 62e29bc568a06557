"""Alembic runs this; the transaction, and its end, belong to the caller."""

from __future__ import annotations

from alembic import context

from muster.agents.migrations import VERSION_TABLE
from muster.agents.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
