"""The `inbound` section of a mapping → what is read into the identity."""

from __future__ import annotations

from muster.model.values import Attribute, Type
from muster.project.configuration import Inbound, InboundFlow, Reference
from muster.project.context import MappingContext
from muster.project.diagnostics import listed, nearest
from muster.project.digests import digest
from muster.project.document import Steps
from muster.project.files.flow import InboundFlowFile
from muster.project.metaverse import targets


def build_inbound(context: MappingContext) -> Inbound | None:
    """The section with the flows that are right; the wrong ones are reported and left out."""
    section = context.file.inbound
    if section is None:
        return None
    flows = [
        built
        for name, flow in section.flows.items()
        if (built := _flow(context, name, flow, section.precedence)) is not None
    ]
    return Inbound(section.precedence, tuple(flows))


def _flow(context: MappingContext, name: str, flow: InboundFlowFile, precedence: int) -> InboundFlow | None:
    path = ["inbound", "flows", name]
    attribute = context.identity_attribute(name, path)
    own = flow.precedence if flow.precedence is not None else precedence
    place = context.document.key_place(path)
    if attribute is not None and context.identity is not None:
        _check(context, attribute, flow, path)
        computed = context.metaverse.computed(context.identity, name)
        if computed is not None:
            context.diagnostics.hint(
                place, f"`{name}` is computed in {computed.place}, too: the computed value comes after every source"
            )
    if flow.target is not None:
        reference = _reference(context, flow, path)
        if reference is None or attribute is None:
            return None
        made = digest(own, flow.merge, context.digests.reference(reference))
        return InboundFlow(attribute, place, own, reference=reference, merge=flow.merge, digest=made)
    choices = context.choices(flow, path, inbound=True)
    if choices is None or attribute is None:
        return None
    made = digest(own, flow.merge, context.digests.choices(choices))
    return InboundFlow(attribute, place, own, choices, merge=flow.merge, digest=made)


def _check(context: MappingContext, attribute: Attribute, flow: InboundFlowFile, path: Steps) -> None:
    """Whether the kind of flow and its merge fit the attribute."""
    name, report, document = attribute.name, context.diagnostics.error, context.document
    if flow.target is None and attribute.type is Type.REFERENCE:
        word = "references" if attribute.many else "reference"
        report(
            document.value_place(path),
            f"`{name}` refers to other identities: expected {{{word}: EXPRESSION}}, found a value",
        )
    elif flow.target is not None and attribute.type is not Type.REFERENCE:
        kind = context.metaverse.types[context.identity or ""]
        known = [a.name for a in kind.attributes.values() if a.type is Type.REFERENCE]
        report(
            document.key_place(path),
            f"`{name}` is {attribute.type}, not a reference; references of `{kind.name}`: {listed(known)}",
        )
    elif flow.reference is not None and attribute.many:
        report(document.key_place([*path, "reference"]), f"`{name}` has many values: write `references`", "references")
    elif flow.references is not None and not attribute.many:
        report(document.key_place([*path, "references"]), f"`{name}` has one value: write `reference`", "reference")
    place = document.value_place([*path, "merge"])
    if flow.merge == "union" and not attribute.many:
        report(place, f"`merge: union` needs many values, and `{name}` has one")
    elif flow.merge in ("any", "all") and attribute.type is not Type.BOOLEAN:
        report(place, f"`merge: {flow.merge}` is for true and false, and `{name}` is {attribute.type}")
    elif flow.merge in ("max", "min") and (attribute.many or attribute.type in (Type.BOOLEAN, Type.REFERENCE)):
        kind_of = "many values" if attribute.many else str(attribute.type)
        report(place, f"`merge: {flow.merge}` compares single values, and `{name}` is {kind_of}")


def _reference(context: MappingContext, flow: InboundFlowFile, path: Steps) -> Reference | None:
    text = context.over_object([*path, "reference" if flow.reference is not None else "references"])
    if text is None or flow.to is None:
        return None if text is None else Reference(text)
    to = _target(context, flow.to, path)
    return None if to is None else Reference(text, to)


def _target(context: MappingContext, written: str, path: Steps) -> tuple[str, str, str] | None:
    """`person.employeeId`, `worker` or `hr/worker`; None when there is no such thing, which is reported."""
    place = context.document.value_place([*path, "to"])
    system, slash, kind = written.partition("/")
    if slash:
        if system not in context.systems:
            near = nearest(system, context.systems)
            context.diagnostics.error(
                place, f"unknown system `{system}`; known: {listed(context.systems)}.", near and f"{near}/{kind}"
            )
            return None
    else:
        identity, dot, attribute = written.partition(".")
        types = context.metaverse.types
        if dot and identity in types:
            return _by_attribute(context, identity, attribute, path)
        system, kind = context.file.system, written
    objects = context.systems.get(system)
    if objects is None:
        return ("object", system, kind) if system in context.systems else None
    if kind in objects:
        return "object", system, kind
    prefix = f"{system}/" if slash else ""
    valid = [f"{prefix}{name}" for name in objects]
    if not slash:
        valid += [f"{name}.{key}" for name, known in context.metaverse.types.items() for key in known.attributes]
    meant = _identity_meant(context, written) if not slash else None
    context.diagnostics.error(
        place,
        f"`to: {written}` leads nowhere: expected an identity attribute such as person.employeeId, "
        f"an object of system `{system}` ({listed(objects)}), or system/object.",
        meant or nearest(written, valid),
    )
    return None


def _identity_meant(context: MappingContext, written: str) -> str | None:
    if written not in context.metaverse.types:
        return None
    known = context.metaverse.types[written].attributes
    return next((f"{written}.{name}" for name in ("employeeId", "mail", "id") if name in known), None)


def _by_attribute(context: MappingContext, identity: str, attribute: str, path: Steps) -> tuple[str, str, str] | None:
    place = context.document.value_place([*path, "to"])
    known = context.metaverse.types[identity].attributes
    found = known.get(attribute)
    if found is None and context.metaverse.open:
        return None
    if found is None:
        near = nearest(attribute, known)
        context.diagnostics.error(
            place, f"unknown attribute `{attribute}` of `{identity}`", near and f"{identity}.{near}"
        )
        return None
    if found.type is Type.REFERENCE or found.many:
        what = "a reference" if found.type is Type.REFERENCE else "many values"
        context.diagnostics.error(place, f"`{attribute}` is {what}: it names nobody. Choose one such as employeeId.")
        return None
    allowed = targets(str(path[-1]), context.metaverse.types)
    if identity not in allowed:
        context.diagnostics.error(place, f"`{path[-1]}` leads to {listed(allowed)}, not to `{identity}`")
        return None
    return "identity", identity, attribute
