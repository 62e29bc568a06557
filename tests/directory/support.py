"""People and groups for the directory's tests, and a clock that is set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from muster.directory.directory import Directory
from muster.directory.groups import create_group
from muster.directory.objects import Entry, find
from muster.directory.users import create_user

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PASSWORD = "Wd4-kettle-Tulip"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def forward(self, **delta: float) -> None:
        self.time += timedelta(**delta)


def person(name: str, **more: Any) -> dict[str, Any]:
    """The body of a POST of a user; None leaves a property out."""
    alias = name.lower().replace(" ", ".")
    body = {
        "accountEnabled": True,
        "displayName": name,
        "mailNickname": alias,
        "userPrincipalName": f"{alias}@acme.example",
        "passwordProfile": {"password": PASSWORD},
        **more,
    }
    return {key: value for key, value in body.items() if value is not None}


def synced(name: str, **more: Any) -> dict[str, Any]:
    """The body of a user that comes from on premises."""
    theirs = {"passwordProfile": None, "onPremisesSyncEnabled": True, "onPremisesImmutableId": f"immutable-{name}"}
    return person(name, **{**theirs, **more})


def security(name: str, **more: Any) -> dict[str, Any]:
    """The body of a security group."""
    alias = name.lower().replace(" ", "-")
    return {"displayName": name, "mailEnabled": False, "mailNickname": alias, "securityEnabled": True} | more


def unified(name: str, **more: Any) -> dict[str, Any]:
    """The body of a Microsoft 365 group."""
    return security(name, **{"mailEnabled": True, "securityEnabled": False, "groupTypes": ["Unified"]} | more)


def device(name: str, number: int = 1, **more: Any) -> dict[str, Any]:
    """The body of a device."""
    return {
        "displayName": name,
        "accountEnabled": True,
        "deviceId": f"00000000-0000-4000-8000-{number:012d}",
        "operatingSystem": "Linux",
        "operatingSystemVersion": "6.1",
        "alternativeSecurityIds": [{"type": 2, "key": "QUJD"}],
        **more,
    }


def add_person(directory: Directory, name: str, **more: Any) -> Entry:
    with directory.write() as work:
        return create_user(work, person(name, **more))


def add_group(directory: Directory, name: str, *members: Entry, **more: Any) -> Entry:
    with directory.write() as work:
        return create_group(work, security(name, **more), [one.guid for one in members], [])


def again(directory: Directory, entry: Entry) -> Entry:
    """The object as it is now."""
    with directory.read() as work:
        return find(work, entry.guid)
