"""The tables, as docs/explanation/directory.md explains them. A change here needs a migration.

Integer keys inside, GUIDs only at the border. Instants are whole microseconds since 1970. Every change takes the next
number of one sequence, and objects take theirs from it too: what came later has the higher number.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from muster.store.columns import NUMBER, TEXT, where

metadata = MetaData()

SOUGHT = Text().with_variant(JSONB(), "postgresql")
"""JSON that is only ever looked into by the database itself."""


Table("dir_setting", metadata, Column("name", TEXT, primary_key=True), Column("value", TEXT, nullable=False))

Table(
    "dir_moment",
    metadata,
    Column("at", NUMBER, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
)

Table(
    "dir_object",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=False),
    Column("guid", TEXT, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("born", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("own", BigInteger, nullable=False),
    Column("deleted", BigInteger),
    Column("doc", TEXT, nullable=False),
    Column("sought", SOUGHT, nullable=False),
    Index("dir_object_guid", "guid", unique=True),
    Index("dir_object_live", "kind", "id", **where("state = 0")),
    Index("dir_object_seq", "kind", "seq"),
    Index("dir_object_deleted", "state", "deleted", **where("state > 0")),
)

Table(
    "dir_key",
    metadata,
    Column("code", Integer, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("object", BigInteger, nullable=False),
    PrimaryKeyConstraint("code", "key", "object"),
    sqlite_with_rowid=False,
)

Table(
    "dir_edge",
    metadata,
    Column("relation", SmallInteger, nullable=False),
    Column("owner", BigInteger, nullable=False),
    Column("member", BigInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("relation", "owner", "member"),
    Index("dir_edge_member", "member", "state", "relation", "owner"),
    Index("dir_edge_seq", "owner", "seq"),
    Index("dir_edge_nested", "owner", "member", **where("relation = 1 AND kind = 2 AND state = 0")),
    Index("dir_edge_removed", "seq", **where("state = 1")),
    sqlite_with_rowid=False,
)

Table(
    "dir_application",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("object", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("permissions", TEXT, nullable=False),
    Column("created", BigInteger, nullable=False),
    Index("dir_application_name", "name", unique=True),
    Index("dir_application_object", "object", unique=True),
)

Table(
    "dir_secret",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("application", TEXT, nullable=False),
    Column("hint", TEXT, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Index("dir_secret_application", "application"),
)

Table(
    "dir_signing_key",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("public", TEXT, nullable=False),
    Column("created", BigInteger, nullable=False),
)

Table(
    "dir_extension",
    metadata,
    Column("name", TEXT, primary_key=True),
    Column("id", TEXT, nullable=False),
    Column("application", TEXT, nullable=False),
    Column("type", TEXT, nullable=False),
    Column("many", SmallInteger, nullable=False),
    Column("targets", TEXT, nullable=False),
    Index("dir_extension_application", "application"),
)

Table(
    "dir_sku",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("part", TEXT, nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("plans", TEXT, nullable=False),
    Column("used", BigInteger, nullable=False),
    Index("dir_sku_part", "part", unique=True),
)

Table(
    "dir_licence",
    metadata,
    Column("sku", TEXT, nullable=False),
    Column("object", BigInteger, nullable=False),
    PrimaryKeyConstraint("sku", "object"),
    sqlite_with_rowid=False,
)

Table(
    "dir_pass",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("object", BigInteger, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("starts", BigInteger, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("once", SmallInteger, nullable=False),
    Column("used", BigInteger),
    Index("dir_pass_object", "object"),
)

Table(
    "dir_invitation",
    metadata,
    Column("ticket", LargeBinary, primary_key=True),
    Column("object", BigInteger, nullable=False),
    Column("redirect", TEXT, nullable=False),
    Column("created", BigInteger, nullable=False),
    Index("dir_invitation_object", "object"),
)
