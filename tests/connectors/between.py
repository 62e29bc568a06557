"""A proxy before a real service provider, in which a test lets things go wrong."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs

import httpx
import orjson

from tests.connectors.restapi import CLIENT, Api, Asked, Reply

KEEPS = ("ETag", "Location", "Content-Type", "Retry-After")


class Between(Api):
    """`base`: the service provider. Whoever shows `token` (or id and secret of `CLIENT`) is let through to it.

    `/token` gives tokens to `CLIENT` (RFC 6749 section 4.4).
    """

    def __init__(self, base: str, headers: dict[str, str]) -> None:
        super().__init__()
        self.token = "t0ken-of-the-proxy"
        self.base = base
        self._client = httpx.Client(headers=headers, trust_env=False)

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        self._client.close()

    def reply(self, asked: Asked) -> Reply:
        basic = f"Basic {base64.b64encode(':'.join(CLIENT).encode()).decode()}"
        if asked.path == "/token":
            form = parse_qs(asked.data.decode())
            if asked.headers.get("authorization") != basic or form["grant_type"] != ["client_credentials"]:
                return Reply(401, {"error": "invalid_client"})
            return Reply(200, {"access_token": self.token, "token_type": "Bearer", "expires_in": 3600})
        if asked.headers.get("authorization") not in (f"Bearer {self.token}", basic):
            return Reply(401, {"detail": "Who are you?"})
        return self.forward(asked)

    def forward(self, asked: Asked) -> Reply:
        """What the service provider answers."""
        more = {name: value for name, value in asked.headers.items() if name in ("content-type", "if-match")}
        path = asked.path.removeprefix("/v2")
        answered = self._client.request(
            asked.method, f"{self.base}{path}", params=asked.query, content=asked.data, headers=more
        )
        headers = {name: answered.headers[name] for name in KEEPS if name in answered.headers}
        return Reply(answered.status_code, orjson.loads(answered.content) if answered.content else None, headers)
