"""Statements and procedure calls of the settings' own, run with bound parameters: one for each column they name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, text


@lru_cache(maxsize=256)
def parameters(sql: str) -> tuple[str, ...]:
    """The names of a statement's parameters."""
    return tuple(text(sql).compile().params)


def run(connection: Connection, sql: str, values: Mapping[str, Any]) -> Any:
    """Run a statement with the values of the columns that it names, NULL for one that has none.

    The first value of the first row that it answers, or None.
    """
    result = connection.execute(text(sql), {name: values.get(name) for name in parameters(sql)})
    first = result.first() if result.returns_rows else None
    return None if first is None else first[0]
