"""Ids of resources and the names by which the system's objects refer to each other (a DN), both ways."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from muster.model import dn
from muster.server.scim.errors import invalid_value
from muster.server.scim.objects import Objects
from muster.server.scim.resource_type import ResourceType

_FEW: Final = 200
"""Up to so many names are looked up one by one; for more, the names of all objects are read at once."""


def names_of(objects: Objects, kind: ResourceType, ids: Sequence[str]) -> dict[str, str]:
    """The name of each id that there is. Where the anchor is the name, nobody is asked."""
    naming = kind.of_system.naming
    anchors = {anchor: one for one in ids if (anchor := kind.anchor_of(one)) is not None}
    if naming is None:
        return {one: anchor for anchor, one in anchors.items()}
    found = objects.find_any(kind, kind.of_system.anchor, list(anchors)) if anchors else []
    known = ((anchors.get(one.anchor), one.values.get(naming)) for one in found)
    return {one: str(name) for one, name in known if one is not None and name is not None}


def need_names(objects: Objects, kind: ResourceType, ids: Sequence[str], path: str) -> list[str]:
    """The names of these ids. Raises `ScimError` for one that there is not."""
    names = names_of(objects, kind, ids)
    lacking = next((one for one in ids if one not in names), None)
    if lacking is not None:
        raise invalid_value(f"{path}: there is no {kind.name} {lacking[:200]!r}.")
    return [names[one] for one in ids]


def ids_of(objects: Objects, kind: ResourceType, names: Sequence[str]) -> dict[str, str]:
    """The id of each name that one of these objects has; whoever else is named is left out."""
    schema = kind.of_system
    if schema.naming is None:
        return {one: kind.id_of(one) for one in names}
    normal = dn.normal if schema.name_is_dn else str
    wanted = {normal(one): one for one in names}
    if len(names) <= _FEW:
        found: Iterable[tuple[str, str]] = (
            (str(one.values.get(schema.naming)), one.anchor)
            for one in objects.find_any(kind, schema.naming, list(names))
        )
    else:
        found = ((str(one.values.get(schema.naming)), one.anchor) for one in objects.everything(kind, [schema.naming]))
    ids: dict[str, str] = {}
    for name, number in found:
        asked = wanted.get(normal(name))
        if asked is not None:
            ids[asked] = kind.id_of(number)
    return ids
