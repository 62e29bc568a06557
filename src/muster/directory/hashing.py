"""Secrets as the tables keep them: by a salted hash, so that who reads the database can sign in as nobody."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

_ROUNDS: Final = 20_000
"""For passes, which are short. Client secrets have 240 random bits: no number of guesses finds one."""


def salt() -> bytes:
    """A new one."""
    return secrets.token_bytes(16)


def long_hash(secret: str, salted: bytes) -> bytes:
    """The hash of a secret that is long and random."""
    return hashlib.sha256(salted + secret.encode()).digest()


def short_hash(secret: str, salted: bytes) -> bytes:
    """The hash of a secret that people can type, made slow to guess."""
    return hashlib.pbkdf2_hmac("sha256", secret.encode(), salted, _ROUNDS)


def same(left: bytes, right: bytes) -> bool:
    """Whether two hashes are equal, in a time that tells nothing."""
    return hmac.compare_digest(left, bytes(right))
