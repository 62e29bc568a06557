"""One of the examples between a real domain and a real cloud directory."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any, ClassVar

from tests.cli.support import Answer, inside
from tests.connectors.domains import Ou
from tests.connectors.graphs import Graph
from tests.servers.muster import MusterServer
from tests.stories import domain

NOW = "2026-03-02T09:00:00Z"


class Both:
    """The example's folder, an OU of the domain, and the directory as another hand sees it."""

    example: ClassVar[str] = "hybrid"
    base: ClassVar[str] = "# base: OU=Staff,DC=corp,DC=example"

    def __init__(self, folder: Path, server: MusterServer, graph: Graph, ou: Ou) -> None:
        self.folder, self.server, self.graph, self.ou = folder, server, graph, ou
        assert inside("init", ".", "--example", self.example, folder=folder).code == 0
        dc, of = ou.server, server.application
        self.now = NOW
        self.secret = str(of["secret"])
        self.edit(
            "systems/ad.yaml",
            ("[ldaps://dc1.corp.example, ldaps://dc2.corp.example]", f"[{dc.url}]"),
            ("# ca: certificates/corp.pem", f"ca: {dc.certificate}"),
            ("user: muster@corp.example", f"user: {dc.bind_dn}"),
            (self.base, f"base: {ou.dn}"),
        )
        self.edit(
            "systems/cloud.yaml",
            ("# url: https://directory.corp.example:8443/v1.0", f"url: {server.graph}"),
            ("# ca: certificates/directory.pem", f"ca: {server.certificate}"),
            ("tenant: corp.example", f"tenant: {of['tenant']}"),
            ("client_id: 00000000-0000-0000-0000-000000000000", f"client_id: {of['client_id']}"),
        )
        self.edit("muster.yaml", ("percent: 10 ", "percent: 100 "))

    def edit(self, file: str, *pairs: tuple[str, str]) -> None:
        path = self.folder / file
        text = path.read_text("utf-8")
        for old, new in pairs:
            assert text.count(old) == 1, (file, old)
            text = text.replace(old, new)
        path.write_text(text, "utf-8")

    def __call__(self, *arguments: str) -> Answer:
        secrets = {
            "MUSTER_SECRET_AD": self.ou.server.password,
            "MUSTER_SECRET_CLOUD": self.secret,
        }
        return inside(*arguments, "--json", folder=self.folder, now=self.now, **secrets)

    def run(self) -> None:
        """One run, after which nothing is left to do."""
        done = self("run")
        assert (done.code, done.document["errors"], done.document["held"]) == (0, [], []), done
        left = self("plan")
        assert left.code == 0, left

    def add(self, name: str, kind: str, **values: domain.Text) -> str:
        """An object of the OU; gives its DN."""
        return domain.add(self.ou, name, kind, **values)

    def person(self, name: str, **values: domain.Text) -> str:
        """Somebody with an account; gives the DN."""
        return domain.person(self.ou, name, **values)

    def guid(self, dn: str) -> uuid.UUID:
        return domain.guid(self.ou, dn)

    def anchor(self, dn: str) -> str:
        """The source anchor as Entra Connect makes it."""
        return domain.anchor(self.guid(dn))

    def all(self, collection: str, select: str) -> dict[str, dict[str, Any]]:
        found = self.graph.all(collection, f"id,displayName,{select}")
        return {one["displayName"]: one for one in found}
