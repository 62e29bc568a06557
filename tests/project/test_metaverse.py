"""The built-in types."""

from __future__ import annotations

import pytest

from muster.model.values import Type
from muster.project.metaverse import BUILT_IN, MEMBER_OF, targets
from muster.project.names import ADD_IT, Names


def test_the_types() -> None:
    assert sorted(BUILT_IN) == ["contact", "device", "group", "org-unit", "person"]


@pytest.mark.parametrize(
    ("kind", "name", "type_", "many"),
    [
        ("person", "active", Type.BOOLEAN, False),
        ("person", "accountEnabled", Type.BOOLEAN, False),
        ("person", "businessPhones", Type.TEXT, True),
        ("person", "employeeHireDate", Type.DATETIME, False),
        ("person", "employeeLeaveDateTime", Type.DATETIME, False),
        ("person", "extensionAttribute1", Type.TEXT, False),
        ("person", "extensionAttribute15", Type.TEXT, False),
        ("person", "manager", Type.REFERENCE, False),
        ("person", "onPremisesObjectGuid", Type.TEXT, False),
        ("person", "proxyAddresses", Type.TEXT, True),
        ("group", "groupTypes", Type.TEXT, True),
        ("group", "members", Type.REFERENCE, True),
        ("group", "owners", Type.REFERENCE, True),
        ("group", "securityEnabled", Type.BOOLEAN, False),
        ("device", "registeredOwners", Type.REFERENCE, True),
        ("device", "trustType", Type.TEXT, False),
        ("contact", "manager", Type.REFERENCE, False),
        ("org-unit", "parent", Type.REFERENCE, False),
    ],
)
def test_an_attribute(kind: str, name: str, type_: Type, many: bool) -> None:
    found = BUILT_IN[kind][name]
    assert (found.name, found.type, found.many) == (name, type_, many)


def test_members_alone_are_large() -> None:
    assert [
        f"{kind}.{name}" for kind, known in sorted(BUILT_IN.items()) for name, found in known.items() if found.large
    ] == ["group.members"]


def test_case_always_matters_in_the_metaverse() -> None:
    """A name that changes from `anna` to `Anna` is a change."""
    assert all(found.exact for known in BUILT_IN.values() for found in known.values())


def test_every_reference_leads_to_a_type_that_exists() -> None:
    for known in BUILT_IN.values():
        for found in known.values():
            if found.type is Type.REFERENCE:
                assert set(targets(found.name, BUILT_IN)) <= set(BUILT_IN)


@pytest.mark.parametrize(
    ("identity", "path", "wrong"),
    [
        ("person", "mail", None),
        ("person", "manager.mail", None),
        ("person", "manager.manager.surname", None),
        ("person", MEMBER_OF, None),
        ("person", "memberOf.displayName", None),
        ("group", "owners.memberOf.mail", None),
        ("person", "memberOf.owners.mail", None),
        ("person", "Mail", ("unknown attribute `Mail` of `person`", "mail")),
        ("group", "owners.deviceId", (f"unknown attribute `deviceId` of `person`; {ADD_IT}", None)),
        ("person", "memberOf.surname", (f"unknown attribute `surname` of `group`; {ADD_IT}", None)),
        ("person", "mail.domain", ("`mail` is no reference, so `mail.domain` leads nowhere", None)),
    ],
)
def test_paths(identity: str, path: str, wrong: tuple[str, str | None] | None) -> None:
    found = Names(BUILT_IN).wrong(identity, path)
    assert (found and found[0]) == (wrong and wrong[0])
    if wrong and wrong[1]:
        assert found is not None
        assert found[1] == wrong[1]
