"""One of the examples between a real domain and a real cloud directory."""

from __future__ import annotations

import base64
import uuid
from pathlib import Path
from typing import Any, ClassVar

import ldap

from tests.cli.support import Answer
from tests.cli.support import muster as program
from tests.connectors.domains import Ou
from tests.connectors.graphs import Graph
from tests.servers.muster import MusterServer

NOW = "2026-03-02T09:00:00Z"


class Both:
    """The example's folder, an OU of the domain, and the directory as another hand sees it."""

    example: ClassVar[str] = "hybrid"
    base: ClassVar[str] = "# base: OU=Staff,DC=corp,DC=example"

    def __init__(self, folder: Path, server: MusterServer, graph: Graph, ou: Ou) -> None:
        self.folder, self.server, self.graph, self.ou = folder, server, graph, ou
        assert program("init", ".", "--example", self.example, folder=folder).code == 0
        domain, of = ou.server, server.application
        self.now = NOW
        self.secret = str(of["secret"])
        self.edit(
            "systems/ad.yaml",
            ("[ldaps://dc1.corp.example, ldaps://dc2.corp.example]", f"[{domain.url}]"),
            ("# ca: certificates/corp.pem", f"ca: {domain.certificate}"),
            ("user: muster@corp.example", f"user: {domain.bind_dn}"),
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
        return program(*arguments, "--json", folder=self.folder, now=self.now, **secrets)

    def run(self) -> None:
        """One run, after which nothing is left to do."""
        done = self("run")
        assert (done.code, done.document["errors"], done.document["held"]) == (0, [], []), done
        left = self("plan")
        assert left.code == 0, left

    def add(self, name: str, kind: str, **values: str | list[str]) -> str:
        """An object of the OU; gives its DN."""
        dn = f"CN={name},{self.ou.dn}"
        entry = [("objectClass", [kind.encode()])]
        for key, value in values.items():
            texts = value if isinstance(value, list) else [value]
            entry.append((key.replace("_", "-"), [one.encode() for one in texts]))
        self.ou.admin.add_s(dn, entry)
        return dn

    def person(self, name: str, **values: str | list[str]) -> str:
        login = f"{self.ou.name}{name}".lower()
        more = {"userAccountControl": "544", "userPrincipalName": f"{login}@acme.example", **values}
        return self.add(name, "user", sAMAccountName=login, displayName=f"{name} Example", **more)

    def guid(self, dn: str) -> uuid.UUID:
        ((_, found),) = self.ou.admin.search_s(dn, ldap.SCOPE_BASE, attrlist=["objectGUID"])
        return uuid.UUID(bytes_le=found["objectGUID"][0])

    def anchor(self, dn: str) -> str:
        """The source anchor as Entra Connect makes it."""
        return base64.b64encode(self.guid(dn).bytes_le).decode()

    def all(self, collection: str, select: str) -> dict[str, dict[str, Any]]:
        found = self.graph.all(collection, f"id,displayName,{select}")
        return {one["displayName"]: one for one in found}
