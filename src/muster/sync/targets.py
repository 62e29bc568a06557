"""Whether the attributes that the mappings write exist, before anything is read or written."""

from __future__ import annotations

from collections.abc import Iterator

from muster.model.schema import ObjectSchema, SystemSchema
from muster.project.configuration import MappingRules, OutboundFlow, Project
from muster.project.diagnostics import Diagnostic, nearest


def unknown_targets(project: Project, system: str, schema: SystemSchema) -> list[Diagnostic]:
    """Each flow to an attribute that its object type does not have, or that no flow writes, by place."""
    found = [
        _told(system, rules, flow, kind)
        for rules in project.mappings.values()
        if rules.system == system and rules.outbound is not None and (kind := schema.types.get(rules.object))
        for flow in rules.outbound.flows
        if flow.attribute.lower() in kind.apart or not kind.has(flow.attribute)
    ]
    return sorted(found, key=lambda one: (one.file, one.line, one.column))


def _told(system: str, rules: MappingRules, flow: OutboundFlow, kind: ObjectSchema) -> Diagnostic:
    place = flow.place
    called = f"{system}: {rules.object}" + (f" ({kind.called})" if kind.called else "")
    instead = kind.apart.get(flow.attribute.lower())
    if instead is not None:
        message = f"{called}: no flow writes `{flow.attribute}`: {instead}"
        return Diagnostic(place.file, place.line, place.column, message)
    suggestion = nearest(flow.attribute, _names(kind)) if len(flow.attribute) > 2 else None
    advice = kind.advice or "correct the name, or have the attribute added there"
    message = f"{called} has no attribute `{flow.attribute}`: {advice}"
    return Diagnostic(place.file, place.line, place.column, message, suggestion)


def _names(kind: ObjectSchema) -> Iterator[str]:
    yield from (name for name, one in kind.attributes.items() if one.writable != "never")
