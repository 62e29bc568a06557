"""Functions of X.509 certificates, given as DER or PEM bytes or as base64 text. NULL stays NULL.

https://learn.microsoft.com/entra/identity/hybrid/connect/reference-connect-sync-functions-reference (Certificate); the
results are those of .NET's X509Certificate2, dates in UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from muster.expressions.errors import EvaluationFault, shown
from muster.expressions.functions.conversion import binary
from muster.expressions.functions.function import Function
from muster.expressions.values import to_text, truth
from muster.model.later import Later

if TYPE_CHECKING:
    from cryptography import exceptions, x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509 import oid as oids
else:
    exceptions = Later("cryptography.exceptions")
    x509, oids = Later("cryptography.x509"), Later("cryptography.x509.oid")
    hashes = Later("cryptography.hazmat.primitives.hashes")
    serialization = Later("cryptography.hazmat.primitives.serialization")

_LABELS = {
    "2.5.4.3": "CN",
    "2.5.4.4": "SN",
    "2.5.4.5": "SERIALNUMBER",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "S",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.12": "T",
    "2.5.4.42": "G",
    "2.5.4.43": "I",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "E",
}
_UPN = "1.3.6.1.4.1.311.20.2.3"


def load(value: object) -> x509.Certificate:
    """The certificate. A fault when it is none."""
    try:
        return _load(value if isinstance(value, bytes) else to_text(value))
    except (ValueError, exceptions.UnsupportedAlgorithm, EvaluationFault):
        raise EvaluationFault(f"{shown(value)} is no certificate: DER, PEM or base64 is needed") from None


@lru_cache(maxsize=256)
def _load(value: bytes | str) -> x509.Certificate:
    if "-----BEGIN" in value if isinstance(value, str) else b"-----BEGIN" in value:
        return x509.load_pem_x509_certificate(value.encode("ascii") if isinstance(value, str) else value)
    raw = binary(value, "certificate")
    if raw[:1] != b"\x30":
        raw = binary(raw.decode("ascii"), "certificate")
    return x509.load_der_x509_certificate(raw)


def is_cert(value: object) -> bool:
    """`IsCert(data)`: whether it can be read as a certificate."""
    try:
        load(value)
    except EvaluationFault:
        return False
    return True


def _extension_oids(certificate: x509.Certificate) -> list[str]:
    return [each.oid.dotted_string for each in certificate.extensions if each.critical]


def _dotnet_name(name: x509.Name) -> str:
    """The name as .NET prints it: the most specific part first, a comma and a space between, quoted where needed."""
    return ", ".join(_dotnet_rdn(rdn) for rdn in reversed(name.rdns))


def _dotnet_rdn(rdn: x509.RelativeDistinguishedName) -> str:
    parts = []
    for attribute in rdn:
        oid = attribute.oid.dotted_string
        value = to_text(attribute.value if isinstance(attribute.value, str) else attribute.value.hex())
        if not value or value != value.strip() or any(mark in value for mark in ',+="\n<>#;'):
            value = '"' + value.replace('"', '""') + '"'
        parts.append(f"{_LABELS.get(oid, 'OID.' + oid)}={value}")
    return " + ".join(parts)


def _name_oid(name: x509.Name) -> str | None:
    rdns = list(name.rdns)
    return next(iter(rdns[-1])).oid.dotted_string if rdns else None


def _public_key_info(certificate: x509.Certificate) -> tuple[str, bytes]:
    """The key algorithm's OID and its parameters, out of the SubjectPublicKeyInfo (RFC 5280 4.1.2.7)."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    raw = certificate.public_key().public_bytes(serialization.Encoding.DER, form)
    outer, _ = _der(raw)
    algorithm, _ = _der(outer)
    _, parameters = _der(algorithm)
    return certificate.public_key_algorithm_oid.dotted_string, parameters


def _der(raw: bytes) -> tuple[bytes, bytes]:
    """The content of the first DER element, and what follows it."""
    size, at = raw[1], 2
    if size & 0x80:
        at += size & 0x7F
        size = int.from_bytes(raw[2:at], "big")
    return raw[at : at + size], raw[at + size :]


def _thumbprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA1()).hex().upper()


def _serial(certificate: x509.Certificate) -> str:
    digits = f"{certificate.serial_number:X}"
    return digits.zfill(len(digits) + len(digits) % 2)


def _not_after(certificate: x509.Certificate) -> datetime:
    return certificate.not_valid_after_utc


