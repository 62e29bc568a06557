"""`muster check --connect`: every system is asked whether it can be used, and what is missing there."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.cli.scaffold import STARTER, make_project
from tests.cli.support import Command
from tests.servers.muster import MusterServer
from tests.servers.openldap import OpenLdap
from tests.servers.process import HOST, free_port
from tests.servers.scim import ScimServer


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_project(STARTER, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def test_every_system_says_that_it_is_there(project: Path, muster: Command) -> None:
    told = muster("check", "--connect")
    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines()[1:] == [
        "hr: files: data/people.csv",
        "phonebook: files: data/phonebook.jsonl",
        "The project is in order. Next: muster plan",
    ]
    document = muster("check", "--connect", "--json").document
    assert [(one["name"], one["ok"], one["missing"]) for one in document["systems"]] == [
        ("app", True, []),
        ("hr", True, []),
        ("phonebook", True, []),
    ]
    assert "systems" not in muster("check", "--json").document


def test_one_that_cannot_be_reached_is_told_and_the_others_are_asked(project: Path, muster: Command) -> None:
    text = f"connector: scim\nsettings: {{url: 'http://{HOST}:{free_port()}'}}\nobjects: {{user: {{resource: User}}}}\n"
    (project / "systems" / "crm.yaml").write_text(text, "utf-8")
    (project / "data" / "people.csv").write_text("", "utf-8")
    told = muster("check", "--connect", "--json")
    assert told.code == 1
    assert [(one["name"], one["ok"]) for one in told.document["systems"]] == [
        ("app", True),
        ("crm", False),
        ("hr", False),
        ("phonebook", True),
    ]
    assert "crm: GET http://127.0.0.1" in told.err
    assert "hr: data/people.csv" in told.err
    assert "in order" not in muster("check", "--connect").out


def test_nothing_is_asked_while_the_files_are_wrong(project: Path, muster: Command) -> None:
    (project / "systems" / "hr.yaml").write_text("connector: flatfil\n", "utf-8")
    told = muster("check", "--connect", "--json")
    assert (told.code, told.document["systems"]) == (1, [])


def test_rights_that_an_application_lacks_are_named(
    project: Path, muster: Command, muster_server: MusterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = muster_server.muster("directory", "app", "add", "check-connect", "--permission", "User.Read.All")
    monkeypatch.setenv("MUSTER_SECRET_CLOUD", reader["secret"])
    (project / "systems" / "cloud.yaml").write_text(
        "connector: graph\n"
        f"settings: {{url: '{muster_server.graph}', ca: '{muster_server.certificate}', tenant: '{reader['tenant']}', "
        f"client_id: '{reader['client_id']}', secret: '${{secret:cloud}}'}}\n"
        "objects: {user: {resource: user}}\n",
        "utf-8",
    )
    told = muster("check", "--connect")
    assert told.code == 0, "it can be read"
    assert "cloud: user: writing needs User.ReadWrite.All: grant it to the application, and consent to it" in told.err
    assert reader["secret"] not in told.out + told.err


_FLOWS = """\
system: other
object: user
identity: person
outbound:
  provision: true
  deprovision: delete
  flows:
    {right}: '[displayName]'
    {wrong}: '[givenName]'
"""
_LDAP = """\
connector: ldap
settings: {{url: '{url}', bind_dn: '{bind_dn}', password: '${{secret:other}}', base: '{base}'}}
objects: {{user: {{class: inetOrgPerson}}}}
"""
_SCIM = (
    "connector: scim\nsettings: {{url: '{url}', token: '${{secret:other}}'}}\nobjects: {{user: {{resource: User}}}}\n"
)
_GRAPH = """\
connector: graph
settings: {{url: '{url}', ca: '{ca}', tenant: '{tenant}', client_id: '{client}', secret: '${{secret:other}}'}}
objects: {{user: {{resource: user}}}}
"""


def _of_ldap(request: pytest.FixtureRequest) -> tuple[str, str]:
    server: OpenLdap = request.getfixturevalue("openldap")
    return _LDAP.format(url=server.url, bind_dn=server.bind_dn, base=server.base), server.password


def _of_scim(request: pytest.FixtureRequest) -> tuple[str, str]:
    server: ScimServer = request.getfixturevalue("scim_server")
    return _SCIM.format(url=server.url), server.token


def _of_graph(request: pytest.FixtureRequest) -> tuple[str, str]:
    server: MusterServer = request.getfixturevalue("muster_server")
    of = server.application
    text = _GRAPH.format(url=server.graph, ca=server.certificate, tenant=of["tenant"], client=of["client_id"])
    return text, str(of["secret"])


@pytest.fixture
def other(project: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A system `other` of the kind that the test names; the file of its mapping, for the test to write."""
    text, secret = request.param(request)
    monkeypatch.setenv("MUSTER_SECRET_OTHER", secret)
    (project / "systems" / "other.yaml").write_text(text, "utf-8")
    return project / "mappings" / "other-user.yaml"


