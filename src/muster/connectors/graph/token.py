"""Access tokens by client credentials (RFC 6749 section 4.4), with a secret or a certificate (RFC 7523)."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
import uuid
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import jwt
import orjson
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from muster.connectors.graph.settings import VERSION, GraphSettings
from muster.connectors.kit.http import HttpSession
from muster.model.errors import AuthFailed, ProjectError
from muster.model.secrets import Secret

_EARLY: Final = 300.0
"""Seconds before its end at which a token is renewed, so that no request is under way with one that just ended."""
_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS: Final = 600


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, and when (by the clock of `Tokens`) it is to be renewed."""

    text: Secret
    renew: float


class Tokens(httpx.Auth):
    """Gives every request a token that is good; asks for one when there is none, or the one there was ends soon."""

    def __init__(
        self,
        system: str,
        settings: GraphSettings,
        folder: Path,
        http: HttpSession,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._system = system
        self._settings = settings
        self._folder = folder
        self._http = http
        self._clock = clock
        self._lock = threading.Lock()
        self._token: Token | None = None
        self.hide: Callable[[Secret], None] = http.hide

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """The request with a token; once more with a new one, when the server refuses it."""
        token = self.current()
        request.headers["Authorization"] = f"Bearer {token.reveal()}"
        response = yield request
        if response.status_code == 401:
            request.headers["Authorization"] = f"Bearer {self.renewed(token).reveal()}"
            yield request

    def current(self) -> Secret:
        """A token that is good. Raises `AuthFailed`, `Unreachable`, `Throttled`."""
        with self._lock:
            if self._token is None or self._clock() >= self._token.renew:
                self._token = self._asked()
            return self._token.text

    def renewed(self, refused: Secret) -> Secret:
        """Another token than the one that was refused."""
        with self._lock:
            if self._token is not None and self._token.text == refused:
                self._token = None
        return self.current()

    def claims(self) -> dict[str, Any]:
        """What the token says of the application; empty where it is not for clients to read."""
        try:
            found: dict[str, Any] = jwt.decode(self.current().reveal(), options={"verify_signature": False})
        except jwt.PyJWTError:
            return {}
        return found

    def _asked(self) -> Token:
        settings = self._settings
        path = f"{settings.tenant}/oauth2/v2.0/token"
        form = {
            "grant_type": "client_credentials",
            "client_id": settings.client_id,
            "scope": f"{settings.graph.removesuffix(VERSION)}/.default",
            **self._proof(f"{settings.login}/{path}"),
        }
        asked_at = self._clock()
        response = self._http.request("POST", path, data=form)
        found = _document(response)
        token, seconds = found.get("access_token"), found.get("expires_in")
        if not response.is_success or not isinstance(token, str) or not token:
            said = self._http.redacted(str(found.get("error_description") or response.reason_phrase)).strip()
            raise AuthFailed(
                f"{self._system}: {settings.login} gives no token for application {settings.client_id} of "
                f"{settings.tenant}: {said} Correct tenant, client_id, or the secret or certificate."
            )
        secret = Secret(token)
        self.hide(secret)
        lasts = float(seconds) if isinstance(seconds, int | float | str) and str(seconds).isdigit() else _EARLY
        return Token(secret, asked_at + max(lasts - _EARLY, lasts / 2))

    def _proof(self, endpoint: str) -> dict[str, str]:
        if self._settings.secret is not None:
            return {"client_secret": self._settings.secret.reveal()}
        certificate = self._folder / (self._settings.certificate or "")
        assertion = Secret(client_assertion(certificate, self._settings.client_id, endpoint, time.time()))
        self.hide(assertion)
        return {"client_assertion_type": _BEARER, "client_assertion": assertion.reveal()}


def client_assertion(path: Path, client: str, endpoint: str, now: float) -> str:
    """What proves that the application has the certificate's key. Raises `ProjectError` for a file that is none.

    https://learn.microsoft.com/entra/identity-platform/certificate-credentials
    """
    try:
        data = path.read_bytes()
        certificate = x509.load_pem_x509_certificate(data)
        key = serialization.load_pem_private_key(data, None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ProjectError(
            f"{path}: the certificate cannot be used: {error}. It must be a PEM file with the certificate and its "
            "private key, without a passphrase, that Muster may read"
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise ProjectError(f"{path}: expected an RSA key; Entra ID takes no other")
    thumbprint = hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).digest()
    claims = {
        "aud": endpoint,
        "iss": client,
        "sub": client,
        "jti": str(uuid.uuid4()),
        "nbf": int(now),
        "exp": int(now) + _ASSERTION_SECONDS,
    }
    header = {"x5t#S256": base64.urlsafe_b64encode(thumbprint).decode().rstrip("=")}
    return jwt.encode(claims, key, algorithm="PS256", headers=header)


def _document(response: httpx.Response) -> dict[str, Any]:
    try:
        found = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
