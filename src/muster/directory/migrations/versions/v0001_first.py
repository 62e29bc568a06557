"""The first schema.

Revision ID: 0001
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SOUGHT = sa.Text().with_variant(JSONB(), "postgresql")


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "dir_setting",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("value", TEXT, nullable=False),
    )
    op.create_table(
        "dir_moment",
        sa.Column("at", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "dir_object",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("guid", TEXT, nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("born", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("own", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.BigInteger()),
        sa.Column("doc", TEXT, nullable=False),
        sa.Column("sought", SOUGHT, nullable=False),
    )
    op.create_index("dir_object_guid", "dir_object", ["guid"], unique=True)
    op.create_index("dir_object_live", "dir_object", ["kind", "id"], **_where("state = 0"))
    op.create_index("dir_object_seq", "dir_object", ["kind", "seq"])
    op.create_index("dir_object_deleted", "dir_object", ["state", "deleted"], **_where("state > 0"))
    op.create_table(
        "dir_key",
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("object", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("code", "key", "object"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "dir_edge",
        sa.Column("relation", sa.SmallInteger(), nullable=False),
        sa.Column("owner", sa.BigInteger(), nullable=False),
        sa.Column("member", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("relation", "owner", "member"),
        sqlite_with_rowid=False,
    )
    op.create_index("dir_edge_member", "dir_edge", ["member", "state", "relation", "owner"])
    op.create_index("dir_edge_seq", "dir_edge", ["owner", "seq"])
    op.create_index(
        "dir_edge_nested", "dir_edge", ["owner", "member"], **_where("relation = 1 AND kind = 2 AND state = 0")
    )
    op.create_index("dir_edge_removed", "dir_edge", ["seq"], **_where("state = 1"))
    op.create_table(
        "dir_application",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("object", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("permissions", TEXT, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
    )
    op.create_index("dir_application_name", "dir_application", ["name"], unique=True)
    op.create_index("dir_application_object", "dir_application", ["object"], unique=True)
    op.create_table(
        "dir_secret",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("application", TEXT, nullable=False),
        sa.Column("hint", TEXT, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
    )
    op.create_index("dir_secret_application", "dir_secret", ["application"])
    op.create_table(
        "dir_signing_key",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("public", TEXT, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "dir_extension",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("application", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("many", sa.SmallInteger(), nullable=False),
        sa.Column("targets", TEXT, nullable=False),
    )
    op.create_index("dir_extension_application", "dir_extension", ["application"])
    op.create_table(
        "dir_sku",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("part", TEXT, nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("plans", TEXT, nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
    )
    op.create_index("dir_sku_part", "dir_sku", ["part"], unique=True)
    op.create_table(
        "dir_licence",
        sa.Column("sku", TEXT, nullable=False),
        sa.Column("object", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sku", "object"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "dir_pass",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("object", sa.BigInteger(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("starts", sa.BigInteger(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("once", sa.SmallInteger(), nullable=False),
        sa.Column("used", sa.BigInteger()),
    )
    op.create_index("dir_pass_object", "dir_pass", ["object"])
    op.create_table(
        "dir_invitation",
        sa.Column("ticket", sa.LargeBinary(), primary_key=True),
        sa.Column("object", sa.BigInteger(), nullable=False),
        sa.Column("redirect", TEXT, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
    )
    op.create_index("dir_invitation_object", "dir_invitation", ["object"])
