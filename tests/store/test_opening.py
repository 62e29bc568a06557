"""Opening the store: making, upgrading, refusing; and words for what an administrator must mend."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from muster.model.errors import StoreError
from muster.store import migrations
from muster.store.database import Database, Session
from muster.store.faults import store_error
from muster.store.migrations import VERSION, VERSION_TABLE
from muster.store.migrations.upgrading import upgrade
from muster.store.opening import open_other_store, open_store
from muster.store.tables import metadata

ADVICE = (
    "src/muster/store/tables.py and the migrations disagree. Before the first release: put the difference below into "
    "src/muster/store/migrations/versions/v0001_first.py, too. After it: add a migration vNNNN_what.py and set VERSION "
    "in src/muster/store/migrations/__init__.py to NNNN. Then tell it in docs/explanation/store.md."
)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state.db"
    found: str = request.getfixturevalue("postgres_url")
    return found


@contextlib.contextmanager
def migrated(url: str) -> Iterator[Database]:
    """A store that only the migrations made."""
    database = Database(url, Path())
    with database.write() as session:
        upgrade(session.connection)
    with database:
        yield database


def shape(session: Session, version_table: str = VERSION_TABLE) -> dict[str, object]:
    """Everything the database says about the tables, in an order of its own making."""
    inspector = sa.inspect(session.connection)
    found: dict[str, object] = {}
    for table in inspector.get_table_names():
        if table == version_table:
            continue
        columns = [
            (c["name"], str(c["type"]), getattr(c["type"], "collation", None), c["nullable"], c["default"])
            for c in inspector.get_columns(table)
        ]
        indexes = sorted((str(i["name"]), str(i["column_names"]), i["unique"]) for i in inspector.get_indexes(table))
        found[table] = (columns, inspector.get_pk_constraint(table)["constrained_columns"], indexes)
    if session.postgres:
        found["definitions"] = session.rows("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' "
                                            "AND tablename <> ? ORDER BY 1", version_table)  # fmt: skip
    else:
        found["definitions"] = sorted(
            "".join(row[0].replace('"', "").split())
            for row in session.rows(
                "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name <> ?", version_table
            )
        )
    return found


def test_the_migrations_lead_to_the_tables_of_the_code(url: str) -> None:
    with migrated(url) as database, database.read() as session:
        context = MigrationContext.configure(
            session.connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, metadata) == [], ADVICE


def test_a_store_that_was_made_new_and_one_that_was_migrated_are_the_same(
    url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with migrated(url) as database, database.read() as session:
        by_migration = shape(session)
    with Database(url, Path()) as database, database.write() as session:
        for table in [*metadata.tables, VERSION_TABLE]:
            session.run(f'DROP TABLE "{table}"')
    with open_store(url, Path()) as database, database.read() as session:
        by_code = shape(session)
    for table in by_code.keys() | by_migration.keys():
        assert by_migration.get(table) == by_code.get(table), f"{table}: {ADVICE}"


def test_the_version_of_the_code_is_the_newest_migration() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_current_head() == VERSION
    assert all(script.revision.isdigit() and len(script.revision) == 4 for script in scripts.walk_revisions())
    assert all(Path(script.path).name.startswith(f"v{script.revision}_") for script in scripts.walk_revisions())


def test_a_new_store_is_made_where_it_is_asked_for(tmp_path: Path) -> None:
    with open_store("sqlite:///.muster/state.db", tmp_path):
        assert (tmp_path / ".muster" / "state.db").is_file()


def test_an_older_store_is_upgraded_in_place_and_keeps_what_it_holds(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a migration that comes after today's."""
    folder = tmp_path / "migrations"
    shutil.copytree(Path(migrations.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "v9000_next.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f'revision = "9000"\ndown_revision = "{VERSION}"\n'
        "def upgrade() -> None:\n"
        '    op.add_column("system", sa.Column("colour", sa.Text()))\n'
        "    op.execute(\"UPDATE system SET colour = 'green'\")\n",
        encoding="utf-8",
    )
    with open_store(url, Path()) as database, database.write() as session:
        session.insert("system", ("name", "schema"), [("hr", b"{}")])
    monkeypatch.setattr("muster.store.opening.VERSION", "9000")
    monkeypatch.setattr("muster.store.migrations.upgrading.__file__", str(folder / "upgrading.py"))
    with open_store(url, Path()) as database, database.read() as session:
        assert session.rows("SELECT name, colour FROM system") == [("hr", "green")]
        assert session.value(f"SELECT version_num FROM {VERSION_TABLE}") == "9000"


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(Path(migrations.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "v9000_next.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f'revision = "9000"\ndown_revision = "{VERSION}"\n'
        "def upgrade() -> None:\n"
        '    op.add_column("system", sa.Column("colour", sa.Text()))\n'
        "    raise ZeroDivisionError\n",
        encoding="utf-8",
    )
    open_store(url, Path()).close()
    with monkeypatch.context() as patch:
        patch.setattr("muster.store.opening.VERSION", "9000")
        patch.setattr("muster.store.migrations.upgrading.__file__", str(folder / "upgrading.py"))
        with pytest.raises(ZeroDivisionError):
            open_store(url, Path())
    with open_store(url, Path()) as database, database.read() as session:
        assert "colour" not in {c["name"] for c in sa.inspect(session.connection).get_columns("system")}
        assert session.value(f"SELECT version_num FROM {VERSION_TABLE}") == VERSION


@pytest.mark.parametrize("version", ["0002", "9999", "ae1027a6acf"])
def test_a_newer_store_is_refused_and_left_alone(url: str, version: str) -> None:
    with open_store(url, Path()) as database, database.write() as session:
        session.run(f"UPDATE {VERSION_TABLE} SET version_num = ?", version)
    with pytest.raises(StoreError, match=f"newer Muster.*version {version}.*nothing was changed"):
        open_store(url, Path())


def test_another_programs_database_is_refused_and_left_alone(url: str) -> None:
    with Database(url, Path()) as database, database.write() as session:
        session.run("CREATE TABLE identity (id INTEGER)")
    with pytest.raises(StoreError, match=r"'identity'.*database of its own"):
        open_store(url, Path())
    with Database(url, Path()) as database, database.read() as session:
        assert sa.inspect(session.connection).get_table_names() == ["identity"]


def test_opening_an_existing_store_emits_no_ddl_and_writes_nothing(url: str) -> None:
    open_store(url, Path()).close()
    with Database(url, Path()) as observer, observer.engine.connect() as connection:
        trace = (
            "SELECT sum(xmin::text::bigint) FROM pg_class" if observer.postgres else "PRAGMA data_version"
        )  # changes when another connection commits anything; for PostgreSQL, any DDL
        before = connection.exec_driver_sql(trace).scalar()
        open_store(url, Path()).close()
        assert connection.exec_driver_sql(trace).scalar() == before


def test_opening_an_existing_store_does_not_load_alembic(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from muster.store.opening import open_store\n"
        f"open_store('sqlite:///state.db', Path({str(tmp_path)!r})).close()\n"
        "sys.exit('alembic' in sys.modules or 'psycopg' in sys.modules)"
    )
    for _ in ("new", "old"):
        assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_two_that_open_a_new_store_at_once_make_it_once(url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        for database in pool.map(lambda _: open_store(url, Path()), range(4)):
            with database, database.read() as session:
                assert session.rows(f"SELECT version_num FROM {VERSION_TABLE}") == [(VERSION,)]


# --- what an administrator must mend


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_text("Dear diary, " * 1000)
    with pytest.raises(StoreError, match=r"state\.db.*damaged.*backup"):
        open_store("sqlite:///state.db", tmp_path)


def test_a_damaged_file_says_so(tmp_path: Path) -> None:
    open_store("sqlite:///state.db", tmp_path).close()
    path = tmp_path / "state.db"
    data = bytearray(path.read_bytes())
    data[100:] = b"\xa5" * (len(data) - 100)
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"state\.db.*damaged.*backup"):
        open_store("sqlite:///state.db", tmp_path)


def test_a_file_that_another_program_locks_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store("sqlite:///state.db", tmp_path).close()
    monkeypatch.setattr("muster.store.database.BUSY_SECONDS", 0.05)
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with open_store("sqlite:///state.db", tmp_path) as database:
            with database.read() as session:
                assert session.rows("SELECT * FROM object") == []
            with pytest.raises(StoreError, match=r"state\.db.*locked.*start again"), database.write():
                pass
    finally:
        other.close()


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"folder .*file/deep cannot be made"):
        open_store("sqlite:///file/deep/state.db", tmp_path)


def test_a_folder_where_the_file_should_be_says_so(tmp_path: Path) -> None:
    (tmp_path / "state.db").mkdir()
    with pytest.raises(StoreError, match=r"state\.db.*cannot be written.*right"):
        open_store("sqlite:///state.db", tmp_path)


def test_a_file_that_may_only_be_read_says_so(tmp_path: Path) -> None:
    """Through SQLite's own mode: the tests may run as root, whom no missing right stops."""
    open_store("sqlite:///state.db", tmp_path).close()
    connection = sqlite3.connect(f"file:{tmp_path}/state.db?mode=ro", uri=True)
    with contextlib.closing(connection), pytest.raises(sqlite3.OperationalError) as caught:
        connection.execute("DELETE FROM system")
    error = store_error(caught.value, "sqlite:///state.db")
    assert error is not None
    assert "state.db: it cannot be written. Give this user the right" in error.message


_ON_A_SMALL_DISK = """
mount -t tmpfs -o size=2m,nr_inodes=64 small {folder} && mkdir {folder}/db && cd {folder} && {python} - <<'END'
import os, sqlite3
from contextlib import closing
from pathlib import Path
from muster.model.errors import StoreError
from muster.store.opening import open_store

def told():
    try:
        with open_store("sqlite:///db/state.db", Path()) as database, database.write() as session:
            session.run("CREATE TABLE more AS SELECT zeroblob(1000000) AS data")
    except StoreError as error:
        return str(error)
    return "nothing"

with open_store("sqlite:///db/state.db", Path()):
    pass
with open("fill", "wb", buffering=0) as file:
    try:
        while file.write(b"x" * 512):
            pass
    except OSError:
        pass
print(told())
os.remove("fill")
for beside in Path("db").glob("state.db-*"):
    beside.unlink()
number = 0
try:
    while True:
        open(f"n{{number}}", "w").close()
        number += 1
except OSError:
    pass
print(told())
END
"""


def test_a_full_disk_is_named_whatever_sqlite_calls_it(tmp_path: Path) -> None:
    script = _ON_A_SMALL_DISK.format(folder=tmp_path, python=sys.executable)
    command = ["unshare", "-m", "--propagation", "private", "sh", "-c", script]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    no_room, no_more_files = done.stdout.splitlines()
    full = "state.db: the disk is full. Make room and start again; finished work is kept. ("
    assert f"{full}disk I/O error)" in no_room
    assert f"{full}unable to open database file)" in no_more_files


def test_a_disk_that_has_room_is_not_called_full(tmp_path: Path) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
    found = store_error(error, "sqlite:///state.db", tmp_path)
    assert found is not None
    assert "the disk does not read or write it" in found.message
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    found = store_error(error, "sqlite:///state.db", tmp_path)
    assert found is not None
    assert "the disk is full" in found.message


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://nobody@127.0.0.1:1/muster", "no session.*Check that it runs"),
        ("mysql://localhost/muster", "mysql cannot hold the store"),
        ("state.db", "not a database URL"),
    ],
)
def test_an_address_that_leads_nowhere_says_so(tmp_path: Path, url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words):
        open_store(url, tmp_path)


