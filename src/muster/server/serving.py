"""`muster serve`: one process that listens until it is told to stop."""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import structlog
from granian.constants import Interfaces, SSLProtocols
from granian.server.embed import Server as Granian
from starlette.applications import Starlette

from muster.app.agents import open_registry, place_of
from muster.app.directory import address_of, open_directory
from muster.app.gateway import base_path
from muster.directory.directory import Directory
from muster.directory.lifecycle import clear_old
from muster.model.errors import MusterError, ProjectError
from muster.project.configuration import Project, Server
from muster.server.agents.routes import AgentRoutes
from muster.server.bodies import ReadToTheEnd
from muster.server.certificates import Certificate, certificate_of
from muster.server.graph.app import Endpoint
from muster.server.graph.service import GraphService
from muster.server.graph.signing import Signer
from muster.server.logs import log_to_stderr
from muster.server.scim.app import Gateway
from muster.server.scim.opening import open_gateway

_HOUR: Final = 3600.0
_CONNECTIONS: Final = 4_096
"""Connections at once, where the system allows as many: who only holds one open takes no other's place."""
_PATIENCE: Final = 20.0
"""Seconds that requests under way get to end."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Serving:
    """What clients need to know of a server that listens. `certificate`: what they must trust, where it is our own."""

    address: str
    tenant: str
    certificate: Path | None
    gateways: Sequence[str] = ()

    def document(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "graph": f"{self.address}/v1.0",
            "authority": self.address,
            "tenant": self.tenant,
            "certificate": str(self.certificate) if self.certificate else None,
            "scim": {system: base_path(self.address, system) for system in self.gateways},
        }


def serve(project: Project, tell: Callable[[Serving], None], now: datetime | None = None) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished. `tell` is called once it listens.

    Raises `ProjectError` for a certificate or an address that cannot be used, `StoreError` for the directory.
    """
    log_to_stderr()
    certificate = certificate_of(project.server, project.folder)
    _refuse_taken(project.server)
    with (
        open_directory(project, now) as directory,
        open_registry(project) as registry,
        open_gateway(project) as gateway,
    ):
        agents = AgentRoutes(registry, place_of(project.server, certificate.certificate.read_text("ascii")))
        signer = Signer(directory, project.folder / ".muster" / "server")
        endpoint = Endpoint(GraphService(directory, signer, project.server.rate), project.server.address)
        parts = _Parts(endpoint, agents, gateway)
        keeper = Keeper(directory)
        keeper.start()
        try:
            asyncio.run(_listen(project.server, certificate, parts, directory, tell))
        finally:
            keeper.stop()


@dataclass(frozen=True, slots=True)
class _Parts:
    """What one process serves."""

    graph: Endpoint
    agents: AgentRoutes
    gateway: Gateway


async def _listen(
    server: Server, certificate: Certificate, parts: _Parts, directory: Directory, tell: Callable[[Serving], None]
) -> None:
    endpoint, agents, gateway = parts.graph, parts.agents, parts.gateway

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await agents.start()
        yield
        await agents.stop()
        await endpoint.finish(_PATIENCE)

    granian = Granian(
        ReadToTheEnd(endpoint.application(lifespan, [*agents.routes(), *gateway.routes()])),
        address=server.host,
        port=server.port,
        interface=Interfaces.ASGI,
        websockets=False,
        backpressure=_room(),
        ssl_cert=certificate.certificate,
        ssl_key=certificate.key,
        ssl_protocol_min=SSLProtocols.tls12,
        log_enabled=False,
    )
    loop = asyncio.get_running_loop()

    halt: Callable[[], None] = granian.stop

    def stop() -> None:
        agents.relay.close()
        halt()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    serving = asyncio.create_task(granian.serve())
    if await _listening(server, serving):
        own = certificate.certificate if certificate.own else None
        tell(Serving(address_of(server), directory.tenant.id, own, gateway.systems))
    await serving


def _room() -> int:
    """How many connections there may be at once; half of the files that may be open, which are first made more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * _CONNECTIONS
    most = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most // 2


async def _listening(server: Server, serving: asyncio.Task[None]) -> bool:
    """Wait until the port accepts connections; False when the server has ended before."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(server.host, server.host)
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection(host, server.port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        return True
    return False


def _refuse_taken(server: Server) -> None:
    """Raises `ProjectError` when somebody else listens there, or nobody may."""
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((server.host, server.port))
        except OSError as error:
            raise ProjectError(
                f"muster.yaml: server.listen: {server.host}:{server.port} cannot be used: {error.strerror}. Stop what "
                "listens there, or name another address"
            ) from None


class Keeper:
    """Clears away, once an hour, what the directory keeps no longer."""

    def __init__(self, directory: Directory, pause: float = _HOUR) -> None:
        self._directory = directory
        self._pause = pause
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Begin, at once and then every hour."""
        self._thread.start()

    def stop(self) -> None:
        """Wait for the end of what is under way."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                while self._clear() and not self._stopped.is_set():
                    pass
            except MusterError as error:
                log.error("old objects were not cleared away", error=error.message)
            self._stopped.wait(self._pause)

    def _clear(self) -> bool:
        """One batch; whether there may be more."""
        settings = self._directory.settings
        with self._directory.write() as work:
            return clear_old(work, settings.deleted, settings.changes).more
