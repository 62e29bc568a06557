"""The example project, which shows every kind of file, loads whole."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from muster.project.configuration import Project
from muster.project.loader import load_project
from tests.project.support import Connectors

EXAMPLES = Path(__file__).parent / "examples"


@pytest.fixture(scope="module")
def acme() -> Project:
    found = load_project(EXAMPLES, connectors=Connectors())
    assert [str(d) for d in found.diagnostics] == []
    return found.required()


def test_what_is_in_it(acme: Project) -> None:
    assert acme.name == "acme"
    assert acme.store == "sqlite:///.muster/state.db"
    assert acme.schedule == timedelta(minutes=30)
    assert sorted(acme.systems) == ["ad", "app", "crm", "directory", "hr"]
    assert sorted(acme.mappings) == ["ad-group", "ad-user", "crm-user", "hr-worker"]
    assert list(acme.roles) == ["auditor", "sales-emea"]
    assert list(acme.workflows) == ["leaver"]
    assert acme.systems["directory"].settings["password"] == "${secret:directory}"


def test_the_source_mapping(acme: Project) -> None:
    rules = acme.mappings["hr-worker"]
    assert [line.attributes for line in rules.join] == [("employeeId",), ("birthDate", "mail")]
    assert rules.project
    assert rules.scope is not None
    assert rules.inbound is not None
    flows = {flow.attribute.name: flow for flow in rules.inbound.flows}
    assert flows["active"].merge == "any"
    assert flows["employeeLeaveDateTime"].attribute.type == "datetime"
    assert flows["manager"].reference is not None
    assert flows["manager"].reference.to == ("identity", "person", "employeeId")


def test_the_target_mapping(acme: Project) -> None:
    outbound = acme.mappings["ad-user"].outbound
    assert outbound is not None
    assert outbound.provision is not None
    assert str(outbound.provision.place) == "mappings/ad-user.yaml:16"
    assert [(step.do, step.after.days) for step in outbound.deprovision] == [("disable", 0), ("delete", 30)]
    flows = {flow.attribute: flow for flow in outbound.flows}
    assert flows["sAMAccountName"].enforce == "once"
    assert flows["sAMAccountName"].unique == "ad/sAMAccountName"
    assert flows["department"].enforce == "change"
    assert flows["manager"].reference is not None
    assert outbound.password == "generate"


def test_the_group_mapping(acme: Project) -> None:
    inbound = acme.mappings["ad-group"].inbound
    assert inbound is not None
    members = next(flow for flow in inbound.flows if flow.attribute.name == "members")
    assert members.attribute.large
    assert members.reference is not None
    assert members.reference.to is None


def test_mappings_of_one_object_type(acme: Project) -> None:
    assert [rules.name for rules in acme.mappings_of("ad", "user")] == ["ad-user"]


def test_a_comment_and_a_moved_line_change_no_digest(acme: Project, tmp_path: Path) -> None:
    copy = tmp_path / "acme"
    shutil.copytree(EXAMPLES, copy)
    for path in copy.rglob("*.yaml"):
        path.write_text("# moved\n\n" + path.read_text())
    moved = load_project(copy, connectors=Connectors()).required()
    assert moved.digest == acme.digest
    assert {name: rules.digests for name, rules in moved.mappings.items()} == {
        name: rules.digests for name, rules in acme.mappings.items()
    }
