"""What is wrong in two forests or on the way to them: a clear word about each, and the rest goes through."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import ldap
import pytest
from ldap.dn import str2dn

from tests.connectors.test_active_directory_login import tls_server
from tests.servers.certificates import self_signed
from tests.servers.process import HOST
from tests.stories.domain import person
from tests.stories.forests import Forests

pytestmark = pytest.mark.slow
RESERVED = 'R,e+s"e\\r<v>e;d= #1'
WORKER = """\
system: hr
object: worker
identity: person
join: [{employeeId: '[id]'}]
inbound: {precedence: 5, flows: {jobTitle: '[title]'}}
"""


def test_each_bad_object_is_named_and_the_others_go_through(forests: Forests) -> None:
    home, partner = forests.ous
    forests.write("systems/hr.yaml", "connector: flatfile\nsettings: {path: hr.csv}\nobjects: {worker: {anchor: id}}\n")
    forests.write("mappings/hr-worker.yaml", WORKER)
    forests.write("hr.csv", "id,title\n7,Clerk\n8,Smith\n")
    all_staff = {"displayName": "All", "mailNickname": "all", "mailEnabled": True, "securityEnabled": False}
    taken = forests.hand("POST", "/groups", {**all_staff, "proxyAddresses": ["SMTP:taken@acme.example"]})["id"]
    made = [
        person(home, RESERVED, userPrincipalName="reserved@acme.example", sAMAccountName=f"{home.name}reserved"),
        person(partner, "Long", userPrincipalName=f"{'x' * 65}@acme.example"),
        person(home, "Taker", mail="taken@acme.example"),
        person(home, "One", employeeID="7"),
        person(partner, "Two", employeeID="7"),
        person(partner, "Eight", employeeID="8"),
    ]
    loop = home.group("Loop", [made[3]])
    home.admin.modify_s(loop, [(ldap.MOD_ADD, "member", [loop.encode()])])
    done = forests("run")
    told = [one["message"] for one in [*done.document["errors"], *done.document["held"]]]
    for words in (
        "the name has at most 64 characters",
        f"group 'All' ({taken}) has it",
        "muster joins accept hr/worker 7 IDENTITY",
    ):
        assert [one for one in told if words in one], (words, told)
    assert len(told) == 3, told
    (itself,) = [one["message"] for one in done.document["notes"] if one["kind"] == "left-out"]
    assert "would contain itself, so that is left out" in itself
    users = forests.users("employeeId,jobTitle,onPremisesDistinguishedName")
    assert set(users) == {f"{name} Example" for name in (RESERVED, "One", "Two", "Eight")}
    assert str2dn(users[f"{RESERVED} Example"]["onPremisesDistinguishedName"]) == str2dn(made[0])
    assert {name: users[f"{name} Example"]["jobTitle"] for name in ("One", "Two", "Eight")} == {
        **dict.fromkeys(("One", "Two")),
        "Eight": "Smith",
    }
    assert forests.members(forests.groups()["Loop"]["id"]) == {users["One Example"]["id"]}

    forests.write("hr.csv", "id,title\n8,Smith\n")
    home.admin.modify_s(loop, [(ldap.MOD_DELETE, "member", [loop.encode()])])
    partner.set(made[1], userPrincipalName="long@acme.example")
    home.set(made[2], mail=None)
    forests.settled()


def test_a_cookie_that_the_domain_no_longer_knows_leads_to_a_full_read(forests: Forests) -> None:
    people = [person(forests.home, f"Cookie{number}") for number in range(3)]
    forests.settled()
    with closing(sqlite3.connect(forests.folder / ".muster" / "state.db")) as store, store:
        (mark,) = store.execute("SELECT value FROM watermark WHERE system = 'ad'").fetchone()
        assert '"how":"dirsync"' in mark
        store.execute("UPDATE watermark SET value = ? WHERE system = 'ad'", (mark.replace('"at":"', '"at":"AAAA'),))
    forests.home.set(people[0], title="Baker")
    forests.home.admin.delete_s(people[1])
    forests.settled()
    users = forests.users("jobTitle")
    assert users["Cookie0 Example"]["jobTitle"] == "Baker"
    assert {"Cookie0 Example", "Cookie2 Example"} <= set(users)


@contextmanager
def changed(forests: Forests, *pairs: tuple[str, str]) -> Iterator[None]:
    """The system file as it should not be; the agents' operators let the secrets go wherever it says."""
    before = (forests.folder / "systems/ad.yaml").read_text("utf-8")
    forests.edit("systems/ad.yaml", *pairs)
    forests.unbind()
    yield
    forests.write("systems/ad.yaml", before)
    forests.unbind()


def test_one_forest_that_cannot_be_trusted_does_not_stop_the_other(forests: Forests, tmp_path: Path) -> None:
    home, partner = forests.ous
    certificate, key = self_signed(tmp_path, HOST, "dc.partner.example", -1)
    person(home, "Ida")
    with tls_server(certificate, key) as url, changed(forests, (partner.server.url, url)):
        for name in forests.agents:
            (forests.folder / f"agent-{name}" / f"{partner.server.domain}.pem").write_bytes(certificate.read_bytes())
        (told,) = forests.errors()
        assert "certificate has expired" in told
        assert f"no computer, contact, group or user of {partner.server.realm} is taken for deleted" in told
    assert "Ida Example" in forests.users()
    for name in forests.agents:
        trusted = partner.server.certificate.read_bytes()
        (forests.folder / f"agent-{name}" / f"{partner.server.domain}.pem").write_bytes(trusted)
    with changed(forests, (f"    {partner.server.realm}:\n", "    wrong.example:\n")):
        told, *_ = forests.errors()
        assert f"is a controller of {partner.server.realm}. Correct the name or the urls" in told
    forests.settled()


def test_a_domain_controller_that_dies_while_it_is_read(forests: Forests) -> None:
    home, partner = forests.ous
    people = [person(partner, f"Page{number}") for number in range(60)]
    forests.settled()
    forests.send_away()
    slow = forests.agent(HANG="read:3", SLOW="1")
    person(home, "Jo")
    run = forests.beside("--full")
    slow.until_it_hangs()
    partner.server.kill()
    try:
        done = run.done(300)
        assert (done["code"], done["held"]) == (1, []), done
        assert partner.server.realm in done["errors"][0]["message"]
        names = {f"Page{number} Example" for number in range(len(people))} | {"Jo Example"}
        assert names <= set(forests.users()), "whom it did not show is not taken for deleted"
    finally:
        partner.server.start()
        partner.admin = partner.server.connect()
    forests.settled()
