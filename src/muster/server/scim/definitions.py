"""What a schema says of one attribute (RFC 7643 section 7), and what the RFC's own schemas say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from scim2_models import EnterpriseUser, Group, Schema, User

from muster.model.values import Attribute, Type

STANDARD: Final = frozenset({"id", "externalid", "meta", "schemas"})
"""What every resource has besides its schemas' own attributes, in lower case."""

_TYPES: Final = {
    Type.INTEGER: "integer",
    Type.DECIMAL: "decimal",
    Type.BOOLEAN: "boolean",
    Type.DATETIME: "dateTime",
    Type.BINARY: "binary",
}


@dataclass(frozen=True, slots=True)
class Definition:
    """One attribute, or one part of a complex one; `parts` by their names in lower case."""

    name: str
    type: str = "string"
    many: bool = False
    required: bool = False
    exact: bool = False
    mutability: str = "readWrite"
    returned: str = "default"
    uniqueness: str = "none"
    parts: Mapping[str, Definition] = field(default_factory=dict)
    canonical: tuple[str, ...] = ()
    refers: tuple[str, ...] = ()
    description: str = ""

    def document(self) -> dict[str, Any]:
        """As /Schemas shows it."""
        return {
            "name": self.name,
            "type": self.type,
            "multiValued": self.many,
            "description": self.description,
            "required": self.required,
            "caseExact": self.exact,
            "mutability": self.mutability,
            "returned": self.returned,
            "uniqueness": self.uniqueness,
            **({"canonicalValues": list(self.canonical)} if self.canonical else {}),
            **({"referenceTypes": list(self.refers)} if self.refers else {}),
            **({"subAttributes": [one.document() for one in self.parts.values()]} if self.parts else {}),
        }


META: Final = Definition(
    "meta",
    "complex",
    mutability="readOnly",
    parts={
        name.lower(): Definition(name, kind, exact=True, mutability="readOnly")
        for name, kind in (
            ("resourceType", "string"),
            ("created", "dateTime"),
            ("lastModified", "dateTime"),
            ("location", "reference"),
            ("version", "string"),
        )
    },
)
ID: Final = Definition("id", exact=True, mutability="readOnly", returned="always", uniqueness="server")
SCHEMAS: Final = Definition("schemas", "reference", many=True, exact=True, required=True, returned="always")
EXTERNAL_ID: Final = Definition("externalId", exact=True)


@cache
def published() -> Mapping[str, Mapping[str, Definition]]:
    """The attributes of RFC 7643's own schemas, by schema in lower case and by name in lower case."""
    shown = (User.to_schema(), Group.to_schema(), EnterpriseUser.to_schema())
    return {str(schema.id).lower(): _read(schema) for schema in shown}


def standard(schema: str, attribute: str) -> Definition | None:
    """What RFC 7643 says of an attribute of one of its schemas; None for any other."""
    if attribute.lower() == "externalid":
        return EXTERNAL_ID
    return published().get(schema.lower(), {}).get(attribute.lower())


def of_system(name: str, attribute: Attribute, *, many: bool = False) -> Definition:
    """A definition that says of a system's attribute what its own schema says."""
    kind = _TYPES.get(attribute.type, "string")
    mutability = {"always": "readWrite", "create": "immutable"}.get(attribute.writable, "readOnly")
    required = attribute.required and mutability != "readOnly"
    return Definition(name, kind, many, required, attribute.exact, mutability, description=attribute.description or "")


def _read(schema: Schema) -> dict[str, Definition]:
    document = schema.model_dump()
    return {one.name.lower(): one for one in _all(document["attributes"])}


def _all(documents: Iterable[Mapping[str, Any]]) -> Iterable[Definition]:
    for one in documents:
        yield Definition(
            one["name"],
            one.get("type") or "string",
            bool(one.get("multiValued")),
            bool(one.get("required")),
            bool(one.get("caseExact")),
            one.get("mutability") or "readWrite",
            one.get("returned") or "default",
            one.get("uniqueness") or "none",
            {part.name.lower(): part for part in _all(one.get("subAttributes") or ())},
            tuple(one.get("canonicalValues") or ()),
            tuple(one.get("referenceTypes") or ()),
            one.get("description") or "",
        )
