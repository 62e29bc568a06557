"""What the connector space keeps for gateways that answer from it, whether or not any mapping asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from muster.model.schema import ENABLED, ObjectSchema, SystemSchema
from muster.project.configuration import Project, Resource
from muster.store.names import Names
from muster.sync.rules.indexes import Indexed


def buffered(project: Project) -> Iterator[tuple[str, Resource]]:
    """The resource types that are answered from the connector space, each with its system."""
    for name, system in project.systems.items():
        if system.gateway is not None and system.gateway.buffered:
            yield from ((name, one) for one in system.gateway.resources)


def all_of(schema: ObjectSchema) -> list[str]:
    """Every attribute of a type that a read can bring."""
    found = [name for name in schema.attributes if name.lower() not in schema.unread]
    return [*found, ENABLED] if schema.can_enable else found


def buffer_indexes(
    project: Project, schemas: Mapping[str, SystemSchema], names: Names
) -> Iterator[tuple[int, Indexed]]:
    """By space, the attributes that clients look resources up by: those that the system file maps in words."""
    for system, resource in buffered(project):
        schema = schemas[system].types.get(resource.object) if system in schemas else None
        space = names.space(system, resource.object)
        for attribute in dict.fromkeys((resource.attributes or {}).values()):
            if schema is not None and attribute in schema.attributes and not schema.attribute(attribute).large:
                yield space, Indexed(names.id("how", f"shown:{space}:{attribute}"), attribute)
