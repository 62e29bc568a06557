"""The databases and domains that the tests of connectors run on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.databases import Database
from tests.connectors.domains import Ou
from tests.connectors.graphs import Graph
from tests.servers.muster import MusterServer
from tests.servers.samba import SambaDc


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


@pytest.fixture
def ou(samba_server: SambaDc) -> Iterator[Ou]:
    """An organizational unit of the test's own."""
    made = Ou(samba_server)
    yield made
    made.close()


@pytest.fixture(scope="session")
def samba_contacts(samba_server: SambaDc) -> list[str]:
    """The DNs of 2,600 contacts."""
    ou = Ou(samba_server)
    names = [f"CN=contact {number},{ou.dn}" for number in range(2_600)]
    sent = [ou.admin.add_ext(name, [("objectClass", [b"contact"])]) for name in names]
    for number in sent:
        ou.admin.result(number)
    return names


@pytest.fixture
def graph(muster_server: MusterServer) -> Iterator[Graph]:
    """Another hand in its directory."""
    found = Graph(muster_server)
    yield found
    found.close()
