"""Which certificate of the server is believed: one that is pinned, those of a file, or the operating system's."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from muster.model.errors import ProjectError
from muster.model.values import instant_text

SYSTEM: Final = "system"
FILE: Final = "file"
PINNED: Final = "pinned"
KINDS: Final = (SYSTEM, FILE, PINNED)
_PATIENCE: Final = 15.0


def fingerprint(pem: str) -> str:
    """The name of a certificate that a person can compare: SHA-256 in hexadecimal."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def context(kind: str, pem: str) -> ssl.SSLContext:
    """How a connection is checked. What is pinned needs no matching name: it is the very certificate."""
    if kind == SYSTEM:
        return ssl.create_default_context()
    made = ssl.create_default_context(cadata=pem)
    if kind == PINNED:
        made.check_hostname = False
        made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return made


def trusted_file(path: Path) -> str:
    """The certificates of a file. Raises `ProjectError`."""
    try:
        pem = path.read_text("ascii")
        context(FILE, pem)
    except (OSError, ValueError, ssl.SSLError) as error:
        raise ProjectError(f"{path} holds no certificates in PEM: {error}") from None
    return pem


def pinned(url: str, wanted: Sequence[str]) -> str:
    """The certificate that the server shows, when its fingerprint is one of those. Raises `ProjectError`."""
    plain = {one.lower().removeprefix("sha256:").replace(":", "") for one in wanted}
    place = urlsplit(url)
    try:
        pem = ssl.get_server_certificate((place.hostname or "", place.port or 443), timeout=_PATIENCE)
    except (OSError, ValueError) as error:
        raise ProjectError(
            f"{url} does not answer: {error}. Is `muster serve` running there, and may this machine reach it?"
        ) from None
    found = fingerprint(pem)
    if found not in plain:
        raise ProjectError(
            f"{url} shows another certificate than the one that was named: {found}. Somebody may stand between; "
            "nothing was sent. `muster agent code` prints the server's fingerprint"
        )
    return pem


def in_words(url: str, error: httpx.TransportError) -> str:
    """Why a server cannot be talked to, and what to do."""
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, ssl.SSLCertVerificationError):
            return _distrusted(url, link.verify_message)
        link = link.__cause__ or link.__context__
    said = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return _distrusted(url, said.rpartition("CERTIFICATE_VERIFY_FAILED] certificate verify failed: ")[2])
    return f"{url} does not answer: {said}. Is `muster serve` running there, and may this machine reach it?"


def _distrusted(url: str, why: str) -> str:
    now = instant_text(datetime.now(UTC).replace(microsecond=0))
    said = f"{url}: its certificate is not believed: {why.rstrip('.')}."
    if "expired" in why or "not yet valid" in why:
        return (
            f"{said} This machine's clock says {now}. Where that is right, the server needs a new certificate "
            "(`server.certificate` in muster.yaml); nothing was sent"
        )
    return f"{said} Enrol with --fingerprint or --ca, or mend the certificate; nothing was sent"
