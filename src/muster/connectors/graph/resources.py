"""An object type of a system file: its schema, and where in a resource of Graph each attribute stands. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from muster.connectors.graph import tables
from muster.connectors.graph.settings import Resource
from muster.model.schema import ENABLED, ObjectSchema
from muster.model.values import Attribute, Type, WrongType

ANCHOR: Final = "id"
MANAGER: Final = "manager"
SOURCE_ANCHOR: Final = "onPremisesImmutableId"
ACCOUNT_ENABLED: Final = "accountEnabled"
ABSENT: Final = "absent"
_GUID: Final = "guid"
_LINE: Final = re.compile(
    r"(\w+?)([*!~+^@?#-]*)(?: (\w+))?(?: (?P<property>\w+)(?P<item>\[(?P<key>\w*)\])?/(?P<part>\w+))?"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: a property, a part of it, or that part of an item of a list.

    `key` None: the property is no list; empty: any item; else the items of that type (`phones`, `addresses`).
    `search`: "plain", "advanced" (with `ConsistencyLevel: eventual`), "never", or "absent" where the directory does not
    know the attribute: there it has no values, and is never written. `bare`: its literals have no quotes.
    """

    root: str
    part: str | None = None
    key: str | None = None
    search: str = "plain"
    bare: bool = False

    @property
    def listed(self) -> bool:
        """Whether the value is a part of items, so that writing it takes the other items along."""
        return self.key is not None


@dataclass(frozen=True, slots=True)
class GraphType:
    """One object type. `collection`: where it is served; `cast`: its name after `microsoft.graph.`.

    `unique`: attributes by which an object that is in the way is found. `relations`: its large references.
    """

    name: str
    resource: Resource
    schema: ObjectSchema
    collection: str
    cast: str
    places: Mapping[str, Place]
    unique: tuple[str, ...]
    relations: tuple[str, ...] = ()
    plain: frozenset[str] = frozenset()
    """Attributes that are one text each, in a property of the same name: as they are, so they are written."""

    def place(self, name: str) -> Place:
        """Where an attribute stands. Raises `WrongType` when there is none of that name."""
        found = self.places.get(ACCOUNT_ENABLED if name == ENABLED and self.schema.can_enable else name)
        if found is None:
            raise WrongType(f"there is no attribute {name!r}")
        return found

    def path(self, anchor: str | None = None) -> str:
        """Where an object is, or all of them; no text that comes for an id leads elsewhere."""
        return f"/{self.collection}" if anchor is None else f"/{self.collection}/{quote(anchor, safe='')}"

    def attribute(self, name: str) -> Attribute:
        """What the schema says of an attribute."""
        return self.schema.attribute(name)

    @property
    def has_manager(self) -> bool:
        """Whether objects have a manager."""
        return MANAGER in self.schema.attributes

    @property
    def takes_passwords(self) -> bool:
        """Whether objects sign in with a password."""
        return self.resource is Resource.USER

    def selected(self, names: Iterable[str]) -> list[str]:
        """The properties that show these attributes, for `$select`; references are none."""
        found = dict.fromkeys([ANCHOR])
        for name in names:
            if name == MANAGER or name in self.relations:
                continue
            if (name in self.places or name == ENABLED) and (place := self.place(name)).search != ABSENT:
                found[place.root] = None
        return list(found)

    @property
    def shown(self) -> list[str]:
        """All attributes but the large ones, and `enabled`."""
        names = [name for name, one in self.schema.attributes.items() if not one.large]
        return [*names, ENABLED] if self.schema.can_enable else names


@dataclass(frozen=True, slots=True)
class _Kind:
    table: str
    collection: str
    cast: str
    unique: tuple[str, ...]
    relations: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    """Attributes of which one object of the kind at most may have a value, whatever else it has."""
    kept: bool = False
    """Whether a deleted one is kept for a while."""


_KINDS: Final[Mapping[Resource, _Kind]] = {
    Resource.USER: _Kind(
        tables.USER,
        "users",
        "user",
        ("userPrincipalName", SOURCE_ANCHOR, "proxyAddresses", "mail"),
        alone=("userPrincipalName", "proxyAddresses"),
        kept=True,
    ),
    Resource.GROUP: _Kind(
        tables.GROUP,
        "groups",
        "group",
        ("uniqueName", SOURCE_ANCHOR, "proxyAddresses", "mailNickname"),
        ("members", "owners"),
        alone=("proxyAddresses",),
        kept=True,
    ),
    Resource.DEVICE: _Kind(tables.DEVICE, "devices", "device", ("deviceId", SOURCE_ANCHOR)),
    Resource.CONTACT: _Kind(tables.CONTACT, "contacts", "orgContact", (SOURCE_ANCHOR, "proxyAddresses", "mail")),
}


