"""One file of `mappings/` → the rules that the engine works from."""

from __future__ import annotations

from muster.project.compiling import CompiledScope
from muster.project.configuration import Inbound, JoinLine, Located, MappingRules, Outbound, Place
from muster.project.context import MappingContext
from muster.project.diagnostics import listed, nearest
from muster.project.digests import digest
from muster.project.inbound import build_inbound
from muster.project.outbound import build_outbound


def build_mapping(context: MappingContext) -> MappingRules:
    """The rules of one mapping. Complete only when nothing was reported; never to be run otherwise."""
    file, document = context.file, context.document
    context.known_system()
    if context.identity is None and not context.metaverse.open:
        types = context.metaverse.types
        context.diagnostics.error(
            document.value_place(["identity"]),
            f"unknown metaverse type `{file.identity}`; known: {listed(types)}.",
            nearest(file.identity, types),
        )
    if file.inbound is None and file.outbound is None and not file.join and not file.project:
        context.diagnostics.hint(
            Place(document.file, 1, 1),
            "this mapping neither reads nor writes: its objects only count as groups, for `clear groups`",
        )
    scope = None
    if file.scope is not None:
        scope = context.scope(["scope"], file.scope)
    join = _join(context)
    primary = context.over_object(["primary"]) if file.primary is not None else None
    inbound, outbound = build_inbound(context), build_outbound(context)
    side = [] if file.protect is not None else ["outbound"]
    written = file.outbound
    protect = None
    if file.protect is not None or (written and written.protect is not None):
        protect = context.over_object([*side, "protect"])
    unmanaged = file.unmanaged or (written and written.unmanaged) or "report"
    elsewhere = file.deleted_elsewhere or (written and written.deleted_elsewhere) or "recreate"
    digests = _rule_digests(context, scope, join, primary, inbound, outbound)
    digests |= {
        "protect": digest(context.digests.expression(protect)),
        "unmanaged": digest(unmanaged),
        "deleted elsewhere": digest(elsewhere),
    }
    return MappingRules(
        name=document.name,
        place=Place(document.file, 1, 1),
        system=file.system,
        object=file.object,
        identity=file.identity,
        account=file.account,
        dialect=file.dialect,
        scope=scope.scope if scope is not None else None,
        scope_place=document.value_place(["scope"]) if scope is not None else None,
        join=join,
        project=file.project,
        several=file.several,
        primary=primary,
        inbound=inbound,
        outbound=outbound,
        protect=protect,
        unmanaged=unmanaged,
        deleted_elsewhere=elsewhere,
        was=file.was,
        reads=tuple(context.reads),
        digests=dict(sorted(digests.items())),
    )


def _join(context: MappingContext) -> tuple[JoinLine, ...]:
    lines: list[JoinLine] = []
    for index, line in enumerate(context.file.join):
        path: list[str | int] = ["join", index]
        place = context.document.value_place(path)
        if not line:
            context.diagnostics.error(place, "an empty join line matches everybody: expected `attribute: EXPRESSION`")
        pairs: dict[str, Located] = {}
        for name in line:
            attribute = context.identity_attribute(name, [*path, name])
            located = context.over_object([*path, name])
            if attribute is not None and attribute.many:
                context.diagnostics.error(
                    context.document.key_place([*path, name]),
                    f"`{name}` has many values, and a join compares one: choose another attribute",
                )
            if located is not None:
                pairs[name] = located
        lines.append(JoinLine(place, pairs))
    return tuple(lines)


def _rule_digests(
    context: MappingContext,
    scope: CompiledScope | None,
    join: tuple[JoinLine, ...],
    primary: Located | None,
    inbound: Inbound | None,
    outbound: Outbound | None,
) -> dict[str, str]:
    """One digest a rule, by the names that docs/reference/rule-changes.md uses."""
    file, rules = context.file, context.digests
    made = {
        "mapping": digest(file.system, file.object, file.identity, file.account, file.dialect),
        "scope": digest([rules.expression(scope.located), scope.rule] if scope is not None else None),
        "join": digest([{name: rules.expression(pair) for name, pair in line.pairs.items()} for line in join]),
        "project": digest(file.project, file.several, rules.expression(primary)),
    }
    if inbound is not None:
        made |= {f"inbound:{flow.attribute.name}": flow.digest for flow in inbound.flows}
    if outbound is not None:
        made |= {f"outbound:{flow.attribute}": flow.digest for flow in outbound.flows}
        made["provision"] = outbound.presence_digest
        made["deprovision"] = digest(rules.steps(outbound.deprovision), rules.steps(outbound.out_of_scope))
        made["actions"] = digest(sorted(file.outbound.actions or ()) if file.outbound is not None else None)
        made["password"] = digest(outbound.password)
    return made
