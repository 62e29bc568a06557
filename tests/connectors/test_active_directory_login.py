"""The Active Directory connector on a Samba domain: connecting, logging in, and what the login may do."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from muster.model.changes import Result
from muster.model.errors import AuthFailed, IncompleteRead, ProjectError, Unreachable
from muster.model.secrets import Secret
from tests.connectors.domains import PASSWORD, Ou, by_dn, create, one, pages
from tests.servers.certificates import self_signed
from tests.servers.openldap import OpenLdap
from tests.servers.process import HOST, free_port
from tests.servers.samba import SambaDc

NOBODY = f"ldaps://{HOST}:9"


# --- encryption


def test_start_tls(ou: Ou) -> None:
    ou.user("ann")
    made = ou.connector(urls=[ou.server.plain_url], start_tls=True)
    assert len(by_dn(pages(made))) == 1


@contextmanager
def tls_server(certificate: Path, key: Path) -> Iterator[str]:
    """Something that shows a certificate and nothing more."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server((HOST, 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    accepted, _ = listener.accept()
                    with suppress(OSError), context.wrap_socket(accepted, server_side=True) as encrypted:
                        encrypted.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"ldaps://{HOST}:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize("wrong", ["expired", "of another host", "of an unknown authority"])
def test_a_certificate_that_is_not_good_is_told(ou: Ou, tmp_path: Path, wrong: str) -> None:
    address = "127.0.0.9" if wrong == "of another host" else HOST
    certificate, key = self_signed(tmp_path, address, "other.example", -1 if wrong == "expired" else 1)
    trusted = ou.server.certificate if wrong == "of an unknown authority" else certificate
    with (
        tls_server(certificate, key) as url,
        pytest.raises(Unreachable, match="certificate must be issued by") as error,
    ):
        pages(ou.connector(urls=[url], ca=trusted))
    reasons = {"expired": "has expired", "of another host": "mismatch", "of an unknown authority": "self-signed"}
    assert reasons[wrong] in error.value.message


def test_an_authority_that_is_no_file_is_told(ou: Ou) -> None:
    with pytest.raises(ProjectError, match="no file that can be read"):
        pages(ou.connector(ca=Path("/nowhere/ca.pem")))


# --- domain controllers


def test_a_controller_that_does_not_answer_is_passed_over(ou: Ou) -> None:
    ou.user("ann")
    assert len(by_dn(pages(ou.connector(urls=[NOBODY, ou.server.url])))) == 1


def test_when_none_answers_each_is_named(ou: Ou) -> None:
    other = f"ldaps://{HOST}:{free_port()}"
    with pytest.raises(Unreachable, match="none of the domain controllers can be used") as error:
        pages(ou.connector(urls=[NOBODY, other]))
    assert NOBODY in error.value.message
    assert other in error.value.message


def test_a_refused_login_is_not_tried_on_the_next_controller(ou: Ou) -> None:
    name = ou.login("ann")
    ou.server.tool("domain", "passwordsettings", "set", "--account-lockout-threshold=9")
    try:
        with pytest.raises(AuthFailed):
            pages(ou.connector(urls=[ou.server.url, ou.server.url], user=name, password=Secret("wrong")))
        assert ou.entry(f"CN=ann,{ou.dn}", "badPwdCount") == {"badPwdCount": ["1"]}
    finally:
        ou.server.tool("domain", "passwordsettings", "set", "--account-lockout-threshold=0")


def test_another_directory_is_no_domain(ou: Ou, openldap: OpenLdap) -> None:
    with pytest.raises(AuthFailed):
        pages(ou.connector(urls=[openldap.url], login="kerberos", user=None, password=None, ccache="/nowhere"))
    with ou.connector() as made:
        domain = made._domains[0]
        domain.session.connection = openldap.connect()
        with pytest.raises(IncompleteRead, match="names no domain"):
            domain.fresh_root()


# --- passwords


@pytest.mark.parametrize("login", ["simple", "ntlm"])
@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"userAccountControl": "514"}, "is disabled"),
        ({"accountExpires": "133801308000000000"}, "has expired"),
        ({"pwdLastSet": "0"}, "must be changed"),
    ],
)
def test_why_a_login_is_refused_is_told(ou: Ou, login: str, state: dict[str, str], told: str) -> None:
    who = ou.login("ann")
    ou.set(f"CN=ann,{ou.dn}", **state)
    with pytest.raises(AuthFailed, match=told) as error:
        pages(ou.connector(login=login, user=who, password=PASSWORD))
    assert PASSWORD.reveal() not in error.value.message


