"""A synchronization rule of Entra Connect, whichever file it was read from.

https://learn.microsoft.com/entra/identity/hybrid/connect/concept-azure-ad-connect-sync-declarative-provisioning
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

CLOUD: Final = "b891884f-051e-4a83-95af-2544101c9083"
"""The connector of the cloud directory: its identifier is the same in every installation."""


@dataclass(frozen=True, slots=True)
class RuleFlow:
    """One transformation: Direct (an attribute), Constant or Expression."""

    destination: str
    kind: str
    source: str = ""
    expression: str = ""
    merge: str = "Update"
    once: bool = False


@dataclass(frozen=True, slots=True)
class JoinCondition:
    """An attribute of the object, and the metaverse's attribute that must equal it."""

    connected: str
    metaverse: str
    exact: bool = False


@dataclass(slots=True)
class SyncRule:
    """`scope` and `joins` are groups: any one of them counts, all that stands in one must hold."""

    name: str
    direction: str
    precedence: int
    source_type: str
    target_type: str
    connector: str
    link: str = "Join"
    tag: str = ""
    disabled: bool = False
    password_sync: bool = False
    flows: list[RuleFlow] = field(default_factory=list)
    scope: list[list[dict[str, Any]]] = field(default_factory=list)
    joins: list[list[JoinCondition]] = field(default_factory=list)

    @property
    def inbound(self) -> bool:
        """Whether it reads."""
        return self.direction.lower() == "inbound"

    @property
    def connected_type(self) -> str:
        """The object type in the connected system."""
        return self.source_type if self.inbound else self.target_type

    @property
    def metaverse_type(self) -> str:
        """The object type in the metaverse."""
        return self.target_type if self.inbound else self.source_type


def clause(attribute: str, value: str, operator: str) -> dict[str, Any]:
    """A scope condition as a mapping file has it. Rules say ISBITNOTSET where the documentation says ISNOTBITSET."""
    name = operator.strip().upper()
    found: dict[str, Any] = {"attribute": attribute, "operator": {"ISBITNOTSET": "ISNOTBITSET"}.get(name, name)}
    if name not in {"ISNULL", "ISNOTNULL"}:
        found["value"] = value
    return found


def identifier(text: str) -> str:
    """A GUID without braces, lower-case."""
    return text.strip().strip("{}").lower()
