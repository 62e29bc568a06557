"""The inbound mapping of a source that is no cloud directory: HR, a file, Active Directory.

Its attributes come in under names of their own, so that the old expressions stand outbound as they are.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from muster.migration.entra.flows import reference_target
from muster.migration.entra.schema import AttributeMapping, ObjectMapping
from muster.migration.entra.vocabulary import Vocabulary, kind_of
from muster.migration.outcome import Draft
from muster.migration.surroundings import ObjectShape, SystemShape


def inbound_draft(
    mapping: ObjectMapping,
    vocabulary: Vocabulary,
    system: SystemShape,
    shape: ObjectShape,
    matching: Sequence[AttributeMapping],
    scope: Sequence[Any],
    taken: frozenset[int],
) -> Draft:
    """The mapping that reads every attribute the outbound one uses. Objects outside the scope count as absent."""
    content: dict[str, Any] = {"system": system.name, "object": shape.name, "identity": vocabulary.identity}
    if scope:
        content["scope"] = {"filters": list(scope)}
    keys = [
        one.source.name or one.source.text.strip("[]")
        for one in matching
        if one.source and one.source.type == "Attribute"
    ]
    if keys:
        content["join"] = [{vocabulary.attribute(name): f"[{name}]"} for name in keys]
    content["project"] = True
    flows: dict[str, Any] = {made: f"[{name}]" for made, name in vocabulary.read.items()}
    for one in mapping.attributes:
        source = one.source
        if source is None or source.type != "Attribute":
            continue
        name = source.name or source.text.strip("[]")
        if vocabulary.is_reference(name):
            reference = reference_target(one.target, vocabulary)
            many = vocabulary.attributes[reference].many if reference in vocabulary.attributes else False
            flows[reference] = {"references" if many else "reference": f"[{name}]", "to": shape.name}
    content["inbound"] = {
        "precedence": next(number for number in itertools.count(10) if number not in taken),
        "flows": flows,
    }
    return Draft(
        f"{system.name}-{shape.name}",
        f"From Microsoft Entra: what {kind_of(mapping.target)} mappings read of {kind_of(mapping.source)}.",
        content,
    )
