"""Guests, temporary access passes, licences."""

from __future__ import annotations

from typing import Any

import pytest

from muster.directory.directory import Directory
from muster.directory.errors import Invalid, NotFound
from muster.directory.guests import accept, invite, known_ticket, sign_in_name
from muster.directory.licences import assign, set_sku, skus
from muster.directory.lifecycle import delete, purge, restore
from muster.directory.objects import State, find
from muster.directory.passes import create_pass, delete_pass, find_pass, passes, use_pass
from tests.directory.support import Clock, add_person, again


def wanted(address: str, **more: Any) -> dict[str, Any]:
    return {"invitedUserEmailAddress": address, "inviteRedirectUrl": "https://apps.acme.example", **more}


def test_a_guest_is_invited_and_accepts(directory: Directory, clock: Clock) -> None:
    with directory.write() as work:
        invitation = invite(work, wanted("Bob@Fabrikam.example", invitedUserDisplayName="Bob"))
    doc = invitation.user.doc
    assert doc["userPrincipalName"] == "Bob_Fabrikam.example#EXT#@acme.example"
    assert (doc["userType"], doc["creationType"], doc["externalUserState"]) == (
        *("Guest", "Invitation", "PendingAcceptance"),
    )
    assert doc["mail"] == "Bob@Fabrikam.example"
    assert invitation.status == "PendingAcceptance"
    clock.forward(hours=1)
    with directory.write() as work:
        assert known_ticket(work, invitation.ticket)
        user, redirect = accept(work, invitation.ticket)
    assert redirect == "https://apps.acme.example"
    assert user.doc["externalUserState"] == "Accepted"
    assert user.doc["externalUserStateChangeDateTime"] == "2026-03-02T10:00:00Z"
    with pytest.raises(NotFound), directory.write() as work:
        accept(work, invitation.ticket)


def test_the_tables_do_not_hold_the_ticket(lite: Directory) -> None:
    with lite.write() as work:
        ticket = invite(work, wanted("bob@fabrikam.example")).ticket
        assert ticket not in str(work.session.rows("SELECT * FROM dir_invitation"))


def test_who_is_invited_again_is_the_same_guest(lite: Directory) -> None:
    with lite.write() as work:
        first = invite(work, wanted("bob@fabrikam.example"))
        accept(work, first.ticket)
        second = invite(work, wanted("BOB@fabrikam.example"))
        assert (second.user.guid, second.status) == (first.user.guid, "Completed")
        reset = {"invitedUser": {"id": first.user.guid}, "resetRedemption": True}
        third = invite(work, wanted("bob@contoso.example", **reset))
        assert (third.user.guid, third.status) == (first.user.guid, "PendingAcceptance")
        assert third.user.doc["mail"] == "bob@contoso.example"


def test_names_of_guests_that_would_be_the_same_get_a_number(lite: Directory) -> None:
    with lite.write() as work:
        first = invite(work, wanted("bo+b@fabrikam.example"))
        second = invite(work, wanted("bo_b@fabrikam.example"))
    assert first.user.doc["userPrincipalName"] == "bo_b_fabrikam.example#EXT#@acme.example"
    assert second.user.doc["userPrincipalName"] == "bo_b_fabrikam.example2#EXT#@acme.example"
    assert len(sign_in_name("x" * 60 + "@" + "y" * 60) + "#EXT#") <= 64


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "required for property 'invitedUserEmailAddress'"),
        ({"invitedUserEmailAddress": "bob@x.example"}, "'inviteRedirectUrl'"),
        (wanted("bob"), "mail address"),
        ({**wanted("bob@x.example"), "inviteRedirectUrl": "javascript:alert(1)"}, "http or https"),
        (wanted("bob@x.example", invitedUserType="Robot"), "Guest, Member"),
        (wanted("ada@acme.example"), "already exists in the directory as object ID"),
    ],
)
def test_invitations_that_cannot_be(lite: Directory, body: dict[str, Any], words: str) -> None:
    add_person(lite, "Ada", mail="ada@acme.example")
    with pytest.raises(Invalid, match=words), lite.write() as work:
        invite(work, body)


# --- temporary access passes


