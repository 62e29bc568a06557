"""Users: made and changed by Entra ID's rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from muster.directory.addresses import check_nickname, check_sign_in_name, follow
from muster.directory.documents import changed_document, new_document, require
from muster.directory.edges import Relation, point
from muster.directory.errors import Invalid
from muster.directory.keys import is_extension
from muster.directory.objects import Entry, change, create, create_all, find
from muster.directory.passwords import take_password
from muster.directory.schema.kinds import SCHEMAS, Kind
from muster.directory.work import Work

USER: Final = SCHEMAS[Kind.USER]
_CLOUD: Final = frozenset(
    {
        *("usageLocation", "employeeHireDate", "employeeLeaveDateTime", "employeeOrgData", "ageGroup"),
        *("consentProvidedForMinor", "passwordPolicies", "passwordProfile", "preferredDataLocation"),
    }
)
"""What the cloud decides of a user that comes from on premises."""


def create_user(work: Work, body: Mapping[str, Any]) -> Entry:
    """A new user of the organisation. Raises `Invalid`, `Taken`."""
    return create(work, Kind.USER, _new(work, body))


def create_users(work: Work, bodies: Iterable[Mapping[str, Any]]) -> list[Entry]:
    """Many new users at once, all or none: much faster than one by one. Raises `Invalid`, `Taken`."""
    return create_all(work, Kind.USER, [_new(work, body) for body in bodies])


def _new(work: Work, body: Mapping[str, Any]) -> dict[str, Any]:
    doc = new_document(work, USER, body)
    require(USER, doc)
    if "password" not in (doc.get("passwordProfile") or {}) and not work.sync:
        raise Invalid("A value is required for property 'passwordProfile' of resource 'User'.", "passwordProfile")
    doc.setdefault("userType", "Member")
    synchronised(work, doc)
    _check(work, doc, {})
    return doc


def update_user(work: Work, old: Entry, body: Mapping[str, Any]) -> Entry:
    """The user with these values. Raises `Invalid`, `Taken`."""
    doc = changed_document(work, USER, old.doc, body)
    keep_mastery(work, old, {name for name in body if name not in _CLOUD and not is_extension(name)})
    if doc != old.doc:
        synchronised(work, doc)
    _check(work, doc, old.doc)
    return change(work, old, doc)


def _check(work: Work, doc: dict[str, Any], old: Mapping[str, Any]) -> None:
    """What holds between the values of a user."""
    if doc.get("userPrincipalName") != old.get("userPrincipalName"):
        check_sign_in_name(doc["userPrincipalName"], work.tenant)
    if doc.get("mailNickname") != old.get("mailNickname"):
        check_nickname(doc["mailNickname"], "User")
    follow(doc, old)
    take_password(doc, work.instant)


def set_manager(work: Work, user: Entry, manager: str | None) -> None:
    """Make somebody the manager of a user, or nobody. Raises `Invalid`, `NotFound`."""
    keep_mastery(work, user, {"manager"})
    found = find(work, manager, (Kind.USER, Kind.CONTACT)) if manager is not None else None
    if found is not None and found.id == user.id:
        raise Invalid("A user cannot be their own manager.", "manager")
    point(work, Relation.MANAGER, user, found)


def revoke_sessions(work: Work, user: Entry) -> Entry:
    """Every sign-in before now is worth nothing any more."""
    return change(work, user, {**user.doc, "signInSessionsValidFromDateTime": work.instant})


# --- objects that come from on premises


def synchronised(work: Work, doc: dict[str, Any]) -> None:
    """Say when an object that comes from on premises was last written by synchronisation."""
    if work.sync and doc.get("onPremisesSyncEnabled"):
        doc["onPremisesLastSyncDateTime"] = work.instant


def keep_mastery(work: Work, old: Entry, changed: set[str]) -> None:
    """Raises `Invalid` when somebody other than synchronisation changes what on premises decides."""
    if changed and not work.sync and old.doc.get("onPremisesSyncEnabled"):
        raise Invalid(
            "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects "
            f"currently undergoing migration. ({', '.join(sorted(changed))})",
            min(changed),
        )
