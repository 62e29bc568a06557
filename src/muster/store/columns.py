"""What the columns of all our tables have in common, on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer, Text, text

TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Texts sort by code point in both databases, as they do in Python."""

NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit key; on SQLite the row's own number."""


def where(condition: str) -> dict[str, Any]:
    """An index over part of a table, on both databases."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}
