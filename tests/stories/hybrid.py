"""The example `hybrid` on a domain and a directory."""

from __future__ import annotations

from pathlib import Path

from tests.connectors.domains import Ou
from tests.connectors.graphs import Graph
from tests.servers.muster import MusterServer
from tests.stories import domain
from tests.stories.both import Both


class Hybrid(Both):
    """Users without a userPrincipalName sign in with the directory's domain."""

    def __init__(self, folder: Path, server: MusterServer, graph: Graph, ou: Ou) -> None:
        super().__init__(folder, server, graph, ou)
        self.edit("muster.yaml", ("domain: corp.example", "domain: acme.example"))

    def computer(self, name: str, seen: str | None = None, **values: domain.Text) -> str:
        """A computer that has asked for the hybrid join. `seen`: the day on which it last logged in."""
        return domain.computer(self.ou, name, seen, **values)
