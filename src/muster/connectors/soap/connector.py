"""The SOAP connector: the same declared requests as `rest`, as calls of a service's operations."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, cast

from muster.connectors.kit.contract import Capabilities, ConnectorSpec, Health
from muster.connectors.kit.session import opened
from muster.connectors.rest.asking import Asking
from muster.connectors.rest.declared import DeclaredConnector
from muster.connectors.rest.wire import RestType, rest_type
from muster.connectors.soap.settings import SoapObject, SoapSettings

if TYPE_CHECKING:
    from muster.connectors.soap.session import SoapSession


class SoapConnector(DeclaredConnector[SoapSettings, SoapObject]):
    """An application with a SOAP service whose operations the system file names."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        name="soap",
        settings=SoapSettings,
        object_settings=SoapObject,
        capabilities=Capabilities(reads_changes=True, finds=True, sets_passwords=True, concurrent=True),
        summary="Applications with a SOAP service, described by WSDL.",
    )

    def check(self) -> Health:
        """Whether the WSDL has all operations, and each list can be had."""
        session = cast("SoapSession", self._session)
        missing = [
            f"{name}: {lacking}"
            for name, spec in self._objects.items()
            for one in (spec.read, spec.get, spec.create, spec.update, spec.delete, spec.password)
            if one is not None and (lacking := session.lacking(one.operation))
        ]
        return Health(False, self._place, tuple(missing)) if missing else super().check()

    def _connected(self) -> Asking:
        # zeep takes long to load: not before there is something to be asked, so that settings are checked at once.
        made = importlib.import_module("muster.connectors.soap.session").SoapSession
        return opened(cast("SoapSession", made(self.system, self._settings, self._folder)))

    @property
    def _place(self) -> str:
        return f"SOAP service of {self._settings.wsdl}"

    @cached_property
    def _types(self) -> Mapping[str, RestType]:
        return {name: rest_type(name, spec.declared()) for name, spec in self._objects.items()}
