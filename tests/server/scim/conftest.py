"""One `muster serve` for all tests of the gateway; each uses names of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.server.scim.systems import LDAP, SPACE, SQL, fill_sql
from tests.servers.gateway import GatewayServer, Scim
from tests.servers.openldap import OpenLdap


@contextmanager
def served() -> Iterator[GatewayServer]:
    """A database (`app`), a directory (`dir`), a connector space (`space`) as SCIM services; no bug in their log."""
    with OpenLdap() as openldap:
        directory = LDAP.format(
            url=openldap.url,
            bind_dn=openldap.bind_dn,
            base=openldap.base,
            people=openldap.people,
            groups=openldap.groups,
        )
        systems = {"app": SQL, "dir": directory, "space": SPACE}
        with GatewayServer(systems, fill_sql, {"MUSTER_SECRET_DIRECTORY": openldap.password}) as server:
            server.muster("run")
            yield server
            log = server.log.read_text()
            assert "Traceback" not in log
            assert "a bug" not in log


@pytest.fixture(scope="package")
def gateway() -> Iterator[GatewayServer]:
    """See `served`."""
    with served() as server:
        yield server


@pytest.fixture(scope="package")
def app(gateway: GatewayServer) -> Iterator[Scim]:
    """A client of the SQL database."""
    found = gateway.scim("app")
    yield found
    found.client.close()


@pytest.fixture(scope="package")
def directory(gateway: GatewayServer) -> Iterator[Scim]:
    """A client of the directory."""
    found = gateway.scim("dir")
    yield found
    found.client.close()


@pytest.fixture(scope="package")
def space(gateway: GatewayServer) -> Iterator[Scim]:
    """A client of the connector space of another database."""
    found = gateway.scim("space")
    yield found
    found.client.close()


@pytest.fixture(params=["app", "directory", "space"])
def scim(request: pytest.FixtureRequest) -> Scim:
    """Each of them in turn."""
    found: Scim = request.getfixturevalue(request.param)
    return found
