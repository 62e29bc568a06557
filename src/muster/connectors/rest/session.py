"""One session with one application: requests of the system file, filled and sent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import httpx

from muster.connectors.kit.http import HttpSession
from muster.connectors.rest import templates
from muster.connectors.rest.answers import Answer, advice, answer, meaning, said
from muster.connectors.rest.auth import Key, Tokens, secrets_of
from muster.connectors.rest.login import Auth, Login
from muster.connectors.rest.picks import pick
from muster.connectors.rest.requests import Request
from muster.connectors.rest.settings import Meaning, RestSettings
from muster.model.errors import IncompleteRead
from muster.model.secrets import Secret

Known: TypeAlias = Mapping[str, Any]
"""What fills the holes of a request."""


class Session:
    """Requests to one application. Raises `Unreachable`, `AuthFailed`, `Throttled` and `IncompleteRead`."""

    def __init__(self, system: str, settings: RestSettings, folder: Path) -> None:
        self.system = system
        self.settings = settings
        self._message = pick(settings.message) if settings.message is not None else None
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

    def _hide(self, secret: Secret) -> None:
        self._http.hide(secret)
        if self._token_http is not None:
            self._token_http.hide(secret)

    # --- requests

    def send(self, request: Request, known: Known, *, once: bool = False) -> Answer:
        """One request of the system file. Raises `Unfit` for a value that cannot stand where it is put."""
        path = templates.path(request.path, known)
        body: Any = templates.form(request.body, known) if request.form else templates.body(request.body, known)
        return self.ask(
            request.method,
            path,
            templates.query(request.parameters, known),
            body,
            headers=templates.headers(request.headers, known),
            form=request.form,
            once=once,
        )

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
            str(response.request.url),
        )

    def meaning(self, found: Answer, operation: str) -> Meaning:
        """What an answer means."""
        return meaning(found, operation, self.settings.errors)

    def refusal(self, method: str, path: str, found: Answer) -> str:
        """How a request was answered, and what to do about it."""
        words = self._http.redacted(f"{method} {path} was answered {said(found, self._message)}")
        return f"{words}. {advice(found)}".rstrip()

    def not_readable(self, method: str, path: str, found: Answer) -> IncompleteRead:
        """The error for an answer that is no list or no record."""
        return IncompleteRead(f"{self.system}: {self.refusal(method, path, found)}")
