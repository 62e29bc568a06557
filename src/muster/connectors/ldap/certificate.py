"""Why a server's certificate is not trusted: libldap only says that no connection came about."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from muster.connectors.ldap import ber

_START_TLS: Final = ber.encoded(
    ber.SEQUENCE,
    ber.encoded(ber.INTEGER, b"\x01") + ber.encoded(0x77, ber.encoded(0x80, b"1.3.6.1.4.1.1466.20037")),
)
"""The request that begins TLS on an open connection (RFC 4511 section 4.14.1)."""


def distrust(url: str, start_tls: bool, ca: Path | None, patience: float) -> str | None:
    """What is wrong with the certificate that the server shows; None when nothing is, or none could be seen."""
    where = urlsplit(url)
    host = where.hostname or ""
    context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    with suppress(OSError):
        try:
            with socket.create_connection((host, where.port or (389 if start_tls else 636)), patience) as plain:
                if start_tls:
                    plain.sendall(_START_TLS)
                    plain.recv(1_024)
                with context.wrap_socket(plain, server_hostname=host):
                    return None
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
    return None
