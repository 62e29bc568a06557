"""The agent's own folder: its key, what it was enrolled as, which servers it believes, its secrets."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from muster.agents.keys import AgentKey
from muster.agents.trust import KINDS, PINNED, SYSTEM
from muster.model.errors import ProjectError
from muster.project.secrets import SecretStore
from muster.store.private import write_private

FOLDER: Final = "~/.muster-agent"
_FILE: Final = "agent.json"
_KEY: Final = "key.pem"
_TRUST: Final = "trust.pem"
SECRETS: Final = "secrets"
BINDINGS: Final = "bindings.json"
OWN: Final = (_FILE, _KEY, _TRUST, BINDINGS)
"""The files that are the agent's alone."""


@dataclass(frozen=True, slots=True)
class AgentState:
    """What an agent is. `connectors`: those that it runs, None for any. `trust`: certificates (PEM), see `trust`."""

    folder: Path
    name: str
    group: str
    servers: tuple[str, ...]
    key: AgentKey
    trust_kind: str = SYSTEM
    trust: str = ""
    connectors: tuple[str, ...] | None = None

    def save(self) -> None:
        """Write it down; only this user can read it."""
        write_private(self.folder / _KEY, self.key.pem())
        write_private(self.folder / _TRUST, self.trust.encode("ascii"))
        document = {
            "name": self.name,
            "group": self.group,
            "servers": list(self.servers),
            "trust": self.trust_kind,
            "connectors": None if self.connectors is None else list(self.connectors),
        }
        write_private(self.folder / _FILE, orjson.dumps(document, option=orjson.OPT_INDENT_2))

    def secrets(self) -> SecretStore:
        """Where secrets are looked up: as everywhere, but the folder is `secrets` in the agent's own, unless set."""
        own = {"MUSTER_SECRETS_DIR": str(self.folder / SECRETS)}
        return SecretStore({**own, **os.environ})


def prepared(folder: Path) -> None:
    """The folder is there, nobody else can look into it, and no agent lives in it. Raises `ProjectError`."""
    if (folder / _FILE).exists():
        raise ProjectError(
            f"{folder} is an enrolled agent already. Name another folder with --state, or remove this one first"
        )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / SECRETS).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ProjectError(f"{folder} cannot be made: {error.strerror}. Name another folder with --state") from None


def loaded(folder: Path) -> AgentState:
    """The agent of a folder. Raises `ProjectError`."""
    file = folder / _FILE
    try:
        document = orjson.loads(file.read_bytes())
        key = AgentKey.of((folder / _KEY).read_bytes())
        trust = (folder / _TRUST).read_text("ascii")
    except FileNotFoundError:
        raise ProjectError(
            f"{folder} is no enrolled agent. `muster agent code GROUP` on the server prints the command that enrols "
            "one; where the agent lives in another folder, name it with --state"
        ) from None
    except (OSError, ValueError, TypeError) as error:
        raise ProjectError(f"{folder}: the agent's files cannot be read: {error}. Enrol it again") from None
    return _state(folder, document, key, trust)


def _state(folder: Path, document: Any, key: AgentKey, trust: str) -> AgentState:
    match document:
        case {
            "name": str() as name,
            "group": str() as group,
            "servers": [str(), *_] as servers,
            "trust": str() as kind,
            "connectors": list() | None as connectors,
        } if kind in KINDS:
            allowed = None if connectors is None else tuple(str(one) for one in connectors)
            return AgentState(folder, name, group, tuple(servers), key, kind, trust, allowed)
    raise ProjectError(f"{folder / _FILE} is not what an agent writes down. Enrol it again")


__all__ = ["FOLDER", "PINNED", "AgentState", "loaded", "prepared"]
