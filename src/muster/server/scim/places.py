"""One line of a gateway's mapping: where a value of the system stands in a resource, both ways. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from muster.connectors.scim.names import Place
from muster.model.values import Attribute, Scalar, Value, WrongType, convert, items
from muster.server.scim.errors import invalid_value

Resource = dict[str, Any]
LACKING: Final = object()
"""The client said nothing of it."""


@dataclass(frozen=True, slots=True)
class Line(ABC):
    """A place in the resource, and the system's attribute that is shown there; `text`: SCIM wants it as a text."""

    place: Place
    attribute: Attribute
    text: bool = False
    flag: bool = False

    @property
    def name(self) -> str:
        """The system's attribute."""
        return self.attribute.name

    @property
    def path(self) -> str:
        """The place, as people write it."""
        return self.place.path

    @abstractmethod
    def show(self, holder: Resource, value: Value) -> None:
        """Put a value, not NULL, into the resource or its extension."""

    @abstractmethod
    def given(self, holder: Mapping[str, Any]) -> Any:
        """What stands there, None for nothing, `LACKING` where the client did not mention it."""

    def taken(self, holder: Mapping[str, Any]) -> Value | object:
        """What stands there as a value of the system, or `LACKING`. Raises `ScimError`."""
        found = self.given(holder)
        if found is LACKING or found is None:
            return found
        try:
            return convert(found, self.attribute)
        except WrongType as error:
            raise invalid_value(f"{self.path}: {error}.") from None

    def shown(self, value: Scalar) -> Scalar:
        """One value as SCIM has it."""
        if self.text and not isinstance(value, str):
            return str(value).lower() if isinstance(value, bool) else str(value)
        if self.flag and isinstance(value, str):
            return value.strip().lower() in ("true", "yes", "1", "t", "y")
        return value


@dataclass(frozen=True, slots=True)
class Plain(Line):
    """The attribute itself: `userName`."""

    def show(self, holder: Resource, value: Value) -> None:
        holder[self.place.attribute] = (
            [self.shown(one) for one in value]
            if isinstance(value, list)
            else self.shown(
                value  # type: ignore[arg-type]
            )
        )

    def given(self, holder: Mapping[str, Any]) -> Any:
        return _single(self, holder.get(self.place.attribute, LACKING))


@dataclass(frozen=True, slots=True)
class Part(Line):
    """A part of a complex attribute: `name.givenName`."""

    def show(self, holder: Resource, value: Value) -> None:
        inner = holder.setdefault(self.place.attribute, {})
        inner[self.place.part] = self.shown(value)  # type: ignore[arg-type]

    def given(self, holder: Mapping[str, Any]) -> Any:
        outer = holder.get(self.place.attribute, LACKING)
        if not isinstance(outer, Mapping):
            return outer if outer in (None, LACKING) else _refused(self, outer)
        return _single(self, outer.get(self.place.part or "", LACKING))


@dataclass(frozen=True, slots=True)
class ItemPart(Line):
    """A part of one item of a many-valued attribute: `emails[type eq "work"].value`; without a filter, of the first."""

    def show(self, holder: Resource, value: Value) -> None:
        listed: list[Resource] = holder.setdefault(self.place.attribute, [])
        item = next((one for one in listed if self._is(one)), None)
        if item is None:
            item = {self.place.key: self.place.value} if self.place.key is not None else {}
            listed.append(item)
        item[self.place.part or "value"] = self.shown(value)  # type: ignore[arg-type]

    def given(self, holder: Mapping[str, Any]) -> Any:
        listed = holder.get(self.place.attribute, LACKING)
        if listed is LACKING or listed is None:
            return listed
        found = [one for one in _list(self, listed) if isinstance(one, Mapping) and self._is(one)]
        best = next((one for one in found if one.get("primary") is True), found[0] if found else None)
        return None if best is None else _single(self, best.get(self.place.part or "value"))

    def _is(self, item: Mapping[str, Any]) -> bool:
        return self.place.key is None or self.place.is_item(item)


@dataclass(frozen=True, slots=True)
class Items(Line):
    """All items of a many-valued attribute, each with its `value`: `emails`."""

    def show(self, holder: Resource, value: Value) -> None:
        holder[self.place.attribute] = [{"value": self.shown(one)} for one in items(value)]

    def given(self, holder: Mapping[str, Any]) -> Any:
        listed = holder.get(self.place.attribute, LACKING)
        if listed is LACKING or listed is None:
            return listed
        return values_of(_list(self, listed), self.path) or None


@dataclass(frozen=True, slots=True)
class Referred(Line):
    """Another resource, by its id: `manager`."""

    def show(self, holder: Resource, value: Value) -> None:
        holder[self.place.attribute] = {"value": str(value)}

    def given(self, holder: Mapping[str, Any]) -> Any:
        found = holder.get(self.place.attribute, LACKING)
        if isinstance(found, Mapping):
            return _single(self, found.get("value"))
        return _single(self, found)


def values_of(listed: Sequence[Any], path: str) -> list[Any]:
    """The `value` of each item; clients write a bare value for one, too. Raises `ScimError`."""
    found: list[Any] = []
    for one in listed:
        value = one.get("value") if isinstance(one, Mapping) else one
        if isinstance(value, Mapping | list):
            raise invalid_value(f"{path}: expected items with a `value`.")
        if value not in (None, ""):
            found.append(value)
    return found


def _single(line: Line, found: Any) -> Any:
    if isinstance(found, Mapping) or (isinstance(found, list) and not line.attribute.many):
        return _refused(line, found)
    return found


def _list(line: Line, found: Any) -> Sequence[Any]:
    if isinstance(found, list):
        return found
    return [found] if isinstance(found, Mapping) else _refused(line, found)


def _refused(line: Line, found: Any) -> Any:
    what = "an object" if isinstance(found, Mapping) else "a list" if isinstance(found, list) else "a single value"
    raise invalid_value(f"{line.path}: {what} cannot stand there.")