def test_a_pass_is_good_for_its_time(directory: Directory, clock: Clock) -> None:
    ada = add_person(directory, "Ada")
    with directory.write() as work:
        made, says = create_pass(work, ada, {"lifetimeInMinutes": 60, "startDateTime": "2026-03-02T10:00:00Z"})
        assert says not in str(work.session.rows("SELECT * FROM dir_pass"))
        assert not use_pass(work, ada, says)
        assert made.reason(work.now) == "NotYetValid"
    clock.forward(minutes=61)
    with directory.write() as work:
        assert find_pass(work, ada, made.id).usable(work.now)
        assert use_pass(work, ada, says)
        assert use_pass(work, ada, says)
        assert not use_pass(work, ada, says + "x")
    clock.forward(minutes=60)
    with directory.write() as work:
        assert not use_pass(work, ada, says)
        assert passes(work, ada)[0].reason(work.now) == "Expired"


def test_a_pass_for_once_is_used_once_and_a_new_one_replaces_it(directory: Directory) -> None:
    ada = add_person(directory, "Ada")
    with directory.write() as work:
        made, says = create_pass(work, ada, {"isUsableOnce": True})
        assert (use_pass(work, ada, says), use_pass(work, ada, says)) == (True, False)
        assert find_pass(work, ada, made.id).reason(work.now) == "OneTimeUsed"
        new, _ = create_pass(work, ada, {})
        assert [one.id for one in passes(work, ada)] == [new.id]
        delete_pass(work, ada, new.id)
        assert passes(work, ada) == []


@pytest.mark.parametrize(
    "body",
    [
        *({"lifetimeInMinutes": minutes} for minutes in (9, 43_201, "60", True)),
        {"isUsableOnce": "yes"},
        {"startDateTime": "2026-03-01T00:00:00Z"},
        {"startDateTime": "soon"},
        {"temporaryAccessPass": "12345678"},
    ],
)
def test_passes_that_cannot_be(lite: Directory, body: dict[str, Any]) -> None:
    ada = add_person(lite, "Ada")
    with pytest.raises(Invalid), lite.write() as work:
        create_pass(work, ada, body)


def test_a_guest_gets_no_pass(lite: Directory) -> None:
    with lite.write() as work:
        guest = invite(work, wanted("bob@fabrikam.example")).user
        with pytest.raises(Invalid, match="guest"):
            create_pass(work, guest, {})


# --- licences


def test_licences_are_assigned_as_far_as_there_are_any(directory: Directory) -> None:
    ada, grace = (add_person(directory, name, usageLocation="GB") for name in ("Ada", "Grace"))
    with directory.write() as work:
        sku = set_sku(work, "SUITE", 1, ["MAIL", "CALLS"])
        plan = next(iter(sku.plans))
        assign(work, ada, [{"skuId": sku.id, "disabledPlans": [plan]}], [])
        assert [one.used for one in skus(work)] == [1]
        with pytest.raises(Invalid, match="available licenses"):
            assign(work, grace, [{"skuId": sku.id}], [])
    ada = again(directory, ada)
    assert ada.doc["assignedLicenses"] == [{"skuId": sku.id, "disabledPlans": [plan]}]
    with directory.write() as work:
        assign(work, ada, [], [sku.id])
        assign(work, grace, [{"skuId": sku.id}], [])
    assert "assignedLicenses" not in again(directory, ada).doc
    with pytest.raises(Invalid, match="cannot be fewer"), directory.write() as work:
        set_sku(work, "suite", 0)


def test_the_licences_of_somebody_deleted_are_free(directory: Directory) -> None:
    ada, grace = (add_person(directory, name, usageLocation="GB") for name in ("Ada", "Grace"))
    with directory.write() as work:
        sku = set_sku(work, "SUITE", 1)
        ada = assign(work, ada, [{"skuId": sku.id}], [])
        delete(work, ada)
        assign(work, grace, [{"skuId": sku.id}], [])
        back = restore(work, find(work, ada.guid, state=State.DELETED))
        assert "assignedLicenses" not in back.doc
        assert skus(work)[0].used == 1
        for number in range(2):  # deleted, then gone: given back once
            grace = find(work, grace.guid, state=State(number))
            (delete, purge)[number](work, grace)
            assert skus(work)[0].used == 0


def test_licences_that_cannot_be_assigned(lite: Directory) -> None:
    ada, nowhere = add_person(lite, "Ada", usageLocation="GB"), add_person(lite, "Nowhere")
    with lite.write() as work:
        sku = set_sku(work, "SUITE", 5, ["MAIL"])
        for user, add, remove, words in (
            (nowhere, [{"skuId": sku.id}], [], "usage location"),
            (ada, [{"skuId": ada.guid}], [], "valid company License"),
            (ada, [{"skuId": sku.id, "disabledPlans": [ada.guid]}], [], "not part of"),
            (ada, [], [sku.id], "corresponding license"),
        ):
            with pytest.raises(Invalid, match=words):
                assign(work, user, add, remove)
