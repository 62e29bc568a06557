"""What the stories of domains and directories share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.domains import Ou
from tests.connectors.graphs import Graph
from tests.servers.muster import MusterServer
from tests.servers.samba import SambaDc
from tests.stories.hybrid import Hybrid


@pytest.fixture
def hybrid(muster_server: MusterServer, samba_server: SambaDc, tmp_path: Path) -> Iterator[Hybrid]:
    """The example `hybrid`, over an OU of its own and an empty directory."""
    graph, ou = Graph(muster_server), Ou(samba_server)
    graph.empty("users", "groups", "devices", "contacts")
    yield Hybrid(tmp_path, muster_server, graph, ou)
    ou.close()
    graph.close()
