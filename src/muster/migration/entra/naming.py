"""Names and places in Active Directory: `cn` and `parentDistinguishedName` are one flow, `dn`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from muster.expressions import ExpressionError, compile_expression
from muster.migration.entra.flows import DIALECT, Target, default_of, expression_of, mend
from muster.migration.entra.schema import AttributeMapping
from muster.migration.entra.vocabulary import Vocabulary
from muster.migration.outcome import Imported


def distinguished(
    mappings: Sequence[AttributeMapping],
    vocabulary: Vocabulary,
    target: Target,
    base: str | None,
    flows: dict[str, Any],
    imported: Imported,
) -> list[AttributeMapping]:
    """Add the flow `dn`; gives the mappings that are left. Without a parent the object's own `base` is the place."""
    named = {one.target.lower(): one for one in mappings}
    cn = named.get("cn") or named.get("displayname")
    parent = named.get("parentdistinguishedname")
    if cn is None or (parent is None and not base):
        if parent is not None:
            imported.leave(
                f"{target.label}: parentDistinguishedName", "nothing names the object in it", "write `dn:` by hand"
            )
        return [one for one in mappings if one is not parent]
    name = _with_default(cn, vocabulary)
    above = _with_default(parent, vocabulary) if parent is not None else f'"{base}"'
    left = [one for one in mappings if one is not parent and not (one is cn and cn.target.lower() == "cn")]
    value = f'Join("", "CN=", EscapeDN({name}), ",", {above})'
    try:
        compile_expression(value, dialect=DIALECT, parameters=target.parameters)
    except ExpressionError as error:
        imported.leave(f"{target.label}: parentDistinguishedName", f"not understood: {error}", mend(error))
        return left
    once = [one for one in (cn, parent) if one is not None and one.flow_type == "ObjectAddOnly"]
    flows["dn"] = {"value": value, "enforce": "once"} if once else value
    if len(once) == 1 and parent is not None:
        imported.leave(
            f"{target.label}: {once[0].target} only for new objects",
            "name and place are one value here: after creation neither is renamed nor moved",
            "drop `enforce: once` of dn to rename and move",
        )
    return left


def _with_default(mapping: AttributeMapping, vocabulary: Vocabulary) -> str | None:
    """A part of a name has no creation of its own: its default counts whenever there is no value."""
    value, default = expression_of(mapping, vocabulary, "String"), default_of(mapping, "String")
    return value if default is None or value == default else f"Coalesce({value}, {default})"