@pytest.mark.parametrize(
    ("other", "right", "wrong", "told"),
    [
        (
            _of_ldap,
            "surname",
            "givenNmae",
            "(object class inetOrgPerson) has no attribute `givenNmae`: correct the name",
        ),
        (_of_ldap, "sn", "objectClass", "no flow writes `objectClass`: new objects get the classes that `class` and"),
        (_of_ldap, "sn", "modifyTimestamp", "(object class inetOrgPerson): `modifyTimestamp` is read-only: the system"),
        (_of_scim, "name.formatted", "meta.created", "(resource type User): `meta.created` is read-only: the system"),
        (_of_graph, "displayName", "createdDateTime", "(microsoft.graph.user): `createdDateTime` is read-only: the "),
        (_of_scim, "name.formatted", "name.givenNmae", "(resource type User) has no attribute `name.givenNmae`"),
        (_of_graph, "displayName", "givenNmae", "(microsoft.graph.user) has no attribute `givenNmae`"),
    ],
    indirect=["other"],
)
def test_a_flow_to_what_the_system_does_not_have_is_told_before_anything_is_written(
    other: Path, muster: Command, right: str, wrong: str, told: str
) -> None:
    other.write_text(_FLOWS.format(right=right, wrong=wrong), "utf-8")
    assert muster("check").code == 0, "nothing is asked"
    asked = muster("check", "--connect", "--json")
    (error,) = asked.document["errors"]
    assert (asked.code, error["file"], error["line"], error["column"]) == (1, "mappings/other-user.yaml", 9, 5)
    assert told in error["message"]
    assert error["suggestion"] == (wrong.replace("Nmae", "Name") if "Nmae" in wrong else None)
    assert asked.err.startswith("mappings/other-user.yaml:9:5: other: user (")
    plan = muster("plan", "--json")
    assert [one["kind"] for one in plan.document["errors"]] == ["settings"]
    assert "other" not in plan.document["summary"]
    other.write_text(other.read_text("utf-8").replace(f"    {wrong}: '[givenName]'\n", ""), "utf-8")
    assert muster("check", "--connect").code == 0


_READS = """\
system: other
object: user
identity: person
join: [{{surname: '[{right}]'}}, {{employeeId: '[{wrong}]'}}]
"""


@pytest.mark.parametrize(
    ("other", "right", "wrong", "told"),
    [
        (_of_ldap, "surname", "employeNumber", "(object class inetOrgPerson) has no attribute `employeNumber`"),
        (_of_ldap, "2.5.4.4", "manager.mail", ": `manager.mail` leads to another object"),
        (_of_ldap, "modifyTimestamp", "userPassword", ": `userPassword` is never shown"),
        (_of_ldap, "objectClass", "sn;lang-de", ": `sn;lang-de` has an option, and options are not supported"),
        (_of_scim, "name.familyName", "name.famlyName", "(resource type User) has no attribute `name.famlyName`"),
        (_of_scim, 'emails[type eq "x"].value', "employeNumber", "has no attribute `employeNumber`"),
        (_of_scim, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "Id", "no attribute `Id`"),
        (_of_graph, "employeeId", "employeId", "(microsoft.graph.user) has no attribute `employeId`"),
    ],
    indirect=["other"],
)
def test_a_join_over_what_the_system_does_not_have_is_told_before_anything_is_read(
    other: Path, muster: Command, right: str, wrong: str, told: str
) -> None:
    mapping = _READS.format(right=right, wrong=wrong)
    other.write_text(mapping, "utf-8")
    asked = muster("check", "--connect", "--json")
    (error,) = asked.document["errors"]
    column = mapping.splitlines()[3].rindex(wrong) + 1
    assert (asked.code, error["file"], error["line"], error["column"]) == (1, "mappings/other-user.yaml", 4, column)
    assert told in error["message"]
