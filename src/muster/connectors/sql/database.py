"""One database: its URL, its connection, and what its errors mean."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from muster.connectors.kit.redaction import Redactor
from muster.connectors.sql.faults import Fault, fault_of
from muster.connectors.sql.settings import SqlSettings
from muster.model.errors import AuthFailed, IncompleteRead, MusterError, ProjectError, Unreachable
from muster.model.secrets import Secret

_DRIVERS: Final = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg",
                   "mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}  # fmt: skip
_REFUSED: Final = ("password authentication failed", "no password supplied", "does not exist", "pg_hba.conf")
_MARIADB_REFUSED: Final = (1044, 1045, 1049, 1698)
_MAY_NOT: Final = "this user may not read the database file {path}. Grant it the right to read and write it."

_ONE_STATE: Final = {
    "postgresql": ("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",),
    "mysql": ("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT"),
    "mariadb": ("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT"),
    "oracle": ("SET TRANSACTION READ ONLY",),
    "mssql": ("SET TRANSACTION ISOLATION LEVEL SNAPSHOT",),
}
"""What makes a transaction see one state of the database. A transaction of SQLite does anyway."""

ANSWERED: Final = "answered"
"""The execution option of a statement whose answers for each of many rows are read."""


class Database:
    """One session's connection. `shown` names the database in messages, without its password."""

    def __init__(self, system: str, settings: SqlSettings, folder: Path) -> None:
        """Raises `ProjectError` for a URL that is none, or whose driver is not installed. Connects nothing."""
        self.system = system
        url = _url(system, settings, folder)
        self.shown = url.render_as_string(hide_password=True)
        self._file = Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
        self._redact = Redactor([Secret(str(url.password))] if url.password else [])
        self._connection: Connection | None = None
        try:
            self._engine = _engine(url, settings.connect_timeout)
        except (NoSuchModuleError, ModuleNotFoundError) as error:
            raise ProjectError(
                f"{system}: the driver for {self.shown} is not installed: {error}. "
                "For MariaDB install muster[mariadb]; for others the package of the driver."
            ) from None

    @property
    def connection(self) -> Connection:
        """The open connection."""
        if self._connection is None:
            raise Unreachable(f"{self.system}: there is no connection to {self.shown}.")
        return self._connection

    @property
    def dialect(self) -> str:
        """sqlite, postgresql, mysql or mariadb, or another one."""
        return self._engine.dialect.name

    def open(self) -> None:
        """Connect. Raises `Unreachable` and `AuthFailed`."""
        self._look_for_file()
        try:
            self._connection = self._engine.connect()
        except DBAPIError as error:
            raise self._connecting(error) from None

    def _look_for_file(self) -> None:
        """Raises what is wrong with the file of an SQLite database, whose own words do not say it."""
        path = self._file
        if path is None:
            return
        try:
            mode = path.stat().st_mode
        except PermissionError:
            raise AuthFailed(f"{self.system}: {_MAY_NOT.format(path=path)}") from None
        except OSError:
            raise Unreachable(f"{self.system}: there is no database file {path}. Correct `url`.") from None
        if not stat.S_ISREG(mode):
            raise Unreachable(f"{self.system}: {path} is no file. Correct `url`.")
        if not os.access(path, os.R_OK):
            raise AuthFailed(f"{self.system}: {_MAY_NOT.format(path=path)}")

    def close(self) -> None:
        """Disconnect."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with self._quietly():
                connection.close()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database, whatever others write meanwhile."""
        connection = self.connection
        with self.speaking():
            if connection.in_transaction():
                connection.rollback()
            for statement in _ONE_STATE.get(self.dialect, ()):
                connection.exec_driver_sql(statement)
            try:
                yield connection
            finally:
                with self._quietly():
                    connection.rollback()
                    if self.dialect == "mssql":  # there the level outlives its transaction
                        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")

    @contextmanager
    def looking(self) -> Iterator[Connection]:
        """A short look at the database as it is now."""
        connection = self.connection
        with self.speaking():
            if connection.in_transaction():
                connection.rollback()
            try:
                yield connection
            finally:
                with self._quietly():
                    connection.rollback()

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Turn what the database refuses into words: dead, not allowed, or a table or statement that is wrong."""
        try:
            yield
        except SQLAlchemyError as error:
            raise self.error(error) from None

    def error(self, error: SQLAlchemyError) -> MusterError:
        """The error that ends the session."""
        words = self.words(error)
        fault = self.fault(error)
        if fault is Fault.DEAD:
            return Unreachable(f"{self.system}: the connection to {self.shown} broke: {words}. Look at the server.")
        if fault is Fault.BUSY:
            return Unreachable(f"{self.system}: {self.shown} is busy: {words}. Run again.")
        if fault is Fault.UNWRITABLE:
            return Unreachable(f"{self.system}: {self.unwritable(error)}.")
        if fault is Fault.RIGHTS:
            return AuthFailed(f"{self.system}: {self.shown} refuses: {words}. Grant the right to the user.")
        damaged = "malformed" in words or "not a database" in words
        step = "Restore the file, or correct `url`." if damaged else "Correct the system's settings."
        return IncompleteRead(f"{self.system}: {self.shown} answers: {words}. {step}")

    def fault(self, error: SQLAlchemyError) -> Fault:
        """What the error means."""
        return fault_of(self.dialect, error)

    def words(self, error: SQLAlchemyError) -> str:
        """The database's own words, without the statement and without the values."""
        original: Any = getattr(error, "orig", None)
        if original is None:
            return self._redact(str(error).splitlines()[0])
        primary = getattr(getattr(original, "diag", None), "message_primary", None)
        if primary:
            return self._redact(str(primary))
        arguments = original.args
        text = arguments[1] if len(arguments) > 1 and isinstance(arguments[0], int) else str(original)
        lines = str(text).strip().splitlines()
        return self._redact(lines[0] if lines else "no answer")

    def unwritable(self, error: SQLAlchemyError) -> str:
        """Why a database takes no writes, and what to do."""
        place = f"{self._file} and its folder" if self._file is not None else self.shown
        return f"{place}: {self.words(error)}. Look whether there is room, and whether this user may write there"

    def _connecting(self, error: DBAPIError) -> MusterError:
        words = self.words(error)
        original: Any = error.orig
        number = original.args[0] if original is not None and original.args else 0
        if number in _MARIADB_REFUSED or any(sign in words or sign in str(original) for sign in _REFUSED):
            return AuthFailed(
                f"{self.system}: {self.shown} refuses the connection: {words}. "
                "Check user, password and database in the system's settings."
            )
        return Unreachable(
            f"{self.system}: {self.shown} does not answer: {words}. Look whether it is up, and at host and port."
        )

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError:
            return


