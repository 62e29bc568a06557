"""`muster serve` over a project whose systems are shown as SCIM services."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.servers.muster import MusterServer
from tests.servers.process import HOST


class GatewayServer(MusterServer):
    """`systems`: the text of each file of `systems/`. `filled` is called with the project's folder before the start."""

    def __init__(
        self,
        systems: Mapping[str, str],
        filled: Callable[[Path], None] = lambda _: None,
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self._systems = systems
        self._secrets = secrets or {}
        self._filled = filled
        self.tokens: dict[str, str] = {}

    def prepare(self) -> None:
        self.write("muster.yaml", f"project: acme\nserver: {{listen: '{HOST}:{self.port}'}}\n")
        (self.folder / "systems").mkdir()
        for name, text in self._systems.items():
            self.write(f"systems/{name}.yaml", text)
        self._filled(self.folder)
        for name in self._systems:
            self.tokens[name] = self.muster("gateway", "token", "add", name, "tests")["token"]

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), **self._secrets}

    def address(self, system: str) -> str:
        """The base path of a system."""
        return f"{self.authority}/scim/{system}/v2"

    def scim(self, system: str, token: str | None = None) -> Scim:
        """A client of one system, with its own token or another."""
        text = self.tokens[system] if token is None else token
        client = self.client(headers={"Authorization": f"Bearer {text}"})
        client.base_url = httpx.URL(self.address(system) + "/")
        return Scim(client)


class Scim:
    """Requests to one service, with bodies as SCIM sends them."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """The answer; `path` is below the base path."""
        if body is not None:
            headers = {"Content-Type": "application/scim+json", **more.pop("headers", {})}
            return self.client.request(method, path.lstrip("/"), json=body, headers=headers, **more)
        return self.client.request(method, path.lstrip("/"), **more)

    def get(self, path: str, **query: Any) -> Any:
        """The document at a path."""
        answer = self.ask("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def made(self, endpoint: str, body: Mapping[str, Any]) -> Any:
        """A new resource."""
        answer = self.ask("POST", endpoint, body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def patch(self, path: str, *operations: Mapping[str, Any]) -> httpx.Response:
        """The answer to a PATCH."""
        body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list(operations)}
        return self.ask("PATCH", path, body)

    def names(self, text: str, endpoint: str = "Users") -> list[str]:
        """Who fits a filter, by name."""
        found = self.get(endpoint, filter=text, count=500)
        return sorted(one.get("userName") or one["displayName"] for one in found["Resources"])
