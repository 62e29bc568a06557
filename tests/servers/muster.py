"""`muster serve` itself, over a project of its own."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import httpx

from tests.servers.process import HOST, Server

_PROGRAM = Path(sys.executable).with_name("muster")


class MusterServer(Server):
    """The embedded directory as Microsoft Graph, with an application that may do everything.

    `rate`: requests that one application may make in a second.
    """

    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    start_seconds: ClassVar[float] = 60

    def __init__(self, *, rate: int | None = None, store: str | None = None) -> None:
        super().__init__()
        self._rate = rate
        self._store = store
        self.application: dict[str, Any] = {}

    @property
    def authority(self) -> str:
        """What clients of OAuth are configured with."""
        return f"https://{HOST}:{self.port}"

    @property
    def graph(self) -> str:
        """Where Graph is."""
        return f"{self.authority}/v1.0"

    @property
    def certificate(self) -> Path:
        """What clients must trust."""
        return self.folder / ".muster" / "server" / "certificate.pem"

    def prepare(self) -> None:
        lines = [
            "project: acme",
            f"server: {{listen: '{HOST}:{self.port}'{f', rate: {self._rate}' if self._rate else ''}}}",
            "directory: {domains: [acme.example]}",
            *([f"store: {self._store}"] if self._store else []),
        ]
        self.write("muster.yaml", "\n".join(lines) + "\n")
        self.application = self.muster("directory", "app", "add", "tests")

    def command(self) -> list[str]:
        return [str(_PROGRAM), "serve", "--json"]

    def muster(self, *arguments: str) -> Any:
        """What the command answers."""
        done = subprocess.run(
            [str(_PROGRAM), *arguments, "--json"],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    def ready(self) -> bool:
        try:
            with self.client() as client:
                return client.get("/common/discovery/instance").is_success
        except httpx.TransportError:
            return False

    def client(self, **more: Any) -> httpx.Client:
        """A client that trusts the server, without a token."""
        trust = ssl.create_default_context(cafile=str(self.certificate))
        return httpx.Client(base_url=self.authority, verify=trust, trust_env=False, timeout=60, **more)

    def token(self, application: dict[str, Any] | None = None) -> str:
        """A token for an application."""
        of = application or self.application
        form = {
            "grant_type": "client_credentials",
            "client_id": of["client_id"],
            "client_secret": of["secret"],
            "scope": "https://graph.microsoft.com/.default",
        }
        with self.client() as client:
            answer = client.post(f"/{of['tenant']}/oauth2/v2.0/token", data=form)
        answer.raise_for_status()
        found: str = answer.json()["access_token"]
        return found

    def authorized(self) -> httpx.Client:
        """A client that may do everything."""
        return self.client(headers={"Authorization": f"Bearer {self.token()}"})
