"""The Active Directory connector on a Samba domain: what it makes, and where."""

from __future__ import annotations

import ldap
import pytest

from muster.model.changes import Action, Change, Result
from muster.model.secrets import Secret
from muster.model.values import Document
from tests.connectors.domains import GROUP, PASSWORD, Ou, by_dn, create, may_log_in, one, pages, person, update, written

# --- create


def test_an_account_with_a_password_is_made_ready_to_log_in(ou: Ou) -> None:
    outcome = one(ou.connector(), create(1, person(ou), password=PASSWORD))
    assert outcome.result is Result.DONE, outcome.reason
    assert outcome.values["dn"] == f"CN=ann,{ou.dn}"
    with ou.connector() as made:
        found = made.get("user", outcome.anchor or "")
    assert found is not None
    assert found.values["enabled"] is True
    assert may_log_in(ou, "ann", PASSWORD)


def test_an_account_without_a_password_is_made_disabled(ou: Ou) -> None:
    one(ou.connector(), create(1, person(ou)))
    assert ou.entry(f"CN=ann,{ou.dn}", "userAccountControl") == {"userAccountControl": ["514"]}


def test_an_account_is_made_as_its_flows_say(ou: Ou) -> None:
    values = person(
        ou,
        enabled=False,
        smartcardRequired=True,
        passwordNeverExpires=True,
        mustChangePassword=True,
        accountExpires="2031-05-01T00:00:00Z",
    )
    outcome = one(ou.connector(), create(1, values, password=PASSWORD))
    assert outcome.result is Result.DONE, outcome.reason
    shown = by_dn(pages(ou.connector(), None, user=list(values)))[f"CN=ann,{ou.dn}"].values
    assert {name: shown[name] for name in values if name != "dn"} == {n: v for n, v in values.items() if n != "dn"}


def test_a_password_that_the_policy_refuses_makes_no_account(ou: Ou) -> None:
    outcome = one(ou.connector(), create(1, person(ou), password=Secret("short")))
    assert outcome.result is Result.REJECTED
    assert "does not satisfy the domain's policy" in outcome.reason
    assert "short?" not in outcome.reason
    assert not by_dn(pages(ou.connector()))


@pytest.mark.parametrize(
    ("scope", "security", "number"),
    [(None, None, "-2147483646"), ("universal", True, "-2147483640"), ("domainLocal", False, "4")],
)
def test_a_group_is_made_of_its_kind(ou: Ou, scope: str | None, security: bool | None, number: str) -> None:
    values: Document = {"dn": f"CN=g,{ou.dn}", "sAMAccountName": f"{ou.name}g"}
    if scope is not None:
        values |= {"groupScope": scope, "securityEnabled": security}
    outcome = one(ou.connector(GROUP), create(1, values, "group"))
    assert outcome.result is Result.DONE, outcome.reason
    assert ou.entry(f"CN=g,{ou.dn}", "groupType") == {"groupType": [number]}


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("contact", {"mail": "bert@partner.example"}),
        ("computer", {"sAMAccountName": "PC7$"}),
        ("organizationalUnit", {"description": ["a unit"]}),
        ("inetOrgPerson", {"sn": "Doe"}),
    ],
)
def test_every_kind_of_object_is_made_changed_and_deleted(ou: Ou, kind: str, values: Document) -> None:
    made = ou.connector({"thing": {"class": kind, "base": [ou.make_ou(f"OU=things,{ou.dn}")]}})
    own = "OU" if kind == "organizationalUnit" else "CN"
    outcome = one(made, create(1, {"dn": f"{own}=thing,OU=things,{ou.dn}", **values}, "thing"))
    assert outcome.result is Result.DONE, outcome.reason
    anchor = outcome.anchor or ""
    assert one(made, update(anchor, {"description": ["changed"]}, "thing")).result is Result.DONE
    with made:
        found = made.get("thing", anchor)
    assert found is not None
    assert found.values["description"] == ["changed"]
    assert one(made, Change(1, "thing", Action.DELETE, anchor)).result is Result.DONE


def test_without_a_dn_an_object_is_named_by_its_cn_below_the_base(ou: Ou) -> None:
    outcome = one(ou.connector(), create(1, {"cn": "O'Hara, Ann+1", "sAMAccountName": f"{ou.name}ann"}))
    assert outcome.result is Result.DONE, outcome.reason
    (shown,) = by_dn(pages(ou.connector())).values()
    assert shown.values["cn"] == "O'Hara, Ann+1"


