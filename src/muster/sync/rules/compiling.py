"""The project's rules, made ready to run: settings and what the systems say of themselves → `Rules`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set

from muster.expressions import Expression, Program, compile_program
from muster.model.schema import ENABLED, ObjectSchema, SystemSchema
from muster.model.values import Type
from muster.project.configuration import (
    Choice,
    IdentityType,
    InboundFlow,
    JoinLine,
    MappingRules,
    Project,
)
from muster.project.metaverse import MEMBER_OF
from muster.store.names import Names
from muster.sync.rules.buffers import buffer_indexes
from muster.sync.rules.indexes import Indexed
from muster.sync.rules.ruleset import (
    CompiledInbound,
    CompiledJoin,
    CompiledMapping,
    CompiledOutbound,
    CompiledType,
    Parted,
    Rules,
    Slot,
    group_attributes,
)


def compile_rules(project: Project, schemas: Mapping[str, SystemSchema], names: Names) -> Rules:
    """The project's rules over what the systems said of themselves. A mapping without a schema is left out."""
    for mapping in project.mappings.values():
        if mapping.was:
            names.rename("mapping", mapping.was, mapping.name)
    compiled: dict[int, CompiledMapping] = {}
    by_space: dict[int, list[CompiledMapping]] = {}
    indexed: dict[int, list[Indexed]] = {}
    for name in sorted(project.mappings):
        rules = project.mappings[name]
        schema = schemas.get(rules.system)
        known = schema.types.get(rules.object) if schema else None
        if known is None:
            continue
        made = _Compiler(project, names, rules, known).compile()
        compiled[made.id] = made
        by_space.setdefault(made.space, []).append(made)
        for flow in made.outbound:
            if flow.unique_sig:
                indexed.setdefault(made.space, []).append(Indexed(flow.unique_sig, flow.flow.attribute))
    clearing = frozenset(m.id for m in compiled.values() if _clears_groups(m.rules))
    for space, entry in _reference_indexes(names, schemas, compiled, clearing):
        if entry not in indexed.setdefault(space, []):
            indexed[space].append(entry)
    alone = _unique_indexes(names, compiled)
    for space, entries in alone.items():
        indexed[space] = list(dict.fromkeys([*indexed.get(space, ()), *entries]))
    for space, entry in buffer_indexes(project, schemas, names):
        indexed.setdefault(space, []).append(entry)
    spaces = {number: key for key, number in names.spaces().items()}
    types = {name: _compile_type(project, names, kind, compiled.values()) for name, kind in project.metaverse.items()}
    scope_sigs = _scope_sigs(project, names, compiled, indexed)
    for system in project.systems:
        names.id("how", f"system:{system}")
    for mapping in project.mappings.values():
        names.id("account", mapping.account)
    used = frozenset(flow.how for mapping in compiled.values() for flow in mapping.inbound if flow.how)
    hows, object_hows = _hows(names, spaces, used)
    return Rules(
        project=project,
        names=names,
        schemas=schemas,
        mappings=compiled,
        by_space=by_space,
        types=types,
        spaces=spaces,
        indexed=indexed,
        alone=alone,
        hows=hows,
        object_hows=object_hows,
        key_hows=frozenset(how for how in used if hows[how][0] == "identity"),
        references=frozenset(flow.edge for mapping in compiled.values() for flow in mapping.outbound if flow.edge),
        streamed=frozenset(flow.edge for mapping in compiled.values() for flow in mapping.streams),
        contested=_contested(compiled.values()),
        naming={
            name: True for name, schema in schemas.items() if any(t.naming is not None for t in schema.types.values())
        },
        forgetful=_forgetful(schemas, spaces),
        by_names=frozenset(m.id for m in compiled.values() if any(join.given for join in m.joins)),
        main=names.id("account", "main"),
        clearing=clearing,
        flow_scopes=frozenset(f.unique for m in compiled.values() for f in m.outbound if f.unique is not None),
        scope_sigs=scope_sigs,
        paths={
            path: any(path in c.value.expression.reads for k in types.values() for c in k.computed)
            for path in sorted(set().union(*(kind.paths for kind in types.values())))
        },
    )


