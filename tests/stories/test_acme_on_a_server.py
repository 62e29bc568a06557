"""The example's directory on a real server, as the comment in its system file says, from the first run to a leaver."""

from __future__ import annotations

import re
from pathlib import Path

import ldap

from tests.cli.support import Answer, muster
from tests.servers.openldap import OpenLdap

SOME = 40
"""Lines of the example's people, its heading among them."""


def test_the_comment_leads_to_a_server_on_which_leavers_are_disabled(tmp_path: Path, openldap: OpenLdap) -> None:
    def run(*arguments: str) -> Answer:
        return muster(*arguments, folder=tmp_path, MUSTER_SECRET_DIRECTORY=openldap.password)

    assert run("init", ".", "--example", "acme").code == 0
    for file in ("systems/crm.yaml", "mappings/crm-user.yaml"):
        (tmp_path / file).unlink()
    people = tmp_path / "data" / "workers.csv"
    people.write_text("".join(people.read_text("utf-8").splitlines(keepends=True)[:SOME]), "utf-8")

    system = tmp_path / "systems" / "directory.yaml"
    said = system.read_text("utf-8")
    block = re.sub(r"(?m)^#   ", "", "".join(re.findall(r"(?m)^#   .*\n", said)))
    address = (
        f"{{url: '{openldap.url}', bind_dn: '{openldap.bind_dn}', password: '${{secret:directory}}', "
        f"base: '{openldap.people}'}}"
    )
    system.write_text(re.sub(r"(?m)^settings: .*$", f"settings: {address}", block), "utf-8")
    mapping = tmp_path / "mappings" / "directory-person.yaml"
    rules = mapping.read_text("utf-8")
    unfit = re.findall(r"`(\w+)` \(", said.partition("take the flows to")[2])
    assert unfit == ["objectClass", "c", "secretary"]
    for name in unfit:
        rules = re.sub(rf"(?m)^    {name}:.*\n(?:      .*\n)*", "", rules)
    mapping.write_text(rules, "utf-8")

    assert run("check", "--connect").code == 0
    first = run("run", "--json")
    assert (first.code, first.document["errors"]) == (0, []), first.err
    leaver = next(line for line in people.read_text("utf-8").splitlines() if line.startswith("100014,"))
    people.write_text(people.read_text("utf-8").replace(leaver, leaver.replace("active", "left")), "utf-8")
    assert run("run").code == 0
    connection = openldap.connect()
    found = connection.search_s(openldap.people, ldap.SCOPE_ONELEVEL, "(businessCategory=disabled)", ["employeeNumber"])
    connection.unbind_s()
    assert [entry["employeeNumber"] for _, entry in found] == [[b"100014"]]
