"""The real servers as fixtures, for every test under tests/.

`openldap`, `ds389`, `scim`        the server, emptied before each test
`postgres_url`, `mariadb_url`      the SQLAlchemy URL of a new, empty database for each test
`samba_server`                     an Active Directory domain, as the tests before left it: each has its own OU
`other_samba_server`               the domain of another forest, which a test may stop: start it before use
`…_server`                         the server as it is; one for each process that runs tests, started at its first use
"""

from collections.abc import Iterator

import pytest

from tests.servers.ds389 import Ds389
from tests.servers.mariadb import MariaDb
from tests.servers.muster import MusterServer
from tests.servers.openldap import OpenLdap
from tests.servers.postgres import Postgres
from tests.servers.samba import SambaDc
from tests.servers.scim import ScimServer


@pytest.fixture(scope="session")
def openldap_server() -> Iterator[OpenLdap]:
    with OpenLdap() as server:
        yield server


@pytest.fixture
def openldap(openldap_server: OpenLdap) -> OpenLdap:
    """slapd, running, with an empty tree."""
    openldap_server.reset()
    return openldap_server


@pytest.fixture(scope="session")
def ds389_server() -> Iterator[Ds389]:
    with Ds389() as server:
        yield server


@pytest.fixture
def ds389(ds389_server: Ds389) -> Ds389:
    """389 Directory Server, running, with an empty tree."""
    ds389_server.reset()
    return ds389_server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> Iterator[str]:
    """A new, empty PostgreSQL database."""
    postgres_server.start()
    url = postgres_server.database()
    yield url
    postgres_server.start()
    postgres_server.drop(url)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDb]:
    with MariaDb() as server:
        yield server


@pytest.fixture
def mariadb_url(mariadb_server: MariaDb) -> Iterator[str]:
    """A new, empty MariaDB database."""
    mariadb_server.start()
    url = mariadb_server.database()
    yield url
    mariadb_server.start()
    mariadb_server.drop(url)


@pytest.fixture(scope="session")
def scim_server() -> Iterator[ScimServer]:
    with ScimServer() as server:
        yield server


@pytest.fixture
def scim(scim_server: ScimServer) -> ScimServer:
    """scim2-server, running; its `url` is a new, empty store."""
    scim_server.start()
    scim_server.fresh()
    return scim_server


@pytest.fixture(scope="session")
def samba_server() -> Iterator[SambaDc]:
    with SambaDc() as server:
        yield server


@pytest.fixture(scope="session")
def other_samba_server() -> Iterator[SambaDc]:
    with SambaDc("other.example") as server:
        yield server


@pytest.fixture(scope="session")
def muster_server() -> Iterator[MusterServer]:
    """`muster serve` for all tests, with an application that may do everything: each uses names of its own."""
    with MusterServer() as server:
        yield server
