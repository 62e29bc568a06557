"""One database, SQLite or PostgreSQL, behind one small set of bulk operations.

SQL is written once, with `?` for a value, `?i` for a list of whole numbers and `?t` for a list of texts (each a
sub-select to put after IN). Tables and migrations are SQLAlchemy's; the hot path hands tuples to the driver itself.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import orjson
import sqlalchemy as sa

from muster.model.errors import LeaseRefused, StoreError
from muster.store.faults import store_error

BUSY_SECONDS: Final = 60
_MORE: Final = 24
"""Connections that are opened above what is kept, where so many threads want one at once (`server/lanes.py`)."""
CHUNK: Final = 5000
_STEPS: Final = 50_000
"""Steps of SQLite's machine, under a millisecond of them, after which it is asked whether a query may go on."""
_MARK: Final = re.compile(r"\?([it]?)")

Row = tuple[Any, ...]


class Session:
    """One transaction. Rows are tuples; `many` writes a batch with one prepared statement."""

    most_edges: ClassVar[int] = 2_000
    """So many values of large references one transaction works through, however many an object has."""

    def __init__(self, connection: sa.Connection, postgres: bool) -> None:
        self.connection = connection
        self.postgres = postgres
        driver = connection.connection.driver_connection
        if driver is None:
            raise StoreError("the store's connection is closed: start again")
        self._cursor = driver.cursor()
        self._temporary: set[str] = set()
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """How long this transaction has lasted."""
        return time.perf_counter() - self._began

    @contextlib.contextmanager
    def limited(self, seconds: float | None) -> Iterator[None]:
        """In the block, queries that take longer fail; a block on SQLite has so long, on PostgreSQL each query."""
        if seconds is None:
            yield
        elif self.postgres:
            self.run(f"SET LOCAL statement_timeout = {max(1, round(seconds * 1000))}")
            yield
        else:
            end = time.monotonic() + seconds
            driver = self._cursor.connection
            driver.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
            try:
                yield
            finally:
                driver.set_progress_handler(None, 0)

    def _prepare(self, sql: str) -> str:
        return prepared(sql, self.postgres)

    def _bind(self, values: Sequence[Any]) -> tuple[Any, ...]:
        if self.postgres:
            return tuple(values)
        return tuple(orjson.dumps(v).decode() if isinstance(v, list) else v for v in values)

    def rows(self, sql: str, *values: Any) -> list[Row]:
        """All rows of a query."""
        self._cursor.execute(self._prepare(sql), self._bind(values))
        found: list[Row] = self._cursor.fetchall()
        return found

    def one(self, sql: str, *values: Any) -> Row | None:
        """The first row of a query, or None."""
        self._cursor.execute(self._prepare(sql), self._bind(values))
        row: Row | None = self._cursor.fetchone()
        return row

    def value(self, sql: str, *values: Any) -> Any:
        """The first column of the first row, or None."""
        row = self.one(sql, *values)
        return row[0] if row else None

    def run(self, sql: str, *values: Any) -> int:
        """Execute one statement; the number of rows it touched."""
        self._cursor.execute(self._prepare(sql), self._bind(values))
        count: int = self._cursor.rowcount
        return count

    def many(self, sql: str, rows: Sequence[Row]) -> None:
        """Execute one statement for each row, as a batch."""
        if rows:
            self._cursor.executemany(self._prepare(sql), rows)

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Insert rows that are not there yet: COPY on PostgreSQL, one prepared statement on SQLite."""
        if not rows:
            return
        if self.postgres:
            with self._cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        marks = ", ".join("?" * len(columns))
        self._cursor.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)

    def upsert(
        self, table: str, columns: Sequence[str], key: Sequence[str], rows: Sequence[Row], keep: Sequence[str] = ()
    ) -> None:
        """Insert rows, or replace all their columns but `keep` where the key is there already."""
        if not rows:
            return
        others = [column for column in columns if column not in key and column not in keep]
        action = "DO UPDATE SET " + ", ".join(f"{c} = excluded.{c}" for c in others) if others else "DO NOTHING"
        tail = f"ON CONFLICT ({', '.join(key)}) {action}"
        names = ", ".join(columns)
        if self.postgres:
            staging = self._stage(table, columns, rows)
            self._cursor.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM {staging} {tail}")
            return
        marks = ", ".join("?" * len(columns))
        self._cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks}) {tail}", rows)

    def update(self, table: str, columns: Sequence[str], key: Sequence[str], rows: Sequence[Row]) -> None:
        """Set `columns` of the rows with the given `key`; a row is the columns' values, then the key's."""
        if not rows:
            return
        if self.postgres:
            staging = self._stage(table, [*columns, *key], rows)
            sets = ", ".join(f"{c} = s.{c}" for c in columns)
            where = " AND ".join(f"t.{k} = s.{k}" for k in key)
            self._cursor.execute(f"UPDATE {table} t SET {sets} FROM {staging} s WHERE {where}")
            return
        sets = ", ".join(f"{c} = ?" for c in columns)
        where = " AND ".join(f"{k} = ?" for k in key)
        self._cursor.executemany(f"UPDATE {table} SET {sets} WHERE {where}", rows)

    def assign(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Set `columns` of the rows with the given ids, for values that most of them share: a statement a value.

        A row is the columns' values, then the id.
        """
        alike: dict[Row, list[int]] = {}
        for row in rows:
            alike.setdefault(row[:-1], []).append(row[-1])
        if len(alike) > max(8, len(rows) // 50):
            self.update(table, columns, ("id",), rows)
            return
        sets = ", ".join(f"{c} = ?" for c in columns)
        for values, numbers in alike.items():
            self.run(f"UPDATE {table} SET {sets} WHERE id IN ?i", *values, numbers)

    def delete(self, table: str, key: Sequence[str], rows: Sequence[Row]) -> None:
        """Delete the rows with the given keys."""
        if not rows:
            return
        if self.postgres:
            staging = self._stage(table, key, rows)
            where = " AND ".join(f"t.{k} = s.{k}" for k in key)
            self._cursor.execute(f"DELETE FROM {table} t USING {staging} s WHERE {where}")
            return
        where = " AND ".join(f"{k} = ?" for k in key)
        self._cursor.executemany(f"DELETE FROM {table} WHERE {where}", rows)

    def _stage(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> str:
        """Rows copied to a temporary table with the columns of `table` and none of its constraints (PostgreSQL)."""
        staging = f"stage_{table}"
        if staging not in self._temporary:
            self._cursor.execute(
                f"CREATE TEMPORARY TABLE IF NOT EXISTS {staging} ON COMMIT DELETE ROWS "
                f"AS SELECT * FROM {table} WITH NO DATA"
            )
            self._temporary.add(staging)
        else:
            self._cursor.execute(f"TRUNCATE {staging}")
        with self._cursor.copy(f"COPY {staging} ({', '.join(columns)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return staging

    def reserve(self, name: str, count: int) -> int:
        """`count` new ids in a row; the first of them. Ids start at 1 and are never given twice."""
        self.run(
            "INSERT INTO counter (name, next) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET next = counter.next + excluded.next",
            name,
            count,
        )
        return int(self.value("SELECT next FROM counter WHERE name = ?", name)) - count + 1


_PREPARED: dict[tuple[str, bool], str] = {}
_MOST_PREPARED: Final = 4096
"""Statements that follow from what people ask have no end of forms."""


def prepared(sql: str, postgres: bool) -> str:
    """The driver's own form of the statement."""
    known = _PREPARED.get((sql, postgres))
    if known is None:
        if postgres:
            forms = {"": "%s", "i": "(SELECT unnest(%s::bigint[]))", "t": "(SELECT unnest(%s::text[]))"}
        else:
            forms = {"": "?", "i": "(SELECT value FROM json_each(?))", "t": "(SELECT value FROM json_each(?))"}
        if len(_PREPARED) >= _MOST_PREPARED:
            _PREPARED.clear()
        known = _PREPARED[(sql, postgres)] = _MARK.sub(lambda mark: forms[mark.group(1)], sql)
    return known


class Database:
    """The store's database. Threads each get their own connection; on SQLite writers wait for each other."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = _absolute(url, folder)
        self.postgres = self.url.get_backend_name() == "postgresql"
        if self.postgres:
            self.engine = sa.create_engine(
                self.url.set(drivername="postgresql+psycopg"), pool_size=8, max_overflow=_MORE
            )
        else:
            self._make_folder()
            self.engine = sa.create_engine(
                self.url,
                connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False, "isolation_level": None},
                poolclass=sa.StaticPool if self.memory else None,
                # What a connection has read it has at hand until another one writes: let the same one be taken again.
                **({} if self.memory else {"pool_use_lifo": True, "max_overflow": _MORE}),
            )
            sa.event.listen(self.engine, "connect", _configure_sqlite)
        self._writing = threading.Lock()
        self._busy = threading.local()
        self._closed: str | None = None

    def _make_folder(self) -> None:
        folder = self._folder
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"store {self.shown}: the folder {folder} cannot be made: {error.strerror}. Give `store:` in "
                "muster.yaml a place that can be written"
            ) from None

    @property
    def _folder(self) -> Path | None:
        """Where the file is; None when there is none."""
        return None if self.postgres or self.memory else Path(self.url.database or "").parent

    @property
    def memory(self) -> bool:
        """Whether the database lives in memory alone."""
        return not self.postgres and self.url.database in (None, "", ":memory:")

    @contextlib.contextmanager
    def read(self, seconds: float | None = None) -> Iterator[Session]:
        """A transaction that only reads: it takes no write lock and sees one state of the store.

        `seconds`: how long its queries may take. Raises `TooLong` when they take longer.
        """
        with (
            self._opened("BEGIN", isolation_level="REPEATABLE READ", postgresql_readonly=True) as session,
            session.limited(seconds),
        ):
            yield session

    @contextlib.contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that writes; committed when the block ends, undone when it raises. Keep it short."""
        turn = contextlib.nullcontext() if self.postgres else self._writing
        self._alone()
        if self._closed is not None:
            raise LeaseRefused(self._closed)
        with turn, self._opened("BEGIN IMMEDIATE") as session:
            yield session

    def close_to_writers(self, why: str) -> None:
        """From now on `write` raises `LeaseRefused`, saying why."""
        self._closed = why

    @property
    def closed_to_writers(self) -> bool:
        """Whether nothing can be written any more."""
        return self._closed is not None

    def _alone(self) -> None:
        """A transaction inside a transaction would wait for itself: on SQLite for ever, elsewhere by chance."""
        if getattr(self._busy, "open", False):
            raise AssertionError("a transaction of the store was begun inside another one of the same thread")

    @contextlib.contextmanager
    def _opened(self, begin: str, **options: Any) -> Iterator[Session]:
        """One transaction on one connection. Raises `StoreError` for what the administrator must mend."""
        self._alone()
        try:
            with self.engine.connect() as connection:
                if self.postgres:
                    connection.execution_options(**options)
                with connection.begin():
                    if not self.postgres:
                        connection.exec_driver_sql(begin)
                    self._busy.open = True
                    yield Session(connection, self.postgres)
        except self.failures as error:
            found = store_error(error, self.shown, self._folder)
            if found is None:
                raise
            raise found from error
        finally:
            self._busy.open = False

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """What the driver raises."""
        return sa.exc.DBAPIError, self.engine.dialect.loaded_dbapi.Error

    @property
    def shown(self) -> str:
        """The address without its password."""
        return self.url.render_as_string(hide_password=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


def _absolute(url: str, folder: Path) -> sa.URL:
    try:
        made = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise StoreError(
            "store: this is not a database URL; write sqlite:///.muster/state.db or postgresql://user@host/name"
        ) from None
    backend = made.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise StoreError(f"store: {backend} cannot hold the store; use sqlite or postgresql")
    if backend == "sqlite" and made.database and made.database != ":memory:" and not Path(made.database).is_absolute():
        made = made.set(database=str(folder / made.database))
    return made


def is_there(url: str, folder: Path) -> bool:
    """Whether there may be such a database already: a file that SQLite would have to make first is none."""
    made = _absolute(url, folder)
    return made.get_backend_name() != "sqlite" or Path(made.database or "").is_file()


def _configure_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    _write_ahead(cursor)
    for pragma in (
        "synchronous = NORMAL",
        "cache_size = -65536",
        "temp_store = MEMORY",
        "mmap_size = 268435456",
        "wal_autocheckpoint = 40000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Switch the file to WAL. SQLite does not wait for its turn here, where two open a new file at once."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def chunks(items: Iterable[Any], size: int = CHUNK) -> Iterator[list[Any]]:
    """The items in lists of at most `size`."""
    batch: list[Any] = []
    for item in items:
        batch.append(item)
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch
