"""Scoping filters of an objectMapping: the groups as a mapping has them, and what is said of the experimental ones."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Final

from muster.migration.conditions import Untranslatable, entra_condition
from muster.migration.entra.schema import FilterGroup, ObjectMapping
from muster.migration.outcome import Imported

_NEGATIONS: Final = ("NOT", "!")


def clauses_of(groups: Sequence[FilterGroup]) -> list[list[dict[str, Any]]]:
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


def said_filters(mapping: ObjectMapping, label: str, imported: Imported) -> None:
    """Name the groups that are not carried over."""
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


def native_scope(mapping: ObjectMapping, label: str, imported: Imported) -> list[list[dict[str, Any]]]:
    """The filter groups as they are, for the mapping that reads the source."""
    said_filters(mapping, label, imported)
    written = clauses_of(mapping.scope.groups if mapping.scope else [])
    if not written:
        return []
    try:
        entra_condition(written, "[{}]".format, lambda _: None)
    except Untranslatable as fault:
        imported.leave(
            f"{label}: scope", f"there is no clause `{fault}`", "write `scope:` by hand before the first run"
        )
    return written
