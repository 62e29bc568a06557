"""The JSON that clients send → resources with every name as its schema spells it; and what of one is sent back. Pure.

Names of attributes are the same whatever their case (RFC 7643 section 2.1).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from muster.server.scim.definitions import Definition
from muster.server.scim.errors import ScimError, invalid_path, invalid_syntax, invalid_value
from muster.server.scim.places import Resource
from muster.server.scim.resource_type import ResourceType

TYPES: Final = ("application/scim+json", "application/json")
DEPTH: Final = 16
"""Objects and lists inside each other; SCIM's own forms need seven."""
_ALWAYS: Final = frozenset({"id", "schemas"})


def read_document(body: bytes, kind: str) -> dict[str, Any]:
    """The JSON object of a body of this content type. Raises `ScimError`."""
    if kind and kind.split(";")[0].strip().lower() not in TYPES:
        raise ScimError(415, f"Content type {kind[:100]!r} is not understood: send application/scim+json.")
    try:
        found = orjson.loads(body)
        # The fast reader keeps the last of two values of one name, as another may keep the first.
        json.loads(body, object_pairs_hook=_once)
    except orjson.JSONDecodeError as error:
        raise invalid_syntax(f"The body is no JSON: {error}.") from None
    except RecursionError:
        raise invalid_syntax("The body is nested too deep.") from None
    if not isinstance(found, dict):
        raise invalid_syntax("The body must be a JSON object.")
    _check(found, DEPTH, b"\\u0000" in body)
    return found


def _once(pairs: list[tuple[str, Any]]) -> None:
    names = {name for name, _ in pairs}
    if len(names) < len(pairs):
        raise invalid_syntax("The body has an attribute more than once.")


def _check(value: Any, left: int, nul: bool) -> None:
    if isinstance(value, dict | list):
        if left == 0:
            raise invalid_syntax(f"The body is nested deeper than {DEPTH} levels.")
        for one in value.values() if isinstance(value, dict) else value:
            _check(one, left - 1, nul)
    elif nul and isinstance(value, str) and "\x00" in value:
        raise invalid_value("A value has a NUL character.")


# --- names


def canonical(kind: ResourceType, resource: Mapping[str, Any]) -> Resource:
    """The resource with the names of its schemas; what no schema names is left out. Raises `ScimError`."""
    found: Resource = {}
    for name, value in resource.items():
        urn = kind.extension(name)
        if urn is not None:
            found[urn] = _inner(kind.extensions[urn], value, urn)
        elif name.lower() == kind.schema.lower() and isinstance(value, Mapping):
            found |= canonical(kind, value)
        elif (definition := kind.definition("", name)) is not None:
            found[definition.name] = canonical_value(definition, value)
    return found


def _inner(known: Mapping[str, Definition], value: Any, name: str) -> Any:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise invalid_value(f"{name}: expected an object.")
    found: Resource = {}
    for key, one in value.items():
        definition = known.get(key.lower())
        if definition is not None:
            found[definition.name] = canonical_value(definition, one)
    return found


def canonical_value(definition: Definition, value: Any) -> Any:
    """A value of one attribute, with the names of its parts; texts for booleans become booleans (Entra sends them)."""
    if definition.parts:
        if isinstance(value, list):
            return [_item(definition, one) for one in value]
        return _item(definition, value)
    if definition.type == "boolean" and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return value