def _not_before(certificate: x509.Certificate) -> datetime:
    return certificate.not_valid_before_utc


def name_info(value: object, kind: object, of_issuer: object) -> object:
    """`CertNameInfo(data, X509NameType, includesIssuerName)`: SimpleName, EmailName, UpnName, DnsName,
    DnsFromAlternativeName or UrlName of the subject, or of the issuer; empty when there is none."""
    if isinstance(value, list):
        return [name_info(item, kind, of_issuer) for item in value]
    if value is None:
        return None
    certificate = load(value)
    issuer = truth(of_issuer)
    name = certificate.issuer if issuer else certificate.subject
    alternatives = _alternatives(certificate, issuer=issuer)
    wanted = to_text(kind).lower()
    match wanted:
        case "simplename":
            kinds = oids.NameOID
            return _first(name, kinds.COMMON_NAME, kinds.ORGANIZATIONAL_UNIT_NAME, kinds.ORGANIZATION_NAME)
        case "emailname":
            mails = alternatives.get_values_for_type(x509.RFC822Name)
            return mails[0] if mails else _first(name, oids.NameOID.EMAIL_ADDRESS)
        case "upnname":
            others = alternatives.get_values_for_type(x509.OtherName)
            names = (each.value for each in others if each.type_id.dotted_string == _UPN)
            return next((_der(name)[0].decode("utf-8", "replace") for name in names), "")
        case "dnsname" | "dnsfromalternativename":
            hosts = alternatives.get_values_for_type(x509.DNSName)
            return hosts[0] if hosts else _first(name, oids.NameOID.COMMON_NAME) if wanted == "dnsname" else ""
        case "urlname":
            return next(iter(alternatives.get_values_for_type(x509.UniformResourceIdentifier)), "")
        case _:
            raise EvaluationFault(f"{shown(to_text(kind))} is no X509NameType; SimpleName is one")


def _first(name: x509.Name, *kinds: x509.ObjectIdentifier) -> str:
    for kind in kinds:
        found = name.get_attributes_for_oid(kind)
        if found:
            return to_text(found[0].value)
    return ""


def _alternatives(certificate: x509.Certificate, *, issuer: bool) -> x509.GeneralNames:
    extensions = certificate.extensions
    try:
        if issuer:
            return x509.GeneralNames(extensions.get_extension_for_class(x509.IssuerAlternativeName).value)
        return x509.GeneralNames(extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return x509.GeneralNames([])


def _of(read: Callable[[x509.Certificate], object]) -> Callable[[object], object]:
    def function(value: object) -> object:
        if isinstance(value, list):
            return [function(item) for item in value]
        return None if value is None or value == "" else read(load(value))

    return function


_READERS: dict[str, Callable[[x509.Certificate], object]] = {
    "CertExtensionOids": _extension_oids,
    "CertFormat": lambda _: "X509",
    "CertFriendlyName": lambda _: "",
    "CertHashString": _thumbprint,
    "CertIssuer": lambda certificate: _dotnet_name(certificate.issuer),
    "CertIssuerDN": lambda certificate: _dotnet_name(certificate.issuer),
    "CertIssuerOid": lambda certificate: _name_oid(certificate.issuer),
    "CertKeyAlgorithm": lambda certificate: _public_key_info(certificate)[0],
    "CertKeyAlgorithmParams": lambda certificate: _public_key_info(certificate)[1].hex().upper(),
    "CertNotAfter": _not_after,
    "CertNotBefore": _not_before,
    "CertPublicKeyOid": lambda certificate: _public_key_info(certificate)[0],
    "CertPublicKeyParametersOid": lambda certificate: _public_key_info(certificate)[0],
    "CertSerialNumber": _serial,
    "CertSignatureAlgorithmOid": lambda certificate: certificate.signature_algorithm_oid.dotted_string,
    "CertSubject": lambda certificate: _dotnet_name(certificate.subject),
    "CertSubjectNameDN": lambda certificate: _dotnet_name(certificate.subject),
    "CertSubjectNameOid": lambda certificate: _name_oid(certificate.subject),
    "CertThumbprint": _thumbprint,
    "CertVersion": lambda certificate: certificate.version.value + 1,
}
"""A friendly name is kept by Windows beside a certificate, not in it: it is always empty here."""

FUNCTIONS = (
    *(Function(name, 1, 1, _of(read)) for name, read in _READERS.items()),
    Function("CertNameInfo", 3, 3, name_info),
    Function("IsCert", 1, 1, is_cert, boolean=True),
)
