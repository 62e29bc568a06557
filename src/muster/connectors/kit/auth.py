"""How each request shows who sends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import orjson

from muster.connectors.kit.http import HttpSession
from muster.connectors.kit.login import Auth, Grant, Login
from muster.model.errors import AuthFailed
from muster.model.secrets import Secret

_EARLY: Final = 60.0
"""Seconds before its end at which a token is renewed."""
_TOKEN_ANSWER: Final = 1_048_576
"""Bytes of an answer with a token: more is none."""


class Key(httpx.Auth):
    """An API key in a header or a parameter of the address."""

    def __init__(self, login: Login) -> None:
        self._login = login

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """The request with the key."""
        login = self._login
        assert login.key is not None
        assert login.name is not None
        if login.kind is Auth.HEADER:
            request.headers[login.name] = login.key.reveal()
        else:
            request.url = request.url.copy_set_param(login.name, login.key.reveal())
        yield request


class Tokens(httpx.Auth):
    """Gives every request a token that is good (RFC 6749); once more with a new one, when it is refused."""

    def __init__(
        self, system: str, login: Login, http: HttpSession, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._system = system
        self._login = login
        self._http = http
        self._clock = clock
        self._lock = threading.Lock()
        self._token: Secret | None = None
        self._renew = 0.0
        self.hide: Callable[[Secret], None] = http.hide

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """The request with a token."""
        token = self.current()
        request.headers["Authorization"] = f"Bearer {token.reveal()}"
        response = yield request
        if response.status_code == 401:
            with self._lock:
                if self._token == token:
                    self._token = None
            request.headers["Authorization"] = f"Bearer {self.current().reveal()}"
            yield request

    def current(self) -> Secret:
        """A token that is good. Raises `AuthFailed`, `Unreachable`, `Throttled`."""
        with self._lock:
            if self._token is None or self._clock() >= self._renew:
                self._token, seconds = self._asked()
                self._renew = self._clock() + max(seconds - _EARLY, seconds / 2)
            return self._token

    def _asked(self) -> tuple[Secret, float]:
        login = self._login
        form = {"grant_type": str(login.grant)}
        if login.scope:
            form["scope"] = login.scope
        if login.grant is Grant.PASSWORD and login.user is not None and login.password is not None:
            form |= {"username": login.user, "password": login.password.reveal()}
        if login.grant is Grant.REFRESH_TOKEN and login.refresh_token is not None:
            form["refresh_token"] = login.refresh_token.reveal()
        if login.client_in == "body" or login.client_secret is None:
            form["client_id"] = login.client_id or ""
            if login.client_secret is not None:
                form["client_secret"] = login.client_secret.reveal()
        response = self._http.request("POST", "", data=form, headers={"Accept": "application/json"}, forbidden=True)
        try:
            found = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            found = None
        found = found if isinstance(found, dict) else {}
        token = found.get("access_token")
        if not response.is_success or not isinstance(token, str) or not token:
            told = found.get("error_description") or found.get("error") or response.reason_phrase
            raise AuthFailed(
                f"{self._system}: {login.token_url} gives no token: {response.status_code} "
                f"{self._http.redacted(str(told)).rstrip('.')}. Correct the `login`, or renew its secret."
            )
        secret = Secret(token)
        self.hide(secret)
        lasts = found.get("expires_in")
        return secret, float(lasts) if isinstance(lasts, int | float) and lasts > 0 else 300.0


class AuthorizedSession(HttpSession):
    """An `HttpSession` that shows with every request who Muster is, as a `login` says; None: nobody.

    Tokens are asked for at the login's own `token_url`, below the same time limits and by the same trust. `more` is
    handed to `HttpSession`.
    """

    def __init__(
        self,
        system: str,
        url: str,
        login: Login | None,
        *,
        headers: Mapping[str, str] | None = None,
        verify: Path | bool = True,
        certificate: Path | None = None,
        timeout: float = 30.0,
        whole: float | None = None,
        **more: Any,
    ) -> None:
        login = login or Login(kind=Auth.NONE)
        self._token_http: HttpSession | None = None
        auth: httpx.Auth | None = None
        if login.kind is Auth.OAUTH2:
            assert login.token_url is not None
            basic = None
            if login.client_in == "header" and login.client_id is not None and login.client_secret is not None:
                basic = (login.client_id, login.client_secret)
            self._token_http = HttpSession(
                system,
                login.token_url,
                basic=basic,
                secrets=secrets_of(login),
                verify=verify,
                certificate=certificate,
                timeout=timeout,
                largest=_TOKEN_ANSWER,
                whole=whole,
            )
            tokens = Tokens(system, login, self._token_http)
            tokens.hide = self.hide
            auth = tokens
        elif login.kind in (Auth.HEADER, Auth.QUERY):
            auth = Key(login)
        super().__init__(
            system,
            url,
            headers=headers,
            token=login.token if login.kind is Auth.BEARER else None,
            basic=(login.user, login.password) if login.kind is Auth.BASIC and login.user and login.password else None,
            auth=auth,
            secrets=secrets_of(login),
            verify=verify,
            certificate=certificate,
            timeout=timeout,
            whole=whole,
            **more,
        )

    def hide(self, secret: Secret) -> None:
        """A secret that came up while the session was open: no text shows it, whoever asked."""
        super().hide(secret)
        if self._token_http is not None:
            self._token_http.hide(secret)

    def close(self) -> None:
        """Close all connections."""
        super().close()
        if self._token_http is not None:
            self._token_http.close()


def secrets_of(login: Login) -> list[Secret]:
    """Every secret of a login."""
    found = (login.password, login.token, login.key, login.client_secret, login.refresh_token)
    return [one for one in found if one is not None]
