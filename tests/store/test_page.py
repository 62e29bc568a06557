"""docs/explanation/store.md names every table and column, and none that is not there."""

from __future__ import annotations

import re
from pathlib import Path

from muster.store.migrations import VERSION_TABLE
from muster.store.tables import metadata

PAGE = (Path(__file__).parents[2] / "docs" / "explanation" / "store.md").read_text("utf-8")
PARTS = [re.findall(r"`([a-z_]+)`", part) for part in re.split(r"(?m)^(?=- `|`audit`)", PAGE)]


def test_every_table_and_each_of_its_columns_is_explained() -> None:
    for table in metadata.tables.values():
        told = {name for names in PARTS if table.name in names for name in names}
        assert table.name in told, f"docs/explanation/store.md does not explain the table {table.name}"
        lacking = {column.name for column in table.columns} - told - {"id"}
        assert not lacking, f"docs/explanation/store.md does not explain {sorted(lacking)} of the table {table.name}"


def test_no_table_is_explained_that_is_not_there() -> None:
    explained = set(re.findall(r"(?m)^- `([a-z_]+)`(?: \(|:|,)", PAGE))
    assert explained <= {*metadata.tables, VERSION_TABLE}
