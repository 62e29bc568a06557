"""Tokens with which clients of the SCIM gateway show who they are. Each is good for one system.

A token is long and random, so that a hash of it needs no salt and no rounds: no number of guesses finds one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from muster.model.errors import ProjectError
from muster.store.database import Session

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_PREFIX: Final = "muster"
_TEXT: Final = re.compile(rf"{_PREFIX}_([0-9a-f]{{12}})_([A-Za-z0-9_-]{{43}})")
_NOBODY: Final = bytes(32)
_COLUMNS: Final = "id, system, name, hash, me, created, expires"


@dataclass(frozen=True, slots=True)
class Token:
    """A token, without what it says. `me`: the id of the resource that `/Me` is for its client."""

    id: str
    system: str
    name: str
    hash: bytes
    me: str | None
    created: int
    expires: int | None


def add_token(
    session: Session, system: str, name: str, *, now: int, expires: int | None, me: str | None
) -> tuple[Token, str]:
    """A new token, and what it says, which is told this once. Raises `ProjectError`."""
    if NAME.fullmatch(name) is None:
        raise ProjectError(f"{name!r} is no name for a token: use up to 63 letters, digits, dots, - and _")
    if session.one("SELECT 1 FROM gateway_token WHERE system = ? AND name = ?", system, name) is not None:
        raise ProjectError(
            f"{system} has a token {name!r} already: choose another name, or first: "
            f"muster gateway token remove {system} {name}"
        )
    number, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    made = Token(number, system, name, _hash(secret), me, now, expires)
    session.insert("gateway_token", tuple(_COLUMNS.split(", ")), [(number, system, name, made.hash, me, now, expires)])
    return made, f"{_PREFIX}_{number}_{secret}"


def remove_token(session: Session, system: str, name: str) -> None:
    """A token is worth nothing any more. Raises `ProjectError` when there is none."""
    if not session.run("DELETE FROM gateway_token WHERE system = ? AND name = ?", system, name):
        raise ProjectError(f"{system} has no token {name!r}. Those there are: muster gateway token list")


def tokens(session: Session) -> list[Token]:
    """Every token, by system and name."""
    rows = session.rows(f"SELECT {_COLUMNS} FROM gateway_token ORDER BY system, name")
    return [Token(number, system, name, bytes(kept), *rest) for number, system, name, kept, *rest in rows]


def proven(known: Mapping[str, Token], text: str, system: str, now: int) -> Token | None:
    """The token that a client shows for a system; None for one of another system, an old one, and what is none.

    How long that takes tells nothing of how much of a token was right.
    """
    found = _TEXT.fullmatch(text)
    token = known.get(found[1]) if found is not None else None
    right = hmac.compare_digest(_hash(found[2]) if found is not None else _NOBODY, token.hash if token else _NOBODY)
    good = token is not None and right and token.system == system
    return token if good and token is not None and (token.expires is None or token.expires > now) else None


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
