"""Finding a connector by name: those that Muster ships, and those of installed packages.

A shipped connector is imported when it is asked for, so that a command that needs none loads no driver.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Final, cast

from muster.connectors.kit.contract import Connector, ConnectorSpec
from muster.model.errors import ProjectError

GROUP: Final = "muster.connectors"
"""The entry-point group in which a package names its connectors."""

_SHIPPED: Final[Mapping[str, str]] = {
    "active_directory": "muster.connectors.active_directory:ActiveDirectoryConnector",
    "flatfile": "muster.connectors.flatfile:FlatFileConnector",
    "graph": "muster.connectors.graph:GraphConnector",
    "ldap": "muster.connectors.ldap:LdapConnector",
    "memory": "muster.connectors.kit.memory:MemoryConnector",
    "rest": "muster.connectors.rest:RestConnector",
    "scim": "muster.connectors.scim:ScimConnector",
    "script": "muster.connectors.script:ScriptConnector",
    "soap": "muster.connectors.soap:SoapConnector",
    "sql": "muster.connectors.sql:SqlConnector",
}


def connector_names() -> list[str]:
    """The names of all connectors that can be used, in alphabetical order."""
    return sorted({*_SHIPPED, *_installed()})


def connector_class(name: str) -> type[Connector]:
    """The connector of that name.

    Raises `ProjectError` when there is none, naming the nearest, and when a package's connector cannot be loaded.
    """
    installed = _installed()
    if name in _SHIPPED:
        module, _, attribute = _SHIPPED[name].partition(":")
        found = getattr(importlib.import_module(module), attribute)
    elif name in installed:
        found = _loaded(installed[name])
    else:
        names = connector_names()
        near = difflib.get_close_matches(name.lower(), names, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ProjectError(f"There is no connector {name!r}.{hint} Known: {', '.join(names)}.")
    if not isinstance(getattr(found, "spec", None), ConnectorSpec):
        raise ProjectError(f"The connector {name!r} has no `spec`: {found!r} is not a connector.")
    return cast("type[Connector]", found)


@cache
def _installed() -> dict[str, EntryPoint]:
    """Looked up once: every installed package's folder is read for it. What comes later, the next process finds."""
    return {point.name: point for point in entry_points(group=GROUP)}


def _loaded(point: EntryPoint) -> object:
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        raise ProjectError(
            f"The connector {point.name!r} ({point.value}) cannot be loaded: {error}. Reinstall its package."
        ) from error
