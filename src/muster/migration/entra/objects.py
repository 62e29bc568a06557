"""One objectMapping of Microsoft Graph → an outbound mapping, and an inbound one where its source is not the cloud.

https://learn.microsoft.com/graph/api/resources/synchronization-objectmapping and
https://learn.microsoft.com/entra/identity/app-provisioning/how-provisioning-works
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from muster.expressions import ExpressionError, compile_expression
from muster.migration.conditions import Untranslatable, entra_condition
from muster.migration.entra.flows import DIALECT, Target, expression_of, flow_of, mend, soft_deletes
from muster.migration.entra.job import Job
from muster.migration.entra.schema import AttributeMapping, FilterGroup, ObjectMapping
from muster.migration.entra.sources import inbound_draft
from muster.migration.entra.targets import is_password, must_be_listed, target_name
from muster.migration.entra.vocabulary import Vocabulary, kind_of
from muster.migration.expressions import attributes_of, both
from muster.migration.outcome import Draft, Imported
from muster.migration.surroundings import ObjectShape, SystemShape

_NEGATIONS: Final = ("NOT", "!")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the objects of a mapping live in the project; `source` None: they come from the metaverse alone.

    `taken`: the precedences that the source's mapping must leave to others.
    """

    target: SystemShape
    object: ObjectShape
    source: SystemShape | None
    source_object: ObjectShape | None
    taken: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who takes part besides the scope: everybody, those of a condition, or nobody knows (None and False)."""

    everyone: bool = False
    condition: str | None = None

    @property
    def known(self) -> bool:
        """Whether it may be said who gets an account."""
        return self.everyone or self.condition is not None


def import_mapping(
    mapping: ObjectMapping,
    vocabulary: Vocabulary,
    target: Target,
    place: Place,
    assignment: Assignment,
    job: Job,
    imported: Imported,
) -> None:
    """Add the drafts of one object mapping, and all that they lack, to `imported`."""
    kind = kind_of(mapping.target)
    makes = "Add" in mapping.switches
    draft = Draft(
        f"{place.target.name}-{place.object.name}{'' if makes else '-writeback'}",
        f"From Microsoft Entra: {kind_of(mapping.source)} → {kind}. Names on the left are {place.target.name}'s.",
        {"system": place.target.name, "object": place.object.name, "identity": vocabulary.identity},
    )
    ordered = sorted((one for one in mapping.attributes if (one.priority or 0) > 0), key=lambda one: one.priority or 0)
    join = [_join(one, vocabulary, target, place.target.name, imported) for one in ordered]
    if join:
        draft.content["join"] = join
    else:
        imported.leave(
            f"{target.label}: matching",
            "no attribute has a matching priority",
            "write `join:`, or nobody is found again",
        )
    outbound = draft.content["outbound"] = _presence(
        mapping, vocabulary, target, place, assignment, job, draft, imported
    )
    flows = _flows(mapping, vocabulary, target, place, outbound, imported)
    if flows:
        outbound["flows"] = flows
    if place.source is not None and place.source_object is not None:
        imported.drafts.append(
            inbound_draft(
                mapping,
                vocabulary,
                place.source,
                place.source_object,
                ordered,
                _native_scope(mapping, target, imported),
                place.taken,
            )
        )
    imported.drafts.append(draft)
    if vocabulary.declared:
        imported.attributes.setdefault(vocabulary.identity, {}).update(vocabulary.declared)


def _join(
    mapping: AttributeMapping, vocabulary: Vocabulary, target: Target, system: str, imported: Imported
) -> dict[str, str]:
    """One line: the identity's attribute, and the object's that must equal it. An expression is computed."""
    name = target_name(target.connector, mapping.target).name
    source = mapping.source
    if source is not None and source.type == "Attribute":
        attribute = source.name or source.text.strip("[]")
        known = vocabulary.known(attribute)
        if vocabulary.plain(attribute) and not (known is not None and known.many):
            return {vocabulary.attribute(attribute): f"[{name}]"}
    value = expression_of(mapping, vocabulary, target.kind(mapping.target)) or "NULL"
    plain = "".join(letter for letter in name.title() if letter.isalnum())
    made = f"{''.join(letter for letter in system if letter.isalnum())}{plain}"
    imported.computed.setdefault(vocabulary.identity, {})[made] = value
    return {made: f"[{name}]"}


def _presence(
    mapping: ObjectMapping,
    vocabulary: Vocabulary,
    target: Target,
    place: Place,
    assignment: Assignment,
    job: Job,
    draft: Draft,
    imported: Imported,
) -> dict[str, Any]:
    """`provision` and `deprovision`; neither where the old job made nothing, or where nobody can tell for whom."""
    label = target.label
    if "Add" not in mapping.switches:
        if "Delete" in mapping.switches:
            imported.leave(
                f"{label}: Delete without Add",
                "a mapping that makes no objects deletes none",
                "say `provision:` for those who have one, if theirs must go",
            )
        return {}
    provision = _provision(mapping, vocabulary, label, assignment, imported)
    if provision is None:
        return {}
    steps = _deprovision(mapping, vocabulary, place, job, label, draft, imported)
    return {"provision": provision, "deprovision": steps}


def _provision(
    mapping: ObjectMapping, vocabulary: Vocabulary, label: str, assignment: Assignment, imported: Imported
) -> str | None:
    if not vocabulary.cloud:
        return "true"
    without = "until then the mapping makes no accounts: it only keeps those in step that are found"
    if not assignment.known:
        imported.leave(
            f"{label}: who gets an account",
            "nothing says that others than assigned users and groups took part, and no schema says who they are",
            f"import again with --everyone, or with --assigned EXPRESSION; {without}",
        )
        return None
    parts = ["[active]"] if vocabulary.identity == "person" else []
    parts.append(assignment.condition or "")
    groups = [*(mapping.scope.groups if mapping.scope else [])]
    _said_filters(mapping, label, imported)
    try:
        if written := _clauses(groups):
            parts.append(entra_condition(written, vocabulary.term, vocabulary.known))
    except Untranslatable as fault:
        imported.leave(f"{label}: scope", f"no expression says `{fault}`", f"write `provision:` by hand; {without}")
        return None
    return both(parts)


def _said_filters(mapping: ObjectMapping, label: str, imported: Imported) -> None:
    scope = mapping.scope
    if scope is not None and (scope.input or scope.category):
        names = [
            name
            for name, found in (("inputFilterGroups", scope.input), ("categoryFilterGroups", scope.category))
            if found
        ]
        imported.leave(
            f"{label}: {' and '.join(names)}",
            "Microsoft calls them experimental; who leaves them keeps the account",
            "add their conditions to `provision:` where they still count",
        )


def _deprovision(
    mapping: ObjectMapping,
    vocabulary: Vocabulary,
    place: Place,
    job: Job,
    label: str,
    draft: Draft,
    imported: Imported,
) -> str:
    """What the service did with an object whose owner was deleted, unassigned or out of scope."""
    if "Delete" not in mapping.switches:
        return "leave"
    if job.skip_out_of_scope:
        imported.leave(
            f"{label}: SkipOutOfScopeDeletions",
            "`deprovision` does not tell who left the scope from who left: `leave` keeps both accounts as they are",
            "say `deprovision: disable` if leavers must lose theirs",
        )
        return "leave"
    soft = [one for one in mapping.attributes if soft_deletes(one)]
    foreign = not vocabulary.cloud or place.target.connector in {"active_directory", "graph"}
    if not soft and not (foreign and vocabulary.identity == "person"):
        draft.notes["outbound/deprovision"] = "no attribute followed IsSoftDeleted, so a DELETE was sent"
        return "delete"
    for one in soft:
        draft.notes["outbound/deprovision"] = f"what {one.target} by IsSoftDeleted did"
    if place.object.can_enable is False:
        imported.leave(
            f"{label}: {soft[0].target if soft else 'disable'}",
            f"{place.target.name} has no switch that Muster knows of, so accounts are left as they are",
            f"name it in systems/{place.target.name}.yaml (`enabled:`), then say `deprovision: disable`",
        )
        return "leave"
    return "disable"


def _flows(
    mapping: ObjectMapping,
    vocabulary: Vocabulary,
    target: Target,
    place: Place,
    outbound: dict[str, Any],
    imported: Imported,
) -> dict[str, Any]:
    flows: dict[str, Any] = {}
    rest = list(mapping.attributes)
    if place.target.connector == "active_directory":
        rest = _distinguished(rest, vocabulary, target, place, flows, imported)
    for one in rest:
        if soft_deletes(one):
            if "provision" not in outbound:
                imported.leave(
                    f"{target.label}: {one.target}",
                    "it followed IsSoftDeleted, which is what `provision` and `deprovision` say here",
                    "say who has an account in `provision:`",
                )
            continue
        if is_password(one.target):
            outbound |= {"password": "generate"}
            imported.leave(
                f"{target.label}: {one.target}",
                "Muster makes first passwords itself",
                "nothing: `password: generate` is set",
            )
            continue
        if (found := flow_of(one, vocabulary, target, imported)) is None:
            continue
        name, flow = found
        flows[name] = flow
        if must_be_listed(target.connector, name):
            imported.leave(
                f"{target.label}: {one.target}",
                "the connector knows such an attribute only when the system file names it",
                f"add it to `attributes:` of {place.object.name} in systems/{place.target.name}.yaml",
            )
        if "appRoleAssignments" in attributes_of(str(flow), DIALECT):
            imported.leave(
                f"{target.label}: {one.target} (app roles)",
                "app roles are assigned in Entra, and no file of the schema says to whom",
                "fill appRoleAssignments with role names by a flow of your own",
            )
    return flows


def _distinguished(
    mappings: Sequence[AttributeMapping],
    vocabulary: Vocabulary,
    target: Target,
    place: Place,
    flows: dict[str, Any],
    imported: Imported,
) -> list[AttributeMapping]:
    """Active Directory: `cn` and `parentDistinguishedName` are one flow, `dn`; the mappings that are left."""
    named = {one.target.lower(): one for one in mappings}
    cn = named.get("cn") or named.get("displayname")
    parent = named.get("parentdistinguishedname")
    base = place.object.settings.get("base")
    if cn is None or (parent is None and not base):
        if parent is not None:
            imported.leave(
                f"{target.label}: parentDistinguishedName", "nothing names the object in it", "write `dn:` by hand"
            )
        return [one for one in mappings if one is not parent]
    name = expression_of(cn, vocabulary, "String")
    above = expression_of(parent, vocabulary, "String") if parent is not None else f'"{base}"'
    left = [one for one in mappings if one is not parent and not (one is cn and cn.target.lower() == "cn")]
    value = f'Join("", "CN=", EscapeDN({name}), ",", {above})'
    try:
        compile_expression(value, dialect=DIALECT, parameters=target.parameters)
    except ExpressionError as error:
        imported.leave(f"{target.label}: parentDistinguishedName", f"not understood: {error}", mend(error))
        return left
    once = [one for one in (cn, parent) if one is not None and one.flow_type == "ObjectAddOnly"]
    flows["dn"] = {"value": value, "enforce": "once"} if once or not target.update else value
    if len(once) == 1 and parent is not None:
        imported.leave(
            f"{target.label}: {once[0].target} only for new objects",
            "name and place are one value here: after creation neither is renamed nor moved",
            "drop `enforce: once` of dn to rename and move",
        )
    return left


def _clauses(groups: Sequence[FilterGroup]) -> list[list[dict[str, Any]]]:
    """Graph's groups as they stand in `scope:`. A clause of several values is met by any, one with NOT by none."""
    written: list[list[dict[str, Any]]] = []
    for group in groups:
        choices: list[list[list[dict[str, Any]]]] = []
        for clause in group.clauses:
            each: list[dict[str, Any]] = [
                {"attribute": clause.attribute, "operator": clause.operator, "value": value}
                for value in (clause.operand.values if clause.operand else [])
            ] or [{"attribute": clause.attribute, "operator": clause.operator}]
            negated = clause.operator.strip().upper().startswith(_NEGATIONS)
            choices.append([each] if negated else [[one] for one in each])
        if choices:
            written += [[one for part in parts for one in part] for parts in itertools.product(*choices)]
    return written


def _native_scope(mapping: ObjectMapping, target: Target, imported: Imported) -> list[list[dict[str, Any]]]:
    """The filter groups as they are, for the mapping that reads the source."""
    _said_filters(mapping, target.label, imported)
    written = _clauses(mapping.scope.groups if mapping.scope else [])
    if not written:
        return []
    try:
        entra_condition(written, "[{}]".format, lambda _: None)
    except Untranslatable as fault:
        imported.leave(
            f"{target.label}: scope", f"there is no clause `{fault}`", "write `scope:` by hand before the first run"
        )
    return written
