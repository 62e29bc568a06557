"""What a system can hold: its object types and their attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from muster.model.values import Attribute, Type

ENABLED: Final = "enabled"
"""The common name of an account's switch, on every connector that can."""

ENABLED_ATTRIBUTE: Final = Attribute(ENABLED, Type.BOOLEAN)


@lru_cache(maxsize=4096)
def _unlisted(name: str) -> Attribute:
    return Attribute(name)


@dataclass(frozen=True, slots=True)
class ObjectSchema:
    """One object type of one system.

    `anchor` names the attribute that holds the anchor; `assigned` True: the system makes the anchor itself.
    `name` names the attribute by which references and people know the object where that is not the anchor (a DN);
    `name_is_dn` True: that name is an RFC 4514 distinguished name and is compared as one.
    `keeps_references` True: after a rename the server itself mends the references to the object, and takes them away
    after a delete.
    `open` True: attributes beyond those listed are possible (their type is text).
    """

    name: str
    anchor: str
    attributes: Mapping[str, Attribute]
    assigned: bool = False
    can_enable: bool = False
    naming: str | None = None
    name_is_dn: bool = False
    keeps_references: bool = True
    writable: bool = True
    open: bool = False

    def attribute(self, name: str) -> Attribute:
        """The attribute of that name; in an open type an unknown one is a text."""
        found = self.attributes.get(name)
        if found is None:
            found = ENABLED_ATTRIBUTE if name == ENABLED and self.can_enable else _unlisted(name)
        return found

    @property
    def reference(self) -> str:
        """The attribute whose value other objects hold when they refer to one of this type."""
        return self.naming or self.anchor


@dataclass(frozen=True, slots=True)
class SystemSchema:
    """The object types of one system by the name that the project folder gives them."""

    types: Mapping[str, ObjectSchema] = field(default_factory=dict)
