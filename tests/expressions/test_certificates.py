"""The certificate functions, on a certificate made here."""

import base64
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from muster.expressions import Context, Fault, compile_expression, scope_cases

START, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def der() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Contoso, Inc."),
            x509.NameAttribute(NameOID.COMMON_NAME, "Joe"),
        ]
    )
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Root")])
    names = x509.SubjectAlternativeName([x509.RFC822Name("joe@contoso.com"), x509.DNSName("contoso.com")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(0xABC)
        .not_valid_before(START)
        .not_valid_after(END)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CertExtensionOids([c])", ["2.5.29.19"]),
        ("CertFormat([c])", "X509"),
        ("CertFriendlyName([c])", ""),
        ("CertIssuer([c])", "CN=Root"),
        ("CertIssuerDN([c])", "CN=Root"),
        ("CertIssuerOid([c])", "2.5.4.3"),
        ("CertKeyAlgorithm([c])", "1.2.840.10045.2.1"),
        ("CertKeyAlgorithmParams([c])", "06082A8648CE3D030107"),
        ('CertNameInfo([c], "SimpleName", False)', "Joe"),
        ("CertNameInfo([c], SimpleName, True)", "Root"),
        ("CertNameInfo([c], EmailName, False)", "joe@contoso.com"),
        ("CertNameInfo([c], DnsName, False)", "contoso.com"),
        ("CertNameInfo([c], UrlName, False)", ""),
        ("CertNotAfter([c])", END),
        ("CertNotBefore([c])", START),
        ("CertPublicKeyOid([c])", "1.2.840.10045.2.1"),
        ("CertPublicKeyParametersOid([c])", "1.2.840.10045.2.1"),
        ("CertSerialNumber([c])", "0ABC"),
        ("CertSignatureAlgorithmOid([c])", "1.2.840.10045.4.3.2"),
        ("CertSubject([c])", 'CN=Joe, O="Contoso, Inc.", C=US'),
        ("CertSubjectNameDN([c])", 'CN=Joe, O="Contoso, Inc.", C=US'),
        ("CertSubjectNameOid([c])", "2.5.4.3"),
        ("CertVersion([c])", 3),
        ("CertThumbprint([c]) = CertHashString([c])", True),
        ("Len(CertThumbprint([c]))", 40),
        ("IsCert([c])", True),
    ],
)
def test_reads(der: bytes, text: str, expected: object) -> None:
    made = compile_expression(text, dialect="connect")
    assert made.evaluate({"c": der}, Context()) == expected
    assert made.evaluate({"c": base64.b64encode(der).decode()}, Context()) == expected


def test_what_is_no_certificate() -> None:
    assert compile_expression("IsCert([c])").evaluate({"c": "x"}, Context()) is False
    assert isinstance(compile_expression("CertSubject([c])").evaluate({"c": b"0\x80"}, Context()), Fault)
    assert compile_expression("CertSubject([c])").evaluate({}, Context()) is None


@pytest.mark.parametrize(
    "text",
    [
        "Where($item,[userCertificate],CertNotAfter($item)>Now())",
        "With($unExpiredCerts,Where($item,[userCertificate],CertNotAfter($item)>Now()),"
        "IIF(Count($unExpiredCerts)>0,$unExpiredCerts,NULL))",
        "IIF (Count(Where($item,[userCertificate],CertNotAfter($item)>Now()))>0, "
        "Where($item,[userCertificate],CertNotAfter($item)>Now()),NULL)",
    ],
)
def test_the_documented_filter_of_expired_ones(der: bytes, text: str) -> None:
    made = compile_expression(text, dialect="connect")
    assert made.clock == "compare"
    before = Context(datetime(2025, 6, 1, tzinfo=UTC))
    assert made.evaluate({"userCertificate": [der]}, before) == [der]
    assert before.due == END
    assert made.evaluate({"userCertificate": [der]}, Context(END)) in ([], None)


def test_valid_cert_match(der: bytes) -> None:
    rule = [[{"attribute": "c", "operator": "VALID CERT MATCH", "value": "Joe"}]]
    case = {"kind": "entra-scoping", "rule": rule, "attributes": {"c": base64.b64encode(der).decode()}}
    assert scope_cases([{**case, "now": "2025-06-01"}, {**case, "now": "2027-06-01"}]) == [True, False]