@pytest.mark.parametrize("login", ["simple", "ntlm"])
def test_a_wrong_or_empty_password_is_refused(ou: Ou, login: str) -> None:
    who = ou.login("ann")
    with pytest.raises(AuthFailed, match="user name or the password is wrong"):
        pages(ou.connector(login=login, user=who, password=Secret("wrong")))
    with pytest.raises(AuthFailed, match="is empty"):
        pages(ou.connector(login=login, user=who, password=Secret("")))


@pytest.mark.parametrize("way", ["ldaps", "start_tls"])
@pytest.mark.parametrize("form", ["DOMAIN\\name", "name@realm"])
def test_ntlm(ou: Ou, way: str, form: str) -> None:
    who = ou.login("ann")
    name = f"{ou.server.domain}\\{ou.name}ann" if form == "DOMAIN\\name" else who
    encryption: dict[str, Any] = {} if way == "ldaps" else {"urls": [ou.server.plain_url], "start_tls": True}
    made = ou.connector(login="ntlm", user=name, password=PASSWORD, **encryption)
    assert f"CN=ann,{ou.dn}" in by_dn(pages(made))


def test_ntlm_writes_passwords(ou: Ou) -> None:
    administrator = f"{ou.server.domain}\\Administrator"
    made = ou.connector(login="ntlm", user=administrator, password=Secret(ou.server.password))
    values = {"dn": f"CN=ann,{ou.dn}", "sAMAccountName": f"{ou.name}ann"}
    assert one(made, create(1, dict(values), password=PASSWORD)).result is Result.DONE


# --- Kerberos


@pytest.fixture(scope="module")
def krb5(samba_server: SambaDc) -> Path:
    return samba_server.kerberos(other_example=samba_server.host, gone_example="127.77.0.1:9")


def keytab(folder: Path, principal: str, password: Secret) -> Path:
    """A keytab with one principal, as an administrator makes it with ktutil."""
    path = folder / "muster.keytab"
    steps = f"addent -password -p {principal} -k 1 -e aes256-cts-hmac-sha1-96\n{password.reveal()}\nwkt {path}\nq\n"
    subprocess.run(["ktutil"], input=steps, text=True, check=True, capture_output=True)
    return path


def by_kerberos(ou: Ou, krb5: Path, **changed: Any) -> Any:
    common = {"urls": [ou.server.plain_url], "login": "kerberos", "user": None, "password": None, "krb5_config": krb5}
    return ou.connector(**{**common, **changed})


def realm(ou: Ou) -> str:
    return ou.server.realm.upper()


@pytest.mark.parametrize("way", ["sealed", "ldaps"])
def test_kerberos_with_a_keytab(ou: Ou, krb5: Path, tmp_path: Path, way: str) -> None:
    ou.login("ann")
    key = keytab(tmp_path, f"{ou.name}ann@{realm(ou)}", PASSWORD)
    urls = [ou.server.plain_url if way == "sealed" else ou.server.url]
    before = dict(os.environ)
    assert f"CN=ann,{ou.dn}" in by_dn(pages(by_kerberos(ou, krb5, urls=urls, keytab=key)))
    assert dict(os.environ) == before


def test_kerberos_with_a_cache_that_something_else_fills(ou: Ou, krb5: Path, tmp_path: Path) -> None:
    cache = kinit(ou, krb5, tmp_path)
    assert f"CN=ann,{ou.dn}" in by_dn(pages(by_kerberos(ou, krb5, ccache=str(cache))))


def test_passwords_are_written_over_what_kerberos_encrypts(ou: Ou, krb5: Path, tmp_path: Path) -> None:
    key = keytab(tmp_path, f"Administrator@{realm(ou)}", Secret(ou.server.password))
    values = {"dn": f"CN=ann,{ou.dn}", "sAMAccountName": f"{ou.name}ann"}
    outcome = one(by_kerberos(ou, krb5, keytab=key), create(1, dict(values), password=PASSWORD))
    assert outcome.result is Result.DONE, outcome.reason


def kinit(ou: Ou, krb5: Path, folder: Path) -> Path:
    ou.login("ann")
    cache = folder / "cache"
    subprocess.run(
        ["kinit", "-c", str(cache), f"{ou.name}ann@{realm(ou)}"],
        input=f"{PASSWORD.reveal()}\n",
        env={**os.environ, "KRB5_CONFIG": str(krb5)},
        text=True,
        check=True,
        capture_output=True,
    )
    return cache


