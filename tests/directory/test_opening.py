"""The directory's tables: made beside the store, led to by the migrations, and told in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from muster.directory import migrations
from muster.directory.directory import Directory, directory_url
from muster.directory.migrations import VERSION, VERSION_TABLE
from muster.directory.migrations.upgrading import upgrade
from muster.directory.tables import metadata
from muster.store.database import Database
from muster.store.opening import open_store
from tests.store.test_opening import shape

ADVICE = (
    "src/muster/directory/tables.py and its migrations disagree. Before the first release: put the difference below "
    "into migrations/versions/v0001_first.py, too. After it: add a migration and count VERSION up. Then tell it in "
    "docs/explanation/directory.md."
)
PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "directory.md"


def test_the_migrations_lead_to_the_tables_of_the_code(store: str, tmp_path: Path) -> None:
    with Database(directory_url(store), tmp_path) as database:
        with database.write() as session:
            upgrade(session.connection)
        with database.read() as session:
            context = MigrationContext.configure(
                session.connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
            )
            assert compare_metadata(context, metadata) == [], ADVICE
            migrated = shape(session, VERSION_TABLE)
        with database.write() as session:
            for table in [*metadata.tables, VERSION_TABLE]:
                session.run(f'DROP TABLE "{table}"')
        with Directory.open(store, tmp_path) as made, made.database.read() as session:
            assert shape(session, VERSION_TABLE) == migrated, ADVICE


def test_the_version_of_the_code_is_the_newest_migration() -> None:
    assert ScriptDirectory(str(Path(migrations.__file__).parent)).get_current_head() == VERSION


def test_the_directory_lives_beside_the_store(store: str, tmp_path: Path) -> None:
    with open_store(store, tmp_path), Directory.open(store, tmp_path) as first:
        tenant = first.tenant
    with Directory.open(store, tmp_path) as second:
        assert second.tenant == tenant
    assert (tmp_path / ".muster" / "directory.db").exists() == store.startswith("sqlite")


def test_the_page_explains_every_table_and_column() -> None:
    parts = [re.findall(r"`([a-z_]+)`", part) for part in re.split(r"(?m)^(?=- `dir_)", PAGE.read_text("utf-8"))]
    explained = {name for names in parts for name in names if name.startswith("dir_")}
    assert explained == {*metadata.tables, VERSION_TABLE}
    for table in metadata.tables.values():
        told = {name for names in parts if table.name in names[:1] for name in names}
        assert {column.name for column in table.columns} <= told, table.name
