"""The example `hybrid` on a domain and a directory."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.connectors.domains import Ou
from tests.connectors.graphs import Graph
from tests.servers.muster import MusterServer
from tests.stories.both import Both


class Hybrid(Both):
    """Users without a userPrincipalName sign in with the directory's domain."""

    def __init__(self, folder: Path, server: MusterServer, graph: Graph, ou: Ou) -> None:
        super().__init__(folder, server, graph, ou)
        self.edit("muster.yaml", ("domain: corp.example", "domain: acme.example"))

    def computer(self, name: str, seen: str | None = None, **values: str | list[str]) -> str:
        """A computer that has asked for the hybrid join. `seen`: the day on which it last logged in."""
        more = {"lastLogonTimestamp": ticks(seen)} if seen else {}
        joining = {"userAccountControl": "4096", "userCertificate": "certificate", **more, **values}
        return self.add(name, "computer", sAMAccountName=f"{self.ou.name}{name}$", **joining)


def ticks(day: str) -> str:
    """An instant as Active Directory counts it: 100 ns since 1601."""
    past = datetime.fromisoformat(day).replace(tzinfo=UTC) - datetime(1601, 1, 1, tzinfo=UTC)
    return str(int(past.total_seconds()) * 10_000_000)
