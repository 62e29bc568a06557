"""Each real server starts, answers in its protocol, stops, starts again, and never outlives the tests."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import ldap
import pytest
import sqlalchemy
from sqlalchemy import Engine

from tests.servers import process
from tests.servers.directory import Entry, LdapServer
from tests.servers.ds389 import Ds389
from tests.servers.mariadb import MariaDb
from tests.servers.openldap import OpenLdap
from tests.servers.postgres import Postgres
from tests.servers.scim import ScimServer


def person(server: LdapServer, uid: str, **attributes: str) -> Entry:
    values = {"objectClass": "inetOrgPerson", "uid": uid, "cn": uid, "sn": uid, **attributes}
    return f"uid={uid},{server.people}", {name: [value.encode()] for name, value in values.items()}


@pytest.fixture(params=["openldap", "ds389"])
def directory(request: pytest.FixtureRequest) -> LdapServer:
    server = request.getfixturevalue(request.param)
    assert isinstance(server, LdapServer)
    return server


def names(server: LdapServer) -> list[str]:
    connection = server.connect()
    found = connection.search_s(server.base, ldap.SCOPE_SUBTREE, attrlist=["1.1"])
    connection.unbind_s()
    return sorted(dn for dn, _ in found)


def test_a_directory_starts_with_an_empty_tree(directory: LdapServer) -> None:
    assert names(directory) == sorted([directory.base, directory.people, directory.groups])


def test_a_reset_directory_is_empty(directory: LdapServer) -> None:
    directory.add(person(directory, "ada"), person(directory, "bob", manager=f"uid=ada,{directory.people}"))
    assert len(names(directory)) == 5
    directory.reset()
    assert len(names(directory)) == 3


def test_a_directory_keeps_member_of_and_references(directory: LdapServer) -> None:
    ada, bob = f"uid=ada,{directory.people}", f"uid=bob,{directory.people}"
    group = f"cn=staff,{directory.groups}"
    members = {"objectClass": [b"groupOfNames"], "cn": [b"staff"], "member": [ada.encode(), bob.encode()]}
    directory.add(person(directory, "ada"), person(directory, "bob", manager=ada), (group, members))
    connection = directory.connect()

    [(_, found)] = connection.search_s(bob, ldap.SCOPE_BASE, attrlist=["memberOf", "entryUUID"])
    assert found["memberOf"] == [group.encode()]
    assert len(found["entryUUID"][0]) == 36

    connection.rename_s(ada, "uid=ada2")
    renamed = f"uid=ada2,{directory.people}".encode()
    # OpenLDAP mends references a moment after it has answered.
    deadline = time.monotonic() + 10
    while connection.search_s(bob, ldap.SCOPE_BASE, f"(manager={renamed.decode()})", ["1.1"]) == []:
        assert time.monotonic() < deadline, "the reference was not mended"
        time.sleep(0.01)
    [(_, found)] = connection.search_s(bob, ldap.SCOPE_BASE, attrlist=["manager"])
    assert found["manager"] == [renamed]
    [(_, found)] = connection.search_s(group, ldap.SCOPE_BASE, attrlist=["member"])
    assert sorted(found["member"]) == sorted([renamed, bob.encode()])
    connection.unbind_s()


def test_a_directory_announces_content_synchronisation(directory: LdapServer) -> None:
    connection = directory.connect()
    [(_, root)] = connection.search_s("", ldap.SCOPE_BASE, attrlist=["supportedControl"])
    assert b"1.3.6.1.4.1.4203.1.9.1.1" in root["supportedControl"]
    connection.unbind_s()


def test_a_stopped_directory_comes_back_with_its_data(directory: LdapServer) -> None:
    directory.add(person(directory, "ada"))
    directory.stop()
    with pytest.raises(ldap.SERVER_DOWN):
        directory.connect()
    directory.start()
    assert len(names(directory)) == 4


def test_openldap_logs_accesses(openldap: OpenLdap) -> None:
    openldap.add(person(openldap, "ada"))
    connection = openldap.connect()
    log = connection.search_s("cn=accesslog", ldap.SCOPE_SUBTREE, "(objectClass=auditAdd)", ["reqDN"])
    assert f"uid=ada,{openldap.people}".encode() in [entry["reqDN"][0] for _, entry in log]
    connection.unbind_s()


def test_ds389_keeps_a_changelog(ds389: Ds389) -> None:
    ds389.add(person(ds389, "ada"))
    connection = ds389.connect()
    wanted = f"(&(changeType=add)(targetDn=uid=ada,{ds389.people}))"
    [*_, (_, entry)] = connection.search_s("cn=changelog", ldap.SCOPE_SUBTREE, wanted)
    lower = {name.lower(): values for name, values in entry.items()}
    assert lower["targetuniqueid"]
    assert lower["targetentryuuid"]
    connection.unbind_s()


@pytest.mark.parametrize("how", ["ldaps", "starttls"])
def test_openldap_speaks_tls_to_those_who_trust_its_certificate(openldap: OpenLdap, how: str) -> None:
    def connect(*, trusting: bool) -> None:
        connection = ldap.initialize(openldap.ldaps_url if how == "ldaps" else openldap.url)
        if trusting:
            connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(openldap.certificate))
        connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
        connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        if how == "starttls":
            connection.start_tls_s()
        connection.simple_bind_s(openldap.bind_dn, openldap.password)
        assert connection.whoami_s() == f"dn:{openldap.bind_dn}"
        connection.unbind_s()

    connect(trusting=True)
    with pytest.raises((ldap.SERVER_DOWN, ldap.CONNECT_ERROR)):
        connect(trusting=False)


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_a_database_is_new_and_empty_and_goes_away(request: pytest.FixtureRequest, kind: str) -> None:
    server: Postgres | MariaDb = request.getfixturevalue(f"{kind}_server")

    def tables(url: str) -> list[str]:
        engine: Engine = sqlalchemy.create_engine(url)
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql("CREATE TABLE person (name VARCHAR(20) PRIMARY KEY)")
                connection.exec_driver_sql("INSERT INTO person VALUES ('Zoë 🚲')")
                assert connection.exec_driver_sql("SELECT name FROM person").scalar() == "Zoë 🚲"
            return sqlalchemy.inspect(engine).get_table_names()
        finally:
            engine.dispose()

    one, other = server.database(), server.database()
    assert tables(one) == tables(other) == ["person"]
    server.restart()
    with pytest.raises(sqlalchemy.exc.DBAPIError):
        tables(one)
    for url in (one, other):
        server.drop(url)
        with pytest.raises(sqlalchemy.exc.OperationalError):
            tables(url)


def test_each_test_gets_its_own_database(postgres_url: str, mariadb_url: str) -> None:
    for url in (postgres_url, mariadb_url):
        engine = sqlalchemy.create_engine(url)
        assert sqlalchemy.inspect(engine).get_table_names() == []
        engine.dispose()


def test_scim_answers_to_its_token_alone(scim: ScimServer) -> None:
    assert httpx.get(f"{scim.url}/Users", trust_env=False).status_code == 401
    user = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada"}
    with httpx.Client(headers=scim.headers, trust_env=False) as client:
        created = client.post(f"{scim.url}/Users", json=user)
        assert created.status_code == 201
        assert client.get(f"{scim.url}/Users").json()["totalResults"] == 1
        assert created.headers["Location"].startswith(scim.url)
        scim.fresh()
        assert client.get(f"{scim.url}/Users").json()["totalResults"] == 0


@pytest.mark.parametrize(
    ("server", "seconds"), [(OpenLdap, 2), (Ds389, 10), (Postgres, 10), (MariaDb, 10), (ScimServer, 10)]
)
def test_a_server_starts_in_reasonable_time_and_leaves_nothing(server: type[process.Server], seconds: float) -> None:
    before = time.monotonic()
    with server() as running:
        assert time.monotonic() - before < seconds
        pid, folder = running.pid, running.folder
        assert pid
    assert not Path("/proc", str(pid)).exists()
    assert not folder.exists()
    assert not process.listening(running.port)


@pytest.mark.parametrize("server", [OpenLdap, Ds389, Postgres, MariaDb, ScimServer])
def test_a_server_dies_with_a_killed_test_run(server: type[process.Server]) -> None:
    script = (
        f"import time\nfrom {server.__module__} import {server.__name__} as S\n"
        "server = S().__enter__()\nprint(server.pid, server.folder, flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        pid, folder = run.stdout.readline().split()
        run.kill()
    deadline = time.monotonic() + 5
    while Path("/proc", pid, "exe").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path("/proc", pid, "exe").exists()
    process.private_folder().rmdir()
    assert not Path(folder).exists(), "the next run sweeps what a killed one left"


def test_a_missing_program_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(process.MissingServerError, match=r"no-such-slapd is not installed.*make test"):
        process.program("no-such-slapd")


def test_a_server_that_does_not_come_up_shows_its_log() -> None:
    class Broken(ScimServer):
        def command(self) -> list[str]:
            return [sys.executable, "-c", "raise SystemExit('no luck today')"]

    with pytest.raises(process.ServerFailedError, match="no luck today"), Broken():
        pass


def test_kill_is_at_once(openldap: OpenLdap) -> None:
    pid = openldap.pid
    assert pid
    openldap.kill()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIG_DFL)
    assert openldap.pid is None
