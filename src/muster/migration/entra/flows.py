"""One attributeMapping of Microsoft Graph → one outbound flow.

https://learn.microsoft.com/graph/api/resources/synchronization-attributemapping
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from muster.expressions import ExpressionError, compile_expression
from muster.migration.entra.schema import AttributeDefinition, AttributeMapping
from muster.migration.entra.targets import is_switch, target_name
from muster.migration.entra.vocabulary import SOFT_DELETED, Vocabulary
from muster.migration.expressions import attributes_of, literal, rewritten
from muster.migration.outcome import Imported
from muster.model.values import Type

DIALECT: Final = "entra"
_ENFORCE: Final = {
    "ObjectAddOnly": "once",
    "AttributeAddOnly": "default",
    "ValueAddOnly": "add",
    "MultiValueAddOnly": "add",
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where the flows go: the connector, what the schema defines of the object, its name for messages.

    `parameters`: what expressions read as %name%.
    """

    connector: str
    definitions: Mapping[str, AttributeDefinition]
    label: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    def kind(self, name: str) -> str:
        """The type that the schema gives the attribute."""
        found = self.definitions.get(name)
        return found.type if found else "String"


def soft_deletes(mapping: AttributeMapping) -> bool:
    """Whether the mapping is the account's switch that follows who was deleted, unassigned or out of scope."""
    source = mapping.source.text if mapping.source else ""
    reads = [name.lower() for name in attributes_of(source, DIALECT)]
    return SOFT_DELETED in reads and is_switch(mapping.target)


def expression_of(mapping: AttributeMapping, vocabulary: Vocabulary, kind: str) -> str | None:
    """The value over the identity; the default where there is no source, None where there is neither."""
    source = mapping.source
    if source is None or not source.text:
        return default_of(mapping, kind)
    if source.type == "Constant":
        text = source.expression.strip()
        return text if text.startswith('"') and text.endswith('"') else literal(source.name or text, kind, DIALECT)
    return rewritten(source.text, DIALECT, vocabulary.term)


def default_of(mapping: AttributeMapping, kind: str) -> str | None:
    """The default value as an expression; None where there is none."""
    return None if mapping.default in (None, "") else literal(str(mapping.default), kind, DIALECT)


def flow_of(
    mapping: AttributeMapping, vocabulary: Vocabulary, target: Target, imported: Imported
) -> tuple[str, Any] | None:
    """The attribute of the object and its flow, in its shortest form; None where it is left out, which is said."""
    label = f"{target.label}: {mapping.target}"
    reference = _reference(mapping, vocabulary)
    name = target_name(target.connector, mapping.target)
    if reference is not None:
        many = vocabulary.attributes[reference].many if reference in vocabulary.attributes else False
        return name.name, _formed({"references" if many else "reference": f"[{reference}]"}, mapping)
    value = expression_of(mapping, vocabulary, target.kind(mapping.target))
    if value is None:
        imported.leave(label, "it has neither a source nor a default", "nothing, unless the application needs a value")
        return None
    try:
        compile_expression(value, dialect=DIALECT, parameters=target.parameters)
    except ExpressionError as error:
        imported.leave(label, f"its expression is not understood: {error}", mend(error))
        return None
    if not name.upright:
        value = f"Not({value})"
    if mapping.source is None or not mapping.source.text:
        return name.name, {"value": value, "enforce": "once"}
    flow = {"value": value}
    if (default := default_of(mapping, target.kind(mapping.target))) is not None:
        flow["default"] = default if name.upright else f"Not({default})"
    return name.name, _formed(flow, mapping)


def mend(error: ExpressionError) -> str:
    """What to do about an expression that does not compile."""
    if "parameter %" in error.message:
        return "set it under `parameters:` in muster.yaml and import again"
    return "write the flow by hand"


def _reference(mapping: AttributeMapping, vocabulary: Vocabulary) -> str | None:
    """The identity's reference that the mapping hands on as it is."""
    source = mapping.source
    if source is None or source.type != "Attribute":
        return None
    name = source.name or source.text.strip("[]")
    if not vocabulary.cloud:
        return reference_target(mapping.target, vocabulary) if vocabulary.is_reference(name) else None
    known = vocabulary.known(name)
    return vocabulary.attribute(name) if known is not None and known.type is Type.REFERENCE else None


def reference_target(target: str, vocabulary: Vocabulary) -> str:
    """The identity's reference that a reference of a foreign source flows into: the target's namesake, or manager."""
    plain = target.rpartition(":")[2]
    found = vocabulary.attributes.get("members" if plain == "member" else plain)
    return found.name if found is not None and found.type is Type.REFERENCE else "manager"


def _formed(flow: dict[str, Any], mapping: AttributeMapping) -> Any:
    enforce = _ENFORCE.get(mapping.flow_type)
    if enforce is not None:
        return flow | {"enforce": enforce}
    return flow["value"] if list(flow) == ["value"] else flow
