"""What does Muster cost on top of bare COPY and bare multi-row inserts when it fills a table of PostgreSQL?"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import sqlalchemy as sa

from bench.company import Company, worker
from bench.measuring import Measured, rate
from tests.servers.postgres import Postgres

COUNT = int(os.environ.get("BENCH_ROWS", "20000"))
BATCH = 1000
COLUMNS = ("login", "name", "mail", "department", "title", "city", "active")
TABLE = (
    "CREATE TABLE account (login text PRIMARY KEY, name text, mail text, department text, title text, city text, "
    "active boolean NOT NULL)"
)
MAPPING = """\
system: database
object: account
identity: person
join:
  - employeeId: '[login]'
outbound:
  provision: '[active]'
  deprovision: disable
  flows:
    login: '[employeeId]'
    name: '[displayName]'
    mail: '[mail]'
    department: '[department]'
    title: '[jobTitle]'
    city: '[city]'
"""


def measure() -> Iterator[Measured]:
    """The export step of a first run, beside the same rows by COPY and by multi-row inserts."""
    with tempfile.TemporaryDirectory() as folder, Postgres() as server:
        url = server.database()
        _execute(url, TABLE)
        copied = _copy(url)
        _execute(url, "TRUNCATE account")
        inserted = _insert(url)
        _execute(url, "TRUNCATE account")
        company = Company(Path(folder) / "project", COUNT)
        try:
            (company.folder / "mappings" / "app-account.yaml").unlink()
            (company.folder / "systems" / "database.yaml").write_text(
                f"connector: sql\nsettings: {{url: '{url}'}}\n"
                "objects: {account: {table: account, anchor: login, enabled: active}}\n"
            )
            (company.folder / "mappings" / "database-account.yaml").write_text(MAPPING)
            found = company.run()
            if found["document"]["errors"]:
                raise AssertionError(found["document"]["errors"][:3])
            seconds = found["steps"]["export database"]
            yield rate("export to PostgreSQL, beside inserts", COUNT, seconds, inserted, found["steps"], "rows/s")
            yield rate("export to PostgreSQL, beside COPY", COUNT, seconds, copied, {}, "rows/s")
        finally:
            company.close()


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(_plain(url)) as connection:
        connection.execute(statement)


def _rows() -> list[tuple[str | bool, ...]]:
    found: list[tuple[str | bool, ...]] = []
    for number in range(COUNT):
        row = worker(number)
        first, last, key = str(row["first"]), str(row["last"]), str(row["id"])
        mail = f"{first}.{last}.{key}@acme.example".lower()
        found.append((key, f"{first} {last}", mail, str(row["dept"]), str(row["title"]), str(row["city"]), True))
    return found


def _copy(url: str) -> float:
    rows = _rows()
    start = time.perf_counter()
    statement = f"COPY account ({', '.join(COLUMNS)}) FROM STDIN"
    with psycopg.connect(_plain(url)) as connection, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
    return time.perf_counter() - start


def _insert(url: str) -> float:
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in _rows()]
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
    table = sa.table("account", *(sa.column(name) for name in COLUMNS))
    start = time.perf_counter()
    for at in range(0, len(rows), BATCH):
        with engine.begin() as connection:
            connection.execute(sa.insert(table), rows[at : at + BATCH])
    taken = time.perf_counter() - start
    engine.dispose()
    return taken