def _forgetful(schemas: Mapping[str, SystemSchema], spaces: Mapping[int, tuple[str, str]]) -> list[int]:
    found = []
    for number, (system, kind) in sorted(spaces.items()):
        schema = schemas[system].types.get(kind) if system in schemas else None
        if schema is not None and schema.naming is not None and not schema.keeps_references:
            found.append(number)
    return found


def _clears_groups(rules: MappingRules) -> bool:
    return rules.outbound is not None and any(step.do == "clear groups" for step in rules.outbound.steps)


def _reference_indexes(
    names: Names, schemas: Mapping[str, SystemSchema], compiled: Mapping[int, CompiledMapping], clearing: Set[int]
) -> Iterable[tuple[int, Indexed]]:
    """By space, the references that objects hold and that we may have to take out of them."""
    clears = {compiled[number].rules.system for number in clearing}
    for mapping in compiled.values():
        system = mapping.rules.system
        written = {flow.flow.attribute for flow in mapping.references}
        if system in clears:
            written |= {one.name for one in group_attributes(mapping.schema) if not one.large}
        by_dn = any(kind.name_is_dn for kind in schemas[system].types.values())
        for attribute in sorted(written):
            sig = names.id("how", f"names:{mapping.space}:{attribute}")
            yield mapping.space, Indexed(sig, attribute, reference=True, by_dn=by_dn)


def _unique_indexes(names: Names, compiled: Mapping[int, CompiledMapping]) -> dict[int, list[Indexed]]:
    """By space, the attributes that are written and of which only one object may have a value."""
    found: dict[int, dict[Indexed, None]] = {}
    for mapping in compiled.values():
        for flow in mapping.outbound:
            if flow.flow.attribute in mapping.schema.unique:
                sig = names.id("how", f"value:{mapping.space}:{flow.flow.attribute}")
                found.setdefault(mapping.space, {})[Indexed(sig, flow.flow.attribute)] = None
    return {space: list(entries) for space, entries in found.items()}


def _contested(mappings: Iterable[CompiledMapping]) -> frozenset[int]:
    """The references that several objects of one identity may show, large in one of them at least, and not merged."""
    flows: dict[tuple[str, int], list[tuple[CompiledMapping, CompiledInbound]]] = {}
    for mapping in mappings:
        for flow in mapping.inbound:
            if flow.how:
                flows.setdefault((mapping.rules.identity, flow.attribute_id), []).append((mapping, flow))
    return frozenset(
        attribute
        for (_, attribute), found in flows.items()
        if any(flow.streamed for _, flow in found)
        and all(flow.flow.merge == "first" for _, flow in found)
        and (len(found) > 1 or found[0][0].rules.several)
    )


def _scope_sigs(
    project: Project,
    names: Names,
    compiled: Mapping[int, CompiledMapping],
    indexed: dict[int, list[Indexed]],
) -> dict[str, list[int]]:
    """For each scope of unique values, the attributes of systems that they end up in."""
    found: dict[str, list[int]] = {}
    for mapping in compiled.values():
        computed = unique_scopes(project.metaverse[mapping.rules.identity])
        for flow in mapping.outbound:
            if flow.unique is not None:
                found.setdefault(flow.unique, []).append(flow.unique_sig)
                continue
            plain = flow.flow.choices[0].value.expression.plain if len(flow.flow.choices) == 1 else None
            if plain is not None and plain in computed:
                sig = names.id("how", f"value:{mapping.space}:{flow.flow.attribute}")
                found.setdefault(computed[plain], []).append(sig)
                entry = Indexed(sig, flow.flow.attribute)
                if entry not in indexed.setdefault(mapping.space, []):
                    indexed[mapping.space].append(entry)
    return found


def unique_scopes(kind: IdentityType) -> dict[str, str]:
    """The computed attributes of a type that hold unique values, and the scope of each."""
    return {
        c.attribute.name: c.unique or f"{kind.name}.{c.attribute.name}"
        for c in kind.computed
        if "selectuniquevalue" in c.value.expression.functions
    }


