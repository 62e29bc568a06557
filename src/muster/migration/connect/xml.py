"""The XML that Get-ADSyncServerConfiguration writes: SynchronizationRules/*.xml, and the connectors' names beside them.

Element names as in the rules themselves; AADConnectConfigDocumenter reads the same files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from xml.etree import ElementTree

from muster.migration.connect.rules import JoinCondition, RuleFlow, SyncRule, clause, identifier
from muster.model.errors import ProjectError

_DECLARATION: Final = re.compile(r"^\s*<\?xml.*?\?>", re.DOTALL)
_SYNTAXES: Final = {"7": "boolean", "27": "integer", "12": "reference", "5": "binary", "40": "binary"}
"""The last number of an LDAP syntax (RFC 4517), and what the metaverse calls it."""


def read_rules(text: str, file: str) -> list[SyncRule]:
    """The rules of a document; none when it holds other things. ProjectError for XML that is broken or has entities."""
    root = _root(text, file)
    return [_rule(element, file) for element in _all(root, "synchronizationRule")]


def read_connectors(text: str, file: str) -> dict[str, str]:
    """The connectors of a document, name by identifier."""
    return {identifier(_text(one, "id")): _text(one, "name") for one in _all(_root(text, file), "ma-data")}


def read_types(text: str, file: str) -> dict[str, Any]:
    """The metaverse's attributes where a document holds its schema (GlobalSettings/MV.xml): their types by lower-case
    name, as metaverse.yaml writes them.
    """
    found: dict[str, Any] = {}
    for schema in _all(_root(text, file), "mv-data"):
        for one in _all(schema, "attribute-type"):
            kind = _SYNTAXES.get(_text(one, "syntax").rpartition(".")[2], "text")
            found[_text(one, "name").lower()] = kind if _true(one.get("single-value")) else [kind]
    return found


def _root(text: str, file: str) -> ElementTree.Element:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ProjectError(f"{file} declares XML entities, which no export does: it is not read.")
    try:
        return ElementTree.fromstring(_DECLARATION.sub("", text))
    except ElementTree.ParseError as error:
        raise ProjectError(f"{file} is not XML: {error}. Export it again.") from None


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _all(element: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (one for one in element.iter() if _local(one) == name)


def _children(element: ElementTree.Element, *path: str) -> Iterator[ElementTree.Element]:
    here = [element]
    for name in path:
        here = [child for one in here for child in one if _local(child) == name]
    return iter(here)


def _text(element: ElementTree.Element, *path: str) -> str:
    found = next(_children(element, *path), None)
    return (found.text or "").strip() if found is not None else ""


def _true(text: str | None) -> bool:
    return (text or "").strip().lower() in {"true", "1"}


def _rule(element: ElementTree.Element, file: str) -> SyncRule:
    name, precedence = _text(element, "name"), _text(element, "precedence")
    if not precedence.isdecimal():
        raise ProjectError(f"{file}: the rule `{name}` has no precedence that is a number.")
    return SyncRule(
        name,
        _text(element, "direction"),
        int(precedence),
        _text(element, "sourceObjectType"),
        _text(element, "targetObjectType"),
        identifier(_text(element, "connector")),
        _text(element, "linkType") or "Join",
        _text(element, "immutable-tag"),
        _true(_text(element, "disabled")),
        _true(_text(element, "EnablePasswordSync")),
        [_flow(one) for one in _children(element, "attribute-mappings", "mapping")],
        [
            [
                clause(_text(one, "csAttribute"), _text(one, "csValue"), _text(one, "csOperator"))
                for one in _children(group, "scope")
            ]
            for group in _children(element, "synchronizationCriteria", "conditions")
        ],
        [
            [
                JoinCondition(_text(one, "csAttribute"), _text(one, "ilmAttribute"), _true(_text(one, "caseSensitive")))
                for one in _children(group, "condition")
            ]
            for group in _children(element, "relationshipCriteria", "conditions")
        ],
    )


def _flow(element: ElementTree.Element) -> RuleFlow:
    expression, attribute = _text(element, "expression"), _text(element, "src", "attr")
    kind = "Expression" if expression else "Direct" if attribute else "Constant"
    return RuleFlow(
        _text(element, "dest"),
        kind,
        attribute or _text(element, "src"),
        expression,
        _text(element, "valueMergeType") or "Update",
        _true(element.get("execute-once")),
    )
