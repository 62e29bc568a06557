"""Every way to write a rule, and what the engine gets to see of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from muster.project.configuration import MappingRules, Place, Project
from tests.project.support import BASE, Files, load

APP = BASE["mappings/app-account.yaml"]
HR = BASE["mappings/hr-worker.yaml"]


def app(old: str, new: str) -> dict[str, str]:
    assert old in APP
    return {"mappings/app-account.yaml": APP.replace(old, new)}


def hr(old: str, new: str) -> dict[str, str]:
    assert old in HR
    return {"mappings/hr-worker.yaml": HR.replace(old, new)}


def project(folder: Path, files: Files) -> Project:
    found = load(folder, files)
    assert found.diagnostics == []
    assert found.project is not None
    return found.project


SETTLED = "  protect: '[vip]'\n  unmanaged: disable\n  deleted elsewhere: report\n"

FORMS: list[tuple[str, dict[str, str]]] = [
    ("step as text", app("'[active]'", "'[active]'\n  deprovision: delete")),
    ("step as keys", app("'[active]'", "'[active]'\n  deprovision: {do: delete, after: 30 days}")),
    ("steps", app("'[active]'", "'[active]'\n  deprovision:\n    - disable\n    - {after: 30 days, do: delete}")),
    ("move", app("'[active]'", "'[active]'\n  deprovision:\n    - {do: move, to: 'Join(\"\", \"OU=\", [mail])'}")),
    ("everybody", app("'[active]'", "true")),
    ("password", app("'[active]'", "'[active]'\n  password: generate")),
    ("enabled flow", app("    login:", "    enabled: '[accountEnabled]'\n    login:")),
    ("constant", app("'[givenName]'", "true")),
    ("choices", app("'[givenName]'", "\n      - {when: '[active]', value: '[mail]'}\n      - value: '[givenName]'")),
    (
        "choices with keys",
        app("'[givenName]'", "{enforce: once, value: [{when: '[active]', value: '[mail]'}, {value: '\"x\"'}]}"),
    ),
    ("when", app("'[givenName]'", "{value: '[givenName]', when: '[active]'}")),
    ("unique", app("'[employeeId]'", "{value: 'SelectUniqueValue([mail], [employeeId])', unique: logins}")),
    ("unique alone", app("'[employeeId]'", "'SelectUniqueValue([mail], [employeeId])'")),
    ("reference", app("'[givenName]'", "{reference: '[manager]', enforce: change}")),
    (
        "references",
        {
            "mappings/app-group.yaml": "system: app\nobject: account\nidentity: group\noutbound:\n  flows:\n"
            "    login: '[displayName]'\n    name: {references: '[members]'}\n"
        },
    ),
    (
        "settled at the top",
        app("outbound:", "protect: '[v]'\nunmanaged: disable\ndeleted elsewhere: report\noutbound:"),
    ),
    (
        "settled below",
        {"mappings/app-account.yaml": APP + SETTLED},
    ),
    ("account", app("outbound:", "account: admin\nwas: old-name\noutbound:")),
    ("several", hr("project: true", "project: true\nseveral: true\nprimary: '[main]'")),
    ("scope", hr("join:", "scope: '[status] <> \"draft\"'\njoin:")),
    ("scope filters", hr("join:", "scope: {filters: [[{attribute: a, operator: EQUALS, value: x}]]}\njoin:")),
    ("scope entra", hr("join:", "scope: {entra: [[{attribute: a, operator: IS NULL}]]}\njoin:")),
    ("scope connect", hr("join:", "scope: {connect: [[{attribute: a, operator: ISBITSET, value: 2}]]}\njoin:")),
    ("scope rule", hr("join:", "scope: {rule: \"department eq 'x'\"}\njoin:")),
    ("merge", hr("'[status] = \"active\"'", "{value: '[status] = \"active\"', merge: any, precedence: 5}")),
    (
        "to an attribute",
        hr("    givenName:", "    manager: {reference: '[b]', to: person.employeeId}\n    givenName:"),
    ),
    ("to an object", hr("    givenName:", "    manager: {reference: '[boss]', to: worker}\n    givenName:")),
    ("to another system", hr("    givenName:", "    manager: {reference: '[boss]', to: app/account}\n    givenName:")),
    ("to anything", hr("    givenName:", "    manager: {reference: '[boss]'}\n    givenName:")),
    ("dialect", hr("join:", "dialect: connect\njoin:")),
    (
        "limits",
        {
            "muster.yaml": "project: acme\nstaging: true\nschedule: every hour\nsafety: {deletes: 5, members: 7}\n"
            "parameters: {domain: acme.example, level: 3}\nmail: {server: smtp.acme.example}\n",
            "systems/hr.yaml": BASE["systems/hr.yaml"] + "safety: {percent: 50, deletes: 6}\n"
            "quarantine: {percent: 60}\nread: {changes: 5 minutes, all: 24 hours}\nstaging: true\n",
        },
    ),
    (
        "metaverse",
        {
            "metaverse.yaml": "person:\n  attributes:\n    costCentre: text\n    badges: [text]\n"
            "    born: {type: date, description: The day.}\n    deputies: {type: reference, many: true}\n"
            "  computed:\n    login: {value: 'SelectUniqueValue([base], [mail])', enforce: once}\n"
            "    base: 'ToLower([surname])'\n    aliases: {value: '[mail]', keep: all}\n"
            "room:\n  attributes: {seats: integer}\n"
        },
    ),
    ("object without settings", {"systems/x.yaml": "connector: scim\nobjects: {user: }\n"}),
    ("workflow", {"workflows/a.yaml": "workflow: A\ncategory: mover\ntasks:\n  - enable account\n  - send email:\n"}),
]
"""Name → files: all of them right."""


def rules(folder: Path, name: str) -> MappingRules:
    """The one mapping that the form changes."""
    files = dict(FORMS)[name]
    file = next(iter(files)).removeprefix("mappings/").removesuffix(".yaml")
    return project(folder, files).mappings[file]


@pytest.mark.parametrize("files", [pytest.param(files, id=name) for name, files in FORMS])
def test_every_form_loads(tmp_path: Path, files: Files) -> None:
    project(tmp_path, files)


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("step as text", [("delete", 0)]),
        ("step as keys", [("delete", 30)]),
        ("steps", [("disable", 0), ("delete", 30)]),
        ("move", [("move", 0)]),
        ("everybody", [("disable", 0)]),
    ],
)
def test_steps(tmp_path: Path, name: str, steps: list[tuple[str, int]]) -> None:
    outbound = rules(tmp_path, name).outbound
    assert outbound is not None
    assert [(step.do, step.after) for step in outbound.deprovision] == [(do, timedelta(days=n)) for do, n in steps]


def test_without_provision_there_are_no_steps(tmp_path: Path) -> None:
    found = project(tmp_path, app("  provision: '[active]'\n", "")).mappings["app-account"]
    assert found.outbound is not None
    assert (found.outbound.provision, found.outbound.deprovision) == (None, ())


def test_alternatives_know_where_each_stands(tmp_path: Path) -> None:
    outbound = rules(tmp_path, "choices").outbound
    assert outbound is not None
    first, second = outbound.flows[1].choices
    assert (first.when and str(first.when.place), str(first.value.place)) == (
        "mappings/app-account.yaml:9",
        "mappings/app-account.yaml:9",
    )
    assert first.value.place == Place("mappings/app-account.yaml", 9, 35)
    assert (second.when, second.value.place) == (None, Place("mappings/app-account.yaml", 10, 16))


def test_a_flow_stands_where_its_key_stands(tmp_path: Path) -> None:
    inbound = project(tmp_path, {}).mappings["hr-worker"].inbound
    assert inbound is not None
    assert {f.attribute.name: (f.place.line, f.place.column) for f in inbound.flows} == {
        "employeeId": (10, 5),
        "givenName": (11, 5),
        "active": (12, 5),
    }
    assert [flow.precedence for flow in inbound.flows] == [10, 10, 10]


@pytest.mark.parametrize(
    ("name", "to"),
    [
        ("to an attribute", ("identity", "person", "employeeId")),
        ("to an object", ("object", "hr", "worker")),
        ("to another system", ("object", "app", "account")),
        ("to anything", None),
    ],
)
def test_what_a_reference_names(tmp_path: Path, name: str, to: tuple[str, str, str] | None) -> None:
    inbound = rules(tmp_path, name).inbound
    assert inbound is not None
    flow = next(flow for flow in inbound.flows if flow.attribute.name == "manager")
    assert flow.reference is not None
    assert flow.reference.to == to


def test_references_are_many(tmp_path: Path) -> None:
    outbound = rules(tmp_path, "references").outbound
    assert outbound is not None
    assert [(flow.attribute, flow.many) for flow in outbound.flows] == [("login", False), ("name", True)]


def test_a_unique_value_is_unique_for_its_attribute_in_its_system(tmp_path: Path) -> None:
    for name, scope in (("unique", "logins"), ("unique alone", "app/login")):
        outbound = rules(tmp_path / name, name).outbound
        assert outbound is not None
        assert outbound.flows[0].unique == scope


@pytest.mark.parametrize("name", ["settled at the top", "settled below"])
def test_protection_and_strangers(tmp_path: Path, name: str) -> None:
    found = rules(tmp_path, name)
    assert found.protect is not None
    assert (found.unmanaged, found.deleted_elsewhere) == ("disable", "report")


def test_limits_of_the_project_hold_where_a_system_says_none(tmp_path: Path) -> None:
    found = project(tmp_path, dict(FORMS)["limits"])
    assert (found.safety.deletes, found.safety.percent, found.safety.members) == (5, 10, 7)
    hr_safety, app_safety = found.systems["hr"].safety, found.systems["app"].safety
    assert (hr_safety.deletes, hr_safety.percent, hr_safety.members, hr_safety.updates) == (6, 50, 7, 30)
    assert app_safety == found.safety
    assert (found.systems["hr"].quarantine.percent, found.systems["hr"].quarantine.minimum) == (60, 50)
    assert (found.systems["hr"].read.changes, found.systems["hr"].read.all) == (timedelta(minutes=5), timedelta(days=1))
    assert (found.staging, found.systems["hr"].staging, found.systems["app"].staging) == (True, True, False)
    assert found.schedule == timedelta(hours=1)
    assert found.parameters == {"domain": "acme.example", "level": "3"}


def test_the_metaverse_is_extended_and_computed_in_order_of_use(tmp_path: Path) -> None:
    found = project(tmp_path, dict(FORMS)["metaverse"]).metaverse
    person = found["person"]
    assert [computed.attribute.name for computed in person.computed] in (
        ["base", "aliases", "login"],
        ["aliases", "base", "login"],
    )
    login = person.computed[-1]
    assert (login.enforce, login.unique, login.keep) == ("once", "person.login", None)
    assert person.attributes["aliases"].many
    assert (person.attributes["born"].type, person.attributes["born"].description) == ("date", "The day.")
    assert person.attributes["deputies"].type == "reference"
    assert set(found["room"].attributes) == {"seats"}
    assert found["group"].attributes["members"].large
