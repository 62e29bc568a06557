"""Logging in by NTLM: its tokens (MS-NLMP) in a SASL bind of the mechanism GSS-SPNEGO, over TLS.

Neither libldap nor Cyrus SASL can do this: the one has no NTLM, the other none that Active Directory takes.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final
from urllib.parse import urlsplit

import ldap
import spnego
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from muster.model.secrets import Secret

_KEY_EXCHANGE: Final = 0x4000_0000
_WEAK: Final = (hashes.MD5, hashes.SHA1)


def bind(connection: Any, url: str, user: str, password: Secret) -> None:
    """Log in. Raises `ldap.LDAPError`; the connection is encrypted already."""
    context = spnego.client(
        user,
        password.reveal(),
        hostname=urlsplit(url).hostname or "",
        service="ldap",
        protocol="ntlm",
        # Active Directory allows no signing or sealing within TLS.
        context_req=spnego.ContextReq.none,
        channel_bindings=_bindings(connection),
    )
    # Without signing there is no session key to exchange, and Samba takes none of the empty ones that are offered.
    context._context_req &= ~_KEY_EXCHANGE  # noqa: SLF001
    challenge: bytes | None = None
    try:
        while not context.complete:
            answer = connection.sasl_bind_s("", "GSS-SPNEGO", context.step(challenge))
            challenge = answer if isinstance(answer, bytes) else None
    except SpnegoError as error:
        # The whole error may show what was sent.
        raise ldap.INVALID_CREDENTIALS({"desc": "Invalid credentials", "info": error.message}) from None


def _bindings(connection: Any) -> GssChannelBindings:
    """What ties the login to the server's certificate (RFC 5929 section 4), so that nobody can pass it on."""
    certificate = connection.get_option(ldap.OPT_X_TLS_PEERCERT)
    algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    name = "sha256" if algorithm is None or isinstance(algorithm, _WEAK) else algorithm.name
    digest = hashlib.new(name, certificate).digest()
    return GssChannelBindings(application_data=b"tls-server-end-point:" + digest)