def test_wrong_credentials_or_database_of_a_server_say_so(postgres_url: str, tmp_path: Path) -> None:
    made = sa.make_url(postgres_url)
    for wrong, words in (
        (made.set(password="wrong"), "password authentication failed"),
        (made.set(database="nowhere"), "does not exist"),
    ):
        with pytest.raises(StoreError, match=words) as caught:
            open_store(wrong.render_as_string(hide_password=False), tmp_path)
        assert str(made.password) not in caught.value.message
        assert "wrong@" not in caught.value.message


def test_a_session_that_the_server_ends_says_so(postgres_url: str, tmp_path: Path) -> None:
    with open_store(postgres_url, tmp_path) as database:
        with (
            pytest.raises(StoreError, match=r"no session, or ended it.*finished work is kept"),
            database.write() as session,
        ):
            session.run("SELECT pg_terminate_backend(pg_backend_pid())")
        with database.write() as session:
            session.insert("system", ("name", "schema"), [("hr", b"{}")])


def test_a_bug_of_ours_is_not_called_a_fault_of_the_store(url: str) -> None:
    with (
        open_store(url, Path()) as database,
        pytest.raises(database.engine.dialect.loaded_dbapi.Error),
        database.read() as session,
    ):
        session.rows("SELECT nonsense FROM nowhere")


