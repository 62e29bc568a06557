"""The Active Directory connector on a Samba domain: what it writes."""

from __future__ import annotations

from typing import Any

import ldap
import pytest

from muster.model.changes import Action, Change, EdgeChange, Result
from muster.model.secrets import Secret
from muster.model.values import Document
from tests.connectors.domains import PASSWORD, Ou, by_dn, create, edges, members, one, pages, update, written

USER = {"user": {"class": "user"}}
GROUP = {"group": {"class": "group"}}


def person(ou: Ou, name: str = "ann", **changed: Any) -> Document:
    return {"dn": f"CN={name},{ou.dn}", "sAMAccountName": f"{ou.name}{name}", "displayName": name.title(), **changed}


def may_log_in(ou: Ou, name: str, password: Secret) -> bool:
    connection = ldap.initialize(ou.server.url)
    connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(ou.server.certificate))
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    try:
        connection.simple_bind_s(f"{ou.name}{name}@{ou.server.realm}", password.reveal())
    except ldap.INVALID_CREDENTIALS:
        return False
    return True


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


# --- update


def test_a_switch_changes_its_bit_and_no_other(ou: Ou) -> None:
    dn = ou.user("ann")
    ou.set(dn, userAccountControl=str(0x200 | 0x2 | 0x10000 | 0x100000))
    anchor = by_dn(pages(ou.connector()))[dn].anchor
    assert one(ou.connector(), update(anchor, {"enabled": True, "passwordNeverExpires": False})).result is Result.DONE
    assert ou.entry(dn, "userAccountControl") == {"userAccountControl": [str(0x200 | 0x100000)]}


def test_a_switch_that_somebody_else_turns_at_the_same_time_is_not_lost(ou: Ou) -> None:
    dn = ou.user("ann")
    anchor = by_dn(pages(ou.connector()))[dn].anchor
    with ou.connector() as made:
        session = made._domains[0].session
        session.connection = _ChangesFirst(
            session.connection, lambda: ou.set(dn, userAccountControl=str(0x200 | 0x2 | 0x20 | 0x100000))
        )
        (outcome,) = made.write(iter([update(anchor, {"enabled": True})]))
    assert outcome.result is Result.DONE, outcome.reason
    assert ou.entry(dn, "userAccountControl") == {"userAccountControl": [str(0x200 | 0x20 | 0x100000)]}


class _ChangesFirst:
    """A connection on which something happens just before the first modification."""

    def __init__(self, inner: Any, change: Any) -> None:
        self._inner = inner
        self._change = change

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def modify_ext(self, *args: Any) -> Any:
        change, self._change = self._change, lambda: None
        change()
        return self._inner.modify_ext(*args)


def test_an_expiry_date_is_set_and_taken_away(ou: Ou) -> None:
    dn = ou.user("ann")
    anchor = by_dn(pages(ou.connector()))[dn].anchor
    for value, stored in (("2031-05-01T00:00:00Z", "135798336000000000"), (None, "9223372036854775807")):
        assert one(ou.connector(), update(anchor, {"accountExpires": value})).result is Result.DONE
        assert ou.entry(dn, "accountExpires") == {"accountExpires": [stored]}


def test_a_group_changes_its_scope_where_there_is_no_direct_way(ou: Ou) -> None:
    dn = ou.group("g")
    made = ou.connector(GROUP)
    anchor = by_dn(pages(made, None, group=["cn"]))[dn].anchor
    for scope, number in (("domainLocal", "-2147483644"), ("global", "-2147483646"), ("universal", "-2147483640")):
        outcome = one(made, update(anchor, {"groupScope": scope}, "group"))
        assert outcome.result is Result.DONE, outcome.reason
        assert ou.entry(dn, "groupType") == {"groupType": [number]}
    assert one(made, update(anchor, {"groupScope": "galactic"}, "group")).result is Result.REJECTED