def _url(system: str, settings: SqlSettings, folder: Path) -> URL:
    given = settings.url.reveal() if isinstance(settings.url, Secret) else settings.url
    try:
        url = make_url(given)
    except ArgumentError:
        raise ProjectError(f"{system}: `url` is no database URL, such as postgresql://user@host/database.") from None
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    if settings.password is not None:
        url = url.set(password=settings.password.reveal())
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            raise ProjectError(f"{system}: `url` names no file; write sqlite:///data/app.db.")
        url = url.set(database=str(folder / url.database))
    return url


@lru_cache(maxsize=64)
def _engine(url: URL, timeout: int) -> Engine:
    """The engine of a database: no connection is kept in it, only compiled statements, which sessions share."""
    made = create_engine(url, poolclass=NullPool, connect_args=_arguments(url, timeout))
    if url.get_backend_name() == "sqlite":
        _take_over_transactions(made)
        _read_broken_text(made)
    if url.get_backend_name() == "postgresql":
        _keep_answers(made)
    return made


def _arguments(url: URL, timeout: int) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"timeout": timeout, "isolation_level": None}
    if url.get_backend_name() in ("postgresql", "mysql", "mariadb"):
        return {"connect_timeout": timeout}
    return {}


def _read_broken_text(engine: Engine) -> None:
    """SQLite holds bytes that are no UTF-8 in a text column: that is one row's problem, and not the whole table's."""

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.text_factory = lambda raw: raw.decode(errors="surrogateescape")


def _take_over_transactions(engine: Engine) -> None:
    """The driver of SQLite begins no transaction before a read; it must, so that a read sees one state."""

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")


def _keep_answers(engine: Engine) -> None:
    """psycopg forgets what a statement answers for each of many rows, unless it is asked to keep it."""

    @event.listens_for(engine, "do_executemany")
    def _executemany(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        answered = bool(context.execution_options.get(ANSWERED))
        if answered:
            cursor.executemany(statement, parameters, returning=True)
        return answered
