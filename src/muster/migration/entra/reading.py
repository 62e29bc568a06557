"""A synchronizationSchema and its job → mappings for the project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from muster.expressions import ExpressionError, compile_expression
from muster.migration.entra.flows import DIALECT, Target
from muster.migration.entra.job import Job, left_of_job
from muster.migration.entra.objects import import_mapping
from muster.migration.entra.place import Place
from muster.migration.entra.presence import Assignment
from muster.migration.entra.schema import ObjectMapping, Rule, Schema
from muster.migration.entra.vocabulary import CLOUD, Vocabulary, identity_of, kind_of
from muster.migration.outcome import Imported
from muster.migration.pruning import texts_of
from muster.migration.surroundings import ObjectShape, Surroundings, SystemShape
from muster.model.errors import ProjectError


@dataclass(frozen=True, slots=True)
class Choices:
    """What the person who imports says: the systems, and who is assigned."""

    system: str | None = None
    source: str | None = None
    everyone: bool = False
    assigned: str | None = None


def import_schema(schema: Schema, job: Job, choices: Choices, around: Surroundings) -> Imported:
    """Everything that the schema says, as mappings and what is left. ProjectError for choices that fit no project."""
    imported = Imported()
    target = around.system(choices.system, "the target", "--system")
    assignment = _assignment(choices, job, around)
    left_of_job(job, target.name, imported)
    for rule in schema.rules:
        _outside(rule, imported)
        for mapping in rule.mappings:
            _import(schema, rule, mapping, job, assignment, choices, target, around, imported)
    _merge(imported)
    if not imported.drafts:
        why = "; ".join(f"{one.what}: {one.why}" for one in imported.left) or "it has no object mappings"
        raise ProjectError(f"There is nothing to import: {why}.")
    for draft in imported.drafts:
        _unfilled(draft.content, around, imported)
    return imported


def _import(
    schema: Schema,
    rule: Rule,
    mapping: ObjectMapping,
    job: Job,
    assignment: Assignment,
    choices: Choices,
    target: SystemShape,
    around: Surroundings,
    imported: Imported,
) -> None:
    label = mapping.name or f"{kind_of(mapping.source)} to {kind_of(mapping.target)}"
    if mapping.enabled is False:
        imported.leave(label, "it is switched off in Entra", "nothing; switch it on there and import again to have it")
        return
    identity = identity_of(mapping.source, mapping.target)
    if identity is None:
        imported.leave(
            label, f"there is no identity type for {mapping.source or mapping.target}", "write the mapping by hand"
        )
        return
    shape = target.object_of(kind_of(mapping.target), identity, "user" if identity == "person" else identity)
    if shape is None:
        imported.leave(
            label,
            f"systems/{target.name}.yaml has no object for it",
            f"add one to its `objects:`, such as `{'user' if identity == 'person' else identity}`, and import again",
        )
        return
    cloud = rule.source.lower() in CLOUD
    source, source_object = (None, None) if cloud else _source(mapping, choices, around)
    attributes = around.attributes[identity]
    vocabulary = Vocabulary(identity, cloud, schema.definitions(rule.source, mapping.source), attributes)
    into = Target(
        target.connector,
        schema.definitions(rule.target, mapping.target),
        kind_of(mapping.target),
        around.parameters,
    )
    taken = around.taken(f"{source.name}-{source_object.name}") if source and source_object else frozenset()
    place = Place(target, shape, source, source_object, taken)
    import_mapping(mapping, vocabulary, into, place, assignment, job, imported)


def _source(mapping: ObjectMapping, choices: Choices, around: Surroundings) -> tuple[SystemShape, ObjectShape]:
    system = around.system(choices.source, f"the source, which holds {mapping.source}", "--source")
    shape = system.object_of(kind_of(mapping.source), "worker", "user")
    if shape is None:
        raise ProjectError(
            f"systems/{system.name}.yaml has no object for {mapping.source}: "
            f"add `{kind_of(mapping.source)}` to `objects:`."
        )
    return system, shape


def _assignment(choices: Choices, job: Job, around: Surroundings) -> Assignment:
    if choices.assigned is None:
        return Assignment(everyone=choices.everyone or job.everyone is True)
    try:
        compile_expression(choices.assigned, dialect=DIALECT, parameters=around.parameters)
    except ExpressionError as error:
        raise ProjectError(f"--assigned {choices.assigned}: {error}") from None
    return Assignment(condition=choices.assigned)


def _outside(rule: Rule, imported: Imported) -> None:
    """What a rule says about the source as a whole."""
    if rule.containers is not None and rule.containers.included:
        imported.leave_each(
            rule.containers.included,
            "OUs are chosen where the system is read",
            "name them as `base:` in its system file",
        )
    if rule.groups is not None and rule.groups.included:
        imported.leave_each(
            rule.groups.included,
            "only members of these groups were read",
            "say so in `scope:` of the mapping that reads them",
        )


def _merge(imported: Imported) -> None:
    """Two object mappings for one object of the project: the first stays, what the other adds is said."""
    kept: dict[str, Any] = {}
    for draft in imported.drafts:
        first = kept.setdefault(draft.name, draft)
        if first is draft:
            continue
        for side in ("inbound", "outbound"):
            own = first.content.get(side, {}).get("flows", {})
            for name, flow in draft.content.get(side, {}).get("flows", {}).items():
                if name not in own:
                    first.content.setdefault(side, {}).setdefault("flows", {})[name] = flow
                elif own[name] != flow:
                    imported.leave(
                        f"{draft.name}: {name}", "a second object mapping gives it another value", "choose one by hand"
                    )
    imported.drafts = list(kept.values())


def _unfilled(content: dict[str, Any], around: Surroundings, imported: Imported) -> None:
    """Say which attributes of the identity the mapping reads and nothing gives, neither the project nor these files."""
    identity = content["identity"]
    given = set(around.filled.get(identity, frozenset())) | set(imported.computed.get(identity, {}))
    for draft in imported.drafts:
        if draft.content["identity"] == identity:
            given |= draft.content.get("inbound", {}).get("flows", {}).keys()
    outbound = content.get("outbound", {})
    read: set[str] = set()
    texts = [outbound.get("provision", ""), outbound.get("scope", ""), *imported.computed.get(identity, {}).values()]
    for flow in outbound.get("flows", {}).values():
        texts += texts_of(flow)
    for text in texts:
        if text:
            read |= {name.split(".")[0] for name in compile_expression(text, parameters=around.parameters).reads}
    imported.leave_each(
        (f"[{name}]" for name in read - given - {"memberOf"}),
        f"read of the {identity}, and no mapping of the project fills it: it is empty",
        "flow it in from the source that knows it, or drop the flows that read it",
    )
