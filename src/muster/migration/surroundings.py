"""What an import must know of the project that it writes into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from muster.model.errors import ProjectError
from muster.model.values import Attribute


@dataclass(frozen=True, slots=True)
class ObjectShape:
    """One object type of a system file. `can_enable` and `attributes` None: only the system itself knows."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    can_enable: bool | None = None
    attributes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class SystemShape:
    """One system file."""

    name: str
    connector: str
    objects: Mapping[str, ObjectShape] = field(default_factory=dict)

    def object_of(self, *kinds: str) -> ObjectShape | None:
        """The object type that holds things of such a kind: by its resource or class, by its name, or the only one."""
        wanted = [kind.lower() for kind in kinds]
        for kind in wanted:
            for shape in self.objects.values():
                if str(shape.settings.get("resource", shape.settings.get("class", ""))).lower() == kind:
                    return shape
        for kind in wanted:
            for shape in self.objects.values():
                if shape.name.lower() == kind:
                    return shape
        unclear = not any({"resource", "class"} & shape.settings.keys() for shape in self.objects.values())
        return next(iter(self.objects.values())) if len(self.objects) == 1 and unclear else None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The project's systems, its identity types' attributes, which of them some flow fills, and its parameters.

    `precedences`: those that inbound flows use, by mapping; `objects`: the system and object type of each mapping.
    """

    systems: Mapping[str, SystemShape]
    attributes: Mapping[str, Mapping[str, Attribute]]
    filled: Mapping[str, frozenset[str]] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    precedences: Mapping[str, frozenset[int]] = field(default_factory=dict)
    objects: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def rival(self, name: str, system: str, object_type: str) -> str | None:
        """Another mapping for the same objects."""
        return next((one for one, of in self.objects.items() if of == (system, object_type) and one != name), None)

    def taken(self, *but: str) -> frozenset[int]:
        """The precedences that mappings use, other than those named."""
        return frozenset(one for name, used in self.precedences.items() if name not in but for one in used)

    def system(self, name: str | None, role: str, option: str) -> SystemShape:
        """The system of that name. ProjectError when none is named or there is none, saying which there are."""
        known = ", ".join(sorted(self.systems)) or "none"
        if name is None:
            raise ProjectError(f"Which system of the project is {role}? Say {option} NAME. There are: {known}.")
        if name not in self.systems:
            raise ProjectError(
                f"There is no systems/{name}.yaml for {role}. Write it first, or name another with {option}. "
                f"There are: {known}."
            )
        return self.systems[name]