def test_an_address_that_is_only_spelled_anew_is_not_lost(ou: Ou) -> None:
    dn = ou.user("ann")
    ou.set(dn, proxyAddresses=["SMTP:old@corp.example", "smtp:new@corp.example"])
    anchor = by_dn(pages(ou.connector()))[dn].anchor
    addresses: dict[str, list[Any]] = {"proxyAddresses": ["smtp:old@corp.example", "SMTP:new@corp.example"]}
    before: dict[str, list[Any]] = {"proxyAddresses": ["SMTP:old@corp.example", "smtp:new@corp.example"]}
    for _ in range(2):
        assert one(ou.connector(), update(anchor, {}, add=addresses, remove=before)).result is Result.DONE
        assert sorted(ou.entry(dn, "proxyAddresses")["proxyAddresses"]) == sorted(map(str, addresses["proxyAddresses"]))


def test_rename_and_move_in_words_where_they_cannot_be(ou: Ou) -> None:
    dn = ou.user("ann")
    ou.user("bert")
    anchor = by_dn(pages(ou.connector()))[dn].anchor
    for there, told in (
        (f"CN=bert,{ou.dn}", "is taken by another object"),
        (f"CN=ann,OU=lost,{ou.dn}", f"there is no OU=lost,{ou.dn}"),
        ("CN=ann,DC=other,DC=example", "it is in another domain"),
        (f"CN={'x' * 65},{ou.dn}", "cn has 65 characters"),
    ):
        outcome = one(ou.connector(), update(anchor, {"dn": there}))
        assert outcome.result is Result.REJECTED
        assert told in outcome.reason


def test_a_login_name_that_is_taken_is_no_success(ou: Ou) -> None:
    dn = ou.user("ann")
    ou.user("bert")
    anchor = by_dn(pages(ou.connector()))[dn].anchor
    outcome = one(ou.connector(), update(anchor, {"sAMAccountName": f"{ou.name}bert"}))
    assert outcome.result is Result.REJECTED
    assert dn in outcome.reason


def test_what_is_not_below_the_base_is_not_written_to(ou: Ou) -> None:
    inside = ou.make_ou(f"OU=in,{ou.dn}")
    anchor = by_dn(pages(ou.connector(), None))  # nothing below the OU yet
    assert not anchor
    dn = ou.user("ann")
    outside = by_dn(pages(ou.connector()))[dn].anchor
    made = ou.connector({"user": {"class": "user", "base": inside}})
    assert one(made, Change(1, "user", Action.DELETE, outside)).result is Result.GONE
    assert ou.entry(dn, "cn") == {"cn": ["ann"]}


# --- passwords, unlocking


def test_a_password_is_set_and_must_be_changed_at_the_first_login(ou: Ou) -> None:
    ou.login("ann")
    dn = f"CN=ann,{ou.dn}"
    anchor = by_dn(pages(ou.connector()))[dn].anchor
    secret = Secret("Another-Pw-2026")
    with ou.connector() as made:
        assert made.set_password("user", anchor, secret, False).result is Result.DONE
        assert may_log_in(ou, "ann", secret)
        assert made.set_password("user", anchor, PASSWORD, True).result is Result.DONE
        assert ou.entry(dn, "pwdLastSet") == {"pwdLastSet": ["0"]}
        refused = made.set_password("user", anchor, Secret("weak"), False)
    assert refused.result is Result.REJECTED
    assert "does not satisfy the domain's policy" in refused.reason


def test_an_update_with_a_password_sets_it_before_it_switches_on(ou: Ou) -> None:
    dn = ou.user("ann")
    ou.set(dn, userAccountControl="514")
    anchor = by_dn(pages(ou.connector()))[dn].anchor
    change = update(anchor, {"enabled": True, "mustChangePassword": False})
    change.password = PASSWORD
    assert one(ou.connector(), change).result is Result.DONE
    assert may_log_in(ou, "ann", PASSWORD)


def test_writing_locked_out_as_false_unlocks(ou: Ou) -> None:
    dn = ou.user("ann")
    ou.set(dn, lockoutTime="134400088091029160")
    anchor = by_dn(pages(ou.connector()))[dn].anchor
    assert one(ou.connector(), update(anchor, {"lockedOut": False})).result is Result.DONE
    assert ou.entry(dn, "lockoutTime") == {"lockoutTime": ["0"]}
    outcome = one(ou.connector(), update(anchor, {"lockedOut": True}))
    assert outcome.result is Result.REJECTED
    assert "write enabled" in outcome.reason


# --- delete


