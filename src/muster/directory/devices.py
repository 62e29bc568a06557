"""Devices, and organisational contacts: made and changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from muster.directory.addresses import check_nickname, follow
from muster.directory.documents import changed_document, new_document, require
from muster.directory.edges import Relation, connect, disconnect
from muster.directory.errors import Invalid
from muster.directory.objects import Entry, change, create, find, find_all
from muster.directory.schema.kinds import SCHEMAS, Kind
from muster.directory.users import synchronised
from muster.directory.work import Work

DEVICE: Final = SCHEMAS[Kind.DEVICE]
CONTACT: Final = SCHEMAS[Kind.CONTACT]


def create_device(work: Work, body: Mapping[str, Any]) -> Entry:
    """A new device. Raises `Invalid`, `Taken`."""
    doc = new_document(work, DEVICE, body)
    require(DEVICE, doc, but=("alternativeSecurityIds",) if work.sync else ())
    synchronised(work, doc)
    return create(work, Kind.DEVICE, doc)


def update_device(work: Work, old: Entry, body: Mapping[str, Any]) -> Entry:
    """The device with these values. Raises `Invalid`."""
    doc = changed_document(work, DEVICE, old.doc, body)
    if doc != old.doc:
        synchronised(work, doc)
    return change(work, old, doc)


def add_people(work: Work, relation: Relation, device: Entry, people: Sequence[str]) -> None:
    """Add registered owners or users. Raises `Invalid`, `NotFound`."""
    connect(work, relation, device, find_all(work, people, (Kind.USER,)))


def remove_person(work: Work, relation: Relation, device: Entry, person: str) -> None:
    """Remove a registered owner or user. Raises `NotFound`."""
    disconnect(work, relation, device, find(work, person))


def create_contact(work: Work, body: Mapping[str, Any]) -> Entry:
    """A new organisational contact. Raises `Invalid`, `Taken`."""
    doc = new_document(work, CONTACT, body)
    require(CONTACT, doc)
    synchronised(work, doc)
    _check_contact(doc, {})
    return create(work, Kind.CONTACT, doc)


def update_contact(work: Work, old: Entry, body: Mapping[str, Any]) -> Entry:
    """The contact with these values. Raises `Invalid`, `Taken`."""
    doc = changed_document(work, CONTACT, old.doc, body)
    if doc != old.doc:
        synchronised(work, doc)
    _check_contact(doc, old.doc)
    return change(work, old, doc)


def _check_contact(doc: dict[str, Any], old: Mapping[str, Any]) -> None:
    if doc.get("mailNickname") not in (None, old.get("mailNickname")):
        check_nickname(doc["mailNickname"], "OrgContact")
    follow(doc, old)
    if not doc.get("mail") and not doc.get("proxyAddresses"):
        raise Invalid("A value is required for property 'mail' of resource 'OrgContact'.", "mail")
