"""The first schema.

Revision ID: 0001
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "counter",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("next", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "name",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("text", TEXT, nullable=False),
    )
    op.create_index("name_text", "name", ["kind", "text"], unique=True)
    op.create_table(
        "space",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("system", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
    )
    op.create_index("space_name", "space", ["system", "type"], unique=True)
    op.create_table(
        "system",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("schema", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "watermark",
        sa.Column("system", TEXT, primary_key=True),
        sa.Column("value", TEXT),
        sa.Column("reading", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.BigInteger()),
        sa.Column("full_at", sa.BigInteger()),
        sa.Column("wanted", sa.LargeBinary(), nullable=False),
        sa.Column("settings", TEXT, nullable=False),
    )
    op.create_table(
        "object",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("space", sa.Integer(), nullable=False),
        sa.Column("anchor", TEXT, nullable=False),
        sa.Column("part", TEXT, nullable=False),
        sa.Column("doc", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("ref", TEXT),
        sa.Column("parent", TEXT),
        sa.Column("mapping", sa.Integer()),
        sa.Column("identity", sa.BigInteger()),
        sa.Column("made", sa.SmallInteger(), nullable=False),
        sa.Column("wrote", sa.LargeBinary()),
        sa.Column("wanted", sa.LargeBinary()),
        sa.Column("stick", sa.LargeBinary()),
        sa.Column("gone", sa.SmallInteger(), nullable=False),
        sa.Column("dirty", sa.SmallInteger(), nullable=False),
        sa.Column("due", sa.BigInteger()),
        sa.Column("unread", sa.LargeBinary()),
    )
    op.create_index("object_anchor", "object", ["space", "anchor"], unique=True)
    op.create_index("object_dirty", "object", ["dirty", "space", "anchor"], **_where("dirty > 0"))
    op.create_index("object_gone", "object", ["space"], **_where("gone = 1"))
    op.create_index("object_due", "object", ["due"], **_where("due IS NOT NULL"))
    op.create_index("object_identity", "object", ["identity"], **_where("identity IS NOT NULL"))
    op.create_index("object_loose", "object", ["space"], **_where("identity IS NULL"))
    op.create_index("object_unread", "object", ["space"], **_where("unread IS NOT NULL"))
    op.create_index("object_parent", "object", ["parent"], **_where("parent IS NOT NULL"))
    op.create_index("object_ref", "object", ["ref"], **_where("ref IS NOT NULL"))
    op.create_table(
        "object_key",
        sa.Column("sig", sa.Integer(), nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("object", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sig", "key", "object"),
        sqlite_with_rowid=False,
    )
    op.create_index("object_key_object", "object_key", ["object"])
    op.create_table(
        "identity",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("uid", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("doc", sa.LargeBinary(), nullable=False),
        sa.Column("origin", sa.LargeBinary(), nullable=False),
        sa.Column("kept", sa.LargeBinary()),
        sa.Column("leaving", sa.SmallInteger(), nullable=False),
        sa.Column("dirty", sa.SmallInteger(), nullable=False),
        sa.Column("due_in", sa.BigInteger()),
        sa.Column("due_out", sa.BigInteger()),
    )
    op.create_index("identity_dirty", "identity", ["dirty", "id"], **_where("dirty > 0"))
    op.create_index("identity_due_in", "identity", ["due_in"], **_where("due_in IS NOT NULL"))
    op.create_index("identity_due_out", "identity", ["due_out"], **_where("due_out IS NOT NULL"))
    op.create_index("identity_uid", "identity", ["uid"], unique=True)
    op.create_table(
        "identity_key",
        sa.Column("sig", sa.Integer(), nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("identity", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sig", "key", "identity"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "shared_key",
        sa.Column("sig", sa.Integer(), nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("sig", "key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "presence",
        sa.Column("identity", sa.BigInteger(), nullable=False),
        sa.Column("mapping", sa.Integer(), nullable=False),
        sa.Column("wanted", sa.SmallInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("identity", "mapping"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "edge",
        sa.Column("owner", sa.BigInteger(), nullable=False),
        sa.Column("attribute", sa.Integer(), nullable=False),
        sa.Column("origin", sa.BigInteger(), nullable=False),
        sa.Column("how", sa.Integer(), nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("target", sa.BigInteger()),
        sa.Column("account", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "attribute", "origin", "how", "key"),
        sqlite_with_rowid=False,
    )
    op.create_index("edge_origin", "edge", ["origin"])
    op.create_index("edge_target", "edge", ["target", "attribute"], **_where("target IS NOT NULL"))
    op.create_index("edge_unresolved", "edge", ["attribute", "how", "owner"], **_where("target IS NULL"))
    op.create_index("edge_waiting", "edge", ["how", "key"])
    op.create_table(
        "shown",
        sa.Column("object", sa.BigInteger(), nullable=False),
        sa.Column("attribute", sa.Integer(), nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("wrote", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("object", "attribute", "text"),
        sqlite_with_rowid=False,
    )
    op.create_index("shown_text", "shown", ["text"])
    op.create_table(
        "shown_digest",
        sa.Column("object", sa.BigInteger(), nullable=False),
        sa.Column("attribute", sa.Integer(), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("object", "attribute"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "shown_dirty",
        sa.Column("object", sa.BigInteger(), nullable=False),
        sa.Column("attribute", sa.Integer(), nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("object", "attribute", "text"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "left_out",
        sa.Column("owner", sa.BigInteger(), nullable=False),
        sa.Column("attribute", sa.Integer(), nullable=False),
        sa.Column("mapping", sa.Integer(), nullable=False),
        sa.Column("target", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "attribute", "mapping", "target"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "waiting",
        sa.Column("target", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("target", "owner"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "edge_change",
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.Column("attribute", sa.Integer(), nullable=False),
        sa.Column("target", sa.BigInteger(), nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("remove", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("change", "attribute", "text", "target"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "edge_dirty",
        sa.Column("owner", sa.BigInteger(), nullable=False),
        sa.Column("attribute", sa.Integer(), nullable=False),
        sa.Column("target", sa.BigInteger(), nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("owner", "attribute", "target", "text"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reserved",
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("identity", sa.BigInteger(), nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("firm", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key"),
        sqlite_with_rowid=False,
    )
    op.create_index("reserved_identity", "reserved", ["identity"])
    op.create_table(
        "hold",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("identity", sa.BigInteger(), nullable=False),
        sa.Column("mapping", TEXT),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("attribute", TEXT),
        sa.Column("value", sa.LargeBinary()),
        sa.Column("set_by", TEXT, nullable=False),
        sa.Column("why", TEXT, nullable=False),
        sa.Column("until", sa.BigInteger()),
        sa.Column("condition", TEXT),
    )
    op.create_index("hold_identity", "hold", ["identity"])
    op.create_table(
        "cases",
        sa.Column("object", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("mapping", sa.Integer(), nullable=False),
        sa.Column("identities", sa.LargeBinary(), nullable=False),
        sa.Column("message", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "case_identity",
        sa.Column("identity", sa.BigInteger(), nullable=False),
        sa.Column("mapping", sa.Integer(), nullable=False),
        sa.Column("object", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("identity", "mapping", "object"),
        sqlite_with_rowid=False,
    )
    op.create_index("case_identity_object", "case_identity", ["object"])
    op.create_table(
        "note",
        sa.Column("identity", sa.BigInteger(), nullable=False),
        sa.Column("mapping", sa.Integer(), nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("message", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("identity", "mapping", "kind", "message"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "decision",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("object", sa.BigInteger(), nullable=False),
        sa.Column("identity", sa.BigInteger()),
        sa.Column("made_by", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
    op.create_index("decision_object", "decision", ["object"])
    op.create_table(
        "decided",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("made_by", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("object", sa.BigInteger()),
        sa.Column("identity", sa.BigInteger()),
        sa.Column("other", sa.BigInteger()),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.BigInteger(), nullable=False),
    )
    op.create_index("decided_sealed", "decided", ["sealed"])
    op.create_table(
        "change",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("space", sa.Integer(), nullable=False),
        sa.Column("mapping", sa.Integer(), nullable=False),
        sa.Column("identity", sa.BigInteger(), nullable=False),
        sa.Column("object", sa.BigInteger()),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("anchor", TEXT),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("waits", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("seal", sa.LargeBinary()),
        sa.Column("sealed", sa.BigInteger()),
        sa.Column("reason", TEXT),
        sa.Column("at", sa.BigInteger()),
    )
    op.create_index("change_create", "change", ["space", "anchor"], **_where("state = 0 AND action = 'create'"))
    op.create_index("change_identity", "change", ["identity", "mapping"])
    op.create_index("change_open", "change", ["space", "rank", "id"], **_where("state = 0"))
    op.create_index("change_sent", "change", ["space", "id"], **_where("state = 1"))
    op.create_index("change_sealed", "change", ["sealed"], **_where("sealed IS NOT NULL"))
    op.create_table(
        "payload",
        sa.Column("change", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("doc", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "plan",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("run", sa.BigInteger()),
        sa.Column("document", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "rule",
        sa.Column("mapping", TEXT, nullable=False),
        sa.Column("part", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("mapping", "part"),
    )
    op.create_table(
        "spent",
        sa.Column("system", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
    )
    op.create_index("spent_system", "spent", ["system", "at"])
    op.create_table(
        "quarantine",
        sa.Column("system", TEXT, primary_key=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("message", TEXT, nullable=False),
    )
    op.create_table(
        "outage",
        sa.Column("system", TEXT, primary_key=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("message", TEXT, nullable=False),
    )
    op.create_table(
        "job",
        sa.Column("system", TEXT, primary_key=True),
        sa.Column("paused_at", sa.BigInteger()),
        sa.Column("made_by", TEXT, nullable=False),
        sa.Column("why", TEXT, nullable=False),
        sa.Column("force", sa.SmallInteger(), nullable=False),
    )
    op.create_table(
        "lease",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("holder", TEXT, nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "server",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("active", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("made_by", TEXT, nullable=False),
        sa.Column("why", TEXT, nullable=False),
        sa.Column("other", TEXT),
        sa.Column("despite", TEXT),
        sa.Column("owes", TEXT),
    )
    op.create_table(
        "run",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("verb", TEXT, nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger()),
        sa.Column("rehearsed", sa.SmallInteger(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("summary", sa.LargeBinary()),
        sa.Column("made_by", TEXT),
    )
    op.create_table(
        "step",
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("system", TEXT, nullable=False),
        sa.Column("seconds", sa.BigInteger(), nullable=False),
        sa.Column("counts", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run", "position"),
    )
    op.create_table(
        "problem",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("level", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("system", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("anchor", TEXT),
        sa.Column("identities", sa.LargeBinary(), nullable=False),
        sa.Column("message", TEXT, nullable=False),
    )
    op.create_index("problem_run", "problem", ["run"])
    op.create_table(
        "audit",
        sa.Column("seq", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("rehearsed", sa.SmallInteger(), nullable=False),
        sa.Column("what", TEXT, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "gateway_token",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("system", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("me", TEXT),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger()),
    )
    op.create_index("gateway_token_name", "gateway_token", ["system", "name"], unique=True)
