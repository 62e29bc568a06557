"""`$filter`: which objects have a value (https://learn.microsoft.com/graph/filter-query-parameter). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from muster.connectors.graph.resources import ABSENT, GraphType, Place
from muster.model.values import Attribute, Scalar, Type, Value, convert, items

TOGETHER: Final = 15
"""Values that one `in` may name."""


UNSEARCHED: Final = frozenset({"never", ABSENT})
"""Where Graph cannot be asked."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A `$filter`, and whether it needs the advanced query parameters."""

    text: str
    advanced: bool = False

    @property
    def parameters(self) -> dict[str, str]:
        """What is asked beside the filter."""
        return {"$filter": self.text, **({"$count": "true"} if self.advanced else {})}

    @property
    def headers(self) -> dict[str, str]:
        """What is sent beside it."""
        return {"ConsistencyLevel": "eventual"} if self.advanced else {}


def equality(kind: GraphType, name: str, value: Value) -> Filter | None:
    """The filter for objects that have the value (all of a list; none for NULL); None where Graph cannot be asked.

    Raises `WrongType` for what can be no value of the attribute.
    """
    place, attribute = kind.place(name), kind.attribute(name)
    converted = items(convert(value, _each(attribute)))
    if place.search in UNSEARCHED:
        return None
    advanced = place.search == "advanced"
    path = f"{place.root}/{place.part}" if place.part and not place.listed else place.root
    if not converted:
        return Filter(f"not({path}/any())" if attribute.many else f"{path} eq null", advanced=True)
    if not attribute.many:
        return Filter(" and ".join(f"{path} eq {_literal(one, attribute, place)}" for one in converted), advanced)
    inside = f"x/{place.part}" if place.part else "x"
    found = [f"{path}/any(x:{inside} eq {_literal(one, attribute, place)})" for one in converted]
    return Filter(" and ".join(found), advanced)


def among(kind: GraphType, name: str, values: Iterable[Scalar]) -> Filter | None:
    """The filter for objects that have one of the values, `TOGETHER` of them at most. Raises `WrongType`."""
    place, attribute = kind.place(name), kind.attribute(name)
    if attribute.many:
        found = [one for one in (equality(kind, name, value) for value in values) if one is not None]
        return Filter(" or ".join(one.text for one in found), any(one.advanced for one in found)) if found else None
    if place.search in UNSEARCHED:
        return None
    path = f"{place.root}/{place.part}" if place.part else place.root
    literals = ",".join(_literal(one, attribute, place) for one in values)
    return Filter(f"{path} in ({literals})", place.search == "advanced")


def both(filters: Iterable[Filter]) -> Filter:
    """The filter for objects that all of these find."""
    found = list(filters)
    return Filter(" and ".join(one.text for one in found), any(one.advanced for one in found))


def _each(attribute: Attribute) -> Attribute:
    return Attribute(attribute.name, attribute.type, many=True) if attribute.many else attribute


def _literal(value: Scalar, attribute: Attribute, place: Place) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float) or place.bare or attribute.type is Type.DATETIME:
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


_SAFE: Final = "$,()/:'=;"
"""What may stand in a query as it is (RFC 3986 section 3.4)."""


def query(parameters: Mapping[str, str]) -> str:
    """The query of an address."""
    return "&".join(f"{name}={quote(value, safe=_SAFE)}" for name, value in parameters.items())