def _unique_sources(kind: IdentityType) -> dict[str, frozenset[tuple[str, str | None]]]:
    """The unique values (scope, attribute) that each computed attribute is worked out from, its own among them."""
    scopes = unique_scopes(kind)
    found: dict[str, frozenset[tuple[str, str | None]]] = {}
    for computed in kind.computed:
        name = computed.attribute.name
        own: set[tuple[str, str | None]] = {(scopes[name], name)} if name in scopes else set()
        found[name] = frozenset(own.union(*(found.get(one, ()) for one in computed.value.expression.reads)))
    return found


def _hows(
    names: Names, spaces: Mapping[int, tuple[str, str]], used: frozenset[int]
) -> tuple[dict[int, tuple[str, str]], dict[int, list[int]]]:
    """Every look-up that was ever asked for; and by space those in use that its objects may answer."""
    hows: dict[int, tuple[str, str]] = {}
    answers: dict[int, list[int]] = {}
    for text, number in sorted(names.known("how").items()):
        kind, _, argument = text.partition(":")
        if kind not in ("identity", "space", "system"):
            continue
        hows[number] = (kind, argument)
        for space, (system, _) in spaces.items() if number in used else ():
            if (kind == "space" and argument == str(space)) or (kind == "system" and argument == system):
                answers.setdefault(space, []).append(number)
    return hows, answers


