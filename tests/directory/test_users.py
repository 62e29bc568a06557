"""Users: what is asked for, what is refused, what follows from what."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from muster.directory.directory import Directory
from muster.directory.errors import Invalid, NotFound, Taken
from muster.directory.objects import find, find_named
from muster.directory.schema.kinds import SCHEMAS, Kind
from muster.directory.users import create_user, revoke_sessions, set_manager, update_user
from tests.directory.support import Clock, add_person, again, person, synced

USER = SCHEMAS[Kind.USER]


def test_a_user_is_found_by_id_and_by_name_whatever_the_case(directory: Directory) -> None:
    ada = add_person(directory, "Ada Lovelace")
    with directory.read() as work:
        assert find(work, ada.guid.upper()).doc == ada.doc
        assert find_named(work, USER, "ADA.Lovelace@ACME.example").guid == ada.guid
        for name in ("nobody@acme.example", "00000000-0000-4000-8000-000000000000", "", "%", "'"):
            with pytest.raises(NotFound, match="does not exist"):
                find_named(work, USER, name)


def test_what_follows_from_creation(lite: Directory) -> None:
    doc = add_person(lite, "Ada").doc
    assert doc["userType"] == "Member"
    assert doc["createdDateTime"] == doc["lastPasswordChangeDateTime"] == "2026-03-02T09:00:00Z"
    assert doc["passwordProfile"] == {"forceChangePasswordNextSignIn": True}
    assert "Tulip" not in str(doc)


@pytest.mark.parametrize(
    "name", ["accountEnabled", "displayName", "mailNickname", "userPrincipalName", "passwordProfile"]
)
def test_what_a_user_must_have(lite: Directory, name: str) -> None:
    with pytest.raises(Invalid, match=f"required for property '{name}'"), lite.write() as work:
        create_user(work, person("Ada", **{name: None}))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"favouriteColour": "red"}, "Invalid property 'favouriteColour'"),
        ({"id": "00000000-0000-4000-8000-000000000000"}, "'id' is read-only"),
        ({"createdDateTime": "2020-01-01T00:00:00Z"}, "'createdDateTime' is read-only"),
        ({"proxyAddresses": ["SMTP:a@acme.example"]}, "'proxyAddresses' is read-only"),
        ({"onPremisesSamAccountName": "ada"}, "'onPremisesSamAccountName' is read-only"),
        ({"accountEnabled": "true"}, "'accountEnabled': expected true or false"),
        ({"displayName": 7}, "'displayName': expected a text"),
        ({"department": ""}, "'department': it is empty; null clears it"),
        ({"department": "x" * 65}, "longer than 64 characters"),
        ({"department": "a\x00b"}, "NUL"),
        ({"userType": "Robot"}, "Possible values: Member, Guest"),
        ({"employeeHireDate": "soon"}, "expected a date and time"),
        ({"businessPhones": ["1", "2"]}, "at most 1 values"),
        ({"businessPhones": "1"}, "expected a list"),
        ({"onPremisesExtensionAttributes": {"extensionAttribute16": "x"}}, "extensionAttribute16"),
        ({"onPremisesExtensionAttributes": "x"}, "expected an object"),
        ({"extension_0123456789abcdef0123456789abcdef_shoe": "42"}, "is not registered"),
        ({"members@odata.bind": []}, "Invalid property 'members@odata.bind'"),
        ({"userPrincipalName": "ada"}, "form name@domain"),
        ({"userPrincipalName": "ädä@acme.example"}, "form name@domain"),
        ({"userPrincipalName": "a" * 65 + "@acme.example"}, "form name@domain"),
        ({"userPrincipalName": "ada@elsewhere.example"}, "verified domain names.*acme.example, acme.test"),
        ({"mailNickname": "ada lovelace"}, "mail alias"),
        ({"mail": "not an address"}, "expected a mail address"),
        ({"passwordProfile": {"password": "short"}}, "password complexity"),
        ({"passwordProfile": {"password": "alllowercaseletters"}}, "password complexity"),
    ],
)  # fmt: skip
def test_what_is_refused(lite: Directory, values: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words), lite.write() as work:
        create_user(work, person("Ada", **values))
    with lite.read() as work, pytest.raises(NotFound):
        find_named(work, USER, "ada@acme.example")


def test_a_name_belongs_to_one_user(directory: Directory) -> None:
    add_person(directory, "Ada")
    grace = add_person(directory, "Grace")
    with pytest.raises(Taken, match="same value for property userPrincipalName"):
        add_person(directory, "ADA", userPrincipalName="ADA@acme.example")
    with pytest.raises(Taken), directory.write() as work:
        update_user(work, grace, {"userPrincipalName": "Ada@Acme.Example"})
    with directory.write() as work:
        assert update_user(work, grace, {"userPrincipalName": "GRACE@acme.example"}).doc["userPrincipalName"]


def test_of_many_who_want_a_name_at_once_one_gets_it(directory: Directory) -> None:
    def attempt(number: int) -> bool:
        try:
            add_person(directory, "Ada", displayName=f"Ada {number}")
        except Taken:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 1


def test_mail_and_addresses_follow_each_other(directory: Directory) -> None:
    ada = add_person(directory, "Ada", mail="ada@acme.example")
    assert ada.doc["proxyAddresses"] == ["SMTP:ada@acme.example"]
    with directory.write() as work:
        ada = update_user(work, ada, {"mail": "countess@acme.example"})
    assert ada.doc["proxyAddresses"] == ["SMTP:countess@acme.example", "smtp:ada@acme.example"]
    with directory.write(sync=True) as work:
        ada = update_user(work, ada, {"proxyAddresses": ["SMTP:a@acme.example", "X500:/o=acme"]})
    assert ada.doc["mail"] == "a@acme.example"
    with directory.write() as work:
        ada = update_user(work, ada, {"mail": None})
    assert "mail" not in ada.doc
    assert ada.doc["proxyAddresses"] == ["X500:/o=acme"]


def test_an_address_belongs_to_one_object_of_any_kind(directory: Directory) -> None:
    add_person(directory, "Ada", mail="first@acme.example")
    with pytest.raises(Taken, match="property proxyAddresses"):
        add_person(directory, "Grace", mail="First@acme.example")
    with pytest.raises(Invalid, match="two primary addresses"), directory.write(sync=True) as work:
        create_user(work, synced("Alan", proxyAddresses=["SMTP:a@acme.example", "SMTP:b@acme.example"]))


def test_a_patch_sets_clears_and_merges(directory: Directory) -> None:
    ada = add_person(directory, "Ada", department="Engines", onPremisesExtensionAttributes={"extensionAttribute1": "a"})
    with directory.write() as work:
        ada = update_user(
            work, ada, {"department": None, "onPremisesExtensionAttributes": {"extensionAttribute2": "b"}}
        )
    assert "department" not in ada.doc
    assert ada.doc["onPremisesExtensionAttributes"] == {"extensionAttribute1": "a", "extensionAttribute2": "b"}
    with directory.write() as work:
        ada = update_user(work, ada, {"onPremisesExtensionAttributes": {"extensionAttribute1": None}})
    assert ada.doc["onPremisesExtensionAttributes"] == {"extensionAttribute2": "b"}
    with pytest.raises(Invalid, match="'displayName'"), directory.write() as work:
        update_user(work, ada, {"displayName": None})


def test_a_patch_that_changes_nothing_is_no_change(lite: Directory) -> None:
    ada = add_person(lite, "Ada", department="Engines")
    with lite.write() as work:
        assert update_user(work, ada, {"department": "Engines"}).seq == ada.seq


def test_what_on_premises_decides_only_synchronisation_changes(lite: Directory, clock: Clock) -> None:
    with lite.write(sync=True) as work:
        ada = create_user(work, synced("Ada", onPremisesSamAccountName="ada"))
    assert ada.doc["onPremisesLastSyncDateTime"] == "2026-03-02T09:00:00Z"
    with pytest.raises(Invalid, match=r"on-premises mastered.*\(department\)"), lite.write() as work:
        update_user(work, ada, {"department": "Engines"})
    with lite.write() as work:
        ada = update_user(work, ada, {"usageLocation": "GB"})
    clock.forward(hours=1)
    with lite.write(sync=True) as work:
        ada = update_user(work, ada, {"department": "Engines"})
    assert ada.doc["onPremisesLastSyncDateTime"] == "2026-03-02T10:00:00Z"
    with pytest.raises(Taken, match="onPremisesImmutableId"), lite.write(sync=True) as work:
        create_user(work, synced("Eve", onPremisesImmutableId="immutable-Ada"))


def test_a_manager_is_somebody_else(directory: Directory) -> None:
    ada, grace = add_person(directory, "Ada"), add_person(directory, "Grace")
    with directory.write() as work:
        set_manager(work, ada, grace.guid)
        set_manager(work, ada, grace.guid)
    with pytest.raises(Invalid, match="their own manager"), directory.write() as work:
        set_manager(work, ada, ada.guid)
    with pytest.raises(NotFound), directory.write() as work:
        set_manager(work, ada, "00000000-0000-4000-8000-000000000000")


def test_sessions_are_revoked_as_of_now(lite: Directory, clock: Clock) -> None:
    ada = add_person(lite, "Ada")
    clock.forward(days=1)
    with lite.write() as work:
        revoke_sessions(work, ada)
    assert again(lite, ada).doc["signInSessionsValidFromDateTime"] == "2026-03-03T09:00:00Z"
