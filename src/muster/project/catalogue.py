"""What the project needs to know of connectors; handed in, so that nothing here imports one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pydantic import BaseModel


class CapabilitiesLike(Protocol):
    """The part of a connector's capabilities that a project is checked against."""

    @property
    def reads(self) -> bool:
        """Whether objects can be read."""

    @property
    def writes(self) -> bool:
        """Whether objects can be written."""


class ConnectorModel(Protocol):
    """A connector's settings models (the system's, and one an object type) and its capabilities; a spec is one."""

    @property
    def settings(self) -> type[BaseModel]:
        """What stands under `settings` of a system file."""

    @property
    def object_settings(self) -> type[BaseModel]:
        """What stands under each name of `objects`."""

    @property
    def capabilities(self) -> CapabilitiesLike:
        """What the connector can do."""


class ConnectorModels(Protocol):
    """All connectors that can be used."""

    def names(self) -> Sequence[str]:
        """Their names."""

    def models(self, name: str) -> ConnectorModel:
        """The models of one of them. Raises `ProjectError` when it cannot be loaded."""

    def can_enable(self, connector: str, object_settings: Mapping[str, Any]) -> bool | None:
        """Whether objects with these settings have the attribute `enabled`; None: only the system knows."""
