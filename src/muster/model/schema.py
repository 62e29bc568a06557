"""What a system can hold: its object types and their attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from muster.model.values import Attribute, Type

ENABLED: Final = "enabled"
"""The common name of an account's switch, on every connector that can."""

ENABLED_ATTRIBUTE: Final = Attribute(ENABLED, Type.BOOLEAN)


@lru_cache(maxsize=4096)
def _unlisted(name: str) -> Attribute:
    return Attribute(name)


@lru_cache(maxsize=4096)
def _renamed(attribute: Attribute, name: str) -> Attribute:
    return replace(attribute, name=name)


@dataclass(frozen=True, slots=True)
class ObjectSchema:
    """One object type of one system.

    `anchor` names the attribute that holds the anchor; `assigned` True: the system makes the anchor itself.
    `name` names the attribute by which references and people know the object where that is not the anchor (a DN);
    `name_is_dn` True: that name is an RFC 4514 distinguished name and is compared as one.
    `keeps_references` True: after a rename the server itself mends the references to the object, and takes them away
    after a delete. A connector that does not know says False: then they are looked after here, and cost writes at most.
    `open` True: attributes beyond those listed are possible (their type is text).
    `aliases`: in lower case, all names of attributes whose case means nothing or that have several → the listed name.
    `paths`: a regular expression; names that match it whole are attributes, too (their type is text).
    `apart`: in lower case, names that exist and that no flow writes → what does it instead.
    `unread`: in lower case, names that exist and that no read ever brings.
    `left_out`: attributes that are read-only with these rights alone, so that flows to them are left out.
    `optional`: a regular expression, whatever the case; rules may read names that match it whole also where the type
    lacks them: an extension of the schema brings them, and a mapping is for systems with and without it.
    `unique`: attributes of which only one object of the type may have a value, other than its anchor and its name.
    `restored_by`: the attribute by whose value a deleted object is known for the one that is to be made: it is brought
    back instead. None where nothing deleted comes back.
    `called`: the type in the system's own words. `word`: an attribute in those words. `advice`: what helps where it
    lacks one.
    """

    name: str
    anchor: str
    attributes: Mapping[str, Attribute]
    assigned: bool = False
    can_enable: bool = False
    naming: str | None = None
    name_is_dn: bool = False
    keeps_references: bool = False
    writable: bool = True
    open: bool = False
    aliases: Mapping[str, str] = field(default_factory=dict)
    paths: str | None = None
    apart: Mapping[str, str] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    optional: str | None = None
    unique: tuple[str, ...] = ()
    restored_by: str | None = None
    called: str = ""
    word: str = "attribute"
    advice: str = ""

    def attribute(self, name: str) -> Attribute:
        """The attribute of that name, under that name; one that the type does not list is a text."""
        found = self.attributes.get(name)
        if found is not None:
            return found
        if name == ENABLED and self.can_enable:
            return ENABLED_ATTRIBUTE
        listed = self.attributes.get(self.aliases.get(name.lower(), ""))
        return _unlisted(name) if listed is None else _renamed(listed, name)

    def has(self, name: str) -> bool:
        """Whether objects of the type can have an attribute of that name."""
        return (
            self.open
            or name in self.attributes
            or (name == ENABLED and self.can_enable)
            or self.aliases.get(name.lower()) in self.attributes
            or (self.paths is not None and re.fullmatch(self.paths, name) is not None)
        )

    def may_lack(self, name: str) -> bool:
        """Whether a rule may read the name although the type lacks it."""
        return self.optional is not None and re.fullmatch(self.optional, name, re.IGNORECASE) is not None

    @property
    def reference(self) -> str:
        """The attribute whose value other objects hold when they refer to one of this type."""
        return self.naming or self.anchor


@dataclass(frozen=True, slots=True)
class SystemSchema:
    """The object types of one system by the name that the project folder gives them.

    `identities`: for each part of the system ("" where it has none) what that is, and no other ever will be: a domain's
    SID. Empty for a system that has nothing of the kind; a part that does not answer is left out.
    `realms`: DN of a part → what it belongs to; references of large kinds (members) stay within one: an AD forest.
    """

    types: Mapping[str, ObjectSchema] = field(default_factory=dict)
    identities: Mapping[str, str] = field(default_factory=dict)
    realms: Mapping[str, str] = field(default_factory=dict)

    def realm(self, name: str) -> str | None:
        """What the object of that DN, in comparable form, belongs to; None where that is not known."""
        found = [part for part in self.realms if name == part or name.endswith(f",{part}")]
        return self.realms[max(found, key=len)] if found else None


def anchored_otherwise(known: SystemSchema, found: SystemSchema) -> dict[str, tuple[str, str]]:
    """The object types that another attribute names now: the attribute before, and the one now."""
    both = {kind: (known.types[kind].anchor, found.types[kind].anchor) for kind in known.types if kind in found.types}
    return {kind: anchors for kind, anchors in both.items() if anchors[0] != anchors[1]}


def mistaken(system: str, known: Mapping[str, str], found: Mapping[str, str]) -> str | None:
    """The message for a system that is another than the one that was known; None where nothing speaks for that."""
    for part, now in found.items():
        before = known.get(part, now)
        if now != before:
            where = f" (domain {part})" if part else ""
            return (
                f"{system}: this is another system{where}: {now}, and what is known of it comes from {before}. Nothing "
                f"is read from it or written to it. Correct the addresses in systems/{system}.yaml. If the new one "
                f"takes the old one's place: muster forget {system}"
            )
    return None
