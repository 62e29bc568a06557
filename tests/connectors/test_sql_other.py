"""SQL: a database that this connector knows nothing special of, driven by SQLAlchemy's dialect alone; the errors of SQL
Server and Oracle by their drivers' texts."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError

from muster.connectors.kit import checks_delta, checks_writing
from muster.connectors.kit.check import Check
from muster.connectors.kit.conformance import CHECKS
from muster.connectors.kit.contract import Connector
from muster.connectors.sql.faults import Fault, fault_of
from tests.connectors.databases import ACCOUNT, Database, SqlSubject
from tests.connectors.sessions import keep


class OtherDialect(SQLiteDialect_pysqlite):
    """SQLite by another name. As with ODBC, nobody tells how many rows a statement touched that was run for several."""

    name = "other"
    supports_statement_cache = True
    supports_sane_multi_rowcount = False

    def do_begin(self, dbapi_connection: Any) -> None:
        dbapi_connection.execute("BEGIN")

    def on_connect(self) -> Any:
        first = super().on_connect()

        def connected(connection: DBAPIConnection) -> None:
            if first is not None:
                first(connection)
            connection.isolation_level = None

        return connected


registry.register("other", __name__, "OtherDialect")


class OtherSubject(SqlSubject):
    def __init__(self, database: Database) -> None:
        database.run("PRAGMA journal_mode=WAL")
        super().__init__(database)

    def open(self) -> Connector:
        url = f"other:///{self.database.folder}/app.db"
        return self.database.connector(url, account={**ACCOUNT, "key_generated": False})


ODBC = "[23000] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]"
_MODULES = {one.__name__ for one in (checks_delta, checks_writing)}


@pytest.mark.parametrize("check", [one for one in CHECKS if one.body.__module__ in _MODULES], ids=str)
def test_keeps_the_promise_on_a_database_that_is_nothing_special(check: Check, lite: Database) -> None:
    keep(check, OtherSubject(lite), {"it does not set passwords",
                                     "its objects have no other name"})  # fmt: skip


@pytest.mark.parametrize(
    ("dialect", "said", "fault"),
    [
        ("mssql", ("23000", f"{ODBC}Violation of UNIQUE KEY constraint 'u'. The duplicate key value is (1205). (2627) "
                   "(SQLExecDirectW)"), Fault.DUPLICATE),
        ("mssql", (1205, b"Transaction was deadlocked"), Fault.BUSY),
        ("mssql", ("42000", f"{ODBC}The INSERT permission was denied (229) (SQLExecDirectW)"), Fault.RIGHTS),
        ("mssql", ("22001", f"{ODBC}String or binary data would be truncated. (2628) (SQLExecDirectW)"),
         Fault.REFUSED),
        ("oracle", ("ORA-00001: unique constraint (HR.U) violated on ORA-00060",), Fault.DUPLICATE),
        ("oracle", ("ORA-00060: deadlock detected while waiting for resource",), Fault.BUSY),
        ("oracle", ("ORA-12899: value too large for column",), Fault.REFUSED),
    ],
)  # fmt: skip
def test_what_sql_server_and_oracle_refuse_is_told_apart(dialect: str, said: tuple[Any, ...], fault: Fault) -> None:
    assert fault_of(dialect, DBAPIError("INSERT", {}, Exception(*said))) is fault
