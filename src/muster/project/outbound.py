"""The `outbound` section of a mapping → what is written to the object."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from muster.model.values import Type
from muster.project.compiling import calls_unique
from muster.project.configuration import Located, Outbound, OutboundFlow, Reference, Step
from muster.project.context import MappingContext
from muster.project.diagnostics import listed
from muster.project.digests import digest
from muster.project.document import Steps
from muster.project.files.flow import OutboundFlowFile
from muster.project.files.mapping import OutboundFile, StepFile
from muster.project.metaverse import MEMBER_OF

_SWITCHES: Final = frozenset({"create", "update", "delete"})


def build_outbound(context: MappingContext) -> Outbound | None:
    """The section with the flows that are right; the wrong ones are reported and left out."""
    section = context.file.outbound
    if section is None:
        return None
    document = context.document
    actions = _SWITCHES if section.actions is None else frozenset(section.actions)
    provision = _provision(context, section)
    scope = context.scope_of_identities(["outbound", "scope"], section.scope) if section.scope is not None else None
    flows = [
        built if "update" in actions else replace(built, enforce="once")
        for name, flow in section.flows.items()
        if (built := _flow(context, name, flow)) is not None
    ]
    _check_keys(context, section, actions)
    deletes = "delete" in actions
    steps = _steps(context, section.deprovision, "deprovision") if deletes else ()
    apart = _steps(context, section.out_of_scope, "out of scope") if deletes and section.out_of_scope else steps
    return Outbound(
        document.key_place(["outbound"]),
        tuple(flows),
        provision,
        steps,
        section.password,
        scope=scope.scope if scope is not None else None,
        scope_rule=scope.written if scope is not None else None,
        scope_place=document.value_place(["outbound", "scope"]) if scope is not None else None,
        out_of_scope=apart,
        creates="create" in actions,
        presence_digest=digest(
            context.digests.expression(provision),
            [context.digests.expression(scope.located), scope.rule] if scope is not None else None,
        ),
    )


def _check_keys(context: MappingContext, section: OutboundFile, actions: frozenset[str]) -> None:
    """Report what is said of objects that this mapping neither makes nor takes away."""
    document, diagnostics = context.document, context.diagnostics
    for key, written, needs in (
        ("deprovision", section.deprovision, "delete"),
        ("out of scope", section.out_of_scope, "delete"),
        ("scope", section.scope, ""),
        ("actions", section.actions, ""),
    ):
        if written is None:
            continue
        place = document.key_place(["outbound", key])
        if section.provision is None:
            happens = "never happens" if needs else "means nothing"
            diagnostics.hint(place, f"`{key}` without `provision` {happens}: this mapping only updates joined objects")
        elif needs and needs not in actions:
            diagnostics.error(place, f"`{key}` never happens: `actions` leaves `{needs}` out")
    if section.out_of_scope is not None and section.scope is None:
        place = document.key_place(["outbound", "out of scope"])
        diagnostics.error(place, "`out of scope` needs `scope` beside it, which says who is in")


def _provision(context: MappingContext, section: OutboundFile) -> Located | None:
    path = ["outbound", "provision"]
    if section.provision is None:
        return None
    if isinstance(section.provision, bool):
        text = "True" if section.provision else "False"
        return context.compiler.constant(text, context.document.value_place(path), "entra")
    return context.over_identity(path)


def _steps(context: MappingContext, written: list[StepFile] | None, key: str) -> tuple[Step, ...]:
    """The steps in the order of their delays; `disable` when `provision` is given and they are not."""
    document = context.document
    if written is None:
        provision = document.has(["outbound", "provision"])
        return (Step("disable", document.key_place(["outbound", "provision"])),) if provision else ()
    made: list[Step] = []
    for index, step in enumerate(written):
        path: list[str | int] = ["outbound", key, index]
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
    default = context.over_identity([*path, "default"]) if flow.default is not None else None
    if default is None and flow.default is not None:
        return None
    made = digest(flow.enforce, unique, context.digests.choices(choices), context.digests.expression(default))
    return OutboundFlow(name, place, choices, enforce=flow.enforce, unique=unique, default=default, digest=made)


def _reference(context: MappingContext, flow: OutboundFlowFile, path: Steps) -> Reference | None:
    word = "reference" if flow.reference is not None else "references"
    here = [*path, word]
    text = context.over_identity(here, edges=True)
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
    if name == MEMBER_OF:
        context.diagnostics.error(
            text.place,
            "`memberOf` is the reverse of `members`, and nothing can be written from its end: write the `members` of "
            "the groups. As values, the names of the groups are '[memberOf]', without `references`",
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
