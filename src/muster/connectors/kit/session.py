"""What connectors share that keep one open session: their settings, and the session between enter and exit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Generic, Protocol, Self, TypeVar, cast

from muster.connectors.kit.contract import ConnectorSpec, Settings
from muster.model.errors import ProjectError, Unreachable


class Closing(Protocol):
    """A session that can be ended."""

    def close(self) -> None:
        """End it; never raises."""


class Opening(Closing, Protocol):
    """A session that is made first and begun then."""

    def open(self) -> None:
        """Begin it. Raises `Unreachable` or `AuthFailed`."""


SettingsT = TypeVar("SettingsT", bound=Settings)
ObjectT = TypeVar("ObjectT", bound=Settings)
SessionT = TypeVar("SessionT", bound=Closing)
OpeningT = TypeVar("OpeningT", bound=Opening)


def opened(session: OpeningT) -> OpeningT:
    """The session, begun. What `open` raises leaves nothing open."""
    try:
        session.open()
    except BaseException:
        session.close()
        raise
    return session


class SessionConnector(ABC, Generic[SettingsT, ObjectT, SessionT]):
    """The beginning of a connector: everything of the contract that is not about its protocol."""

    spec: ClassVar[ConnectorSpec]

    def __init__(self, system: str, settings: Settings, objects: Mapping[str, Settings], folder: Path) -> None:
        if not isinstance(settings, self.spec.settings):
            raise ProjectError(f"{system}: expected {self.spec.name} settings, found {type(settings).__name__}.")
        self.system = system
        self._settings = cast("SettingsT", settings)
        kind = self.spec.object_settings
        self._objects = {name: cast("ObjectT", one) for name, one in objects.items() if isinstance(one, kind)}
        self._folder = folder
        self._open: SessionT | None = None

    def __enter__(self) -> Self:
        self._open = self._connected()
        return self

    def __exit__(self, *exc: object) -> None:
        session, self._open = self._open, None
        if session is not None:
            session.close()

    @abstractmethod
    def _connected(self) -> SessionT:
        """A new session. Raises `Unreachable` or `AuthFailed`, and leaves nothing open then."""

    @property
    def _session(self) -> SessionT:
        if self._open is None:
            raise Unreachable(f"{self.system}: not connected.")
        return self._open
