"""`muster check --connect`: every system is asked whether it can be used, and what is missing there."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.cli.scaffold import STARTER, make_project
from tests.cli.support import Command
from tests.servers.muster import MusterServer
from tests.servers.process import HOST, free_port


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