def _item(definition: Definition, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {
        part.name: canonical_value(part, one)
        for key, one in value.items()
        if (part := definition.parts.get(key.lower())) is not None
    }


# --- attributes and excludedAttributes (RFC 7644 section 3.9)


@dataclass(frozen=True, slots=True)
class Projection:
    """What of a resource is sent back: only some attributes, or all but some. Paths are (extension, name, part)."""

    only: frozenset[tuple[str, str, str]] | None = None
    without: frozenset[tuple[str, str, str]] = frozenset()

    def wants(self, name: str) -> bool:
        """Whether an attribute of the core schema is sent back, in part at least."""
        low = name.lower()
        if self.only is not None:
            return any(extension == "" and one == low for extension, one, _ in self.only)
        return ("", low, "") not in self.without

    def of(self, resource: Resource) -> Resource:
        """The resource with just that."""
        if self.only is not None:
            return _kept(resource, self.only)
        return _dropped(resource, self.without) if self.without else resource


EVERYTHING: Final = Projection()


def projection(kinds: Sequence[ResourceType], only: Iterable[str], without: Iterable[str]) -> Projection:
    """What the two parameters ask for. Raises `ScimError` where both are given."""
    chosen, left = [one for one in only if one], [one for one in without if one]
    if chosen and left:
        raise ScimError(400, "Give `attributes` or `excludedAttributes`, not both.", "invalidValue")
    if chosen:
        return Projection(frozenset(_path(kinds, one) for one in chosen))
    return Projection(None, frozenset(_path(kinds, one) for one in left))


def _path(kinds: Sequence[ResourceType], text: str) -> tuple[str, str, str]:
    if len(text) > 500:
        raise invalid_path("The name of an attribute is longer than 500 characters.")
    for kind in kinds:
        if (urn := kind.extension(text)) is not None:
            return (urn, "", "")
    extension, _, rest = text.rpartition(":")
    name, _, part = rest.partition(".")
    urns = [kind.extension(extension) for kind in kinds if kind.schema.lower() != extension.lower()]
    core = any(kind.schema.lower() == extension.lower() for kind in kinds)
    found = "" if core else next((urn for urn in urns if urn), extension)
    return (found, name.lower(), part.lower())


def _kept(resource: Resource, paths: frozenset[tuple[str, str, str]]) -> Resource:
    wanted: dict[str, dict[str, set[str]]] = {}
    for extension, name, part in paths:
        wanted.setdefault(extension, {}).setdefault(name, set()).add(part)
    found = {name: value for name, value in resource.items() if name in _ALWAYS}
    found |= _parts(resource, wanted.get("", {}))
    for extension, names in wanted.items():
        inner = resource.get(extension) if extension else None
        if isinstance(inner, Mapping):
            some = dict(inner) if "" in names else _parts(inner, names)
            if some:
                found[extension] = some
    return found


def _parts(holder: Mapping[str, Any], wanted: Mapping[str, set[str]]) -> Resource:
    found: Resource = {}
    for name, value in holder.items():
        parts = wanted.get(name.lower())
        if parts is None:
            continue
        if "" in parts:
            found[name] = value
        elif isinstance(value, list):
            found[name] = [_some(one, parts) for one in value]
        elif isinstance(value, Mapping):
            found[name] = _some(value, parts)
    return found


def _some(item: Any, parts: set[str]) -> Any:
    return {k: v for k, v in item.items() if k.lower() in parts} if isinstance(item, Mapping) else item


def _dropped(resource: Resource, paths: frozenset[tuple[str, str, str]]) -> Resource:
    found: Resource = {}
    for name, value in resource.items():
        if name in _ALWAYS:
            found[name] = value
        elif ":" in name and isinstance(value, Mapping):
            inner = {} if (name, "", "") in paths else _less(value, name, paths)
            if inner:
                found[name] = inner
        else:
            found |= _less({name: value}, "", paths)
    return found


def _less(holder: Mapping[str, Any], extension: str, paths: frozenset[tuple[str, str, str]]) -> Resource:
    found: Resource = {}
    for name, value in holder.items():
        low = name.lower()
        if (extension, low, "") in paths:
            continue
        parts = {part for one, other, part in paths if one == extension and other == low}
        if parts and isinstance(value, Mapping):
            value = {k: v for k, v in value.items() if k.lower() not in parts}
        elif parts and isinstance(value, list):
            value = [
                {k: v for k, v in one.items() if k.lower() not in parts} if isinstance(one, Mapping) else one
                for one in value
            ]
        found[name] = value
    return found
