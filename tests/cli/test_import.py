"""`muster import`, through the command: what is written passes `muster check`, and nothing is written over unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import Answer, Command
from tests.migration.support import DOCUMENTS

SYSTEMS = {
    "crm": "connector: scim\nsettings: {url: 'https://crm.example/scim/v2', token: '${secret:crm}'}\n"
    "objects:\n  user: {resource: User}\n  group: {resource: Group}\n",
    "ad": "connector: active_directory\nsettings: {urls: ['ldaps://dc1'], user: m@x, password: '${secret:ad}'}\n"
    "objects:\n  user: {class: user, base: 'OU=People,DC=corp,DC=example'}\n",
    "cloud": "connector: graph\nsettings: {tenant: t, client_id: c, secret: '${secret:cloud}'}\n"
    "objects:\n  user: {resource: user}\n  group: {resource: group}\n",
    "workday": "connector: flatfile\nsettings: {path: data/workers.csv}\nobjects:\n  worker: {anchor: WorkerID}\n",
    "salesforce": "connector: sql\nsettings: {url: 'sqlite:///data/sf.db'}\n"
    "objects:\n  user: {table: users, anchor: Username, enabled: IsActive}\n",
}


class Project:
    """The starter project with the systems of the documents."""

    def __init__(self, folder: Path, muster: Command) -> None:
        self.folder, self.muster = folder, muster
        assert muster("init", str(folder)).code == 0
        for name, text in SYSTEMS.items():
            (folder / "systems" / f"{name}.yaml").write_text(text, "utf-8")

    def __call__(self, *arguments: str) -> Answer:
        return self.muster("-C", str(self.folder), *arguments)

    def schema(self, name: str, *options: str) -> Answer:
        return self("import", "entra-schema", str(DOCUMENTS / f"{name}.json"), *options)


@pytest.fixture
def project(tmp_path: Path, muster: Command) -> Project:
    return Project(tmp_path / "project", muster)


def test_every_document_gives_files_that_pass_the_check(project: Project) -> None:
    for found in (
        project.schema("entra-to-scim", "--system", "crm", "--everyone"),
        project.schema("entra-to-salesforce", "--system", "salesforce", "--assigned", '[department] = "Sales"'),
        project.schema("workday-to-ad", "--system", "ad", "--source", "workday"),
        project.schema("entra-to-workday", "--system", "workday"),
        project("import", "connect-rules", str(DOCUMENTS / "server"), "--system", "acme.onmicrosoft.com - AAD=cloud"),
        project("import", "connect-rules", str(DOCUMENTS / "user-rules.ps1"), "--system", "ad", "--force"),
    ):
        assert found.code == 0, found
        checked = project("check")
        assert checked.code == 0, checked


def test_what_was_left_is_told_with_why_and_what_to_do(project: Project) -> None:
    found = project.schema("entra-to-scim", "--system", "crm")
    assert found.out.split() == ["mappings/crm-group.yaml", "mappings/crm-user.yaml", "metaverse.yaml"]
    said = " ".join(found.err.split())
    assert "not carried over: Provision devices: it is switched off in Entra. What to do: nothing" in said
    assert "import again with --everyone" in said
    again = project.schema("entra-to-scim", "--system", "crm", "--force", "--json").document
    assert again["written"] == ["mappings/crm-group.yaml", "mappings/crm-user.yaml"]
    assert {"what": "Provision devices", "why": "it is switched off in Entra"}.items() <= next(
        one for one in again["not_carried"] if one["what"] == "Provision devices"
    ).items()
    assert again["errors"] == []


def test_a_mapping_that_is_there_is_kept_and_nothing_is_written(project: Project) -> None:
    mine = project.folder / "mappings" / "crm-user.yaml"
    mine.write_text("system: crm\nobject: user\nidentity: person\n", "utf-8")
    before = mine.read_text("utf-8")
    found = project.schema("entra-to-scim", "--system", "crm")
    assert found.code == 1
    assert "mappings/crm-user.yaml is there already" in " ".join(found.err.split())
    assert mine.read_text("utf-8") == before
    assert not (project.folder / "mappings" / "crm-group.yaml").exists()
    assert project.schema("entra-to-scim", "--system", "crm", "--force").code == 0
    assert mine.read_text("utf-8") != before


def test_a_second_mapping_for_the_same_objects_is_told(project: Project) -> None:
    assert project.schema("workday-to-ad", "--system", "ad", "--source", "workday").code == 0
    said = " ".join(project.schema("entra-to-workday", "--system", "workday").err.split())
    assert "mappings/workday-worker.yaml is for the same objects" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("{}", "is no synchronizationSchema"),
        ("[1, 2]", "is no synchronizationSchema"),
        ('{"synchronizationRules": []}', "nothing to import: it has no object mappings"),
    ],
)
def test_a_file_of_another_kind_is_refused(project: Project, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "x.json").write_text(text, "utf-8")
    found = project("import", "entra-schema", str(tmp_path / "x.json"), "--system", "crm")
    assert found.code == 1
    assert said in " ".join(found.err.split())


def test_what_powershell_saved_is_read(project: Project, tmp_path: Path) -> None:
    text = (DOCUMENTS / "entra-to-scim.json").read_text("utf-8")
    (tmp_path / "x.json").write_text(text, "utf-16")
    assert project("import", "entra-schema", str(tmp_path / "x.json"), "--system", "crm").code == 0


def test_secrets_among_the_settings_are_never_shown(project: Project) -> None:
    found = project.schema("entra-to-scim", "--system", "crm", "--job", str(DOCUMENTS / "secrets.json"))
    assert found.code == 0
    texts = [found.out, found.err, *(path.read_text("utf-8") for path in project.folder.rglob("*.yaml"))]
    assert not any("t0ps3cret" in text for text in texts)
    assert "[active]" in (project.folder / "mappings" / "crm-user.yaml").read_text("utf-8")
