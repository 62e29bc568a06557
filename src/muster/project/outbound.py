"""The `outbound` section of a mapping → what is written to the object."""

from __future__ import annotations

from datetime import timedelta

from muster.model.values import Type
from muster.project.compiling import calls_unique
from muster.project.configuration import Located, Outbound, OutboundFlow, Reference, Step
from muster.project.context import MappingContext
from muster.project.diagnostics import listed
from muster.project.digests import digest
from muster.project.document import Steps
from muster.project.files.flow import OutboundFlowFile
from muster.project.files.mapping import OutboundFile


def build_outbound(context: MappingContext) -> Outbound | None:
    """The section with the flows that are right; the wrong ones are reported and left out."""
    section = context.file.outbound
    if section is None:
        return None
    provision = _provision(context, section)
    flows = [built for name, flow in section.flows.items() if (built := _flow(context, name, flow)) is not None]
    if section.deprovision is not None and section.provision is None:
        context.diagnostics.hint(
            context.document.key_place(["outbound", "deprovision"]),
            "`deprovision` without `provision` never happens: this mapping only updates joined objects",
        )
    return Outbound(
        context.document.key_place(["outbound"]),
        tuple(flows),
        provision,
        _steps(context, section),
        section.password,
    )


def _provision(context: MappingContext, section: OutboundFile) -> Located | None:
    path = ["outbound", "provision"]
    if section.provision is None:
        return None
    if isinstance(section.provision, bool):
        text = "True" if section.provision else "False"
        return context.compiler.constant(text, context.document.value_place(path), "entra")
    return context.over_identity(path)


def _steps(context: MappingContext, section: OutboundFile) -> tuple[Step, ...]:
    """The steps in the order of their delays; `disable` when `provision` is given and they are not."""
    document = context.document
    if section.deprovision is None:
        return (Step("disable", document.key_place(["outbound", "provision"])),) if section.provision else ()
    made: list[Step] = []
    for index, step in enumerate(section.deprovision):
        path: list[str | int] = ["outbound", "deprovision", index]
        to = context.over_identity([*path, "to"]) if step.to is not None else None
        made.append(Step(step.do, document.value_place(path), step.after or timedelta(0), to))
    ordered = sorted(made, key=lambda step: step.after)
    gone = next((at for at, step in enumerate(ordered) if step.do == "delete"), len(ordered))
    for late in ordered[gone + 1 :]:
        context.diagnostics.error(late.place, f"`{late.do}` comes after `delete`, when nothing is left")
    return tuple(ordered)


def _flow(context: MappingContext, name: str, flow: OutboundFlowFile) -> OutboundFlow | None:
    path = ["outbound", "flows", name]
    place = context.document.key_place(path)
    for index, choice in enumerate(flow.value or ()):
        if choice.precedence is not None:
            context.diagnostics.hint(
                context.document.key_place([*path, "value", index, "precedence"]),
                "`precedence` means nothing outbound: alternatives are tried in the order they stand",
            )
    if flow.target is not None:
        reference = _reference(context, flow, path)
        if reference is None:
            return None
        many = flow.references is not None
        made = digest(flow.enforce, many, context.digests.reference(reference))
        return OutboundFlow(name, place, reference=reference, many=many, enforce=flow.enforce, digest=made)
    choices = context.choices(flow, path, inbound=False)
    if choices is None:
        return None
    unique = flow.unique
    if unique is None and any(calls_unique(choice.value) for choice in choices):
        unique = f"{context.file.system}/{name}"
    made = digest(flow.enforce, unique, context.digests.choices(choices))
    return OutboundFlow(name, place, choices, enforce=flow.enforce, unique=unique, digest=made)


def _reference(context: MappingContext, flow: OutboundFlowFile, path: Steps) -> Reference | None:
    word = "reference" if flow.reference is not None else "references"
    here = [*path, word]
    text = context.over_identity(here)
    if text is None or context.identity is None:
        return None
    kind = context.metaverse.types[context.identity]
    known = [a.name for a in kind.attributes.values() if a.type is Type.REFERENCE]
    name = text.expression.plain
    if name is None or "." in name:
        context.diagnostics.error(
            text.place, f"expected a reference of the identity, such as '[{(known or ['manager'])[0]}]'"
        )
        return None
    attribute = context.metaverse.names.attribute(kind.name, name)
    if attribute is None:
        return None
    if attribute.type is not Type.REFERENCE:
        context.diagnostics.error(
            text.place, f"`{name}` is {attribute.type}, not a reference; references of `{kind.name}`: {listed(known)}"
        )
        return None
    if attribute.many and word == "reference":
        context.diagnostics.error(
            context.document.key_place(here), f"`{name}` has many values: write `references`", "references"
        )
        return None
    return Reference(text)
