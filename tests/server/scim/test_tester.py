"""What somebody else's tester of SCIM servers has to say about each kind of system."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import httpx2
import pytest
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

from tests.server.scim.conftest import served
from tests.servers.gateway import GatewayServer


@pytest.fixture(scope="module")
def empty() -> Iterator[GatewayServer]:
    """A gateway of its own: the tester looks for what it made on the first page of a search."""
    with served() as server:
        yield server


@pytest.mark.parametrize("system", ["app", "dir", "space"])
def test_the_tester_finds_nothing_and_leaves_nothing_out(empty: GatewayServer, system: str) -> None:
    trust = ssl.create_default_context(cafile=str(empty.certificate))
    headers = {"Authorization": f"Bearer {empty.tokens[system]}"}
    with httpx2.Client(
        base_url=empty.address(system), headers=headers, verify=trust, trust_env=False, timeout=60
    ) as client:
        results = check_server(SyncSCIMClient(client))
    assert len(results) > 80
    assert [one for one in results if one.status is not Status.SUCCESS] == []