class _Compiler:
    """Compiles one mapping."""

    def __init__(self, project: Project, names: Names, rules: MappingRules, schema: ObjectSchema) -> None:
        self.project = project
        self.names = names
        self.rules = rules
        self.schema = schema
        self.wanted: set[str] = {schema.anchor}
        if schema.naming:
            self.wanted.add(schema.naming)
        if schema.can_enable:
            self.wanted.add(ENABLED)

    def compile(self) -> CompiledMapping:
        rules = self.rules
        if rules.scope is not None:
            self.wanted |= rules.scope.reads
        for extra in (rules.primary, rules.protect):
            if extra is not None:
                self.wanted |= extra.expression.reads
        joins = tuple(self._join(line) for line in rules.join)
        inbound, inbound_program = self._inbound()
        outbound, outbound_program = self._outbound()
        written = {flow.flow.attribute for flow in outbound}
        answers = tuple(f for f in inbound if f.reads - written) if rules.outbound and rules.outbound.provision else ()
        anchor = self.schema.attribute(self.schema.anchor)
        return CompiledMapping(
            rules=rules,
            id=self.names.id("mapping", rules.name),
            space=self.names.space(rules.system, rules.object),
            schema=self.schema,
            wanted=tuple(sorted(self.wanted)),
            joins=joins,
            inbound=inbound,
            inbound_program=inbound_program,
            outbound=outbound,
            outbound_program=outbound_program,
            streams=tuple(flow for flow in outbound if flow.streamed),
            answers=answers,
            exact_anchor=anchor.exact,
            alone=_alone(inbound),
            writes=_writes(outbound),
            references=tuple(f for f in outbound if f.edge and not f.streamed),
            named_by=tuple(f for f in outbound if f.flow.attribute in self._naming()),
            own_name=_own_name(self.schema, outbound),
            may_ignore=any(_may_ignore(c.value.expression) for f in outbound for c in f.flow.choices),
            refers=any(f.how and f.streamed is None for f in inbound),
            uses_unique=any(f.unique for f in outbound),
            unique_of=self._unique_of(outbound),
            reads_of={
                "provision": rules.outbound.asks if rules.outbound else frozenset(),
                **{f.flow.attribute: f.reads | _referred(f) for f in outbound},
            },
        )

    def _unique_of(self, outbound: Sequence[CompiledOutbound]) -> dict[str, tuple[tuple[str, str | None], ...]]:
        sources = _unique_sources(self.project.metaverse[self.rules.identity])
        found: dict[str, tuple[tuple[str, str | None], ...]] = {}
        for flow in outbound:
            used = set().union(*(sources.get(name, ()) for name in flow.reads))
            if flow.unique is not None:
                used.add((flow.unique, None))
            if used:
                found[flow.flow.attribute] = tuple(sorted(used, key=repr))
        return found

    def _naming(self) -> set[str | None]:
        """The attributes that name an object in its system."""
        return {self.schema.naming, None if self.schema.assigned else self.schema.anchor}

    def _join(self, line: JoinLine) -> CompiledJoin:
        expressions = [line.pairs[name].expression for name in line.attributes]
        for expression in expressions:
            self.wanted |= expression.reads
        sig = identity_sig(self.names, self.rules.identity, line.attributes)
        sources = _unique_sources(self.project.metaverse[self.rules.identity])
        given = any(sources.get(name) for name in line.attributes)
        return CompiledJoin(line, sig, compile_program(expressions), given=given)

    def _slots(self, choices: Sequence[Choice], precedence: int, program: list[Expression]) -> tuple[Slot, ...]:
        slots: list[Slot] = []
        for choice in choices:
            when = None
            if choice.when is not None:
                when = len(program)
                program.append(choice.when.expression)
            slots.append(
                Slot(
                    value=len(program),
                    when=when,
                    precedence=precedence if choice.precedence is None else choice.precedence,
                    place=choice.value.place,
                )
            )
            program.append(choice.value.expression)
        return tuple(slots)

    def _inbound(self) -> tuple[tuple[CompiledInbound, ...], Program | None]:
        if self.rules.inbound is None:
            return (), None
        program: list[Expression] = []
        made: list[CompiledInbound] = []
        for flow in self.rules.inbound.flows:
            start = len(program)
            how, streamed = 0, None
            if flow.reference is not None:
                how = self._how(flow)
                plain = flow.reference.text.expression.plain
                if plain is not None and self.schema.attribute(plain).large:
                    streamed = plain
                choices: tuple[Choice, ...] = (Choice(flow.reference.text),)
            else:
                choices = flow.choices
            slots = () if streamed else self._slots(choices, flow.precedence, program)
            reads = frozenset().union(*(e.reads for e in program[start:])) if not streamed else frozenset({streamed})
            self.wanted |= reads
            shown = self.names.id("attribute", streamed) if streamed else 0
            made.append(
                CompiledInbound(
                    flow, slots, reads, how, streamed, self.names.id("attribute", flow.attribute.name), shown
                )
            )
        return tuple(made), compile_program(program)

    def _how(self, flow: InboundFlow) -> int:
        reference = flow.reference
        to = reference.to if reference else None
        if to is None:
            return self.names.id("how", f"system:{self.rules.system}")
        if to[0] == "identity":
            return identity_sig(self.names, to[1], (to[2],))
        return self.names.id("how", f"space:{self.names.space(to[1], to[2])}")

    def _outbound(self) -> tuple[tuple[CompiledOutbound, ...], Program | None]:
        if self.rules.outbound is None:
            return (), None
        program: list[Expression] = []
        made: list[CompiledOutbound] = []
        for flow in self.rules.outbound.flows:
            attribute = self.schema.attribute(flow.attribute)
            start = len(program)
            edge = 0
            slots: tuple[Slot, ...] = ()
            if flow.reference is not None:
                edge = self.names.id("attribute", flow.reference.text.expression.plain or "")
            else:
                slots = self._slots(flow.choices, 0, program)
            default = self._slots((Choice(flow.default),), 0, program)[0] if flow.default is not None else None
            reads = frozenset().union(*(e.reads for e in program[start:])) if slots else frozenset()
            unique = flow.unique
            sig = 0
            if unique is None and any("selectuniquevalue" in e.functions for e in program[start:]):
                unique = f"{self.rules.system}/{self.rules.object}/{flow.attribute}"
            if unique is not None:
                space = self.names.space(self.rules.system, self.rules.object)
                sig = self.names.id("how", f"value:{space}:{flow.attribute}")
            self.wanted.add(flow.attribute)
            made.append(
                CompiledOutbound(
                    flow,
                    attribute,
                    slots,
                    reads,
                    unique,
                    sig,
                    edge,
                    flow.reference is not None and attribute.large,
                    self.names.id("attribute", flow.attribute),
                    default,
                )
            )
        return tuple(made), compile_program(program)


def _may_ignore(expression: Expression) -> bool:
    """Whether the text says so, or calls a function of the project, which may."""
    return "ignoreobject" in expression.text.lower() or bool(expression.functions - expression.dialect.functions.keys())


def _own_name(schema: ObjectSchema, outbound: Sequence[CompiledOutbound]) -> dict[str, CompiledOutbound]:
    if not schema.name_is_dn or all(flow.flow.attribute != schema.reference for flow in outbound):
        return {}
    flows = {flow.flow.attribute.lower(): flow for flow in outbound}
    first = {schema.aliases.get(name, name).lower(): flow for name, flow in flows.items()}
    others = {alias: first[name.lower()] for alias, name in schema.aliases.items() if name.lower() in first}
    return {**first, **others, **flows}


