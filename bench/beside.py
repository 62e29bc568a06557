"""scim2-server as it is fastest: its ASGI application over resources in memory, in the server that Muster has too."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import ClassVar

from scim2_models import ScimProvider
from scim2_server.applications.asgi import ASGIApplication
from scim2_server.memory import AsyncInMemoryStorage
from scim2_server.utils import (
    load_default_resource_types,
    load_default_schemas,
    load_default_service_provider_config,
)

from tests.servers.process import HOST
from tests.servers.scim import ScimServer


class FastScimServer(ScimServer):
    """One empty store, for one run; whoever comes is let in."""

    # granian's workers are processes of their own, and end with it only when it may tell them.
    end_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def command(self) -> list[str]:
        granian = str(Path(sys.executable).with_name("granian"))
        root = str(Path(__file__).parents[1])
        where = ["--host", HOST, "--port", str(self.port), "--working-dir", root]
        return [granian, "--interface", "asgi", "--no-ws", "--factory", *where, "bench.beside:application"]

    def tenant(self) -> str:
        return f"http://{HOST}:{self.port}/v2"

    def ready(self) -> bool:
        return True


def application() -> ASGIApplication:
    """What granian serves."""
    provider = ScimProvider.from_discovery(
        list(load_default_schemas().values()),
        list(load_default_resource_types().values()),
        load_default_service_provider_config(),
    )
    return ASGIApplication(AsyncInMemoryStorage(), provider)
