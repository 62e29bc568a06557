"""A resource type of the project's configuration and the system's own schema → the resource type that is served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from muster.connectors.scim.names import Place, place_of
from muster.model.errors import ProjectError
from muster.model.schema import ENABLED, ObjectSchema, SystemSchema
from muster.model.values import Attribute, Type
from muster.project.configuration import Gateway, Resource
from muster.project.diagnostics import listed, nearest
from muster.project.gateway import USER
from muster.server.scim.definitions import EXTERNAL_ID, Definition, of_system, standard
from muster.server.scim.guessing import guessed
from muster.server.scim.places import ItemPart, Items, Line, Part, Plain, Referred
from muster.server.scim.resource_type import PASSWORD, Members, ResourceType

_REF: Final = Definition("$ref", "reference", exact=True)


def built(gateway: Gateway, schema: SystemSchema, *, sets_passwords: bool) -> dict[str, ResourceType]:
    """The resource types by their endpoints in lower case. Raises `ProjectError` for what the system lacks."""
    found = [_built(one, schema.types[one.object], sets_passwords) for one in gateway.resources]
    names = {one.name for one in found}
    kept = [one if one.members is None or one.members.to in names else replace(one, members=None) for one in found]
    return {one.endpoint.lower(): one for one in kept}


def _built(config: Resource, schema: ObjectSchema, sets_passwords: bool) -> ResourceType:
    mapping = guessed(config.name, schema) if config.attributes is None else config.attributes
    lines: list[Line] = []
    members: Members | None = None
    hidden: Line | None = None
    for path, name in mapping.items():
        place = _place(config, path)
        attribute = _attribute(config, path, name, schema)
        if place.path == "members":
            members = Members(name, replace(attribute, many=True), config.members)
        elif place.path == "password":
            hidden = Plain(place, attribute)
        else:
            lines.append(_line(config.schema, place, attribute))
    for name in config.values:
        if not schema.has(name) and name != schema.naming:
            raise ProjectError(_unknown(config, f"values: {name}", name, schema))
    password = hidden is not None or (sets_passwords and config.schema == USER)
    core, extensions = _definitions(config, lines, members, password)
    return ResourceType(
        config.name,
        config.endpoint,
        config.schema,
        config.object,
        schema,
        tuple(lines),
        core,
        extensions,
        config.values,
        members,
        password,
        hidden,
        _prefix(config, schema),
    )


def _prefix(config: Resource, schema: ObjectSchema) -> str:
    """What makes an id one that no resource of another type has (RFC 7643 section 3.1).

    Ids that a system makes at random need nothing; numbers, and names that people chose, may be there twice.
    """
    if config.prefix is not None:
        return config.prefix
    unique = schema.assigned and schema.attribute(schema.anchor).type is not Type.INTEGER
    return "" if unique or config.name == "User" else f"{config.name.lower()}-"


def _place(config: Resource, path: str) -> Place:
    found = place_of(path)
    if found is None or found.attribute.lower() in ("id", "schemas"):
        raise ProjectError(f"{config.place}: {config.name}: `{path}` is no attribute of SCIM that can be mapped")
    if found.extension.lower() == config.schema.lower():
        return replace(found, extension="")
    return found


def _attribute(config: Resource, path: str, name: str, schema: ObjectSchema) -> Attribute:
    if not schema.has(name) and name != schema.naming:
        raise ProjectError(_unknown(config, path, name, schema))
    return replace(schema.attribute(name), name=name)


def _unknown(config: Resource, path: str, name: str, schema: ObjectSchema) -> str:
    near = nearest(name, schema.attributes)
    hint = f" Did you mean `{near}`?" if near else f" There are: {listed(schema.attributes)}."
    return f"{config.place}: {config.name}: {path}: {config.object} has no {schema.word} `{name}`.{hint}"


def _line(schema: str, place: Place, attribute: Attribute) -> Line:
    said = standard(place.extension or schema, place.attribute)
    if said is not None:
        place = replace(place, attribute=said.name)
    inner = said.parts.get((place.part or "value").lower()) if said is not None and said.parts else said
    if inner is not None and place.part is not None:
        place = replace(place, part=inner.name)
    text = inner is not None and inner.type in ("string", "reference") and attribute.type not in (Type.DATETIME,)
    flag = inner is not None and inner.type == "boolean"
    if place.part is not None or place.key is not None or (said is not None and not said.many):
        # SCIM has room for one value here; the others that the system may hold stay as they are.
        attribute = replace(attribute, many=False)
    if place.attribute == "meta":
        return Part(place, replace(attribute, writable="never"))
    if place.key is not None or (said is not None and said.many and place.part is not None):
        return ItemPart(place, attribute, text, flag)
    if place.part is not None:
        return Part(place, attribute, text, flag)
    if said is not None and said.many and said.parts:
        return Items(place, attribute, text, flag)
    if (said is not None and said.parts) or (attribute.type is Type.REFERENCE and not attribute.many):
        return Referred(place, attribute, text=True)
    return Plain(place, attribute, text, flag)


# --- what /Schemas shows


def _definitions(
    config: Resource, lines: list[Line], members: Members | None, password: bool
) -> tuple[dict[str, Definition], dict[str, dict[str, Definition]]]:
    core: dict[str, Definition] = {}
    extensions: dict[str, dict[str, Definition]] = {}
    for line in lines:
        if line.place.attribute == "meta":
            continue
        if line.place.path == "externalId":
            continue
        holder = extensions.setdefault(line.place.extension, {}) if line.place.extension else core
        key = line.place.attribute.lower()
        holder[key] = _merged(holder.get(key), _defined(config, line))
    if members is not None:
        core["members"] = _members(members)
    if password:
        core["password"] = PASSWORD
    return core, extensions


def _defined(config: Resource, line: Line) -> Definition:
    place = line.place
    said = standard(place.extension or config.schema, place.attribute)
    name = place.attribute
    if said is EXTERNAL_ID:
        return replace(EXTERNAL_ID, exact=line.attribute.exact)
    if isinstance(line, Plain):
        plain = _plain(said, name, line, many=line.attribute.many)
        return replace(plain, required=plain.required or (said is not None and said.required))
    outer = said if said is not None and said.parts else Definition(name, "complex")
    inner = _plain(outer.parts.get((place.part or "value").lower()), place.part or "value", line, many=False)
    parts: dict[str, Definition] = {inner.name.lower(): inner}
    if isinstance(line, Referred):
        parts["$ref"] = replace(_REF, refers=("User",), mutability=inner.mutability)
    if isinstance(line, ItemPart) and place.key is not None:
        kind = "boolean" if isinstance(place.value, bool) else "string"
        canonical = (place.value,) if isinstance(place.value, str) else ()
        parts.setdefault(place.key.lower(), Definition(place.key, kind, canonical=canonical))
    many = isinstance(line, ItemPart | Items)
    return replace(
        outer, many=many, required=inner.required, mutability=inner.mutability, exact=False, parts=parts, canonical=()
    )


def _plain(said: Definition | None, name: str, line: Line, *, many: bool) -> Definition:
    """What the system's schema says of one value, in the words of RFC 7643's where that knows it."""
    own = of_system(said.name if said else name, line.attribute, many=many)
    if said is None:
        return own
    return replace(
        own,
        type=said.type if line.text or line.flag else own.type,
        # An account is on or off: there is no third state into which a removal could bring it.
        required=own.required or (line.name == ENABLED and own.mutability != "readOnly"),
        uniqueness=said.uniqueness,
        refers=said.refers if said.type == "reference" else (),
        description=said.description,
    )


def _merged(before: Definition | None, more: Definition) -> Definition:
    """One attribute of which several lines say something."""
    if before is None:
        return more
    parts = dict(before.parts)
    for key, part in more.parts.items():
        had = parts.get(key)
        parts[key] = part if had is None else replace(had, canonical=_together(had.canonical, part.canonical))
    mutability = before.mutability if before.mutability == more.mutability else "readWrite"
    return replace(before, parts=parts, required=before.required or more.required, mutability=mutability)


def _together(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*left, *right]))


def _members(members: Members) -> Definition:
    mutability = "readOnly" if members.attribute.writable == "never" else "readWrite"
    parts = {
        "value": Definition("value", exact=True, mutability="immutable"),
        "$ref": replace(_REF, refers=(members.to,), mutability="immutable"),
        "type": Definition("type", canonical=(members.to,), mutability="immutable"),
    }
    return Definition("members", "complex", many=True, mutability=mutability, parts=parts)


def schemas_of(types: Mapping[str, ResourceType]) -> dict[str, Mapping[str, Definition]]:
    """Every schema that some resource type uses, by URN."""
    found: dict[str, dict[str, Definition]] = {}
    for one in types.values():
        found.setdefault(one.schema, {}).update(one.core)
        for urn, more in one.extensions.items():
            found.setdefault(urn, {}).update(more)
    return {urn: dict(each) for urn, each in found.items()}
