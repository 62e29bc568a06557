"""One property of a kind of object: its type, who may write it, and how it can be searched."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from functools import cached_property
from typing import Any, Final


class Type(StrEnum):
    """Edm types, as the OData protocol names them."""

    STRING = "Edm.String"
    BOOLEAN = "Edm.Boolean"
    INTEGER = "Edm.Int64"
    INSTANT = "Edm.DateTimeOffset"
    GUID = "Edm.Guid"
    BINARY = "Edm.Binary"
    COMPLEX = "Complex"


class Write(Enum):
    """Who may write a property.

    SYNC: what Graph calls read-only because Entra Connect writes it; here, an application that may synchronise.
    """

    ALWAYS = "always"
    CREATE = "only when the object is created"
    SYNC = "only by synchronisation"
    NEVER = "never"


OPERATORS: Final = ("eq", "in", "ge", "le", "startsWith", "endsWith", "null", "ne", "not")


@dataclass(frozen=True)
class Property:
    """`longest` characters or bytes, 0 for no limit; of a list, of each value. `most` values of a list.

    `shown`: part of an answer that selects nothing. `required`: there from the creation on, and never cleared.
    `plain`: the filter operators that need nothing further; `advanced`: those that need `ConsistencyLevel: eventual`
    and `$count=true` (`in` goes with `eq`; `ne` and `not` are always advanced). `index` above 0: values are found
    without looking at every object. `choices`: the values there can be.
    """

    name: str
    type: Type = Type.STRING
    many: bool = False
    parts: tuple[Property, ...] = ()
    longest: int = 0
    most: int = 0
    shown: bool = False
    write: Write = Write.ALWAYS
    required: bool = False
    plain: frozenset[str] = frozenset()
    advanced: frozenset[str] = frozenset()
    index: int = 0
    choices: tuple[str, ...] = ()
    search: bool = False
    sort: bool | None = field(default=None)

    @cached_property
    def filterable(self) -> bool:
        """Whether a filter may name it, itself or one of its parts."""
        return bool(self.plain or self.advanced) or any(part.filterable for part in self.parts)

    @cached_property
    def simple(self) -> bool:
        """Whether its value is one text, any text, that everybody may write."""
        return self.type is Type.STRING and not self.many and not self.choices and self.write is Write.ALWAYS

    @cached_property
    def folded(self) -> bool:
        """Whether its value is one text, which is compared without its case."""
        return self.type is Type.STRING and not self.many

    @cached_property
    def part(self) -> dict[str, Property]:
        """The parts of a complex value by name."""
        return {part.name: part for part in self.parts}

    @property
    def blank(self) -> Any:
        """What an answer shows where the object has no value."""
        return [] if self.many else None


def filters(text: str) -> frozenset[str]:
    """Operators from a text such as `eq ge startsWith`; `in` comes with `eq`."""
    found = set(text.split())
    unknown = found - set(OPERATORS)
    if unknown:
        raise ValueError(f"no filter operators: {unknown}")
    if "eq" in found:
        found.add("in")
    return frozenset(found)


def text(name: str, longest: int = 0, plain: str = "", advanced: str = "", **more: Any) -> Property:
    """A text."""
    return Property(name, Type.STRING, longest=longest, plain=filters(plain), advanced=filters(advanced), **more)


def flag(name: str, plain: str = "", advanced: str = "", **more: Any) -> Property:
    """True or false."""
    return Property(name, Type.BOOLEAN, plain=filters(plain), advanced=filters(advanced), **more)


def instant(name: str, plain: str = "", advanced: str = "", **more: Any) -> Property:
    """A date and time."""
    return Property(name, Type.INSTANT, plain=filters(plain), advanced=filters(advanced), **more)


def texts(name: str, longest: int = 0, plain: str = "", advanced: str = "", **more: Any) -> Property:
    """A list of texts."""
    return Property(
        name, Type.STRING, many=True, longest=longest, plain=filters(plain), advanced=filters(advanced), **more
    )


def compound(name: str, *parts: Property, **more: Any) -> Property:
    """A complex value."""
    return Property(name, Type.COMPLEX, parts=parts, **more)


EXTENSION_ATTRIBUTES: Final = tuple(
    text(f"extensionAttribute{number}", 1024, advanced="eq ge le null") for number in range(1, 16)
)
"""extensionAttribute1 to 15, of users, groups and devices."""
