"""Access tokens: signed when an application has proved itself, read when it calls (RFC 7519, RS256)."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from muster.directory.applications import Application
from muster.directory.directory import Directory
from muster.directory.signing import public_keys, publish
from muster.model.errors import ProjectError
from muster.store.private import write_private

LIFETIME: Final = 3599
"""Seconds for which a token is good."""
_ALGORITHM: Final = "RS256"
_BITS: Final = 2048
_MOST_KNOWN: Final = 2_000
_LONGEST: Final = 8_192


class TokenRefused(Exception):
    """The token is not one of ours, or no longer good; the message is Graph's."""


@dataclass(frozen=True, slots=True)
class _Known:
    application: str
    expires: float


class Signer:
    """Signs with this server's key; reads what any server of the directory has signed."""

    def __init__(self, directory: Directory, folder: Path) -> None:
        self._directory = directory
        self._key = _private_key(folder / "signing.pem")
        public = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._id = hashlib.sha256(public).hexdigest()[:32]
        self._public: dict[str, RSAPublicKey] = {self._id: self._key.public_key()}
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()
        with directory.write() as work:
            publish(work, self._id, public.decode())

    def token(self, application: Application, audience: str, issuer: str) -> str:
        """An access token for an application."""
        now = int(time.time())
        claims = {
            "aud": audience,
            "iss": issuer,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
            "app_displayname": application.name,
            "appid": application.id,
            "appidacr": "1",
            "idtyp": "app",
            "oid": application.object,
            "roles": list(application.permissions),
            "sub": application.object,
            "tid": self._directory.tenant.id,
            "uti": uuid.uuid4().hex,
            "ver": "1.0",
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM, headers={"kid": self._id})

    def application(self, token: str) -> str:
        """The id of the application that a token was given to. Raises `TokenRefused`."""
        known = self._known.get(token)
        if known is None:
            known = self._verified(token)
            with self._lock:
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known[token] = known
        if known.expires <= time.time():
            raise TokenRefused("Lifetime validation failed, the token is expired.")
        return known.application

    def _verified(self, token: str) -> _Known:
        if len(token) > _LONGEST:
            raise TokenRefused("Access token validation failure. It is too long.")
        try:
            number = jwt.get_unverified_header(token).get("kid")
            key = self._find(number) if isinstance(number, str) else None
            if key is None:
                raise TokenRefused("Access token validation failure. Invalid signature.")
            claims = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                options={"require": ["exp", "appid", "tid"], "verify_aud": False},
            )
        except jwt.ExpiredSignatureError:
            raise TokenRefused("Lifetime validation failed, the token is expired.") from None
        except jwt.PyJWTError:
            raise TokenRefused("Access token validation failure. Invalid signature.") from None
        if claims["tid"] != self._directory.tenant.id:
            raise TokenRefused("Access token validation failure. Invalid tenant.")
        return _Known(str(claims["appid"]), float(claims["exp"]))

    def _find(self, number: str) -> RSAPublicKey | None:
        """The public key with this id; another server may have made it since."""
        if number not in self._public:
            with self._directory.read() as work:
                found = public_keys(work)
            with self._lock:
                for name, text in found.items():
                    key = serialization.load_pem_public_key(text.encode())
                    if isinstance(key, RSAPublicKey):
                        self._public[name] = key
        return self._public.get(number)

    def keys(self) -> list[Mapping[str, Any]]:
        """The public keys as a JWK set holds them (RFC 7517)."""
        with self._directory.read() as work:
            known = public_keys(work)
        found: list[Mapping[str, Any]] = []
        for name, text in known.items():
            key = serialization.load_pem_public_key(text.encode())
            if isinstance(key, RSAPublicKey):
                document = RSAAlgorithm.to_jwk(key, as_dict=True)
                found.append({**document, "kid": name, "use": "sig", "alg": _ALGORITHM})
        return found


def _private_key(path: Path) -> RSAPrivateKey:
    """This server's key, made at the first start. Raises `ProjectError` for a file that is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = generate_private_key(public_exponent=65537, key_size=_BITS)
        data = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_private(path, data)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ProjectError(
            f"{path}: the key that signs tokens cannot be read: {error}. Remove it for a new one"
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise ProjectError(f"{path}: expected an RSA key. Remove the file for a new one")
    return key
