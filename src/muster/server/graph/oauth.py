"""OAuth 2 as Entra ID's clients speak it: client credentials, and what they ask for before (RFC 6749, section 4.4)."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs, unquote_plus

from muster.directory.applications import Application, SecretRefused, find_client, prove
from muster.directory.directory import Directory
from muster.directory.errors import NotFound
from muster.directory.keys import fold
from muster.server.graph.call import Answer
from muster.server.graph.signing import LIFETIME, Signer

_ANY: Final = ("common", "organizations")
_DEFAULT: Final = "/.default"


class OAuth:
    """The endpoints that give tokens. `root` is the address of the server, `https://host`."""

    def __init__(self, directory: Directory, signer: Signer) -> None:
        self._directory = directory
        self._signer = signer

    def is_tenant(self, name: str) -> bool:
        """Whether a name is the tenant's: its id or one of its domains."""
        tenant = self._directory.tenant
        known = {tenant.id, fold(tenant.domain), *(fold(one) for one in tenant.domains)}
        return fold(name) in known

    def configuration(self, root: str, tenant: str) -> Answer:
        """OpenID Connect discovery."""
        if not self.is_tenant(tenant) and tenant not in _ANY:
            return _refusal(400, "invalid_tenant", 90002, f"Tenant '{tenant[:100]}' not found.")
        place = self._directory.tenant.id if tenant in _ANY else tenant
        return Answer(
            200,
            {
                "token_endpoint": f"{root}/{place}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                "jwks_uri": f"{root}/{place}/discovery/v2.0/keys",
                "issuer": f"{root}/{self._directory.tenant.id}/v2.0",
                "authorization_endpoint": f"{root}/{place}/oauth2/v2.0/authorize",
                "response_types_supported": ["token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid"],
                "tenant_region_scope": None,
                "cloud_instance_name": root.partition("://")[2],
                "cloud_graph_host_name": root.partition("://")[2],
                "msgraph_host": root.partition("://")[2],
            },
        )

    def instance(self, root: str) -> Answer:
        """Instance discovery: this server vouches for itself alone."""
        host = root.partition("://")[2]
        return Answer(
            200,
            {
                "tenant_discovery_endpoint": (
                    f"{root}/{self._directory.tenant.id}/v2.0/.well-known/openid-configuration"
                ),
                "api-version": "1.1",
                "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
            },
        )

    def keys(self) -> Answer:
        """The public keys by which tokens are known."""
        return Answer(200, {"keys": self._signer.keys()})

    def token(self, root: str, tenant: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """A token for an application that proves itself."""
        if not self.is_tenant(tenant):
            words = f"Tenant '{tenant[:100]}' not found. Check that you have the correct tenant ID."
            return _refusal(400, "invalid_request", 90002, words)
        if headers.get("content-type", "").split(";")[0].strip().lower() != "application/x-www-form-urlencoded":
            return _refusal(
                400, "invalid_request", 900144, "The request body must be application/x-www-form-urlencoded."
            )
        try:
            form = {name: values[-1] for name, values in parse_qs(body.decode("ascii"), max_num_fields=50).items()}
        except ValueError:
            return _refusal(400, "invalid_request", 900144, "The request body cannot be read.")
        if form.get("grant_type") != "client_credentials":
            return _refusal(
                400, "unsupported_grant_type", 70003, "Only the grant type 'client_credentials' is supported."
            )
        client, secret = _credentials(headers, form)
        if not client:
            return _refusal(400, "invalid_request", 900144, "The request body must contain the parameter: 'client_id'.")
        if "client_assertion" in form:
            return _refusal(401, "invalid_client", 700027, "Client assertions are not supported: use a client secret.")
        audience = _audience(form)
        if audience is None:
            return _refusal(
                400,
                "invalid_scope",
                70011,
                "The provided value for the input parameter 'scope' is not valid: expected one such as "
                "https://graph.microsoft.com/.default.",
            )
        application, refusal = self._proved(client, secret)
        if application is None:
            return refusal
        issuer = f"{root}/{self._directory.tenant.id}/"
        return Answer(
            200,
            {
                "token_type": "Bearer",
                "expires_in": LIFETIME,
                "ext_expires_in": LIFETIME,
                "access_token": self._signer.token(application, audience, issuer),
            },
            {"Cache-Control": "no-store", "Pragma": "no-cache"},
        )

    def _proved(self, client: str, secret: str) -> tuple[Application | None, Answer]:
        """The application, when it proves itself; else what it is told."""
        with self._directory.read() as work:
            try:
                application = find_client(work, client)
            except NotFound:
                return None, _refusal(
                    400,
                    "unauthorized_client",
                    700016,
                    f"Application with identifier '{client[:100]}' was not found in the directory "
                    f"'{work.tenant.name}'.",
                )
            try:
                prove(work, application, secret)
            except SecretRefused as refused:
                if refused.target == "expired":
                    return None, _refusal(
                        401,
                        "invalid_client",
                        7000222,
                        f"The provided client secret keys for app '{client}' are expired.",
                    )
                return None, _refusal(401, "invalid_client", 7000215, "Invalid client secret provided.")
        return application, Answer(200)


def _credentials(headers: Mapping[str, str], form: Mapping[str, str]) -> tuple[str, str]:
    """Who asks, from the header (RFC 6749, section 2.3.1) or the form."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            client, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return "", ""
        return unquote_plus(client), unquote_plus(secret)
    return form.get("client_id", ""), form.get("client_secret", "")


def _audience(form: Mapping[str, str]) -> str | None:
    scope = form.get("scope", "")
    audience = scope.removesuffix(_DEFAULT)
    return audience if scope.endswith(_DEFAULT) and audience and " " not in scope and len(scope) < 500 else None


def too_large(most: int) -> Answer:
    """The answer to a form that was not read to its end."""
    return _refusal(413, "invalid_request", 900144, f"The request body is larger than {most} bytes.")


def _refusal(status: int, error: str, code: int, words: str) -> Answer:
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    body: dict[str, Any] = {
        "error": error,
        "error_description": (
            f"AADSTS{code}: {words} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}"
        ),
        "error_codes": [code],
        "timestamp": now,
        "trace_id": trace,
        "correlation_id": correlation,
    }
    return Answer(status, body, {"Cache-Control": "no-store", "Pragma": "no-cache"})
