"""The tables, as docs/explanation/store.md explains them. A change here needs a migration in `migrations/versions`.

Integer keys inside, anchors only at the border. Instants are whole microseconds since 1970 (`due`, `since`, `at`).
Documents are JSON bytes. Ids of `object`, `identity`, `change` are handed out by `counter`, so that a batch knows its
ids before it is written.
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
)

from muster.store.columns import NUMBER, TEXT, where

metadata = MetaData()


Table("counter", metadata, Column("name", TEXT, primary_key=True), Column("next", BigInteger, nullable=False))

Table(
    "name",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("kind", TEXT, nullable=False),
    Column("text", TEXT, nullable=False),
    Index("name_text", "kind", "text", unique=True),
)

Table(
    "space",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("system", TEXT, nullable=False),
    Column("type", TEXT, nullable=False),
    Index("space_name", "system", "type", unique=True),
)

Table(
    "system",
    metadata,
    Column("name", TEXT, primary_key=True),
    Column("schema", LargeBinary, nullable=False),
)

Table(
    "watermark",
    metadata,
    Column("system", TEXT, primary_key=True),
    Column("value", TEXT),
    Column("reading", BigInteger, nullable=False),
    Column("read_at", BigInteger),
    Column("full_at", BigInteger),
    Column("wanted", LargeBinary, nullable=False),
    Column("settings", TEXT, nullable=False),
)

Table(
    "object",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=False),
    Column("space", Integer, nullable=False),
    Column("anchor", TEXT, nullable=False),
    Column("part", TEXT, nullable=False),
    Column("doc", LargeBinary, nullable=False),
    Column("digest", BigInteger, nullable=False),
    Column("ref", TEXT),
    Column("parent", TEXT),
    Column("mapping", Integer),
    Column("identity", BigInteger),
    Column("made", SmallInteger, nullable=False),
    Column("wrote", LargeBinary),
    Column("wanted", LargeBinary),
    Column("stick", LargeBinary),
    Column("gone", SmallInteger, nullable=False),
    Column("dirty", SmallInteger, nullable=False),
    Column("due", BigInteger),
    Column("unread", LargeBinary),
    Index("object_anchor", "space", "anchor", unique=True),
    Index("object_identity", "identity", **where("identity IS NOT NULL")),
    Index("object_dirty", "dirty", "space", "anchor", **where("dirty > 0")),
    Index("object_gone", "space", **where("gone = 1")),
    Index("object_due", "due", **where("due IS NOT NULL")),
    Index("object_ref", "ref", **where("ref IS NOT NULL")),
    Index("object_parent", "parent", **where("parent IS NOT NULL")),
    Index("object_unread", "space", **where("unread IS NOT NULL")),
    Index(
        "object_loose",
        "space",
        **where("identity IS NULL"),
    ),
)

Table(
    "object_key",
    metadata,
    Column("sig", Integer, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("object", BigInteger, nullable=False),
    PrimaryKeyConstraint("sig", "key", "object"),
    Index("object_key_object", "object"),
    sqlite_with_rowid=False,
)

Table(
    "identity",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=False),
    Column("uid", TEXT, nullable=False),
    Column("type", TEXT, nullable=False),
    Column("doc", LargeBinary, nullable=False),
    Column("origin", LargeBinary, nullable=False),
    Column("kept", LargeBinary),
    Column("leaving", SmallInteger, nullable=False),
    Column("dirty", SmallInteger, nullable=False),
    Column("due_in", BigInteger),
    Column("due_out", BigInteger),
    Index("identity_uid", "uid", unique=True),
    Index("identity_dirty", "dirty", "id", **where("dirty > 0")),
    Index(
        "identity_due_in",
        "due_in",
        **where("due_in IS NOT NULL"),
    ),
    Index(
        "identity_due_out",
        "due_out",
        **where("due_out IS NOT NULL"),
    ),
)

Table(
    "identity_key",
    metadata,
    Column("sig", Integer, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("identity", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    PrimaryKeyConstraint("sig", "key", "identity"),
    sqlite_with_rowid=False,
)

Table(
    "shared_key",
    metadata,
    Column("sig", Integer, nullable=False),
    Column("key", TEXT, nullable=False),
    PrimaryKeyConstraint("sig", "key"),
    sqlite_with_rowid=False,
)

Table(
    "presence",
    metadata,
    Column("identity", BigInteger, nullable=False),
    Column("mapping", Integer, nullable=False),
    Column("wanted", SmallInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("step", Integer, nullable=False),
    PrimaryKeyConstraint("identity", "mapping"),
    sqlite_with_rowid=False,
)

Table(
    "edge",
    metadata,
    Column("owner", BigInteger, nullable=False),
    Column("attribute", Integer, nullable=False),
    Column("origin", BigInteger, nullable=False),
    Column("how", Integer, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("target", BigInteger),
    Column("account", Integer, nullable=False),
    PrimaryKeyConstraint("owner", "attribute", "origin", "how", "key"),
    Index("edge_target", "target", "attribute", **where("target IS NOT NULL")),
    Index("edge_waiting", "how", "key"),
    Index("edge_unresolved", "attribute", "how", "owner", **where("target IS NULL")),
    Index("edge_origin", "origin"),
    sqlite_with_rowid=False,
)

Table(
    "shown",
    metadata,
    Column("object", BigInteger, nullable=False),
    Column("attribute", Integer, nullable=False),
    Column("text", TEXT, nullable=False),
    Column("wrote", SmallInteger, nullable=False),
    PrimaryKeyConstraint("object", "attribute", "text"),
    Index("shown_text", "text"),
    sqlite_with_rowid=False,
)

Table(
    "shown_digest",
    metadata,
    Column("object", BigInteger, nullable=False),
    Column("attribute", Integer, nullable=False),
    Column("digest", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("object", "attribute"),
    sqlite_with_rowid=False,
)

Table(
    "shown_dirty",
    metadata,
    Column("object", BigInteger, nullable=False),
    Column("attribute", Integer, nullable=False),
    Column("text", TEXT, nullable=False),
    PrimaryKeyConstraint("object", "attribute", "text"),
    sqlite_with_rowid=False,
)

Table(
    "left_out",
    metadata,
    Column("owner", BigInteger, nullable=False),
    Column("attribute", Integer, nullable=False),
    Column("mapping", Integer, nullable=False),
    Column("target", BigInteger, nullable=False),
    PrimaryKeyConstraint("owner", "attribute", "mapping", "target"),
    sqlite_with_rowid=False,
)

Table(
    "waiting",
    metadata,
    Column("target", BigInteger, nullable=False),
    Column("owner", BigInteger, nullable=False),
    PrimaryKeyConstraint("target", "owner"),
    sqlite_with_rowid=False,
)

Table(
    "edge_change",
    metadata,
    Column("change", BigInteger, nullable=False),
    Column("attribute", Integer, nullable=False),
    Column("target", BigInteger, nullable=False),
    Column("text", TEXT, nullable=False),
    Column("remove", SmallInteger, nullable=False),
    PrimaryKeyConstraint("change", "attribute", "text", "target"),
    sqlite_with_rowid=False,
)

Table(
    "edge_dirty",
    metadata,
    Column("owner", BigInteger, nullable=False),
    Column("attribute", Integer, nullable=False),
    Column("target", BigInteger, nullable=False),
    Column("text", TEXT, nullable=False),
    PrimaryKeyConstraint("owner", "attribute", "target", "text"),
    sqlite_with_rowid=False,
)

Table(
    "reserved",
    metadata,
    Column("scope", TEXT, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("identity", BigInteger, nullable=False),
    Column("value", TEXT, nullable=False),
    Column("firm", SmallInteger, nullable=False),
    PrimaryKeyConstraint("scope", "key"),
    Index("reserved_identity", "identity"),
    sqlite_with_rowid=False,
)

Table(
    "hold",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("identity", BigInteger, nullable=False),
    Column("mapping", TEXT),
    Column("kind", TEXT, nullable=False),
    Column("attribute", TEXT),
    Column("value", LargeBinary),
    Column("set_by", TEXT, nullable=False),
    Column("why", TEXT, nullable=False),
    Column("until", BigInteger),
    Column("condition", TEXT),
    Index("hold_identity", "identity"),
)

Table(
    "cases",
    metadata,
    Column("object", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", TEXT, nullable=False),
    Column("mapping", Integer, nullable=False),
    Column("identities", LargeBinary, nullable=False),
    Column("message", TEXT, nullable=False),
    Column("at", BigInteger, nullable=False),
)

Table(
    "case_identity",
    metadata,
    Column("identity", BigInteger, nullable=False),
    Column("mapping", Integer, nullable=False),
    Column("object", BigInteger, nullable=False),
    PrimaryKeyConstraint("identity", "mapping", "object"),
    Index("case_identity_object", "object"),
    sqlite_with_rowid=False,
)

Table(
    "note",
    metadata,
    Column("identity", BigInteger, nullable=False),
    Column("mapping", Integer, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("message", TEXT, nullable=False),
    PrimaryKeyConstraint("identity", "mapping", "kind", "message"),
    sqlite_with_rowid=False,
)

Table(
    "decision",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("kind", TEXT, nullable=False),
    Column("object", BigInteger, nullable=False),
    Column("identity", BigInteger),
    Column("made_by", TEXT, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("decision_object", "object"),
)

Table(
    "decided",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=False),
    Column("kind", TEXT, nullable=False),
    Column("made_by", TEXT, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("object", BigInteger),
    Column("identity", BigInteger),
    Column("other", BigInteger),
    Column("payload", LargeBinary, nullable=False),
    Column("seal", LargeBinary, nullable=False),
    Column("sealed", BigInteger, nullable=False),
    Index("decided_sealed", "sealed"),
)

Table(
    "change",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=False),
    Column("run", BigInteger, nullable=False),
    Column("space", Integer, nullable=False),
    Column("mapping", Integer, nullable=False),
    Column("identity", BigInteger, nullable=False),
    Column("object", BigInteger),
    Column("action", TEXT, nullable=False),
    Column("anchor", TEXT),
    Column("rank", Integer, nullable=False),
    Column("waits", SmallInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("seal", LargeBinary),
    Column("sealed", BigInteger),
    Column("reason", TEXT),
    Column("at", BigInteger),
    Index("change_open", "space", "rank", "id", **where("state = 0")),
    Index("change_sent", "space", "id", **where("state = 1")),
    Index("change_identity", "identity", "mapping"),
    Index("change_sealed", "sealed", **where("sealed IS NOT NULL")),
    Index("change_create", "space", "anchor", **where("state = 0 AND action = 'create'")),
)

Table(
    "payload",
    metadata,
    Column("change", NUMBER, primary_key=True, autoincrement=False),
    Column("doc", LargeBinary, nullable=False),
)

Table(
    "plan",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("digest", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("run", BigInteger),
    Column("document", LargeBinary, nullable=False),
)

Table(
    "rule",
    metadata,
    Column("mapping", TEXT, nullable=False),
    Column("part", TEXT, nullable=False),
    Column("digest", TEXT, nullable=False),
    PrimaryKeyConstraint("mapping", "part"),
)

Table(
    "spent",
    metadata,
    Column("system", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Index("spent_system", "system", "at"),
)

Table(
    "quarantine",
    metadata,
    Column("system", TEXT, primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("message", TEXT, nullable=False),
)

Table(
    "outage",
    metadata,
    Column("system", TEXT, primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("runs", Integer, nullable=False),
    Column("message", TEXT, nullable=False),
)

Table(
    "job",
    metadata,
    Column("system", TEXT, primary_key=True),
    Column("paused_at", BigInteger),
    Column("made_by", TEXT, nullable=False),
    Column("why", TEXT, nullable=False),
    Column("force", SmallInteger, nullable=False),
)

Table(
    "lease",
    metadata,
    Column("name", TEXT, primary_key=True),
    Column("holder", TEXT, nullable=False),
    Column("expires", BigInteger, nullable=False),
)

Table(
    "server",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("active", SmallInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("made_by", TEXT, nullable=False),
    Column("why", TEXT, nullable=False),
    Column("other", TEXT),
    Column("despite", TEXT),
    Column("owes", TEXT),
)

Table(
    "run",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=False),
    Column("verb", TEXT, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("ended", BigInteger),
    Column("rehearsed", SmallInteger, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("summary", LargeBinary),
    Column("made_by", TEXT),
)

Table(
    "step",
    metadata,
    Column("run", BigInteger, nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("system", TEXT, nullable=False),
    Column("seconds", BigInteger, nullable=False),
    Column("counts", LargeBinary, nullable=False),
    PrimaryKeyConstraint("run", "position"),
)

Table(
    "problem",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("run", BigInteger, nullable=False),
    Column("level", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("system", TEXT, nullable=False),
    Column("type", TEXT, nullable=False),
    Column("anchor", TEXT),
    Column("identities", LargeBinary, nullable=False),
    Column("message", TEXT, nullable=False),
    Index("problem_run", "run"),
)

Table(
    "audit",
    metadata,
    Column("seq", NUMBER, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("run", BigInteger, nullable=False),
    Column("rehearsed", SmallInteger, nullable=False),
    Column("what", TEXT, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)

Table(
    "gateway_token",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("system", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("me", TEXT),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Index("gateway_token_name", "system", "name", unique=True),
)
