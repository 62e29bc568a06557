"""What the stories of domains and directories share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.connectors.domains import Ou
from tests.connectors.graphs import Graph
from tests.servers.muster import MusterServer
from tests.servers.samba import SambaDc
from tests.stories.forests import Forests
from tests.stories.hybrid import Hybrid


@pytest.fixture
def hybrid(muster_server: MusterServer, samba_server: SambaDc, tmp_path: Path) -> Iterator[Hybrid]:
    """The example `hybrid`, over an OU of its own and an empty directory."""
    graph, ou = Graph(muster_server), Ou(samba_server)
    graph.empty("users", "groups", "devices", "contacts")
    yield Hybrid(tmp_path, muster_server, graph, ou)
    ou.close()
    graph.close()


@pytest.fixture(scope="module")
def forests(samba_server: SambaDc, other_samba_server: SambaDc) -> Iterator[Forests]:
    """Two forests and the cloud, with two agents at work; the tests of a file use names of their own in it."""
    other_samba_server.start()
    with closing(Ou(samba_server)) as home, closing(Ou(other_samba_server)) as partner, Forests(home, partner) as made:
        yield made
