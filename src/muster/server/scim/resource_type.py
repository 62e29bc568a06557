"""A resource type as it is served: its schemas, and how its resources become objects of the system and back. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from muster.expressions import Context, Fault, Signal
from muster.model.objects import ConnectorObject
from muster.model.schema import ObjectSchema
from muster.model.values import Attribute, Document, Value, WrongType, convert
from muster.project.configuration import Located
from muster.server.scim.definitions import EXTERNAL_ID, ID, META, SCHEMAS, Definition
from muster.server.scim.errors import invalid_value
from muster.server.scim.places import LACKING, Line, Referred, Resource

PASSWORD: Final = Definition("password", exact=True, mutability="writeOnly", returned="never")
_COMMON: Final = {"id": ID, "externalid": EXTERNAL_ID, "meta": META, "schemas": SCHEMAS}


@dataclass(frozen=True, slots=True)
class Members:
    """The many-valued reference that a group keeps its members in. `to`: the resource type that they are."""

    name: str
    attribute: Attribute
    to: str


@dataclass(frozen=True, slots=True)
class ResourceType:
    """`core` and `extensions` (by URN): the attributes by their names in lower case.

    `lines` show everything but members and password. `password`: whether one can be set; `hidden`: the system's own
    attribute for it. `prefix`: what comes before an anchor to make an id of it.
    """

    name: str
    endpoint: str
    schema: str
    object: str
    of_system: ObjectSchema
    lines: tuple[Line, ...]
    core: Mapping[str, Definition]
    extensions: Mapping[str, Mapping[str, Definition]]
    values: Mapping[str, Located] = field(default_factory=dict)
    members: Members | None = None
    password: bool = False
    hidden: Line | None = None
    prefix: str = ""

    def id_of(self, anchor: str) -> str:
        """The id of an object's resource."""
        return self.prefix + anchor

    def anchor_of(self, number: str) -> str | None:
        """The anchor of a resource's object; None for what is no id of this type."""
        return number.removeprefix(self.prefix) if number.startswith(self.prefix) else None

    # --- objects → resources

    def shown(self, found: ConnectorObject, base: str) -> Resource:
        """The resource of an object, without members; references still name their targets as the system does."""
        values = found.values
        resource: Resource = {"schemas": [self.schema], "id": self.id_of(found.anchor)}
        for line in self.lines:
            value = values.get(line.name)
            if isinstance(value, list) and not line.attribute.many:
                value = value[0] if value else None
            if value is None or value == []:
                continue
            extension = line.place.extension
            if not extension:
                line.show(resource, value)
                continue
            holder = resource.get(extension)
            if holder is None:
                holder = resource[extension] = {}
                resource["schemas"].append(extension)
            line.show(holder, value)
        resource["meta"] = {
            "resourceType": self.name,
            "location": self.location(base, self.id_of(found.anchor)),
            **resource.get("meta", {}),
        }
        return resource

    def location(self, base: str, number: str) -> str:
        """Where a resource is."""
        return f"{base}/{self.endpoint}/{quote(number, safe='')}"

    def references(self) -> Iterator[Referred]:
        """The lines that name other resources."""
        return (line for line in self.lines if isinstance(line, Referred))

    # --- resources → objects

    def taken(self, resource: Mapping[str, Any]) -> Document:
        """What a resource says of the object, attribute by attribute; what it does not mention is left out.

        Read-only attributes are left out too (RFC 7644 section 3.3). Raises `ScimError`.
        """
        found: Document = {}
        for line in self.lines:
            if line.attribute.writable == "never" or line.place.attribute == "meta":
                continue
            extension = line.place.extension
            holder = resource.get(extension, LACKING) if extension else resource
            if not isinstance(holder, Mapping):
                if holder is None:
                    found[line.name] = None
                elif holder is not LACKING:
                    raise invalid_value(f"{extension}: expected an object.")
                continue
            value = line.taken(holder)
            if value is not LACKING:
                found[line.name] = value  # type: ignore[assignment]
        return found

    def computed(self, document: Document, changed: frozenset[str] | None) -> Document:
        """What the mapping's own expressions say, of all or of what depends on these attributes. Raises `ScimError`."""
        found: Document = {}
        for name, located in self.values.items():
            if changed is not None and not (located.expression.reads & changed):
                continue
            result = located.expression.evaluate(document, Context())
            if isinstance(result, Fault):
                raise invalid_value(f"{name} cannot be worked out ({located.place}): {result.message}.")
            if isinstance(result, Signal):
                continue
            try:
                found[name] = convert(result, self.of_system.attribute(name))
            except WrongType as error:
                raise invalid_value(f"{name} ({located.place}): {error}.") from None
        return found

    # --- its schemas

    def definition(self, extension: str, name: str) -> Definition | None:
        """What is said of an attribute; None where there is none of that name, whatever its case."""
        if extension:
            if extension.lower() == self.schema.lower():
                return self.core.get(name.lower())
            urn = self.extension(extension)
            return self.extensions[urn].get(name.lower()) if urn else None
        return self.core.get(name.lower()) or _COMMON.get(name.lower())

    def extension(self, urn: str) -> str | None:
        """The extension of that URN, whatever its case."""
        return next((one for one in self.extensions if one.lower() == urn.lower()), None)

    def line_at(self, extension: str, attribute: str, part: str | None) -> Line | None:
        """The one line that alone decides about this place: a value can be looked for by it."""
        found = [
            line
            for line in self.lines
            if line.place.extension.lower() == extension.lower()
            and line.place.attribute.lower() == attribute.lower()
            and (line.place.part or "").lower() == (part or "").lower()
        ]
        return found[0] if len(found) == 1 else None

    @property
    def name_line(self) -> Line | None:
        """The line of what nobody else may have: userName."""
        return next((one for one in self.lines if one.place.path == "userName"), None)


def has_value(document: Mapping[str, Value], name: str) -> bool:
    """Whether the attribute has one."""
    return document.get(name) not in (None, [])
