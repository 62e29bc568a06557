"""The attribute names that project files use, and where in a resource each of them points.

`userName`, `name.givenName`, `emails[type eq "work"].value`, `emails` (the values of all of them),
`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`, or for that one `enterprise.department`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Resource: TypeAlias = dict[str, Any]
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

_PATH: Final = re.compile(r'([\w$-]+)(?:\[\s*([\w$-]+)\s+eq\s+(?:"([^"]*)"|(true|false))\s*\])?(?:\.([\w$-]+))?')
_ALIAS: Final = "enterprise."


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is: an attribute of the resource or of an extension, one of its items, a part of that."""

    extension: str
    attribute: str
    key: str | None = None
    value: str | bool | None = None
    part: str | None = None

    @property
    def root(self) -> str:
        """The attribute itself as a path of RFC 7644 section 3.5.2."""
        return f"{self.extension}:{self.attribute}" if self.extension else self.attribute

    @property
    def item(self) -> str:
        """The attribute, or the one item of it that is meant, as a path."""
        if self.key is None:
            return self.root
        wanted = literal(self.value) if self.value is not None else '""'
        return f"{self.root}[{self.key} eq {wanted}]"

    @property
    def path(self) -> str:
        """The value as a path."""
        return f"{self.item}.{self.part}" if self.part else self.item

    def is_item(self, item: object) -> bool:
        """Whether an item of a many-valued attribute is the one that is meant."""
        if not isinstance(item, dict) or self.key is None:
            return False
        has = item.get(self.key)
        if isinstance(has, str) and isinstance(self.value, str):
            return has.casefold() == self.value.casefold()
        return has is not None and has == self.value


def place_of(name: str) -> Place | None:
    """Where a name points; None when it is no such name."""
    extension = ""
    rest = name
    if name.startswith(_ALIAS):
        extension, rest = ENTERPRISE, name.removeprefix(_ALIAS)
    elif name.lower().startswith("urn:"):
        # The URN holds dots and colons itself; the attribute comes after its last colon, before any bracket.
        head, bracket, tail = name.partition("[")
        extension, _, last = head.rpartition(":")
        rest = f"{last}{bracket}{tail}"
    found = _PATH.fullmatch(rest)
    if found is None:
        return None
    attribute, key, text, flag, part = found.groups()
    value: str | bool | None = flag == "true" if flag else text
    return Place(extension, attribute, key, value, part)


def alias_of(name: str) -> str | None:
    """The short name of an enterprise attribute, None for any other."""
    prefix = f"{ENTERPRISE}:"
    return f"{_ALIAS}{name.removeprefix(prefix)}" if name.startswith(prefix) else None


def literal(value: object) -> str:
    """A value as RFC 7644 section 3.4.2.2 writes it in a filter: JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(one if one >= " " else f"\\u{ord(one):04x}" for one in escaped) + '"'