@pytest.mark.parametrize(
    ("principal", "password", "told"),
    [
        ("{name}ann@WRONG.EXAMPLE", PASSWORD, "no Kerberos server is known for the realm"),
        ("{name}ann@OTHER.EXAMPLE", PASSWORD, "the realm does not know"),
        ("{name}ann@GONE.EXAMPLE", PASSWORD, "Kerberos server does not answer"),
        ("{name}nobody@{realm}", PASSWORD, "the realm does not know"),
        ("{name}ann@{realm}", Secret("old password"), "its password was changed"),
    ],
)
def test_why_kerberos_fails_is_told(
    ou: Ou, krb5: Path, tmp_path: Path, principal: str, password: Secret, told: str
) -> None:
    ou.login("ann")
    key = keytab(tmp_path, principal.format(name=ou.name, realm=realm(ou)), password)
    with pytest.raises(AuthFailed, match=told):
        pages(by_kerberos(ou, krb5, keytab=key))


def test_without_a_ticket_kerberos_says_what_to_give(ou: Ou, krb5: Path, tmp_path: Path) -> None:
    with pytest.raises(AuthFailed, match="Give a keytab"):
        pages(by_kerberos(ou, krb5, ccache=str(tmp_path / "none")))
    with pytest.raises(ProjectError, match="`keytab` names"):
        pages(by_kerberos(ou, krb5, keytab=tmp_path / "none"))


def test_clocks_that_are_too_far_apart_are_told(ou: Ou, krb5: Path, tmp_path: Path) -> None:
    cache = kinit(ou, krb5, tmp_path)
    content = cache.read_bytes()
    begin = 4 + int.from_bytes(content[2:4], "big")
    # The cache's own field for how far this machine's clock is off: two hours.
    header = struct.pack(">HHii", 1, 8, 7_200, 0)
    cache.write_bytes(content[:2] + struct.pack(">H", len(header)) + header + content[begin:])
    with pytest.raises(AuthFailed, match="more than five minutes apart"):
        pages(by_kerberos(ou, krb5, ccache=str(cache)))


# --- rights


def test_an_administrator_misses_nothing(ou: Ou) -> None:
    ou.user("ann")
    ou.group("team")
    with ou.connector({"user": {"class": "user"}, "group": {"class": "group"}}) as made:
        health = made.check()
    assert (health.ok, health.missing) == (True, ())
    assert "DC.corp.example" in health.message
    assert "DirSync" in health.message


def test_the_rights_that_a_login_lacks_are_told(ou: Ou) -> None:
    ann, team = ou.user("ann"), ou.group("team")
    types = {"user": {"class": "user"}, "group": {"class": "group"}}
    with ou.connector(types, user=ou.login("reader"), password=PASSWORD) as made:
        health = made.check()
    assert health.ok, "it can be read"
    told = "\n".join(health.missing)
    assert "'Replicating Directory Changes'" in told
    assert "listing CN=Deleted Objects" in told
    assert "user: the right 'Reset password'" in told
    assert "user: writing userAccountControl" in told
    assert f"group: writing member (looked at {team})" in told
    assert f"creating objects in {ou.dn}" in told
    assert "reading member" not in told
    assert ann in told or "reader" in told


def test_rights_that_were_granted_are_not_missed(ou: Ou) -> None:
    ou.user("ann")
    who = ou.login("clerk")
    sid = ou.sid("clerk")
    reset = f"(OA;CI;CR;00299570-246d-11d0-a768-00aa006e0529;;{sid})"
    switch = f"(OA;CI;WP;bf967a68-0de6-11d0-a285-00aa003049e2;;{sid})"
    make = f"(OA;CI;CCDC;bf967aba-0de6-11d0-a285-00aa003049e2;;{sid})"
    ou.server.tool("dsacl", "set", f"--objectdn={ou.dn}", f"--sddl={reset}{switch}{make}")
    with ou.connector(user=who, password=PASSWORD, delta="none") as made:
        assert made.check().missing == ()


def test_a_base_that_is_not_there_is_told(ou: Ou) -> None:
    with ou.connector({"user": {"class": "user", "base": f"OU=lost,{ou.dn}"}}) as made:
        health = made.check()
    assert not health.ok
    assert health.missing == (f"user: there is no 'OU=lost,{ou.dn}', or this login may not see it",)
