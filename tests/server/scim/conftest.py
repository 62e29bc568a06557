"""One `muster serve` for all tests of the gateway; each uses names of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.scim.systems import LDAP, SQL, fill_sql
from tests.servers.gateway import GatewayServer, Scim
from tests.servers.openldap import OpenLdap


@pytest.fixture(scope="package")
def gateway() -> Iterator[GatewayServer]:
    """A SQL database (`app`) and a directory (`dir`) as SCIM services. Its log tells of no bug afterwards."""
    with OpenLdap() as openldap:
        directory = LDAP.format(
            url=openldap.url,
            bind_dn=openldap.bind_dn,
            base=openldap.base,
            people=openldap.people,
            groups=openldap.groups,
        )
        systems = {"app": SQL, "dir": directory}
        with GatewayServer(systems, fill_sql, {"MUSTER_SECRET_DIRECTORY": openldap.password}) as server:
            yield server
            log = server.log.read_text()
            assert "Traceback" not in log
            assert "a bug" not in log


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


@pytest.fixture(params=["app", "directory"])
def scim(request: pytest.FixtureRequest) -> Scim:
    """Each of them in turn."""
    found: Scim = request.getfixturevalue(request.param)
    return found
