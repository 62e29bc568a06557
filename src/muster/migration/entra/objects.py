"""One objectMapping of Microsoft Graph → an outbound mapping, and an inbound one where its source is not the cloud.

https://learn.microsoft.com/graph/api/resources/synchronization-objectmapping
"""

from __future__ import annotations

from typing import Any

from muster.migration.entra.flows import DIALECT, Target, expression_of, flow_of, soft_deletes
from muster.migration.entra.job import Job
from muster.migration.entra.naming import distinguished
from muster.migration.entra.place import Place
from muster.migration.entra.presence import Assignment, presence
from muster.migration.entra.schema import AttributeMapping, ObjectMapping
from muster.migration.entra.scopes import native_scope
from muster.migration.entra.sources import inbound_draft
from muster.migration.entra.targets import is_password, must_be_listed, target_name
from muster.migration.entra.vocabulary import Vocabulary, kind_of
from muster.migration.expressions import attributes_of
from muster.migration.outcome import Draft, Imported


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
    makes = bool({"Add", "Delete"} & mapping.switches)
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
    outbound = draft.content["outbound"] = presence(
        mapping, vocabulary, target.label, place, assignment, job, draft, imported
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
                [] if "scope" in outbound else native_scope(mapping, target.label, imported),
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
        rest = distinguished(rest, vocabulary, target, place.object.settings.get("base"), flows, imported)
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
