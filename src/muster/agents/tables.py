"""The tables of agents, beside the store. A change here needs a migration.

Instants are whole microseconds since 1970, by the real clock. Nothing in here lets anybody in: of codes and tickets
only hashes are kept, of agents the public half of their key.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, MetaData, Table

from muster.store.columns import NUMBER, TEXT, where

metadata = MetaData()

Table(
    "agent",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("name", TEXT, nullable=False),
    Column("crew", TEXT, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("version", TEXT, nullable=False),
    Column("enrolled", BigInteger, nullable=False),
    Column("seen", BigInteger),
    Column("trouble", TEXT),
    Column("revoked", BigInteger),
    Index("agent_name", "name", unique=True, **where("revoked IS NULL")),
)

Table(
    "agent_code",
    metadata,
    Column("hash", TEXT, primary_key=True),
    Column("crew", TEXT, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("used", BigInteger),
    Column("used_by", TEXT),
)

Table(
    "agent_server",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("host", TEXT, nullable=False),
    Column("listen", TEXT, nullable=False),
    Column("port", BigInteger, nullable=False),
    Column("certificate", TEXT, nullable=False),
    Column("seen", BigInteger, nullable=False),
)

Table(
    "agent_ticket",
    metadata,
    Column("hash", TEXT, primary_key=True),
    Column("expires", BigInteger, nullable=False),
)
