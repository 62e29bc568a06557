"""A SCIM 2.0 service provider: scim2-server, which keeps its resources in memory."""

import itertools
import secrets
import sys

import httpx

from tests.servers.process import HOST, Server


class ScimServer(Server):
    """scim2-server behind a bearer token, with the User and Group of RFC 7643.

    Every tenant is a store of its own, made by the first request to it: `tenant()` gives the base URL of a new, empty
    one. `url` is the one that `fresh()` made last. A restart loses everything, as the server has no other store.
    """

    def __init__(self) -> None:
        super().__init__()
        self.token = secrets.token_hex(12)
        self._numbers = itertools.count(1)
        self.url = self.tenant()

    @property
    def headers(self) -> dict[str, str]:
        """What a request must carry to be let in."""
        return {"Authorization": f"Bearer {self.token}"}

    def tenant(self) -> str:
        """The base URL of a new, empty store."""
        return f"http://{HOST}:{self.port}/t{next(self._numbers)}/v2"

    def fresh(self) -> None:
        """Point `url` to a new, empty store."""
        self.url = self.tenant()

    def prepare(self) -> None:
        """Nothing: the server has no files."""

    def command(self) -> list[str]:
        serve = "import sys; from scim2_server.testserver.cli import main; sys.exit(main())"
        options = ["--hostname", HOST, "--port", str(self.port), "--bearer-token", self.token, "--dynamic-tenants"]
        return [sys.executable, "-c", serve, *options]

    def ready(self) -> bool:
        url = f"http://{HOST}:{self.port}/ready/v2/ServiceProviderConfig"
        try:
            return httpx.get(url, headers=self.headers, trust_env=False).is_success
        except httpx.TransportError:
            return False
