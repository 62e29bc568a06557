"""PostgreSQL in a private folder."""

import itertools
import secrets
import signal
from pathlib import Path
from typing import ClassVar

import psycopg

from tests.servers.process import HOST, Server, program

_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "logging_collector": "off",
    "timezone": "UTC",
}


def _binary(name: str) -> str:
    """PostgreSQL's programs, of the newest version that is installed; Debian keeps them out of the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name), reverse=True)
    return program(name, *map(str, versions))


class Postgres(Server):
    """One PostgreSQL server; every test takes a database of its own with `database()`."""

    user: ClassVar[str | None] = "postgres"
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT  # fast shutdown: open sessions are rolled back
    end_signal: ClassVar[signal.Signals] = signal.SIGQUIT  # immediate shutdown: ends its children too
    role: ClassVar[str] = "muster"

    def __init__(self) -> None:
        super().__init__()
        self.password = secrets.token_hex(12)
        self._numbers = itertools.count(1)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{self.role}:{self.password}@{HOST}:{self.port}/{database}"

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"test_{next(self._numbers)}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return self.url(name)

    def copy(self, url: str) -> str:
        """The URL of a new database with all that another one holds; nobody may be connected to that one."""
        name = f"test_{next(self._numbers)}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{url.rpartition("/")[2]}"')
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database that `database()` made, with every session on it."""
        name = url.rpartition("/")[2]
        self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def prepare(self) -> None:
        password = self.write("password", self.password)
        initdb = [_binary("initdb"), "-D", str(self._data), "-U", self.role, "-A", "scram-sha-256", "-N"]
        self.run([*initdb, "-E", "UTF8", "--locale", "C.UTF-8", "--pwfile", str(password)])

    def command(self) -> list[str]:
        settings = {**_SETTINGS, "listen_addresses": HOST, "unix_socket_directories": str(self.folder)}
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [_binary("postgres"), "-D", str(self._data), "-p", str(self.port), *options]

    def ready(self) -> bool:
        try:
            self._execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement.encode())
