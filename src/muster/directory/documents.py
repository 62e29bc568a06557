"""What a client sends for an object → the object's new document. Pure, but for the extensions that are registered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.directory.errors import Invalid
from muster.directory.keys import is_extension
from muster.directory.schema.kinds import Schema
from muster.directory.schema.property import Property, Type, Write
from muster.directory.values import kept, kept_text
from muster.directory.work import Work


def new_document(work: Work, schema: Schema, body: Mapping[str, Any]) -> dict[str, Any]:
    """The document of an object to be made. Raises `Invalid`."""
    doc: dict[str, Any] = {}
    properties = schema.properties
    for name, value in body.items():
        simple = properties.get(name)
        if simple is not None and simple.simple and value is not None:
            doc[name] = kept_text(value, simple, name)
            continue
        one = _property(work, schema, name, value, creating=True)
        if one is not None and (found := _without_nothing(_stored(value, one))) is not None:
            doc[name] = found
    return doc


def changed_document(work: Work, schema: Schema, old: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the values of a PATCH: null clears, parts of a complex value are set one by one."""
    doc = dict(old)
    for name, value in body.items():
        one = _property(work, schema, name, value, creating=False)
        if one is None:
            continue
        found = _stored(value, one)
        if one.type is Type.COMPLEX and not one.many and isinstance(found, dict):
            found = _without_nothing({**(old.get(name) or {}), **found})
        if found is None:
            if one.required:
                raise Invalid(f"Invalid value specified for property '{name}' of resource '{schema.resource}'.", name)
            doc.pop(name, None)
        else:
            doc[name] = found
    return doc


def _stored(value: Any, one: Property) -> Any:
    found = kept(value, one)
    if one.type is Type.COMPLEX and isinstance(found, list):
        return [_without_nothing(each) or {} for each in found]
    return found


def _without_nothing(value: Any) -> Any:
    """A complex value without the parts that are null; None when nothing is left."""
    return (
        {part: item for part, item in value.items() if item is not None} or None if isinstance(value, dict) else value
    )


def _property(work: Work, schema: Schema, name: str, value: Any, *, creating: bool) -> Property | None:
    """The property of a name that a client sends; None for what is no property. Raises `Invalid`."""
    if "@" in name:
        if name.startswith("@") or name.endswith("@odata.type"):
            return None
        raise Invalid(f"Invalid property '{name}'.", name)
    one = schema.properties.get(name)
    if one is None and is_extension(name):
        one = work.extensions(schema.kind).get(name)
        if one is None:
            raise Invalid(
                f"The extension property '{name}' is not registered for resource '{schema.resource}'. Register it "
                "with POST /applications/{id}/extensionProperties first.",
                name,
            )
    if one is None:
        raise Invalid(f"Invalid property '{name}'.", name)
    if _closed(one, work, creating) and not (creating and value is None):
        raise Invalid(f"Property '{name}' is read-only and cannot be set.", name)
    return one


def _closed(one: Property, work: Work, creating: bool) -> bool:
    if one.write is Write.ALWAYS:
        return False
    if one.write is Write.SYNC:
        return not work.sync
    return one.write is Write.NEVER or not creating


def require(schema: Schema, doc: Mapping[str, Any], *, but: tuple[str, ...] = ()) -> None:
    """Raises `Invalid` when a value is missing that every object of the kind has."""
    for name in schema.required:
        if name not in doc and name not in but:
            raise Invalid(f"A value is required for property '{name}' of resource '{schema.resource}'.", name)