def test_a_name_with_every_reserved_character_is_written(ou: Ou) -> None:
    name = ' a,b+c"d\\e<f>g;h=i#j /k '
    dn = f"CN={ldap.dn.escape_dn_chars(name)},{ou.dn}"
    outcome = one(ou.connector(), create(1, person(ou, dn=dn)))
    assert outcome.result is Result.DONE, outcome.reason
    again = f"CN={ldap.dn.escape_dn_chars('#' + name[1:])},{ou.dn}"
    assert one(ou.connector(), update(outcome.anchor or "", {"dn": again})).result is Result.DONE
    (shown,) = by_dn(pages(ou.connector())).values()
    assert shown.values["cn"] == "#" + name[1:]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"dn": f"CN={'x' * 65},{{ou}}"}, "cn has 65 characters, and Active Directory takes 64"),
        ({"title": "t" * 129}, "title has 129 characters, and Active Directory takes 128"),
        ({"sAMAccountName": "s" * 21}, "sAMAccountName has 21 characters, and Active Directory takes 20"),
        ({"sAMAccountName": "ann/x"}, "sAMAccountName may not hold /"),
        ({"cn": "bert"}, "cn is 'bert', and dn names it 'ann'"),
        ({"enabled": "perhaps"}, "expected true or false"),
        ({"accountExpires": "soon"}, "expected a date and time"),
        ({"objectSid": "S-1"}, "objectSid"),
        ({"manager": "CN=nobody,{ou}"}, "refers to does not exist"),
        ({"noSuchAttribute": "x"}, "no attribute 'noSuchAttribute'"),
    ],
)
def test_what_active_directory_does_not_take_is_refused_in_words(ou: Ou, values: Document, told: str) -> None:
    ready = {name: str(value).replace("{ou}", ou.dn) for name, value in values.items()}
    outcome = one(ou.connector(), create(1, {**person(ou), **ready}))
    assert outcome.result is Result.REJECTED
    assert told in outcome.reason
    assert not by_dn(pages(ou.connector()))


def test_64_characters_are_not_too_many(ou: Ou) -> None:
    assert one(ou.connector(), create(1, person(ou, dn=f"CN={'x' * 64},{ou.dn}"))).result is Result.DONE


def test_a_login_name_that_is_taken_says_by_whom(ou: Ou) -> None:
    ann = ou.user("ann")
    ou.group("team")
    outcome = one(ou.connector(), create(1, person(ou, "other", sAMAccountName=f"{ou.name}ann")))
    assert (outcome.result, outcome.values) == (Result.EXISTS, {"dn": ann})
    with ou.connector() as made:
        assert made.get("user", outcome.anchor or "") is not None
    outcome = one(ou.connector(), create(1, person(ou, "other", sAMAccountName=f"{ou.name}team")))
    assert outcome.result is Result.REJECTED, "a group has it, which no create of a user can be"
    assert f"is taken by CN=team,{ou.dn}" in outcome.reason


def test_a_name_that_another_kind_of_object_has_is_refused(ou: Ou) -> None:
    ou.contact("ann")
    outcome = one(ou.connector(), create(1, person(ou)))
    assert outcome.result is Result.REJECTED
    assert "taken by an object that is no user" in outcome.reason


# --- containers


def test_a_missing_ou_is_named(ou: Ou) -> None:
    outcome = one(ou.connector(), create(1, person(ou, dn=f"CN=ann,OU=inner,OU=lost,{ou.dn}")))
    assert outcome.result is Result.REJECTED
    assert f"there is no OU=inner,OU=lost,{ou.dn}" in outcome.reason
    assert "create_containers: true" in outcome.reason


def test_missing_ous_are_made_when_asked_for(ou: Ou) -> None:
    made = ou.connector({"user": {"class": "user", "create_containers": True}})
    names = [f"user{number}" for number in range(20)]
    changes = [
        create(number, person(ou, name, dn=f"CN={name},OU=R&D\\, Lab {number % 3},OU=Sales,{ou.dn}"))
        for number, name in enumerate(names)
    ]
    assert {found.result for found in written(made, *changes).values()} == {Result.DONE}
    anchor = next(iter(by_dn(pages(made)).values())).anchor
    there = f"CN=moved,OU=new,OU=Sales,{ou.dn}"
    assert one(made, update(anchor, {"dn": there})).result is Result.DONE
    assert there in by_dn(pages(made))


def test_only_ous_are_made(ou: Ou) -> None:
    made = ou.connector({"user": {"class": "user", "create_containers": True}})
    for dn, told in (
        (f"CN=ann,CN=lost,{ou.dn}", f"there is no CN=lost,{ou.dn}"),
        ("CN=ann,OU=lost,DC=other,DC=example", f"not in {ou.server.base}"),
    ):
        outcome = one(made, create(1, person(ou, dn=dn)))
        assert outcome.result is Result.REJECTED
        assert told in outcome.reason