def test_what_belongs_to_an_account_goes_with_it_and_an_ou_stays(ou: Ou) -> None:
    dn = ou.user("ann")
    ou.admin.add_s(f"CN=phones,{dn}", [("objectClass", [b"classStore"])])
    anchor = by_dn(pages(ou.connector()))[dn].anchor
    assert one(ou.connector(), Change(1, "user", Action.DELETE, anchor)).result is Result.DONE
    full = ou.make_ou(f"OU=full,{ou.dn}")
    ou.user("bert", full)
    made = ou.connector({"ou": {"class": "organizationalUnit"}})
    anchor = by_dn(pages(made, None, ou=["ou"]))[full].anchor
    outcome = one(made, Change(1, "ou", Action.DELETE, anchor))
    assert outcome.result is Result.REJECTED
    assert "still has objects below it" in outcome.reason


# --- members


def test_members_are_written_again_without_harm(ou: Ou) -> None:
    names = [ou.contact(f"c{number}") for number in range(30)]
    dn = ou.group("team", names[:10])
    made = ou.connector(GROUP)
    anchor = by_dn(pages(made, None, group=["cn"]))[dn].anchor
    for _ in range(2):
        outcome = one(made, members(anchor, add=names[5:], remove=names[:5]))
        assert outcome.result is Result.DONE, outcome.reason
        assert sorted(ou.entry(dn, "member")["member"]) == sorted(names[5:])


def test_a_member_that_does_not_exist_is_named_and_the_others_are_written(ou: Ou) -> None:
    names = [ou.contact(f"c{number}") for number in range(10)]
    dn = ou.group("team")
    made = ou.connector(GROUP)
    anchor = by_dn(pages(made, None, group=["cn"]))[dn].anchor
    nobody = f"CN=nobody,{ou.dn}"
    outcome = one(made, members(anchor, add=[*names[:5], nobody, *names[5:]]))
    assert outcome.result is Result.REJECTED
    assert nobody in outcome.reason
    assert names[0] not in outcome.reason
    assert sorted(ou.entry(dn, "member")["member"]) == names
    assert one(made, members(anchor, remove=[nobody])).result is Result.DONE, "it is no member now"


def test_a_group_may_contain_itself(ou: Ou) -> None:
    dn = ou.group("team")
    made = ou.connector(GROUP)
    anchor = by_dn(pages(made, None, group=["cn"]))[dn].anchor
    assert one(made, members(anchor, add=[dn])).result is Result.DONE
    assert [part.values for part in edges(pages(made, None, group=["member"]), anchor)] == [[dn]]


def test_whose_primary_group_it_is_is_a_member_already(ou: Ou) -> None:
    ann = ou.user("ann")
    dn = ou.group("staff", [ann])
    ou.set(ann, primaryGroupID=ou.entry(dn, "primaryGroupToken")["primaryGroupToken"][0])
    made = ou.connector({"group": {"class": "group", "primary_group": True}})
    anchor = by_dn(pages(made, None, group=["cn"]))[dn].anchor
    assert one(made, members(anchor, add=[ann])).result is Result.DONE
    outcome = one(made, members(anchor, remove=[ann]))
    assert outcome.result is Result.REJECTED
    assert "primary group" in outcome.reason


def test_a_group_that_went_meanwhile_is_gone(ou: Ou) -> None:
    names = [ou.contact(f"c{number}") for number in range(3)]
    dn = ou.group("team")
    made = ou.connector(GROUP)
    anchor = by_dn(pages(made, None, group=["cn"]))[dn].anchor

    def chunks() -> Any:
        ou.admin.delete_s(dn)
        yield EdgeChange("member", names, [])

    outcome = one(made, Change(1, "group", Action.UPDATE, anchor, edges=chunks()))
    assert outcome.result is Result.GONE


# --- rights


def test_a_write_that_is_not_allowed_says_what_to_grant(ou: Ou) -> None:
    dn = ou.user("ann")
    made = ou.connector(USER, user=ou.login("reader"), password=PASSWORD)
    anchor = by_dn(pages(made))[dn].anchor
    for change in (
        update(anchor, {"displayName": "Ann"}),
        update(anchor, {"enabled": True}),
        create(1, person(ou, "other")),
        Change(1, "user", Action.DELETE, anchor),
    ):
        outcome = one(made, change)
        assert outcome.result is Result.REJECTED
        assert "Grant this login the right to write there" in outcome.reason