def _alone(inbound: Sequence[CompiledInbound]) -> Parted[CompiledInbound] | None:
    names = [flow.flow.attribute.name for flow in inbound]
    flows = tuple(flow for flow in inbound if flow.streamed is None)
    if len(set(names)) != len(names) or any(len(f.slots) != 1 or f.slots[0].when is not None for f in flows):
        return None
    texts = {}
    for flow in flows:
        attribute = flow.flow.attribute
        if attribute.type is Type.TEXT and not attribute.many and flow.flow.reference is None:
            texts[attribute.name] = (flow.slots[0].value, flow)
    return Parted(flows, texts)


def _referred(flow: CompiledOutbound) -> frozenset[str]:
    """The identity's reference that the flow writes."""
    reference = flow.flow.reference
    return frozenset({reference.text.expression.plain or ""}) if reference is not None else frozenset()


def _writes(outbound: Sequence[CompiledOutbound]) -> Parted[CompiledOutbound]:
    flows = tuple(flow for flow in outbound if not flow.streamed)
    texts = {}
    for flow in flows:
        attribute = flow.attribute
        simple = len(flow.slots) == 1 and flow.slots[0].when is None and not flow.edge and flow.default is None
        if simple and attribute.type is Type.TEXT and not attribute.many and attribute.writable != "never":
            texts[flow.flow.attribute] = (flow.slots[0].value, flow)
    return Parted(flows, texts)


def identity_sig(names: Names, kind: str, attributes: tuple[str, ...]) -> int:
    """The signature of the join key made of these attributes of this identity type."""
    return names.id("how", f"identity:{kind}:{'+'.join(attributes)}")


def _leads_on(name: str, references: Collection[str]) -> bool:
    """Whether what is read stands in other identities than the one that reads it."""
    reference, dot, _ = name.partition(".")
    return reference == MEMBER_OF or (bool(dot) and reference in references)


def _compile_type(
    project: Project, names: Names, kind: IdentityType, mappings: Iterable[CompiledMapping]
) -> CompiledType:
    keys: dict[int, tuple[str, ...]] = {}
    for number in sorted(names.known("how").items()):
        text, sig = number
        if text.startswith(f"identity:{kind.name}:"):
            keys[sig] = tuple(text.split(":", 2)[2].split("+"))
    live: set[tuple[str, ...]] = set()
    for rules in project.mappings.values():
        if rules.identity == kind.name:
            live.update(line.attributes for line in rules.join)
        if rules.inbound is not None:
            for flow in rules.inbound.flows:
                to = flow.reference.to if flow.reference else None
                if to and to[0] == "identity" and to[1] == kind.name:
                    live.add((to[2],))
    outbound = tuple(m for m in mappings if m.rules.outbound is not None and m.rules.identity == kind.name)
    reads: set[str] = set()
    for mapping in outbound:
        for compiled in mapping.outbound:
            reads |= compiled.reads
        out = mapping.rules.outbound
        if out is not None:
            reads |= out.asks
            for step in out.steps:
                if step.to is not None:
                    reads |= step.to.expression.reads
    computing = set().union(*(computed.value.expression.reads for computed in kind.computed))
    ranked = sorted(
        (flow.flow.precedence, mapping.name, flow.flow.attribute.name, flow.how)
        for mapping in mappings
        if mapping.rules.identity == kind.name
        for flow in mapping.inbound
        if flow.how
    )
    references = {
        name: names.id("attribute", name)
        for name, attribute in kind.attributes.items()
        if attribute.type is Type.REFERENCE
    }
    return CompiledType(
        type=kind,
        keys=tuple((sig, attributes) for sig, attributes in sorted(keys.items()) if attributes in live),
        computed=kind.computed,
        unique=unique_scopes(kind),
        outbound=outbound,
        paths=frozenset({n for n in reads | computing if _leads_on(n, references)} | (computing & references.keys())),
        references=references,
        lookups={name: how for _, _, name, how in reversed(ranked)},
    )
