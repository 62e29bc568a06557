"""The section `gateway:` of a system file → the resource types that its SCIM service has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from muster.project.compiling import Compiler
from muster.project.configuration import Gateway, Located, Resource
from muster.project.diagnostics import Diagnostics, listed, nearest
from muster.project.document import Document
from muster.project.files.gateway import GatewayFile, ResourceFile

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
_SCHEMAS: Final = {"User": USER, "Group": GROUP}
_RESERVED: Final = frozenset({"me", "bulk", "schemas", "resourcetypes", "serviceproviderconfig"})
_NAMES: Final = {
    "User": ("user", "users", "account", "accounts", "person", "people", "employee", "worker"),
    "Group": ("group", "groups", "team", "teams", "role", "roles"),
}
"""What object types are called that are shown as these, the likeliest first."""


def gateway_of(document: Document, file: GatewayFile, objects: Sequence[str], compiler: Compiler) -> Gateway:
    """The gateway; what cannot be served is reported where it stands."""
    diagnostics = compiler.diagnostics
    here = ["gateway", "resources"]
    wanted = file.resources or {name: ResourceFile() for name in _SCHEMAS if _guessed(name, objects) is not None}
    if not wanted:
        diagnostics.error(
            document.key_place(["gateway"]),
            f"none of the object types ({listed(objects)}) looks like users or groups: say which, as in "
            f"`resources: {{User: {{object: {next(iter(objects), 'account')}}}}}`",
        )
    resources = [
        resource
        for name, one in wanted.items()
        if (resource := _resource(document, name, one or ResourceFile(), objects, compiler)) is not None
    ]
    _once(resources, diagnostics)
    for one in resources:
        if one.members not in {other.name for other in resources} and one.members != "User":
            place = document.value_place([*here, one.name, "members"])
            known = [other.name for other in resources]
            diagnostics.error(place, f"there is no resource `{one.members}`", nearest(one.members, known))
    return Gateway(document.key_place(["gateway"]), file.mode == "buffered", tuple(resources))


def _resource(
    document: Document, name: str, file: ResourceFile, objects: Sequence[str], compiler: Compiler
) -> Resource | None:
    diagnostics = compiler.diagnostics
    here = ["gateway", "resources", name]
    place = document.key_place(here if document.has(here) else ["gateway"])
    shown = file.object or _guessed(name, objects)
    if shown is None:
        diagnostics.error(place, f"which object type is a {name}? Say `object:`; there are {listed(objects)}")
        return None
    if shown not in objects:
        diagnostics.error(
            document.value_place([*here, "object"]),
            f"there is no object type `{shown}`; there are {listed(objects)}.",
            nearest(shown, objects),
        )
        return None
    schema = file.schema_ or _SCHEMAS.get(name)
    if schema is None:
        diagnostics.error(place, f"a {name} needs its `schema:`, such as urn:example:scim:{name}")
        return None
    values: dict[str, Located] = {}
    for target in file.values:
        found = compiler.expression(document, [*here, "values", target], "entra")
        if found is not None:
            values[target] = found
    endpoint = file.endpoint or f"{name}s"
    if endpoint.lower() in _RESERVED:
        diagnostics.error(place, f"/{endpoint} means something else in SCIM: choose another `endpoint:`")
    return Resource(name, place, shown, endpoint, schema, file.attributes, values, file.members or "User", file.prefix)


def _guessed(name: str, objects: Sequence[str]) -> str | None:
    known = {one.lower(): one for one in objects}
    return next((known[word] for word in (name.lower(), *_NAMES.get(name, ())) if word in known), None)


def _once(resources: Sequence[Resource], diagnostics: Diagnostics) -> None:
    for what, word in (("endpoint", "endpoint"), ("object", "object type"), ("schema", "schema")):
        seen: dict[str, Resource] = {}
        for one in resources:
            text = str(getattr(one, what))
            first = seen.setdefault(text.lower(), one)
            if first is not one:
                diagnostics.error(one.place, f"{first.name} and {one.name} have the same {word} `{text}`")
