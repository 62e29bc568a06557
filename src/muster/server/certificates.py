"""The certificate that the server shows: the project's, or one that it makes and signs itself."""

from __future__ import annotations

import datetime
import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from muster.model.errors import ProjectError
from muster.project.configuration import Server
from muster.store.private import write_private

_YEARS: Final = datetime.timedelta(days=5 * 365)
_EARLY: Final = datetime.timedelta(days=1)
_SOON: Final = datetime.timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files; `own`: made here, so that clients must be told to trust it."""

    certificate: Path
    key: Path
    own: bool


def certificate_of(server: Server, folder: Path) -> Certificate:
    """The certificate to show. Raises `ProjectError` when the files cannot be used."""
    if server.certificate is not None and server.key is not None:
        found = Certificate(folder / server.certificate, folder / server.key, own=False)
        _check(found)
        return found
    place = folder / ".muster" / "server"
    own = Certificate(place / "certificate.pem", place / "key.pem", own=True)
    if not _good(own, server.host):
        _make(own, server.host)
    return own


def _check(found: Certificate) -> None:
    """The files are a certificate and its key."""
    try:
        certificate = x509.load_pem_x509_certificate(found.certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise ProjectError(
            f"muster.yaml: server.certificate: {found.certificate} is no certificate in PEM: {error}"
        ) from None
    try:
        key = serialization.load_pem_private_key(found.key.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise ProjectError(
            f"muster.yaml: server.key: {found.key} is no private key in PEM without a password: {error}"
        ) from None
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        raise ProjectError(f"muster.yaml: server.key: {found.key} is not the key of {found.certificate}")


def _good(own: Certificate, host: str) -> bool:
    """Whether the certificate that was made earlier still serves."""
    if not own.certificate.exists() or not own.key.exists():
        return False
    try:
        _check(own)
        certificate = x509.load_pem_x509_certificate(own.certificate.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ProjectError, x509.ExtensionNotFound):
        return False
    late = datetime.datetime.now(datetime.UTC) + _SOON > certificate.not_valid_after_utc
    return not late and set(_names(host)) <= set(names)


def _make(own: Certificate, host: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Muster")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLY)
        .not_valid_after(now + _YEARS)
        .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    own.certificate.parent.mkdir(parents=True, exist_ok=True)
    data = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(own.key, data)
    own.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _names(host: str) -> list[x509.GeneralName]:
    """The names by which clients may call: this machine's, and the address it listens on."""
    texts = dict.fromkeys(("localhost", socket.gethostname(), "127.0.0.1", "::1", host))
    found: list[x509.GeneralName] = []
    for text in texts:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(text)))
        except ValueError:
            if text.isascii():
                found.append(x509.DNSName(text))
    return found
