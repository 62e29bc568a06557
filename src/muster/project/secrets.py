"""`${secret:NAME}`: where secrets are looked up, and how they get into settings."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from muster.model.errors import ProjectError
from muster.model.secrets import Secret

PLACEHOLDER: Final = re.compile(r"\$\{secret:([^{}]*)\}")
_ANY: Final = re.compile(r"\$\{[A-Za-z_][^{}]*\}")
DEFAULT_FOLDER: Final = "/run/secrets"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

Lookup = Callable[[str], str]


def placeholders(value: object) -> list[str]:
    """The names of all secrets that a tree of settings asks for, in order, each once."""
    if isinstance(value, str):
        return list(dict.fromkeys(PLACEHOLDER.findall(value)))
    children: list[object] = []
    if isinstance(value, Mapping):
        children = list(value.values())
    elif isinstance(value, list | tuple):
        children = list(value)
    return list(dict.fromkeys(name for child in children for name in placeholders(child)))


def other_placeholders(text: str) -> list[str]:
    """What looks like a placeholder and is none: `${PASSWORD}`, `${secert:name}`."""
    return [found for found in _ANY.findall(text) if not found.startswith("${secret:")]


def resolve(value: Any, lookup: Lookup) -> Any:
    """The same tree; every text with a placeholder is a `Secret` of the whole text. Raises what `lookup` raises."""
    if isinstance(value, str):
        if PLACEHOLDER.search(value) is None:
            return value
        return Secret(PLACEHOLDER.sub(lambda match: lookup(match[1]), value))
    if isinstance(value, Mapping):
        return {key: resolve(item, lookup) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [resolve(item, lookup) for item in value]
    return value


def unresolved(value: Any) -> Any:
    """The same tree with each placeholder as a `Secret` of itself: enough to hold settings against their model."""
    return resolve(value, placeholder)


def placeholder(name: str) -> str:
    """The text that stands for a secret, in its place."""
    return f"${{secret:{name}}}"


def valid_name(name: str) -> bool:
    """Letters, digits, dots, dashes and underscores: a name that can be a file's."""
    return _NAME.fullmatch(name) is not None


def variable(name: str) -> str:
    """The environment variable that holds the secret beside one of its own name."""
    return "MUSTER_SECRET_" + re.sub(r"[^A-Za-z0-9]", "_", name).upper()


@dataclass(frozen=True, slots=True)
class SecretStore:
    """Looks in the environment, then in secrets folders, then in the operating system's keyring (service `muster`)."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def folders(self) -> list[Path]:
        """The folders with one file a secret: MUSTER_SECRETS_DIR, else /run/secrets; then that of systemd."""
        own = self.environment.get("MUSTER_SECRETS_DIR") or DEFAULT_FOLDER
        systemd = self.environment.get("CREDENTIALS_DIRECTORY")
        return [Path(name) for name in (own, systemd) if name]

    def __call__(self, name: str) -> str:
        """The secret's text. Raises `ProjectError` that says where it was looked for."""
        if not valid_name(name):
            raise ProjectError(
                f"${{secret:{name}}} is no name for a secret: use letters, digits, dots, dashes and underscores."
            )
        for key in (name, variable(name)):
            if key in self.environment:
                return self.environment[key]
        for folder in self.folders():
            if (found := self._from_file(folder / name, name)) is not None:
                return found
        if (found := _from_keyring(name)) is not None:
            return found
        places = ", ".join(str(folder / name) for folder in self.folders())
        plural = "s" if len(self.folders()) > 1 else ""
        raise ProjectError(
            f"The secret {name!r} is not set. Looked for the environment variables {name} and {variable(name)}, "
            f"the file{plural} {places}, and the entry {name!r} of service 'muster' in the system's keyring"
            f"{'' if _keyring() else ' (the package `keyring` is not installed)'}. Set one of them."
        )

    @staticmethod
    def _from_file(path: Path, name: str) -> str | None:
        try:
            text = path.read_bytes().decode("utf-8")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise ProjectError(f"The secret {name!r} cannot be read from {path}: {error.strerror}.") from None
        except UnicodeDecodeError:
            raise ProjectError(f"The secret {name!r} in {path} is not UTF-8 text.") from None
        return text[:-2] if text.endswith("\r\n") else text.removesuffix("\n")


def _keyring() -> Any:
    """The optional package, or None."""
    try:
        return importlib.import_module("keyring")
    except ImportError:
        return None


def _from_keyring(name: str) -> str | None:
    keyring = _keyring()
    if keyring is None:
        return None
    try:
        found = keyring.get_password("muster", name)
    except keyring.errors.KeyringError:
        return None  # no keyring on this machine, or a locked one: as if it held nothing
    return found if isinstance(found, str) else None
