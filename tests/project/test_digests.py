"""A rule's digest changes with what the rule says, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.project.configuration import Project
from muster.project.digests import settings_digest
from tests.project.support import BASE, Files, app, hr, load, sql

MUSTER: Files = {"muster.yaml": "project: acme\nparameters: {domain: a.example}\n"}
EXTENSION: Files = {
    "extensions/own.py": "from muster.project.extensions import expression_function\n\n"
    "@expression_function\ndef Own(value):\n    return value\n"
}
USES: Files = {
    **MUSTER,
    **EXTENSION,
    **app("'[givenName]'", "'Own([givenName]) & %domain%'"),
    **hr("join:", "scope: '[status] <> \"draft\"'\njoin:"),
    "metaverse.yaml": "person: {computed: {login: 'ToLower([mail])'}}\n",
}


def project(folder: Path, files: Files) -> Project:
    return load(folder, files).required()


def changed(before: Project, after: Project) -> set[str]:
    """mapping/rule for every digest that differs."""
    found = set()
    for name, rules in before.mappings.items():
        other = after.mappings[name].digests
        both = rules.digests.keys() | other
        found |= {f"{name}/{rule}" for rule in both if rules.digests.get(rule) != other.get(rule)}
    return found


@pytest.mark.parametrize(
    ("files", "rules"),
    [
        (hr("'[first_name]'", "'[first_name]' # why"), set()),
        (hr("givenName: '[first_name]'", 'givenName: "[first_name]"'), set()),
        (hr("system: hr\nobject: worker\n", "object: worker\nsystem: hr\n"), set()),
        (hr("'[first_name]'", "{value: '[first_name]', merge: first, precedence: 10}"), set()),
        (hr("'[first_name]'", "'[last_name]'"), {"hr-worker/inbound:givenName"}),
        (hr("'[first_name]'", "{value: '[first_name]', precedence: 5}"), {"hr-worker/inbound:givenName"}),
        (hr("    givenName: '[first_name]'\n", ""), {"hr-worker/inbound:givenName"}),
        (hr("'[employee_id]'\nproject", "'[number]'\nproject"), {"hr-worker/join"}),
        (hr("project: true", "project: false"), {"hr-worker/project"}),
        (hr("join:", "scope: '[status] = \"x\"'\njoin:"), {"hr-worker/scope"}),
        (hr("join:", "scope: {rule: \"status eq 'x'\"}\njoin:"), {"hr-worker/scope"}),
        (app("'[givenName]'", "{value: '[givenName]', enforce: once}"), {"app-account/outbound:name"}),
        (app("'[active]'", "true"), {"app-account/provision"}),
        (app("'[active]'", "'[active]'\n  deprovision: disable"), set()),
        (app("'[active]'", "'[active]'\n  deprovision: {do: disable, after: 0 days}"), set()),
        (app("'[active]'", "'[active]'\n  deprovision: delete"), {"app-account/deprovision"}),
        (app("outbound:", "protect: '[vip]'\noutbound:"), {"app-account/protect"}),
        (app("outbound:", "unmanaged: report\noutbound:"), set()),
        (app("outbound:", "account: admin\noutbound:"), {"app-account/mapping"}),
    ],
)
def test_what_a_change_touches(tmp_path: Path, files: Files, rules: set[str]) -> None:
    before, after = project(tmp_path / "a", {}), project(tmp_path / "b", files)
    assert changed(before, after) == rules
    assert (before.digest == after.digest) == (rules == set())


def test_parameters_and_extensions_count_where_they_are_used(tmp_path: Path) -> None:
    before = project(tmp_path / "a", USES)
    parameter = project(tmp_path / "b", {**USES, "muster.yaml": "project: acme\nparameters: {domain: b.example}\n"})
    assert changed(before, parameter) == {"app-account/outbound:name"}
    text = EXTENSION["extensions/own.py"]
    assert isinstance(text, str)
    extension = project(tmp_path / "c", {**USES, "extensions/own.py": text.replace("return value", "return value * 2")})
    assert changed(before, extension) == {"app-account/outbound:name"}
    assert len({before.digest, parameter.digest, extension.digest}) == 3


def test_a_computed_value_has_its_own(tmp_path: Path) -> None:
    before = project(tmp_path / "a", USES)
    after = project(tmp_path / "b", {**USES, "metaverse.yaml": "person: {computed: {login: 'ToUpper([mail])'}}\n"})
    assert before.metaverse["person"].computed[0].digest != after.metaverse["person"].computed[0].digest
    assert before.digest != after.digest


def test_settings_and_roles_count_for_the_whole(tmp_path: Path) -> None:
    before = project(tmp_path / "a", {})
    path = project(tmp_path / "b", {"systems/hr.yaml": BASE["systems/hr.yaml"].replace("workers", "people")})
    role = project(tmp_path / "c", {"roles/a.yaml": "role: a\n"})
    assert len({before.digest, path.digest, role.digest}) == 3


@pytest.mark.parametrize(
    ("files", "same"),
    [
        (sql("connector: sql\n", "# the application's table\nconnector: sql\n"), True),
        (sql("table: account, anchor: login", "anchor: login, table: account"), True),
        (sql("connector: sql\n", "connector: sql\nstaging: true\nsafety: {percent: 5}\nread: {all: 1 day}\n"), True),
        (sql("anchor: login", "anchor: id"), False),
        (sql("enabled: active", "enabled: works"), False),
        (sql("app.db'", "other.db', password: '${secret:app}'"), False),
    ],
)
def test_what_a_system_s_file_says_of_how_it_is_read(tmp_path: Path, files: Files, same: bool) -> None:
    before, after = project(tmp_path / "a", {}), project(tmp_path / "b", files)
    assert (settings_digest(before.systems["app"]) == settings_digest(after.systems["app"])) == same


def test_a_secret_counts_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = sql("app.db'", "app.db', password: '${secret:app}'")
    found = set()
    for value in ("one", "two"):
        monkeypatch.setenv("app", value)
        found.add(settings_digest(project(tmp_path / value, files).systems["app"]))
    assert len(found) == 1
