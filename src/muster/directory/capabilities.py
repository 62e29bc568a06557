"""Which conditions can be asked: of which property, with which operator, and what only as an advanced query. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from muster.directory.errors import Unsupported
from muster.directory.filters import (
    Among,
    Both,
    Compare,
    Condition,
    Counted,
    Either,
    Literal,
    Match,
    Not,
    Path,
    Quantified,
    Words,
)
from muster.directory.schema.kinds import Schema
from muster.directory.schema.property import Property, Type
from muster.directory.values import is_guid
from muster.model.values import WrongType, parse_instant

_OPERATORS: Final = {"eq": "eq", "ne": "ne", "gt": "ge", "ge": "ge", "lt": "le", "le": "le"}
_ADVANCED: Final = (
    "is not supported because the required parameters might be missing. Try adding $count=true query parameter and "
    "ConsistencyLevel:eventual header. Refer to https://aka.ms/graph-docs/advanced-queries for more information"
)


class Checker:
    """Raises `Unsupported` for what cannot be asked of a kind of object, or not without advanced parameters."""

    def __init__(self, schema: Schema, extensions: Mapping[str, Property], *, advanced: bool) -> None:
        self.schema = schema
        self.extensions = extensions
        self.advanced = advanced

    def property(self, path: Path) -> Property:
        """The property at a path."""
        found = self.schema.properties.get(path[0]) or self.extensions.get(path[0])
        for name in path[1:]:
            found = found.part.get(name) if found is not None else None
        if found is None:
            raise Unsupported(
                f"Could not find a property named '{'/'.join(path)}' on type 'microsoft.graph.{self.schema.name}'."
            )
        return found

    def check(self, condition: Condition) -> None:
        """The condition can be asked."""
        self._check(condition, None)

    def _check(self, condition: Condition, item: Property | None) -> None:
        match condition:
            case Compare(path, operator, value):
                one = self._scalar(path, item)
                self._may(one, path, _OPERATORS[operator])
                if operator == "ne":
                    self._negates("ne")
                if value is None and item is not None:
                    raise self._invalid((item.name, *path))
                if value is None:
                    self._may(one, path, "null")
                    if operator not in ("eq", "ne"):
                        raise self._invalid(path)
                self._typed(one, path, value)
            case Among(path, values):
                one = self._scalar(path, item)
                self._may(one, path, "in")
                for value in values:
                    if value is None:
                        raise self._invalid(path or (one.name,))
                    self._typed(one, path, value)
            case Match(path, function, _):
                one = self._scalar(path, item)
                self._may(one, path, function)
                if one.type not in (Type.STRING, Type.GUID):
                    raise self._invalid(path)
            case Counted(path, operator, number):
                one = self.property(path)
                if item is not None or not one.many or not one.filterable:
                    raise self._invalid(path)
                if operator not in ("eq", "ne") or number not in (0, 1):
                    raise Unsupported("A count can be compared by eq and ne with 0 and 1.")
                self._negates("$count")
            case Quantified(path, every, inner):
                one = self.property(path)
                if item is not None or not one.many or not one.filterable:
                    raise self._invalid(path)
                if every:
                    self._negates("all")
                if inner is not None:
                    self._check(inner, one)
            case Not(inner):
                self._negates("not")
                self._check(inner, item)
            case Both(conditions) | Either(conditions):
                for each in conditions:
                    self._check(each, item)
            case Words(path, _):
                if not self.property(path).search:
                    raise Unsupported(f"Property '{'/'.join(path)}' cannot be searched.")

    def _scalar(self, path: Path, item: Property | None) -> Property:
        if item is not None:
            one = item
            for name in path:
                if name not in one.part:
                    raise Unsupported(f"Could not find a property named '{'/'.join((item.name, *path))}'.")
                one = one.part[name]
            if one.type is Type.COMPLEX:
                raise self._invalid((item.name, *path))
            return one
        one = self.property(path)
        if one.many or one.type is Type.COMPLEX:
            raise self._invalid(path)
        return one

    def _may(self, one: Property, path: Path, operator: str) -> None:
        if operator == "ne":
            operator = "eq"
        if operator in one.plain:
            return
        if operator not in one.advanced:
            raise self._invalid(path or (one.name,))
        if not self.advanced:
            named = "Operator 'null'" if operator == "null" else f"Operator '{operator}'"
            raise Unsupported(f"{named} on property '{one.name}' {_ADVANCED}")

    def _negates(self, operator: str) -> None:
        if not self.advanced:
            raise Unsupported(f"Operator '{operator}' {_ADVANCED}")

    def _typed(self, one: Property, path: Path, value: Literal) -> None:
        """The literal is of the property's type."""
        if value is None:
            return
        match one.type:
            case Type.BOOLEAN:
                right = isinstance(value, bool)
            case Type.INTEGER:
                right = isinstance(value, int) and not isinstance(value, bool)
            case Type.INSTANT:
                right = isinstance(value, str) and _is_instant(value)
            case Type.GUID:
                right = isinstance(value, str) and is_guid(value)
            case _:
                right = isinstance(value, str)
        if not right:
            raise Unsupported(f"Invalid filter clause: {value!r} is no {one.type} for '{'/'.join(path) or one.name}'.")

    def _invalid(self, path: Path) -> Unsupported:
        return Unsupported(
            f"Unsupported or invalid query filter clause specified for property '{'/'.join(path)}' of resource "
            f"'{self.schema.resource}'."
        )

    def order(self, name: str, *, filtered: bool, deleted: bool = False) -> Property:
        """The property to sort by; deleted objects are in no index, and are sorted by instants alone."""
        one = self.property((name,))
        if one.sort is None or (deleted and one.type is not Type.INSTANT):
            raise Unsupported(f"Sorting by '{name}' is not supported for resource '{self.schema.resource}'.")
        if (one.sort or filtered) and not self.advanced:
            raise Unsupported(
                "Sorting not supported for current query." if filtered else f"Sorting by '{name}' {_ADVANCED}"
            )
        return one


def _is_instant(text: str) -> bool:
    try:
        parse_instant(text)
    except (WrongType, OverflowError):
        return False
    return True
