"""The Active Directory connector on a Samba domain: what it changes, members among it, and deletes."""

from __future__ import annotations

from typing import Any

from muster.model.changes import Action, Change, EdgeChange, Result
from muster.model.secrets import Secret
from tests.connectors.domains import (
    GROUP,
    PASSWORD,
    USER,
    Ou,
    by_dn,
    create,
    edges,
    may_log_in,
    members,
    one,
    pages,
    person,
    update,
)
from tests.connectors.sessions import written

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


def test_two_people_swap_their_names(ou: Ou) -> None:
    ou.user("ann")
    ou.user("bert")
    anchors = {dn: one.anchor for dn, one in by_dn(pages(ou.connector())).items()}
    ann, bert = f"CN=ann,{ou.dn}", f"CN=bert,{ou.dn}"
    outcomes = written(
        ou.connector(), update(anchors[ann], {"dn": bert}, key=1), update(anchors[bert], {"dn": ann}, key=2)
    )
    assert {one.result for one in outcomes.values()} == {Result.DONE}
    assert {dn: one.anchor for dn, one in by_dn(pages(ou.connector())).items()} == {
        ann: anchors[bert],
        bert: anchors[ann],
    }


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
