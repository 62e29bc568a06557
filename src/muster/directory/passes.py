"""Temporary access passes: a code with which somebody signs in once, or for some hours, to set up what comes after."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from muster.directory.errors import Invalid, no_such
from muster.directory.hashing import salt, same, short_hash
from muster.directory.objects import Entry
from muster.directory.schema.property import Property, Type
from muster.directory.values import kept
from muster.directory.work import MINUTE, Work, micros
from muster.store.database import Row

_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789+*#%&$@=?"
_LENGTH: Final = 10
_DEFAULT: Final = 60
_SHORTEST: Final = 10
_LONGEST: Final = 43_200
_LATE: Final = 5 * MINUTE
_COLUMNS: Final = "id, object, created, starts, minutes, once, used"
_START: Final = Property("startDateTime", Type.INSTANT)


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass; what it says itself is known only to whom it was given. Instants in microseconds since 1970."""

    id: str
    user: int
    created: int
    starts: int
    minutes: int
    once: bool
    used: int | None

    def reason(self, now: int) -> str:
        """Why it can be used, or not, as Graph names it."""
        if now < self.starts:
            return "NotYetValid"
        if now >= self.starts + self.minutes * MINUTE:
            return "Expired"
        return "OneTimeUsed" if self.once and self.used is not None else "EnabledByPolicy"

    def usable(self, now: int) -> bool:
        """Whether it can be used now."""
        return self.reason(now) == "EnabledByPolicy"


def create_pass(work: Work, user: Entry, body: Mapping[str, Any]) -> tuple[Pass, str]:
    """A new pass and what it says; the one that the user had is worth nothing any more. Raises `Invalid`."""
    unknown = [name for name in body if name not in _FIELDS and not name.startswith("@odata.")]
    if unknown:
        raise Invalid(f"Invalid property '{unknown[0]}'.", unknown[0])
    if user.doc.get("userType") == "Guest":
        raise Invalid("A guest cannot have a temporary access pass.", "userType")
    minutes = body.get("lifetimeInMinutes", _DEFAULT)
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not _SHORTEST <= minutes <= _LONGEST:
        raise Invalid(f"lifetimeInMinutes must be between {_SHORTEST} and {_LONGEST}.", "lifetimeInMinutes")
    once = body.get("isUsableOnce", False)
    if not isinstance(once, bool):
        raise Invalid("isUsableOnce must be true or false.", "isUsableOnce")
    given = kept(body.get("startDateTime"), _START)
    starts = micros(given) if given else work.now
    if starts < work.now - _LATE:
        raise Invalid("startDateTime must not be in the past.", "startDateTime")
    made = Pass(str(uuid.uuid4()), user.id, work.now, starts, minutes, once, None)
    says = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    salted = salt()
    work.session.run("DELETE FROM dir_pass WHERE object = ?", user.id)
    work.session.run(
        "INSERT INTO dir_pass (id, object, salt, hash, created, starts, minutes, once) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        *(made.id, user.id, salted, short_hash(says, salted), made.created, starts, minutes, int(once)),
    )
    return made, says


_FIELDS: Final = ("startDateTime", "lifetimeInMinutes", "isUsableOnce")


def passes(work: Work, user: Entry) -> list[Pass]:
    """The passes of a user, expired ones too."""
    return [_pass(row) for row in work.session.rows(f"SELECT {_COLUMNS} FROM dir_pass WHERE object = ?", user.id)]


def find_pass(work: Work, user: Entry, number: str) -> Pass:
    """One pass of a user. Raises `NotFound`."""
    found = next((one for one in passes(work, user) if one.id == number.lower()), None)
    if found is None:
        raise no_such(number)
    return found


def delete_pass(work: Work, user: Entry, number: str) -> None:
    """Take a pass back. Raises `NotFound`."""
    work.session.run("DELETE FROM dir_pass WHERE id = ?", find_pass(work, user, number).id)


def use_pass(work: Work, user: Entry, says: str) -> bool:
    """Whether what somebody says is a pass of the user that can be used now; a one-time pass is used by that."""
    for one in passes(work, user):
        row = work.session.one("SELECT salt, hash FROM dir_pass WHERE id = ?", one.id)
        if row is not None and one.usable(work.now) and same(short_hash(says, bytes(row[0])), row[1]):
            work.session.run("UPDATE dir_pass SET used = ? WHERE id = ?", work.now, one.id)
            return True
    return False


def _pass(row: Row) -> Pass:
    number, user, created, starts, minutes, once, used = row
    return Pass(number, user, created, starts, minutes, bool(once), used)
