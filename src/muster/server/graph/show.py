"""Objects of the directory → JSON as Graph shows them. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from muster.directory.keys import is_extension
from muster.directory.objects import Entry, State
from muster.directory.schema.kinds import SCHEMAS, Kind, Schema
from muster.directory.work import instant
from muster.server.graph.errors import bad_request

EMPTY: Final[Mapping[Kind, Mapping[str, Any]]] = {
    Kind.USER: {
        "assignedPlans": [],
        "provisionedPlans": [],
        "licenseAssignmentStates": [],
        "onPremisesProvisioningErrors": [],
        "serviceProvisioningErrors": [],
        "isManagementRestricted": None,
        "isResourceAccount": None,
        "legalAgeGroupClassification": None,
        "signInActivity": None,
    },
    Kind.GROUP: {
        "assignedLabels": [],
        "assignedLicenses": [],
        "isManagementRestricted": None,
        "onPremisesProvisioningErrors": [],
        "serviceProvisioningErrors": [],
    },
    Kind.DEVICE: {"isManagementRestricted": None},
    Kind.CONTACT: {"onPremisesProvisioningErrors": [], "serviceProvisioningErrors": []},
}
"""Properties that Graph has and the directory leaves empty."""


_MADE: Final = frozenset(
    {
        *("id", "deletedDateTime", "securityIdentifier", "passwordProfile"),
        *("onPremisesExtensionAttributes", "extensionAttributes"),
    }
)
"""Properties that are not simply what the document holds."""


def shown(entry: Entry, names: Sequence[str] | None, *, typed: bool = False) -> dict[str, Any]:
    """The object with these properties, or those that are shown without being asked for.

    `typed`: with its type, where a list holds objects of several kinds.
    """
    schema = entry.schema
    found: dict[str, Any] = {"@odata.type": schema.odata_type} if typed else {}
    doc = entry.doc
    empty = EMPTY[entry.kind]
    for name in names if names is not None else schema.shown:
        if name not in _MADE:
            value = doc.get(name)
            if value is None:
                one = schema.properties.get(name)
                if one is None and name not in empty:
                    continue
                value = empty.get(name) if one is None else one.blank
            found[name] = value
            continue
        match name:
            case "id":
                found["id"] = entry.guid
            case "deletedDateTime":
                deleted = entry.state is State.DELETED and entry.deleted is not None
                found[name] = instant(entry.deleted or 0) if deleted else None
            case "securityIdentifier":
                found[name] = security_identifier(entry.guid)
            case "onPremisesExtensionAttributes" | "extensionAttributes":
                if name in schema.properties:
                    found[name] = _all_parts(schema, name, doc.get(name))
            case "passwordProfile":
                if name in schema.properties:
                    found[name] = {**doc[name], "password": None} if name in doc else None
    return found


def _all_parts(schema: Schema, name: str, value: Mapping[str, Any] | None) -> dict[str, Any]:
    """A complex value with those of its parts, too, that are empty."""
    return {part.name: (value or {}).get(part.name) for part in schema.properties[name].parts}


def security_identifier(guid: str) -> str:
    """The SID that Entra ID derives from an object's id: its four little-endian words after S-1-12-1."""
    data = uuid.UUID(guid).bytes_le
    return "S-1-12-1-" + "-".join(str(int.from_bytes(data[at : at + 4], "little")) for at in range(0, 16, 4))


def selected(schemas: Sequence[Schema], names: Sequence[str] | None) -> tuple[str, ...] | None:
    """The properties of a `$select` by their own names. Raises `GraphError` for one that none of the kinds has."""
    if names is None:
        return None
    found: list[str] = []
    for name in names:
        canonical = next((known for known in (_known(schema, name) for schema in schemas) if known), None)
        if canonical is None:
            raise bad_request(
                f"Parsing OData Select and Expand failed: Could not find a property named '{name[:100]}' on type "
                f"'microsoft.graph.{schemas[0].name if len(schemas) == 1 else 'directoryObject'}'."
            )
        if canonical not in found:
            found.append(canonical)
    return tuple(found)


def _known(schema: Schema, name: str) -> str | None:
    if is_extension(name):
        return name
    return schema.canonical(name.split("/")[0]) or next(
        (known for known in EMPTY[schema.kind] if known.lower() == name.lower()), None
    )


ALL: Final = tuple(SCHEMAS.values())
"""Every kind: what a list of directory objects may hold."""
