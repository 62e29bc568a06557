"""Requests as anybody may send them, and what must hold of every answer whatever was sent."""

from __future__ import annotations

from typing import Any

import httpx

from tests.directory.support import PASSWORD, device, person, security
from tests.server.sdk import fresh
from tests.servers.muster import MusterServer

EVENTUAL = {"ConsistencyLevel": "eventual"}
INSIDE = ("Traceback", 'File "', "site-packages", "sqlite3", "psycopg", "sqlalchemy", "SELECT ", "dir_object")
"""What would tell a stranger how the server is made."""


class Wire:
    """A server, and a client of it that may do everything."""

    def __init__(self, server: MusterServer) -> None:
        self.server = server
        self.client = server.authorized()

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The answer to a request below /v1.0, of which holds what holds of all."""
        return sound(self.client.request(method, f"/v1.0{path}", **more), self.server)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """A query; an option `filter` is `$filter`."""
        headers = options.pop("headers", {})
        return self.ask("GET", path, params={f"${name}": value for name, value in options.items()}, headers=headers)

    def post(self, path: str, body: Any, **more: Any) -> httpx.Response:
        return self.ask("POST", path, json=body, **more)

    def batch(self, *requests: dict[str, Any]) -> httpx.Response:
        return self.post("/$batch", {"requests": list(requests)})

    # --- things to attack

    def made(self, path: str, body: dict[str, Any]) -> str:
        """The id of a new object."""
        answer = self.post(path, body)
        assert answer.status_code == 201, answer.text
        found: str = answer.json()["id"]
        return found

    def user(self, name: str | None = None, **more: Any) -> str:
        return self.made("/users", person(name or fresh(), **more))

    def group(self, name: str | None = None, **more: Any) -> str:
        return self.made("/groups", security(name or fresh(), **more))

    def device(self, number: int) -> str:
        return self.made("/devices", device(fresh(), number))

    def reference(self, guid: str) -> dict[str, str]:
        return {"@odata.id": self.address(guid)}

    def address(self, guid: str) -> str:
        return f"{self.server.graph}/directoryObjects/{guid}"


def sound(answer: httpx.Response, server: MusterServer) -> httpx.Response:
    """The answer, when it is Graph's: no 500, nothing of the inside, nothing secret, errors in their form."""
    assert answer.status_code < 500, f"{answer.request.method} {answer.request.url}: {answer.text}"
    told = answer.text + str(answer.headers)
    for word in (*INSIDE, server.application["secret"], PASSWORD):
        assert word not in told
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        error = answer.json()["error"]
        assert error["code"]
        assert error["message"]
        assert error["innerError"]["request-id"]
        assert error["innerError"]["date"]
    return answer


def refused(answer: httpx.Response, status: int, code: str, words: str = "") -> None:
    """It is refused so."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["code"] == code
    assert words in error["message"]
