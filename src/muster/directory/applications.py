"""Applications that may use the directory: an id, secrets, and what they may do."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from muster.directory.errors import Invalid, NotFound
from muster.directory.hashing import long_hash, salt, same
from muster.directory.permissions import ALL, PERMISSIONS
from muster.directory.values import is_guid
from muster.directory.work import DAY, Work
from muster.store.database import Row

_COLUMNS: Final = "id, object, name, permissions, created"
_YEARS: Final = 2 * 365 * DAY
_MOST_SECRETS: Final = 10


@dataclass(frozen=True, slots=True)
class Application:
    """`id` is what OAuth calls client_id and Graph appId; `object` its id in the directory."""

    id: str
    object: str
    name: str
    permissions: tuple[str, ...]
    created: int


@dataclass(frozen=True, slots=True)
class SecretOf:
    """A secret of an application, without what it says. `hint`: its first three characters."""

    id: str
    hint: str
    created: int
    expires: int


def add_application(work: Work, name: str, permissions: Sequence[str] = ALL) -> Application:
    """A new application, still without a secret. Raises `Invalid`."""
    if not name.strip():
        raise Invalid("An application needs a name.", "name")
    if work.session.one("SELECT 1 FROM dir_application WHERE name = ?", name):
        raise Invalid(f"There is an application {name!r} already.", "name")
    made = Application(str(uuid.uuid4()), str(uuid.uuid4()), name, _known(permissions), work.now)
    work.session.run(
        f"INSERT INTO dir_application ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)",
        *(made.id, made.object, name, orjson.dumps(made.permissions).decode(), work.now),
    )
    return made


def allow(work: Work, application: Application, permissions: Sequence[str]) -> None:
    """Set what an application may do. Raises `Invalid`."""
    work.session.run(
        "UPDATE dir_application SET permissions = ? WHERE id = ?",
        *(orjson.dumps(_known(permissions)).decode(), application.id),
    )


def _known(permissions: Sequence[str]) -> tuple[str, ...]:
    unknown = [one for one in permissions if one not in PERMISSIONS]
    if unknown:
        raise Invalid(f"There is no permission {unknown[0]!r}. Known: {', '.join(sorted(PERMISSIONS))}.", "permission")
    return tuple(sorted(set(permissions)))


def add_secret(work: Work, application: Application, lasts: int = _YEARS) -> tuple[SecretOf, str]:
    """A new secret, and what it says, which is told this once. Earlier ones stay good. Raises `Invalid`."""
    if len(secrets_of(work, application)) >= _MOST_SECRETS:
        raise Invalid(f"{application.name} has {_MOST_SECRETS} secrets: remove one first.", "secret")
    says = secrets.token_urlsafe(30)
    salted = salt()
    made = SecretOf(str(uuid.uuid4()), says[:3], work.now, work.now + lasts)
    work.session.run(
        "INSERT INTO dir_secret (id, application, hint, salt, hash, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?)",
        *(made.id, application.id, made.hint, salted, long_hash(says, salted), made.created, made.expires),
    )
    return made, says


def secrets_of(work: Work, application: Application) -> list[SecretOf]:
    """The secrets of an application, oldest first."""
    rows = work.session.rows(
        "SELECT id, hint, created, expires FROM dir_secret WHERE application = ? ORDER BY created, id", application.id
    )
    return [SecretOf(*row) for row in rows]


def remove_secret(work: Work, application: Application, number: str) -> None:
    """A secret is worth nothing any more. Raises `NotFound`."""
    if not work.session.run("DELETE FROM dir_secret WHERE id = ? AND application = ?", number, application.id):
        raise NotFound(f"{application.name} has no secret {number}.")


def remove_application(work: Work, application: Application) -> None:
    """An application may do nothing any more; what it has written stays."""
    work.session.run("DELETE FROM dir_secret WHERE application = ?", application.id)
    work.session.run("DELETE FROM dir_application WHERE id = ?", application.id)


def applications(work: Work) -> list[Application]:
    """Every application, by name."""
    return [_application(row) for row in work.session.rows(f"SELECT {_COLUMNS} FROM dir_application ORDER BY name")]


def find_application(work: Work, which: str) -> Application:
    """The application with this id, object id or name. Raises `NotFound`."""
    row = work.session.one(
        f"SELECT {_COLUMNS} FROM dir_application WHERE id = ? OR object = ? OR name = ?",
        *(which.lower(), which.lower(), which),
    )
    if row is None:
        raise NotFound(f"There is no application {which!r}.")
    return _application(row)


def find_client(work: Work, number: str) -> Application:
    """The application with this client id, as tokens and those who ask for them name it. Raises `NotFound`."""
    row = (
        work.session.one(f"SELECT {_COLUMNS} FROM dir_application WHERE id = ?", number.lower())
        if is_guid(number)
        else None
    )
    if row is None:
        raise NotFound(f"There is no application {number[:100]!r}.")
    return _application(row)


class SecretRefused(Invalid):
    """The secret is none of the application's, or not any more."""


def prove(work: Work, application: Application, says: str) -> None:
    """The secret is one of the application's, and still good. Raises `SecretRefused`."""
    late = False
    for salted, kept, expires in work.session.rows(
        "SELECT salt, hash, expires FROM dir_secret WHERE application = ?", application.id
    ):
        if same(long_hash(says, bytes(salted)), kept):
            if expires > work.now:
                return
            late = True
    raise SecretRefused("The secret has expired." if late else "The secret is wrong.", "expired" if late else None)


def _application(row: Row) -> Application:
    number, object_, name, permissions, created = row
    return Application(number, object_, name, tuple(orjson.loads(permissions)), created)
