"""Groups: security groups, Microsoft 365 groups and groups that get mail; their members and owners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from muster.directory.addresses import check_nickname, follow
from muster.directory.documents import changed_document, new_document, require
from muster.directory.edges import Relation, check_members, check_owners, connect, disconnect
from muster.directory.errors import Invalid
from muster.directory.objects import Entry, change, create, find, find_all
from muster.directory.schema.kinds import SCHEMAS, Kind
from muster.directory.users import keep_mastery, synchronised
from muster.directory.work import Work

GROUP: Final = SCHEMAS[Kind.GROUP]
UNIFIED: Final = "Unified"
DYNAMIC: Final = "DynamicMembership"
AT_ONCE: Final = 20
"""References that one request may bring."""


def create_group(work: Work, body: Mapping[str, Any], members: Sequence[str], owners: Sequence[str]) -> Entry:
    """A new group with its first members and owners. Raises `Invalid`, `NotFound`, `Taken`."""
    doc = new_document(work, GROUP, body)
    require(GROUP, doc)
    check_nickname(doc["mailNickname"], "Group")
    unified = UNIFIED in (doc.get("groupTypes") or ())
    if unified:
        doc.setdefault("visibility", "Public")
        doc.setdefault("mail", f"{doc['mailNickname']}@{work.tenant.domain}")
    doc.setdefault("renewedDateTime", work.instant)
    synchronised(work, doc)
    _check(work, doc)
    follow(doc, {})
    group = create(work, Kind.GROUP, doc)
    add_references(work, group, members, owners)
    return group


def update_group(work: Work, old: Entry, body: Mapping[str, Any]) -> Entry:
    """The group with these values. Raises `Invalid`, `Taken`."""
    doc = changed_document(work, GROUP, old.doc, body)
    keep_mastery(work, old, set(body))
    if is_unified(old) != (UNIFIED in (doc.get("groupTypes") or ())):
        raise Invalid("A group cannot become, or cease to be, a Microsoft 365 group.", "groupTypes")
    if doc.get("visibility") != old.doc.get("visibility") and "HiddenMembership" in (
        doc.get("visibility"),
        old.doc.get("visibility"),
    ):
        raise Invalid("HiddenMembership can be set only when a group is created.", "visibility")
    if doc["mailNickname"] != old.doc["mailNickname"]:
        check_nickname(doc["mailNickname"], "Group")
    if doc != old.doc:
        synchronised(work, doc)
    _check(work, doc)
    follow(doc, old.doc)
    return change(work, old, doc)


def _check(work: Work, doc: Mapping[str, Any]) -> None:
    """What holds between the values of a group."""
    types = doc.get("groupTypes") or ()
    unknown = [one for one in types if one not in (UNIFIED, DYNAMIC)]
    if unknown:
        raise Invalid(
            f"Invalid value specified for property 'groupTypes' of resource 'Group': {unknown[0]}.", "groupTypes"
        )
    if UNIFIED in types and not doc["mailEnabled"]:
        raise Invalid("A Microsoft 365 group is mail-enabled: set mailEnabled to true.", "mailEnabled")
    if UNIFIED not in types and doc["mailEnabled"] and not work.sync:
        raise Invalid(
            "The service does not currently support writes of mail-enabled groups. Please ensure that the "
            "mail-enablement property is unset and the security-enablement property is set.",
            "mailEnabled",
        )
    if not doc["mailEnabled"] and not doc["securityEnabled"]:
        raise Invalid("A group must be mail-enabled or security-enabled.", "securityEnabled")
    if (DYNAMIC in types) != ("membershipRule" in doc):
        raise Invalid("groupTypes DynamicMembership and membershipRule go together.", "membershipRule")


def is_unified(group: Entry) -> bool:
    """Whether it is a Microsoft 365 group."""
    return UNIFIED in (group.doc.get("groupTypes") or ())


# --- members and owners


def add_references(work: Work, group: Entry, members: Sequence[str], owners: Sequence[str]) -> None:
    """Add members and owners, all or none; both are one request's. Raises `Invalid`, `NotFound`."""
    count = len(members) + len(owners)
    if count > AT_ONCE:
        name = "members" if members else "owners"
        raise Invalid(f"The request brings {count} references; at most {AT_ONCE} are allowed.", name)
    if members:
        found = find_all(work, members)
        _membership(work, group, "members")
        check_members(group, found)
        connect(work, Relation.MEMBERS, group, found)
    if owners:
        found = find_all(work, owners)
        keep_mastery(work, group, {"owners"})
        check_owners(work, group, found)
        connect(work, Relation.OWNERS, group, found)


def add_members(work: Work, group: Entry, members: Sequence[str]) -> None:
    """Add members, all or none. Raises `Invalid`, `NotFound`."""
    add_references(work, group, members, [])


def remove_member(work: Work, group: Entry, member: str) -> None:
    """Remove a member. Raises `NotFound` when it is none."""
    _membership(work, group, "members")
    disconnect(work, Relation.MEMBERS, group, find(work, member))


def add_owners(work: Work, group: Entry, owners: Sequence[str]) -> None:
    """Add owners, all or none. Raises `Invalid`, `NotFound`."""
    add_references(work, group, [], owners)


def remove_owner(work: Work, group: Entry, owner: str) -> None:
    """Remove an owner; a Microsoft 365 group keeps its last one. Raises `Invalid`, `NotFound`."""
    keep_mastery(work, group, {"owners"})
    found = find(work, owner)
    disconnect(work, Relation.OWNERS, group, found)
    if is_unified(group) and not _owned(work, group):
        raise Invalid("The group must have at least one owner, hence this owner cannot be removed.", "owners")


def _owned(work: Work, group: Entry) -> bool:
    return (
        work.session.one(
            "SELECT 1 FROM dir_edge WHERE relation = ? AND owner = ? AND state = 0 LIMIT 1",
            *(int(Relation.OWNERS), group.id),
        )
        is not None
    )


def _membership(work: Work, group: Entry, name: str) -> None:
    keep_mastery(work, group, {name})
    if DYNAMIC in (group.doc.get("groupTypes") or ()):
        raise Invalid("The members of a dynamic group follow its rule; they cannot be added or removed.", name)