def graph_type(
    name: str,
    resource: Resource,
    *,
    own: bool = False,
    synchronises: bool = False,
    restores: bool = False,
    extensions: Iterable[Mapping[str, Any]] = (),
) -> GraphType:
    """The type of that name.

    `own`: the directory is not Microsoft's; `synchronises`: it lets the application write what on premises decides.
    `restores`: what was deleted comes back by its source anchor, where the directory keeps it and that.
    `extensions`: the directory extensions that are registered, as Graph shows them.
    """
    kind = _KINDS[resource]
    attributes: dict[str, Attribute] = {ANCHOR: Attribute(ANCHOR, required=True, exact=False, writable="never")}
    places: dict[str, Place] = {ANCHOR: Place(ANCHOR)}
    left_out: set[str] = set()
    for line in kind.table.strip().splitlines():
        found = _LINE.fullmatch(line)
        assert found is not None, line
        attribute, marks, type_ = found[1], found[2], found[3] or "text"
        absent = "@" in marks and not own
        synchronised = "^" in marks or "@" in marks
        if synchronised and not synchronises and "-" not in marks:
            left_out.add(attribute)
        closed = "-" in marks or (synchronised and not synchronises)
        attributes[attribute] = Attribute(
            attribute,
            Type.TEXT if type_ == _GUID else Type(type_),
            many="*" in marks,
            required="!" in marks,
            exact="~" not in marks,
            writable="never" if closed else "create" if "+" in marks else "always",
        )
        places[attribute] = Place(
            found["property"] or attribute,
            found["part"],
            found["key"],
            _search(marks, type_, absent=absent),
            type_ == _GUID,
        )
    for one in extensions:
        if kind.cast in {str(target).lower() for target in one.get("targetObjects") or ()}:
            made = _extension(one)
            attributes[made.name], places[made.name] = made, Place(made.name, search="advanced")
    for relation in kind.relations:
        attributes[relation] = Attribute(relation, Type.REFERENCE, many=True, large=True)
    return GraphType(
        name=name,
        resource=resource,
        schema=ObjectSchema(
            name=name,
            anchor=ANCHOR,
            attributes=attributes,
            assigned=True,
            can_enable=ACCOUNT_ENABLED in attributes,
            writable=resource is not Resource.CONTACT or synchronises,
            apart={"passwordprofile": "`password:` under `outbound:` sets the first password. Take the flow out"},
            unread=frozenset({"passwordprofile"}),
            left_out=frozenset(left_out),
            unique=kind.alone,
            restored_by=SOURCE_ANCHOR if restores and kind.kept and places[SOURCE_ANCHOR].search != ABSENT else None,
            called=f"microsoft.graph.{kind.cast}",
            advice="correct the name, or register it as a directory extension that this application may see",
        ),
        collection=kind.collection,
        cast=kind.cast,
        places=places,
        unique=kind.unique,
        relations=kind.relations,
        plain=frozenset(
            name
            for name, place in places.items()
            if name in attributes and place.part is None and place.root == name
            if attributes[name].type is Type.TEXT and not attributes[name].many
        ),
    )


def _search(marks: str, type_: str, *, absent: bool) -> str:
    if absent:
        return ABSENT
    if "#" in marks or type_ == Type.REFERENCE:
        return "never"
    return "advanced" if "?" in marks else "plain"


_DATA_TYPES: Final[Mapping[str, Type]] = {
    "Boolean": Type.BOOLEAN,
    "DateTime": Type.DATETIME,
    "Integer": Type.INTEGER,
    "LargeInteger": Type.INTEGER,
    "Binary": Type.BINARY,
}


def _extension(one: Mapping[str, Any]) -> Attribute:
    """A directory extension (https://learn.microsoft.com/graph/api/resources/extensionproperty)."""
    return Attribute(
        str(one["name"]),
        _DATA_TYPES.get(str(one.get("dataType")), Type.TEXT),
        many=one.get("isMultiValued") is True,
        writable="never" if one.get("isSyncedFromOnPremises") is True else "always",
        description=str(one.get("appDisplayName") or ""),
    )
