"""The REST connector: requests of the system file, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

from muster.connectors.kit.contract import Capabilities, ConnectorSpec
from muster.connectors.rest.asking import Asking
from muster.connectors.rest.declared import DeclaredConnector
from muster.connectors.rest.session import Session
from muster.connectors.rest.settings import RestObject, RestSettings
from muster.connectors.rest.wire import RestType, rest_type


class RestConnector(DeclaredConnector[RestSettings, RestObject]):
    """An application with a JSON API whose requests the system file declares."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        name="rest",
        settings=RestSettings,
        object_settings=RestObject,
        capabilities=Capabilities(reads_changes=True, finds=True, sets_passwords=True, concurrent=True),
        summary="Applications with a JSON API over HTTP, declared in YAML alone.",
    )

    def _connected(self) -> Asking:
        return Session(self.system, self._settings, self._folder)

    @property
    def _place(self) -> str:
        return f"REST API at {self._settings.url}"

    @cached_property
    def _types(self) -> Mapping[str, RestType]:
        return {name: rest_type(name, spec) for name, spec in self._objects.items()}
