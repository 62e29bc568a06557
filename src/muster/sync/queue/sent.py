"""A change on its way to a system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from muster.model.changes import Action
from muster.model.secrets import Secret


@dataclass(slots=True)
class Sent:
    """A change on its way."""

    id: int
    space: int
    mapping: int
    identity: int
    object: int | None
    action: Action
    anchor: str | None
    payload: dict[str, Any]
    data: bytes
    uid: str
    edges: bool
    kind: str
    password: Secret | None = None
