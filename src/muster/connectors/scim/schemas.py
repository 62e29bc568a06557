"""/Schemas and /ResourceTypes (RFC 7643 sections 6 and 7) → Muster's object schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from muster.connectors.scim import core
from muster.connectors.scim.names import ENTERPRISE, Place, alias_of, place_of
from muster.connectors.scim.settings import ScimObject
from muster.connectors.scim.wire import Dialect, ScimType
from muster.model.errors import ProjectError
from muster.model.schema import ObjectSchema
from muster.model.values import Attribute, Type

_TYPES: Final[Mapping[str, Type]] = {
    "string": Type.TEXT,
    "boolean": Type.BOOLEAN,
    "decimal": Type.DECIMAL,
    "integer": Type.INTEGER,
    "datetime": Type.DATETIME,
    "binary": Type.BINARY,
    "reference": Type.TEXT,
}
_WRITABLE: Final[Mapping[str, str]] = {"readonly": "never", "immutable": "create"}
_KINDS: Final[Mapping[str, Sequence[str]]] = {
    "emails": ("work", "home", "other"),
    "phoneNumbers": ("work", "home", "mobile", "fax", "pager", "other"),
    "ims": ("work", "home", "other"),
    "photos": ("photo", "thumbnail"),
    "addresses": ("work", "home", "other"),
}
"""The types of RFC 7643 section 4.1.2, where the server names none itself."""

_COMMON: Final = (
    Attribute("id", required=True, writable="never", description="The server's own identifier."),
    Attribute("externalId", description="The identifier that the client gave."),
    Attribute("meta.created", Type.DATETIME, writable="never"),
    Attribute("meta.lastModified", Type.DATETIME, writable="never"),
)
_MEMBERS: Final = "members"
_PARTS: Final = frozenset({"value", "type", "display", "primary", "$ref"})
"""What any item may have (RFC 7643 section 2.4)."""


def scim_type(
    system: str,
    name: str,
    settings: ScimObject,
    resource_types: Sequence[Mapping[str, Any]],
    schemas: Sequence[Mapping[str, Any]],
    dialect: Dialect | None = None,
) -> ScimType:
    """One object type of the system file, as the service provider declares its resource type.

    Raises `ProjectError` when there is no such resource type, or an extra attribute is none of it.
    """
    where = f"{system}: object {name!r}"
    resource = next((one for one in resource_types if one.get("name") == settings.resource), None)
    if resource is None:
        known = ", ".join(sorted(str(one.get("name")) for one in resource_types))
        raise ProjectError(f"{where}: the server has no resource type {settings.resource!r}. It has: {known}.")
    by_id = {str(one.get("id")): one for one in schemas}
    core = str(resource.get("schema", ""))
    declared = {("", str(one["name"])): one for one in by_id.get(core, {}).get("attributes", ())}
    for extension in resource.get("schemaExtensions") or ():
        urn = str(extension.get("schema", ""))
        declared.update(((urn, str(one["name"])), one) for one in by_id.get(urn, {}).get("attributes", ()))
    if not declared:
        raise ProjectError(f"{where}: the server's /Schemas does not have {core!r}, the schema of this resource type.")
    attributes = {one.name: one for one in _COMMON}
    places: dict[str, Place] = {one.name: _place(one.name) for one in _COMMON}
    unique: list[str] = []
    hidden: list[str] = []
    on_request: set[str] = set()
    fixed: set[tuple[str, str]] = set()
    for (urn, short), raw in declared.items():
        root = f"{urn}:{short}" if urn else short
        mutability, returned = (str(raw.get(key, "")).lower() for key in ("mutability", "returned"))
        if returned == "request":
            on_request.add(root)
        if mutability == "readonly":
            fixed.add((urn, short))
        if mutability == "writeonly" or returned == "never":
            hidden.append(root.lower())
            continue
        for attribute, place in _flat(urn, raw):
            attributes[attribute.name] = attribute
            places[attribute.name] = place
            alias = alias_of(attribute.name)
            if alias is not None:
                attributes[alias] = _named(attribute, alias)
                places[alias] = place
        if str(raw.get("uniqueness", "none")).lower() in ("server", "global") and not urn:
            unique.append(short)
    for extra in settings.attributes:
        extra_place = place_of(extra)
        found = declared.get((extra_place.extension, extra_place.attribute)) if extra_place is not None else None
        if extra_place is None or found is None:
            raise ProjectError(f"{where}: {extra!r} in `attributes` is no attribute of {settings.resource}.")
        attributes[extra] = _part(extra, found, extra_place.part)
        places[extra] = extra_place
    active = "active" in attributes and attributes["active"].type is Type.BOOLEAN
    if not unique and "displayName" in attributes:
        unique.append("displayName")
    return ScimType(
        name=name,
        schema=ObjectSchema(
            name=name,
            anchor="id",
            attributes=attributes,
            assigned=True,
            can_enable=active,
            paths=_paths(declared),
            apart={"password": "`password:` under `outbound:` sets the first password. Take the flow out"},
            unread=frozenset({"password", *hidden}),
            called=f"resource type {settings.resource}",
            advice="correct the name, or have the server show the schema that has it in /Schemas and, as an extension "
            "of the resource type, in /ResourceTypes",
        ),
        endpoint=str(resource.get("endpoint") or f"/{settings.resource}s"),
        core=core,
        places=places,
        unique=tuple(unique),
        on_request=frozenset(on_request),
        fixed=frozenset(fixed),
        dialect=dialect or Dialect(),
    )


def _paths(declared: Mapping[tuple[str, str], Mapping[str, Any]]) -> str:
    """The regular expression of every path to what is declared: items of any type, and the parts of them.

    The parts that RFC 7643 names are there even where a server does not list them.
    """
    known = {
        ("" if schema["id"] != ENTERPRISE else ENTERPRISE, str(one["name"])): one
        for schema in core.schemas()
        for one in schema["attributes"]
    }
    found: list[str] = []
    for (urn, name), raw in declared.items():
        root = re.escape(f"{urn}:{name}" if urn else name)
        if (alias := alias_of(f"{urn}:{name}")) is not None:
            root = f"(?:{root}|{re.escape(alias)})"
        listed = [*(raw.get("subAttributes") or ()), *known.get((urn, name), {}).get("subAttributes", ())]
        parts = sorted({str(one["name"]) for one in listed} | _PARTS) if listed else ()
        if str(raw.get("type", "string")).lower() == "complex" or parts:
            part = "|".join(map(re.escape, parts)) or r"[\w$-]+"
            root += rf"(?:\[[^\]]*\])?(?:\.(?:{part}))?"
        found.append(root)
    return "|".join(found)


def _flat(urn: str, raw: Mapping[str, Any]) -> Iterator[tuple[Attribute, Place]]:
    """The names under which the values of one declared attribute are known."""
    name = str(raw["name"])
    root = f"{urn}:{name}" if urn else name
    many = bool(raw.get("multiValued"))
    if str(raw.get("type", "string")).lower() != "complex":
        yield _part(root, raw, None), Place(urn, name)
        return
    parts = {str(one["name"]): one for one in raw.get("subAttributes") or ()}
    if "value" in parts:
        kind = Type.REFERENCE if "$ref" in parts else None
        large = name == _MEMBERS and not urn
        yield (_part(root, raw, "value", kind=kind, many=many, large=large), Place(urn, name, part="value"))
    for part in parts:
        if part == "$ref" or (part == "value" and not many):
            continue
        if not many:
            yield _part(f"{root}.{part}", raw, part), Place(urn, name, part=part)
    if many and "type" in parts and "$ref" not in parts:
        kinds = parts["type"].get("canonicalValues") or _KINDS.get(name, ())
        for kind_name in kinds:
            for part in parts:
                if part != "type":
                    place = Place(urn, name, "type", str(kind_name), part)
                    yield _part(place.path, raw, part), place


def _part(
    name: str,
    raw: Mapping[str, Any],
    part: str | None,
    kind: Type | None = None,
    many: bool = False,
    large: bool = False,
) -> Attribute:
    """What is declared of an attribute, or of a part of a complex one."""
    complex_parts = {str(one["name"]): one for one in raw.get("subAttributes") or ()}
    one = complex_parts.get(part, raw) if part else raw
    mutability = str(raw.get("mutability", "readWrite")).lower()
    own = str(one.get("mutability", "readWrite")).lower()
    simple = part is None
    return Attribute(
        name=name,
        type=kind or _TYPES.get(str(one.get("type", "string")).lower(), Type.TEXT),
        many=many or (simple and bool(raw.get("multiValued"))),
        required=simple and bool(raw.get("required")),
        exact=bool(one.get("caseExact")),
        # RFC 7643 section 8.7.1 declares the parts of members immutable: an item is never changed, only replaced.
        writable=_WRITABLE.get(mutability, "always" if many else _WRITABLE.get(own, "always")),
        large=large,
        description=str(one.get("description") or ""),
    )


def _named(attribute: Attribute, name: str) -> Attribute:
    return Attribute(
        name,
        attribute.type,
        attribute.many,
        attribute.required,
        attribute.exact,
        attribute.writable,
        attribute.large,
        attribute.description,
    )


def _place(name: str) -> Place:
    attribute, _, part = name.partition(".")
    return Place("", attribute, part=part or None)
