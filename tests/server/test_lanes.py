"""What takes one application long keeps no other waiting, over a real socket."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest
from granian.constants import Interfaces
from granian.server.embed import Server as Granian

from muster.directory.applications import add_application, add_secret
from muster.directory.directory import Directory, Settings
from muster.server.graph.app import Endpoint
from muster.server.graph.call import Answer, Call, Route
from muster.server.graph.routing import Router
from muster.server.graph.service import GraphService
from muster.server.graph.signing import Signer
from tests.servers.process import HOST, free_port
from tests.waiting import wait_for


class Busy:
    """An endpoint whose lists take as long as the test wants, and whose changes, too."""

    def __init__(self, folder: Path) -> None:
        self.go_on = threading.Event()
        self.lists = self.changes = 0
        self.address = f"http://{HOST}:{free_port()}"
        self._directory = Directory.open("sqlite:///state.db", folder, Settings("Acme", ("acme.example",)))
        rights = ("User.Read.All",)
        routes = [
            Route("GET", "users", self._list, rights),
            Route("GET", "users/{}", lambda call: Answer(200, {"id": call.key}), rights),
            Route("POST", "users", self._change, rights),
        ]
        service = GraphService(self._directory, Signer(self._directory, folder / "server"), router=Router(routes))
        port = int(self.address.rpartition(":")[2])
        application = Endpoint(service).application()
        self._loop = asyncio.new_event_loop()
        self._granian = Granian(
            application, address=HOST, port=port, interface=Interfaces.ASGI, websockets=False, log_enabled=False
        )
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._granian.serve(),))
        self._thread.start()
        wait_for(self._listens)

    def close(self) -> None:
        self.go_on.set()
        self._loop.call_soon_threadsafe(self._granian.stop)
        self._thread.join(30)
        assert not self._thread.is_alive()
        self._loop.close()
        self._directory.close()

    def application(self, name: str) -> tuple[str, str]:
        """A new application's id and secret."""
        with self._directory.write() as work:
            application = add_application(work, name)
            return application.id, add_secret(work, application)[1]

    def client(self, application: tuple[str, str]) -> httpx.Client:
        """A client of the application, with a token."""
        client = httpx.Client(base_url=self.address, trust_env=False, timeout=20)
        form = {"client_id": application[0], "client_secret": application[1], "grant_type": "client_credentials"}
        form["scope"] = "https://graph.microsoft.com/.default"
        told = client.post(f"/{self._directory.tenant.id}/oauth2/v2.0/token", data=form).json()
        client.headers["Authorization"] = f"Bearer {told['access_token']}"
        return client

    def _list(self, _: Call) -> Answer:
        self.lists += 1
        assert self.go_on.wait(30)
        return Answer(200, {"value": []})

    def _change(self, _: Call) -> Answer:
        self.changes += 1
        assert self.go_on.wait(30)
        return Answer(201, {"id": "1"})

    def _listens(self) -> bool:
        try:
            return httpx.get(f"{self.address}/common/discovery/instance", trust_env=False).is_success
        except httpx.TransportError:
            return False


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Busy]:
    made = Busy(tmp_path)
    yield made
    made.close()


def test_slow_reads_of_one_application_keep_nobody_waiting(busy: Busy) -> None:
    with ExitStack() as stack:
        applications = [busy.application(name) for name in ("greedy", "other", "new")]
        greedy, other = (stack.enter_context(closing(busy.client(one))) for one in applications[:2])
        pool = stack.enter_context(ThreadPoolExecutor(32))
        asked: list[Future[httpx.Response]] = []
        batch = {"requests": [{"id": "1", "method": "GET", "url": "/users?$filter=x"}]}
        for number in range(12):
            asked.append(
                pool.submit(greedy.post, "/v1.0/$batch", json=batch)
                if number % 2
                else pool.submit(greedy.get, "/v1.0/users", params={"$search": "x"})
            )
        asked += [pool.submit(greedy.post, "/v1.0/users", json={}) for _ in range(12)]
        wait_for(lambda: busy.lists == 2 and busy.changes == 1)

        # The other application, a new one, and the greedy one itself where it asks for little.
        for client in (other, greedy, stack.enter_context(closing(busy.client(applications[2])))):
            assert client.get("/v1.0/users/1").json() == {"id": "1"}
        asked += [pool.submit(other.get, "/v1.0/users")]
        wait_for(lambda: busy.lists == 3)

        busy.go_on.set()
        assert {one.result(30).status_code for one in asked} == {200, 201}
        assert not wait(asked).not_done
