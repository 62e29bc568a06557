"""What somebody else's tester of SCIM servers has to say about each kind of system."""

from __future__ import annotations

import ssl

import httpx2
import pytest
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

from tests.servers.gateway import GatewayServer


@pytest.mark.parametrize("system", ["app", "dir", "space"])
def test_the_tester_finds_nothing_and_leaves_nothing_out(gateway: GatewayServer, system: str) -> None:
    trust = ssl.create_default_context(cafile=str(gateway.certificate))
    headers = {"Authorization": f"Bearer {gateway.tokens[system]}"}
    with httpx2.Client(
        base_url=gateway.address(system), headers=headers, verify=trust, trust_env=False, timeout=60
    ) as client:
        results = check_server(SyncSCIMClient(client))
    assert len(results) > 80
    assert [one for one in results if one.status is not Status.SUCCESS] == []
