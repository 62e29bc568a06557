"""MariaDB in a private folder."""

import getpass
import itertools
import secrets
from pathlib import Path
from typing import ClassVar

import pymysql

from tests.servers.process import HOST, Server, program

_OPTIONS = (
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=16M",
    "--character-set-server=utf8mb4",
    "--skip-name-resolve",
    "--default-time-zone=+00:00",
)


class MariaDb(Server):
    """One MariaDB server; every test takes a database of its own with `database()`."""

    role: ClassVar[str] = "muster"

    def __init__(self) -> None:
        super().__init__()
        self.password = secrets.token_hex(12)
        self._numbers = itertools.count(1)

    def url(self, database: str = "") -> str:
        return f"mariadb+pymysql://{self.role}:{self.password}@{HOST}:{self.port}/{database}"

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"test_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE `{name}`")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database that `database()` made."""
        name = url.rpartition("/")[2]
        self._execute(f"DROP DATABASE IF EXISTS `{name}`")

    def prepare(self) -> None:
        install = [program("mariadb-install-db"), "--no-defaults", f"--datadir={self._data}"]
        install += [f"--user={getpass.getuser()}", "--auth-root-authentication-method=normal", "--skip-test-db"]
        self.run(install)
        role = f"'{self.role}'@'{HOST}'"
        self._first.write_text(
            f"CREATE USER IF NOT EXISTS {role} IDENTIFIED BY '{self.password}';\n"
            f"GRANT ALL ON *.* TO {role} WITH GRANT OPTION;\n"
            "DELETE FROM mysql.global_priv WHERE User = 'root';\n"
            "FLUSH PRIVILEGES;\n"
        )

    def command(self) -> list[str]:
        return [
            program("mariadbd"),
            "--no-defaults",
            f"--user={getpass.getuser()}",
            f"--datadir={self._data}",
            f"--socket={self.folder}/mariadb.sock",
            f"--pid-file={self.folder}/mariadb.pid",
            f"--init-file={self._first}",
            f"--bind-address={HOST}",
            f"--port={self.port}",
            *_OPTIONS,
        ]

    def ready(self) -> bool:
        try:
            self._execute("SELECT 1")
        except pymysql.err.OperationalError:
            return False
        return True

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _first(self) -> Path:
        return self.folder / "first.sql"

    def _execute(self, statement: str) -> None:
        connection = pymysql.connect(
            host=HOST, port=self.port, user=self.role, password=self.password, autocommit=True, connect_timeout=5
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
