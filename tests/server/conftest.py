"""`muster serve` for the tests of the wire, and trust in its certificate."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator

import pytest

from tests.server.wire import Wire
from tests.servers.muster import MusterServer


@pytest.fixture
def server(muster_server: MusterServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[MusterServer]:
    """The server, its certificate trusted as an administrator would have it: by the environment."""
    trust(muster_server, monkeypatch)
    yield muster_server
    with warnings.catch_warnings():
        # What the clients leave to the garbage collector is no later test's fault.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def wire(request: pytest.FixtureRequest) -> Iterator[Wire]:
    """A server over each kind of store, and a client; afterwards its log tells of nothing that went wrong inside."""
    url = None
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_server").database()
    with MusterServer(store=url) as server:
        found = Wire(server)
        try:
            yield found
        finally:
            found.client.close()
        assert "request failed" not in server.log.read_text()


def trust(server: MusterServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, str(server.certificate))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
