"""One session with one application, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from muster.connectors.kit.http import HttpSession
from muster.connectors.rest.answers import Answer, answer
from muster.connectors.rest.asking import Asking
from muster.connectors.rest.auth import Key, Tokens, secrets_of
from muster.connectors.rest.login import Auth, Login
from muster.connectors.rest.picks import pick
from muster.connectors.rest.settings import RestSettings
from muster.model.secrets import Secret


class Session(Asking):
    """Requests to one application. Raises `Unreachable`, `AuthFailed`, `Throttled` and `IncompleteRead`."""

    def __init__(self, system: str, settings: RestSettings, folder: Path) -> None:
        super().__init__(system, settings.errors, pick(settings.message) if settings.message is not None else None)
        verify = folder / settings.ca if settings.ca is not None else True
        login = settings.login or Login(kind=Auth.NONE)
        self._token_http: HttpSession | None = None
        auth: httpx.Auth | None = None
        tokens: Tokens | None = None
        if login.kind is Auth.OAUTH2:
            basic = None
            if login.client_in == "header" and login.client_id is not None and login.client_secret is not None:
                basic = (login.client_id, login.client_secret)
            self._token_http = HttpSession(
                system,
                login.token_url or "",
                basic=basic,
                secrets=secrets_of(login),
                verify=verify,
                timeout=settings.timeout,
                largest=1_048_576,
                whole=settings.whole,
            )
            tokens = Tokens(system, login, self._token_http)
            auth = tokens
        elif login.kind in (Auth.HEADER, Auth.QUERY):
            auth = Key(login)
        self._http = HttpSession(
            system,
            settings.url,
            headers={"Accept": "application/json", **settings.headers},
            token=login.token if login.kind is Auth.BEARER else None,
            basic=(login.user, login.password) if login.kind is Auth.BASIC and login.user and login.password else None,
            auth=auth,
            secrets=secrets_of(login),
            verify=verify,
            timeout=settings.timeout,
            largest=settings.largest,
            whole=settings.whole,
            rate=settings.rate,
        )
        if tokens is not None:
            tokens.hide = self._hide

    def open(self) -> None:
        """Nothing: HTTP connects with its first request."""

    def close(self) -> None:
        """Close all connections."""
        self._http.close()
        if self._token_http is not None:
            self._token_http.close()

    def hide(self, secret: Secret) -> None:
        """A secret that no text may show."""
        self._http.hide(secret)

    def redacted(self, text: str) -> str:
        """The text without this session's secrets."""
        return self._http.redacted(text)

    def _hide(self, secret: Secret) -> None:
        self._http.hide(secret)
        if self._token_http is not None:
            self._token_http.hide(secret)

    # --- requests

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        form: bool = False,
        once: bool = False,
        reading: bool = False,
    ) -> Answer:
        """One request. `reading` True: a 403 is about everything, and raises `AuthFailed`."""
        response = self._http.request(
            method,
            path,
            params=dict(query) or None,
            json=None if form or body is None else body,
            data=body if form else None,
            headers=headers,
            forbidden=not reading,
            once=once,
        )
        return answer(
            response.status_code,
            response.content,
            response.headers.get("Content-Type", ""),
            {name.lower(): value for name, value in response.headers.items()},
            self.redacted(str(response.request.url)),
        )
