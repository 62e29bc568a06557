"""Connectors for a project: their models for checking, and open sessions for running."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from muster.connectors.kit.contract import ConnectorSpec
from muster.connectors.kit.guard import Guard
from muster.connectors.kit.registry import connector_class, connector_names
from muster.model.errors import ProjectError
from muster.model.secrets import Secret
from muster.project.configuration import System
from muster.project.secrets import SecretStore, placeholders, resolve


class Catalogue:
    """The settings models of every connector that can be used."""

    def names(self) -> Sequence[str]:
        """Their names."""
        return connector_names()

    def models(self, name: str) -> ConnectorSpec:
        """The models of one of them."""
        return connector_class(name).spec

    def can_enable(self, connector: str, object_settings: Mapping[str, Any]) -> bool | None:
        """Whether objects with these settings have `enabled`: where the model has such a field, when it is set."""
        model = connector_class(connector).spec.object_settings
        if "enabled" not in model.model_fields:
            return None
        return object_settings.get("enabled") is not None


def connect(system: System, folder: Path, secrets: SecretStore) -> Guard:
    """A guarded session with a system, not yet open. Raises `ProjectError` for wrong settings or a missing secret."""
    kind = connector_class(system.connector)
    settings = resolve(dict(system.settings), secrets)
    objects = {name: resolve(dict(given or {}), secrets) for name, given in system.objects.items()}
    try:
        checked = kind.spec.settings.model_validate(settings)
        checked_objects = {name: kind.spec.object_settings.model_validate(given) for name, given in objects.items()}
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ProjectError(f"{system.place.file}: {where}: {first['msg']}") from None
    hidden = [Secret(secrets(name)) for name in placeholders([system.settings, system.objects])]
    return Guard(kind(system.name, checked, checked_objects, folder), system=system.name, secrets=hidden)
