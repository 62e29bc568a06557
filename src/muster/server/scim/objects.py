"""Where resources come from and go to: the system itself, or the connector space with the system behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from muster.model.changes import Change, Outcome
from muster.model.objects import ConnectorObject
from muster.model.secrets import Secret
from muster.model.values import Value
from muster.server.scim.resource_type import ResourceType


class Objects(Protocol):
    """The objects of one system, as the gateway uses them. Threads may share it. Raises what ends a session."""

    def types(self) -> Mapping[str, ResourceType]:
        """The resource types by their endpoints in lower case."""

    def get(self, kind: ResourceType, anchor: str) -> ConnectorObject | None:
        """One object, large references left out; None when there is none."""

    def find(self, kind: ResourceType, equal: Mapping[str, Value]) -> list[ConnectorObject]:
        """The objects that have all these values."""

    def find_any(self, kind: ResourceType, attribute: str, values: Sequence[Value]) -> list[ConnectorObject]:
        """The objects that have one of these values."""

    def everything(self, kind: ResourceType, names: Sequence[str]) -> Iterator[ConnectorObject]:
        """All objects with these attributes, large references left out."""

    def references(self, kind: ResourceType, anchor: str, attribute: str) -> Iterator[Sequence[str]]:
        """Every value of a large reference of one object, some at a time."""

    def write(self, change: Change) -> Outcome:
        """Make a change in the system."""

    def set_password(self, kind: ResourceType, anchor: str, password: Secret) -> Outcome:
        """Set a password in the system."""
