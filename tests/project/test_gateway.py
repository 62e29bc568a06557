"""The section `gateway:` of a system file: what is guessed, and what is wrong where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project.support import MARK, assert_said, load

SYSTEM = "connector: ldap\nsettings: {}\nobjects:\n  user: {}\n  team: {}\n  printer: {}\ngateway: {}\n"


def test_users_and_groups_are_guessed_by_their_names(tmp_path: Path) -> None:
    found = load(tmp_path, {"systems/crm.yaml": SYSTEM})
    assert found.project is not None
    gateway = found.project.systems["crm"].gateway
    assert gateway is not None
    assert not gateway.buffered
    assert {one.name: (one.object, one.endpoint) for one in gateway.resources} == {
        "User": ("user", "Users"),
        "Group": ("team", "Groups"),
    }
    assert found.project.systems["hr"].gateway is None


def test_a_resource_type_of_ones_own_has_its_schema_and_endpoint(tmp_path: Path) -> None:
    text = "gateway: {mode: buffered, resources: {Printer: {schema: 'urn:acme:Printer', values: {cn: '[name]'}}}}"
    found = load(tmp_path, {"systems/crm.yaml": SYSTEM.replace("gateway: {}", text)})
    assert found.project is not None, found.diagnostics
    gateway = found.project.systems["crm"].gateway
    assert gateway is not None
    assert gateway.buffered
    (printer,) = gateway.resources
    assert (printer.object, printer.endpoint, printer.schema) == ("printer", "Printers", "urn:acme:Printer")
    assert printer.values["cn"].expression.reads == {"name"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"gateway: {{resources: {{User: {{object: {MARK}usr}}}}}}",
            "there is no object type `usr`; there are `printer`, `team`, `user`. Did you mean `user`?",
        ),
        (
            f"gateway: {{resources: {{{MARK}Printer: {{}}}}}}",
            "a Printer needs its `schema:`, such as urn:example:scim:Printer",
        ),
        (
            f"gateway: {{resources: {{{MARK}Device: {{schema: 'urn:acme:Device'}}}}}}",
            "which object type is a Device? Say `object:`; there are `printer`, `team`, `user`",
        ),
        (
            f"gateway: {{resources: {{User: {{}}, {MARK}Group: {{object: user}}}}}}",
            "User and Group have the same object type `user`",
        ),
        (
            f"gateway: {{resources: {{{MARK}User: {{endpoint: Schemas}}}}}}",
            "/Schemas means something else in SCIM: choose another `endpoint:`",
        ),
        (
            f"gateway: {{resources: {{User: {{}}, Group: {{members: {MARK}Usr}}}}}}",
            "there is no resource `Usr`. Did you mean `User`?",
        ),
        (
            f"gateway: {{resources: {{User: {{values: {{cn: 'Nope{MARK}('}}}}}}}}",
            "the expression ends too early: a ) or an argument is missing",
        ),
    ],
)
def test_what_cannot_be_served_is_told_where_it_stands(tmp_path: Path, text: str, message: str) -> None:
    assert_said(tmp_path, {"systems/crm.yaml": SYSTEM.replace("gateway: {}", text)}, message)


def test_nothing_that_looks_like_users_or_groups_is_an_error(tmp_path: Path) -> None:
    text = "connector: ldap\nsettings: {}\nobjects: {printer: {}}\n" + f"{MARK}gateway: {{}}\n"
    message = (
        "none of the object types (`printer`) looks like users or groups: say which, as in "
        "`resources: {User: {object: printer}}`"
    )
    assert_said(tmp_path, {"systems/crm.yaml": text}, message)
