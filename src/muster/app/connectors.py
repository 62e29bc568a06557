"""Connectors for a project: their models for checking, and open sessions for running."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from muster.connectors.kit.contract import ConnectorSpec
from muster.connectors.kit.guard import Guard
from muster.connectors.kit.registry import connector_class, connector_names
from muster.connectors.kit.retry import RetryPolicy
from muster.model.errors import ProjectError
from muster.model.secrets import Secret
from muster.project.configuration import Project, System
from muster.project.secrets import SecretStore, placeholder, placeholders, resolve


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


def connect(system: System, project: Project, secrets: SecretStore, retry: RetryPolicy | None = None) -> Guard:
    """A guarded session with a system, not yet open. Raises `ProjectError` for wrong settings or a missing secret.

    A system with agents is reached through them; its secrets are looked up there, and not here.
    """
    kind = connector_class(system.connector)
    lookup = secrets if system.agents is None else placeholder
    settings = resolve(dict(system.settings), lookup)
    objects = {name: resolve(dict(given or {}), lookup) for name, given in system.objects.items()}
    try:
        checked = kind.spec.settings.model_validate(settings)
        checked_objects = {name: kind.spec.object_settings.model_validate(given) for name, given in objects.items()}
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ProjectError(f"{system.place.file}: {where}: {first['msg']}") from None
    if system.agents is not None:
        reaching = importlib.import_module("muster.app.reaching")
        return Guard(reaching.by_agents(system, system.agents, kind, project), system=system.name, retry=retry)
    hidden = [Secret(secrets(name)) for name in placeholders([system.settings, system.objects])]
    return Guard(
        kind(system.name, checked, checked_objects, project.folder), system=system.name, secrets=hidden, retry=retry
    )
