"""What only shows when all files are seen together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from muster.project.catalogue import ConnectorModels
from muster.project.configuration import InboundFlow, MappingRules, Place
from muster.project.diagnostics import Diagnostics
from muster.project.document import Document
from muster.project.systems import BuiltSystem


@dataclass(frozen=True, slots=True)
class BuiltMapping:
    """A mapping with the file it stands in."""

    rules: MappingRules
    document: Document


def check_mappings(
    mappings: Mapping[str, BuiltMapping],
    systems: Mapping[str, BuiltSystem],
    connectors: ConnectorModels,
    diagnostics: Diagnostics,
) -> None:
    """Mappings that contradict each other or ask of a system what it cannot do."""
    ordered = [mappings[name] for name in sorted(mappings)]
    _check_precedence(ordered, diagnostics)
    _check_doubles(ordered, diagnostics)
    _check_renames(mappings, diagnostics)
    for mapping in ordered:
        system = systems.get(mapping.rules.system)
        if system is not None:
            _check_system(mapping, system, connectors, diagnostics)


def _check_precedence(mappings: list[BuiltMapping], diagnostics: Diagnostics) -> None:
    flows: dict[tuple[str, str], list[tuple[MappingRules, InboundFlow]]] = {}
    pairs: dict[tuple[str, str, str, int], list[tuple[InboundFlow, InboundFlow]]] = {}
    for mapping in mappings:
        inbound = mapping.rules.inbound
        for flow in inbound.flows if inbound else ():
            flows.setdefault((mapping.rules.identity, flow.attribute.name), []).append((mapping.rules, flow))
    for (identity, name), found in sorted(flows.items()):
        for (first, one), (second, other) in combinations(found, 2):
            if one.merge != other.merge and "first" not in (one.merge, other.merge):
                diagnostics.error(
                    other.place,
                    f"`{name}` of `{identity}` is merged with `{other.merge}` here and with `{one.merge}` in "
                    f"{one.place}: one attribute has one merge",
                )
            if one.merge != "first" or other.merge != "first" or one.attribute.many:
                continue
            equal = sorted(_precedences(one) & _precedences(other))
            if equal:
                pairs.setdefault((identity, first.name, second.name, equal[0]), []).append((one, other))
    for (identity, first_name, second_name, precedence), equals in pairs.items():
        equals.sort(key=lambda pair: (pair[1].place.line, pair[1].place.column))
        one, other = equals[0]
        names = [f"`{flow.attribute.name}`" for _, flow in equals]
        said = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        diagnostics.error(
            other.place,
            f"{said} of `{identity}` {'has' if len(names) == 1 else 'have'} precedence {precedence} here "
            f"(`{second_name}`) and in {one.place} (`{first_name}`): nobody could say which wins. Give one of them "
            "another precedence, or `merge`",
        )


def _precedences(flow: InboundFlow) -> set[int]:
    if not flow.choices:
        return {flow.precedence}
    return {flow.precedence if choice.precedence is None else choice.precedence for choice in flow.choices}


def _check_doubles(mappings: list[BuiltMapping], diagnostics: Diagnostics) -> None:
    """Two mappings that provision would each make the one account; one that only updates makes none."""
    writers: dict[tuple[str, str, str, str], MappingRules] = {}
    for mapping in mappings:
        rules = mapping.rules
        if rules.outbound is None or rules.outbound.provision is None:
            continue
        key = (rules.system, rules.object, rules.identity, rules.account)
        first = writers.setdefault(key, rules)
        if first is not rules and first.outbound is not None:
            diagnostics.error(
                rules.outbound.place,
                f"`{rules.name}` and `{first.name}` ({first.outbound.place}) both provision the {rules.account} "
                f"account of a `{rules.identity}` as `{rules.object}` of `{rules.system}`: name another `account`",
            )


def _check_renames(mappings: Mapping[str, BuiltMapping], diagnostics: Diagnostics) -> None:
    renamed: dict[str, Place] = {}
    for name in sorted(mappings):
        was, document = mappings[name].rules.was, mappings[name].document
        if was is None:
            continue
        place = document.value_place(["was"])
        if was in mappings:
            diagnostics.error(place, f"`was: {was}` names a mapping that is still there: mappings/{was}.yaml")
        elif was in renamed:
            diagnostics.error(place, f"`was: {was}` stands in {renamed[was]}, too: one mapping can follow it")
        renamed.setdefault(was, place)


def _check_system(
    mapping: BuiltMapping, built: BuiltSystem, connectors: ConnectorModels, diagnostics: Diagnostics
) -> None:
    rules, document, system = mapping.rules, mapping.document, built.system
    if rules.outbound is None or built.model is None:
        return
    if not built.model.capabilities.writes:
        diagnostics.error(
            rules.outbound.place,
            f"the connector `{system.connector}` of system `{system.name}` only reads: nothing can be written there",
        )
        return
    settings = system.objects.get(rules.object)
    if settings is None or rules.object in built.broken:
        return
    if connectors.can_enable(system.connector, settings) is not False:
        return
    where = f"`{rules.object}` has no `enabled` in {built.document.file}"
    asked = document.has(["outbound", "deprovision"])
    for step in rules.outbound.steps:
        if step.do == "disable":
            said = "cannot disable" if asked else "would disable (the default)"
            diagnostics.error(
                step.place, f"{said}: {where}. Name its switch there, or say `deprovision: delete` or `leave`"
            )
    unmanaged = ["unmanaged"] if document.has(["unmanaged"]) else ["outbound", "unmanaged"]
    if rules.unmanaged == "disable":
        diagnostics.error(document.value_place(unmanaged), f"cannot disable: {where}. Name its switch there")
    for flow in rules.outbound.flows:
        if flow.attribute == "enabled":
            diagnostics.error(flow.place, f"cannot be written: {where}. Name its switch there")
