"""Guests: people of other organisations, invited by mail address."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from muster.directory.addresses import check_mail
from muster.directory.documents import new_document
from muster.directory.errors import Invalid, Taken, no_such
from muster.directory.keys import fold
from muster.directory.objects import Entry, change, create, find, having
from muster.directory.schema.kinds import SCHEMAS, Kind
from muster.directory.schema.property import Property, Type, text
from muster.directory.values import kept
from muster.directory.work import Work

_USER: Final = SCHEMAS[Kind.USER]
PENDING: Final = "PendingAcceptance"
ACCEPTED: Final = "Accepted"
_EXTERNAL: Final = "#EXT#@"
_LONGEST_LOCAL: Final = 64
_ADDRESS: Final = text("invitedUserEmailAddress", 250)
_REDIRECT: Final = text("inviteRedirectUrl", 2048)
_NAME: Final = text("invitedUserDisplayName", 256)
_AGAIN: Final = Property("invitedUser/id", Type.GUID)


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation: whom, and the ticket that makes them somebody who has accepted it. Only its hash is kept."""

    user: Entry
    ticket: str
    redirect: str
    status: str


def invite(work: Work, body: Mapping[str, Any]) -> Invitation:
    """Invite somebody: a new guest, or again one who is there already. Raises `Invalid`, `Taken`."""
    address, redirect = _needed(body, _ADDRESS), _needed(body, _REDIRECT)
    check_mail(address, "invitedUserEmailAddress")
    if not redirect.startswith(("https://", "http://")):
        raise Invalid("inviteRedirectUrl must be an http or https address.", "inviteRedirectUrl")
    kind = "Guest" if body.get("invitedUserType") is None else body["invitedUserType"]
    if kind not in ("Guest", "Member"):
        raise Invalid(
            "Invalid value specified for property 'invitedUserType'. Possible values: Guest, Member.", "invitedUserType"
        )
    user = _invited(work, body, address, kind)
    ticket = secrets.token_urlsafe(32)
    work.session.run("DELETE FROM dir_invitation WHERE object = ?", user.id)
    work.session.run(
        "INSERT INTO dir_invitation (ticket, object, redirect, created) VALUES (?, ?, ?, ?)",
        *(_hash(ticket), user.id, redirect, work.now),
    )
    accepted = user.doc.get("externalUserState") == ACCEPTED
    return Invitation(user, ticket, redirect, "Completed" if accepted else PENDING)


def _invited(work: Work, body: Mapping[str, Any], address: str, kind: str) -> Entry:
    again = kept((body.get("invitedUser") or {}).get("id"), _AGAIN)
    known = find(work, again, (Kind.USER,)) if again else having(work, _USER, "mail", address)
    if known is None:
        return _new_guest(work, body, address, kind)
    if "externalUserState" not in known.doc:
        raise Invalid(
            f"The invited user already exists in the directory as object ID: {known.guid}. They can use that account "
            "to sign in to shared apps and resources.",
            "invitedUserEmailAddress",
        )
    if body.get("resetRedemption"):
        return change(
            work,
            known,
            {**known.doc, **_addressed(address), **_state(work, PENDING)},
        )
    return known


def _new_guest(work: Work, body: Mapping[str, Any], address: str, kind: str) -> Entry:
    given = {name: value for name, value in (body.get("invitedUser") or {}).items() if name != "id"}
    doc = new_document(work, _USER, given)
    doc.update(
        {
            "accountEnabled": True,
            "displayName": kept(body.get(_NAME.name), _NAME) or doc.get("displayName") or address.partition("@")[0],
            "userType": kind,
            "creationType": "Invitation",
            **_addressed(address),
            **_state(work, PENDING),
        }
    )
    name = sign_in_name(address)
    for number in range(2, 100):
        doc["userPrincipalName"] = f"{name}{_EXTERNAL}{work.tenant.domain}"
        doc["mailNickname"] = f"{name}{_EXTERNAL[:-1]}"[:_LONGEST_LOCAL]
        try:
            return create(work, Kind.USER, doc)
        except Taken as taken:
            if taken.target != "userPrincipalName":
                raise
            name = f"{sign_in_name(address)[: _LONGEST_LOCAL - 9]}{number}"
    raise Taken("userPrincipalName")


def sign_in_name(address: str) -> str:
    """The part of a guest's userPrincipalName before `#EXT#`: the address with `_` for `@`, as far as it may be."""
    text = "".join(one if one.isalnum() or one in "._-" else "_" for one in address)
    return text[: _LONGEST_LOCAL - len(_EXTERNAL) + 1]


def accept(work: Work, ticket: str) -> tuple[Entry, str]:
    """The invited user has accepted; the user, and where to go now. Raises `NotFound` for an unknown ticket."""
    row = work.session.one("SELECT object, redirect FROM dir_invitation WHERE ticket = ?", _hash(ticket))
    guid = work.session.value("SELECT guid FROM dir_object WHERE id = ? AND state = 0", row[0]) if row else None
    if row is None or guid is None:
        raise no_such("invitation")
    work.session.run("DELETE FROM dir_invitation WHERE ticket = ?", _hash(ticket))
    user = find(work, guid)
    return change(work, user, {**user.doc, **_state(work, ACCEPTED)}), row[1]


def known_ticket(work: Work, ticket: str) -> bool:
    """Whether a ticket can still be used."""
    return work.session.one("SELECT 1 FROM dir_invitation WHERE ticket = ?", _hash(ticket)) is not None


def _state(work: Work, state: str) -> dict[str, str]:
    return {"externalUserState": state, "externalUserStateChangeDateTime": work.instant}


def _addressed(address: str) -> dict[str, Any]:
    return {
        "mail": address,
        "proxyAddresses": [f"SMTP:{address}"],
        "otherMails": [address],
        "identities": [{"signInType": "federated", "issuer": "mail", "issuerAssignedId": fold(address)}],
    }


def _needed(body: Mapping[str, Any], one: Property) -> str:
    value = kept(body.get(one.name), one)
    if value is None:
        raise Invalid(f"A value is required for property '{one.name}' of resource 'Invitation'.", one.name)
    return str(value)


def _hash(ticket: str) -> bytes:
    return hashlib.sha256(ticket.encode()).digest()
