"""Keys, codes and tickets: made here, and compared with what was kept of them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without those that are taken for another when read aloud."""
_GROUPS: Final = 4
_GROUP: Final = 5
_ENROL: Final = b"muster agent enrols\0"
_PROVE: Final = b"muster agent is here\0"


def new_code() -> str:
    """A code of 100 random bits that a person can copy."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(_GROUPS * _GROUP))
    return "-".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))


def code_hash(code: str) -> str:
    """What is kept of a code, however it was written down."""
    plain = code.strip().upper().replace("-", "").replace(" ", "")
    return digest(plain.replace("O", "0").replace("I", "1").replace("L", "1"))


def digest(token: str) -> str:
    """What is kept of a token. It has more random bits than anybody can try, so it needs no salt."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


class AgentKey:
    """An agent's own key; its private half never leaves the agent's folder."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def new(cls) -> AgentKey:
        """Another key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def of(cls, pem: bytes) -> AgentKey:
        """The key of a file. Raises `ValueError`."""
        key = serialization.load_pem_private_key(pem, None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError("it is a key of another kind")
        return cls(key)

    def pem(self) -> bytes:
        """As the file holds it."""
        form = serialization.PrivateFormat.PKCS8
        return self._key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())

    @property
    def public(self) -> str:
        """The half that the server keeps."""
        return base64.b64encode(self._key.public_key().public_bytes_raw()).decode("ascii")

    def enrols(self, code: str, name: str) -> str:
        """The proof that who enrols has the key."""
        return self._signed(_ENROL + code_hash(code).encode() + name.encode())

    def answers(self, challenge: str, name: str) -> str:
        """The proof that who is here has the key."""
        return self._signed(_PROVE + challenge.encode() + b"\0" + name.encode())

    def _signed(self, message: bytes) -> str:
        return base64.b64encode(self._key.sign(message)).decode("ascii")


def enrols(public: str, proof: str, code: str, name: str) -> bool:
    """Whether the proof of who enrols is right."""
    return _verified(public, proof, _ENROL + code_hash(code).encode() + name.encode())


def answers(public: str, proof: str, challenge: str, name: str) -> bool:
    """Whether the proof of who is here is right."""
    return _verified(public, proof, _PROVE + challenge.encode() + b"\0" + name.encode())


def _verified(public: str, proof: str, message: bytes) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public, validate=True))
        key.verify(base64.b64decode(proof, validate=True), message)
    except (ValueError, binascii.Error, InvalidSignature):
        return False
    return True
