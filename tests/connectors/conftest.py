"""The databases that the tests of the SQL connector run on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.connectors.databases import Database


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "sqlite":
        (tmp_path / "app.db").touch()
        made = Database("sqlite:///app.db", tmp_path)
        with made._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        return made
    return Database(
        request.getfixturevalue("postgres_url" if request.param == "postgresql" else "mariadb_url"), tmp_path
    )


@pytest.fixture
def lite(tmp_path: Path) -> Database:
    (tmp_path / "app.db").touch()
    return Database("sqlite:///app.db", tmp_path)
