"""Attribute names of a source directory, and the names under which an identity holds the same.

The metaverse has Microsoft Graph's names; the provisioning service's directory of the cloud has older ones for some.
https://learn.microsoft.com/entra/identity/app-provisioning/customize-application-attributes
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from muster.migration.entra.schema import AttributeDefinition
from muster.model.values import Attribute, Type

CLOUD: Final = frozenset({"azure active directory", "microsoft entra id", "azure ad", "entra id", "aad"})
"""What the cloud directory is called in schemas, lower-case."""

_CLOUD: Final[Mapping[str, str]] = {
    "objectid": "id",
    "originaluserprincipalname": "userPrincipalName",
    "physicaldeliveryofficename": "officeLocation",
    "mobile": "mobilePhone",
    "facsimiletelephonenumber": "faxNumber",
    "immutableid": "onPremisesImmutableId",
    "dirsyncenabled": "onPremisesSyncEnabled",
    "employeeorgdata.costcenter": "costCenter",
    "employeeorgdata.division": "division",
    "costcenter": "costCenter",
    "alias": "mailNickname",
    "samaccountname": "onPremisesSamAccountName",
    "onpremisessamaccountname": "onPremisesSamAccountName",
    "sn": "surname",
    "l": "city",
    "st": "state",
    "company": "companyName",
    "title": "jobTitle",
}
_PHONE: Final = "telephonenumber"
SOFT_DELETED: Final = "issoftdeleted"

_TYPES: Final[Mapping[str, str]] = {
    "String": "text",
    "Boolean": "boolean",
    "Integer": "integer",
    "DateTime": "datetime",
    "Binary": "binary",
    "Reference": "text",
}
_KINDS: Final[Mapping[str, str]] = {
    "user": "person",
    "worker": "person",
    "person": "person",
    "inetorgperson": "person",
    "employee": "person",
    "group": "group",
    "contact": "contact",
    "device": "device",
}


def kind_of(name: str) -> str:
    """The plain name of a kind of object, lower-case: what stands last in a SCIM schema's URN."""
    return name.rpartition(":")[2].lower()


def identity_of(*names: str) -> str | None:
    """The identity type of objects of such kinds."""
    return next((found for name in names if (found := _KINDS.get(kind_of(name)))), None)


def metaverse_name(name: str) -> str:
    """A name that a metaverse attribute may have: `urn:…:User:name.givenName` is nameGivenName."""
    parts = [part for part in re.split(r"[^A-Za-z0-9_-]+", re.sub(r"^urn:.*:(?=[^:]+$)", "", name)) if part]
    made = "".join([parts[0], *(part[:1].upper() + part[1:] for part in parts[1:])]) if parts else "attribute"
    return made if made[0].isalpha() or made[0] == "_" else f"_{made}"


@dataclass(slots=True)
class Vocabulary:
    """How one kind of object of the source is spoken of over an identity.

    `declared` fills with the attributes that the built-in ones lack, `read` with all that were used: source name by
    identity attribute.
    """

    identity: str
    cloud: bool
    definitions: Mapping[str, AttributeDefinition]
    attributes: Mapping[str, Attribute]
    declared: dict[str, Any] = field(default_factory=dict)
    read: dict[str, str] = field(default_factory=dict)

    def term(self, name: str) -> str:
        """What stands in an expression for the source's attribute."""
        if self.cloud:
            if name.lower() == SOFT_DELETED:
                return "Not([active])"
            if name.lower() == _PHONE and self.identity in {"person", "contact"}:
                self.read["businessPhones"] = name
                return "ItemOrNull([businessPhones], 1)"
        return f"[{self.attribute(name)}]"

    def plain(self, name: str) -> bool:
        """Whether the source's attribute is one attribute of the identity, as it is."""
        return self.term(name).startswith("[")

    def attribute(self, name: str) -> str:
        """The identity's attribute that holds the source's; noted as used, and as to be declared where it is new."""
        found, kind = self._known(name)
        if kind is not None and found not in self.attributes:
            self.declared.setdefault(found, kind)
        self.read[found] = name
        return found

    def known(self, name: str) -> Attribute | None:
        """What the project knows of the identity's attribute."""
        return self.attributes.get(self._known(name)[0])

    def is_reference(self, name: str) -> bool:
        """Whether the source's attribute names other objects."""
        known = self.known(name)
        if self.cloud and known is not None:
            return known.type is Type.REFERENCE
        definition = self.definitions.get(name)
        return definition is not None and definition.type == "Reference"

    def _known(self, name: str) -> tuple[str, Any]:
        """The identity's attribute, and the type to declare it with where the project does not have it."""
        path = name.partition(".")
        if self.cloud:
            own = self._spelled(_CLOUD.get(name.lower(), name))
            if own is not None:
                return own, None
            if path[1] and (first := self._spelled(path[0])) and self.attributes[first].type is Type.REFERENCE:
                return f"{first}.{_CLOUD.get(path[2].lower(), path[2])}", None
            return metaverse_name(name), ["text"] if name == "appRoleAssignments" else self._type(name)
        made = metaverse_name(name)
        built_in = self.attributes.get(made)
        if built_in is None:
            return made, self._type(name)
        kind = self._type(name)
        if ([built_in.type.value] if built_in.many else built_in.type.value) == kind:
            return made, None
        return f"source{made[0].upper()}{made[1:]}", kind

    def _spelled(self, name: str) -> str | None:
        """The attribute in the metaverse's own spelling: the service does not mind capitals, Muster does."""
        if name in self.attributes:
            return name
        return next((known for known in self.attributes if known.lower() == name.lower()), None)

    def _type(self, name: str) -> Any:
        definition = self.definitions.get(name)
        kind = _TYPES.get(definition.type, "text") if definition else "text"
        return [kind] if definition is not None and definition.multivalued else kind
