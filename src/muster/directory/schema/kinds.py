"""The kinds of object in the directory, and where the values of each are found again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from typing import Final

from muster.directory.schema.contact import CONTACT
from muster.directory.schema.device import DEVICE
from muster.directory.schema.group import GROUP
from muster.directory.schema.property import Property, Type, Write, filters, instant, text
from muster.directory.schema.user import USER


class Kind(IntEnum):
    """As the tables know them."""

    USER = 1
    GROUP = 2
    DEVICE = 3
    CONTACT = 4


WORDS_OF_NAME: Final = 90
WORDS_OF_DESCRIPTION: Final = 91
"""Indexes of the words that `$search` looks for."""
ALIAS: Final = 92
"""Index of the mailNickname of groups that get mail: of these, no two may have the same."""

EXTENSION: Final = re.compile(r"extension_[0-9a-f]{32}_[A-Za-z0-9_]{1,120}")
"""The name of a directory extension: the application it belongs to, and its own."""

_ID: Final = Property("id", Type.GUID, shown=True, write=Write.NEVER, plain=filters("eq"))
_DELETED: Final = instant("deletedDateTime", "eq ge le", write=Write.NEVER, sort=True)
_CREATED: Final = instant("createdDateTime", "eq ge le", "null", write=Write.NEVER, sort=True)
_SID: Final = text("securityIdentifier", 184, write=Write.NEVER)


@dataclass(frozen=True)
class Schema:
    """One kind: `name` as in `microsoft.graph.user`, `collection` as in `/users`."""

    kind: Kind
    name: str
    collection: str
    properties: Mapping[str, Property]
    soft: bool

    @property
    def odata_type(self) -> str:
        """The type as documents name it."""
        return f"#microsoft.graph.{self.name}"

    @property
    def resource(self) -> str:
        """The kind as error messages name it."""
        return self.name[0].upper() + self.name[1:]

    @cached_property
    def shown(self) -> tuple[str, ...]:
        """What an answer shows when nothing is selected."""
        return tuple(one.name for one in self.properties.values() if one.shown)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """What every object has."""
        return tuple(one.name for one in self.properties.values() if one.required)

    @cached_property
    def indexed(self) -> tuple[tuple[str, int, Property], ...]:
        """What is found by an index: its name, the number of its index, and the property."""
        return tuple((one.name, self.code(one.index), one) for one in self.properties.values() if one.index)

    @cached_property
    def index_of(self) -> Mapping[str, tuple[int, Property]]:
        """The number of the index and the property, by its name."""
        return {name: (code, one) for name, code, one in self.indexed}

    @cached_property
    def sought_of(self) -> Mapping[str, Property]:
        """What a filter may name that has no index, by its name."""
        return {one.name: one for one in self.sought}

    @cached_property
    def sought(self) -> tuple[Property, ...]:
        """What a filter may name that has no index."""
        return tuple(
            one for one in self.properties.values() if one.filterable and not one.index and one.name not in COLUMNS
        )

    @cached_property
    def _by_lower_case(self) -> dict[str, str]:
        return {name.lower(): name for name in self.properties}

    def canonical(self, name: str) -> str | None:
        """The property's own name: clients need not heed case."""
        return name if name in self.properties else self._by_lower_case.get(name.lower())

    def code(self, index: int) -> int:
        """The number of one index of this kind."""
        return self.kind * 100 + index


COLUMNS: Final = ("id", "deletedDateTime")
"""Properties that are columns, not part of the document."""


def _schema(kind: Kind, name: str, collection: str, properties: tuple[Property, ...], soft: bool) -> Schema:
    common: tuple[Property, ...] = (_ID, _DELETED, _CREATED)
    if kind in (Kind.USER, Kind.GROUP):
        common += (_SID,)
    if kind is Kind.GROUP:
        common = tuple(replace(one, shown=True) for one in common)
    return Schema(kind, name, collection, {one.name: one for one in (*common, *properties)}, soft)


SCHEMAS: Final[Mapping[Kind, Schema]] = {
    Kind.USER: _schema(Kind.USER, "user", "users", USER, soft=True),
    Kind.GROUP: _schema(Kind.GROUP, "group", "groups", GROUP, soft=True),
    Kind.DEVICE: _schema(Kind.DEVICE, "device", "devices", DEVICE, soft=False),
    Kind.CONTACT: _schema(Kind.CONTACT, "orgContact", "contacts", CONTACT, soft=False),
}
BY_NAME: Final = {schema.name: schema for schema in SCHEMAS.values()}
"""Schemas by the name after `microsoft.graph.`."""