# --- tables that are not those of their revision


OTHERS = [
    ("DROP TABLE server", "no table server"),
    ("ALTER TABLE run DROP COLUMN verb", r"no column run\.verb"),
    ("ALTER TABLE change ADD COLUMN digest TEXT", r"an unknown column change\.digest"),
    ("DROP INDEX problem_run", "no index problem_run"),
]


@pytest.mark.parametrize(("statement", "words"), OTHERS)
def test_a_store_of_an_unreleased_muster_says_what_is_other_and_what_to_do(
    url: str, statement: str, words: str
) -> None:
    with open_store(url, Path()) as database, database.write() as session:
        session.run(statement)
        before = shape(session)
    for opening in (open_store, open_other_store):
        with pytest.raises(StoreError, match=rf"not those of version {VERSION}: {words}\..*start with a new one: move"):
            opening(url, Path())
    with Database(url, Path()) as database, database.read() as session:
        assert shape(session) == before


def test_a_key_that_is_another_is_seen(url: str) -> None:
    with open_store(url, Path()) as database, database.write() as session:
        session.run("DROP TABLE waiting")
        session.run("CREATE TABLE waiting (target BIGINT NOT NULL PRIMARY KEY, owner BIGINT NOT NULL)")
    with pytest.raises(StoreError, match=r"no key column waiting\.owner, an unknown column waiting\.owner\."):
        open_store(url, Path())


def test_many_differences_are_counted(url: str) -> None:
    with open_store(url, Path()) as database, database.write() as session:
        for table in ("hold", "note", "plan", "problem", "server"):
            session.run(f'DROP TABLE "{table}"')
    with pytest.raises(StoreError, match="no table hold, no table note, no table plan and 2 more"):
        open_store(url, Path())


def test_tables_and_indexes_of_others_do_not_matter(url: str) -> None:
    with open_store(url, Path()) as database, database.write() as session:
        session.run("CREATE TABLE mine (id INTEGER)")
        session.run("CREATE INDEX mine_too ON change (at)")
    open_store(url, Path()).close()
