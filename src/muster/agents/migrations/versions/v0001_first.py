"""The first tables.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "agent",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("crew", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("enrolled", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger()),
        sa.Column("trouble", TEXT),
        sa.Column("revoked", sa.BigInteger()),
    )
    condition = sa.text("revoked IS NULL")
    op.create_index("agent_name", "agent", ["name"], unique=True, sqlite_where=condition, postgresql_where=condition)
    op.create_table(
        "agent_code",
        sa.Column("hash", TEXT, primary_key=True),
        sa.Column("crew", TEXT, nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger()),
        sa.Column("used_by", TEXT),
    )
    op.create_table(
        "agent_server",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("listen", TEXT, nullable=False),
        sa.Column("port", sa.BigInteger(), nullable=False),
        sa.Column("certificate", TEXT, nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "agent_ticket",
        sa.Column("hash", TEXT, primary_key=True),
        sa.Column("expires", sa.BigInteger(), nullable=False),
    )
