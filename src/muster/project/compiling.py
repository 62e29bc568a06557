"""Expressions and scopes of a file, compiled; what is wrong with them is said at its line and column in the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from muster.expressions import ExpressionError, Scope, compile_expression, compile_scope
from muster.project.configuration import Located, Place
from muster.project.diagnostics import Diagnostics
from muster.project.document import Document, Steps
from muster.project.extensions import Extensions
from muster.project.files.scope import ScopeFile
from muster.project.yamltree import List, Map, Node, Scalar

_KINDS: Final = {
    "expression": "expression",
    "rule": "lcw-rule",
    "connect": "connect-scope",
    "filters": "entra-scoping",
    "entra": "entra-scoping",
}
UNIQUE: Final = "selectuniquevalue"
_TEXT_OR_NAME: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\[((?:[^\[\]]|\[[^\[\]]*\])*)\]|([A-Za-z_][\w.]*)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class CompiledScope:
    """A scope; `located` is its expression when it is written as one, `rule` what it says otherwise."""

    scope: Scope
    located: Located | None = None
    rule: object = None

    @property
    def written(self) -> object:
        """What stands in the file: the text of an expression, or the kind of scope with its groups or rule."""
        return self.located.expression.text if self.located is not None else self.rule


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles with the project's parameters and functions; collects what is wrong."""

    parameters: Mapping[str, str]
    extensions: Extensions
    diagnostics: Diagnostics

    def expression(self, document: Document, path: Steps, dialect: str) -> Located | None:
        """The expression that stands at the path, or None, which the diagnostics then explain."""
        node = document.node(path)
        text = expression_text(node.value) if isinstance(node, Scalar) else ""
        try:
            found = compile_expression(
                text, dialect=dialect, parameters=self.parameters, functions=self.extensions.functions
            )
        except ExpressionError as error:
            place = document.text_place(path, error.line, error.column)
            self.diagnostics.error(place, error.message, error.suggestion)
            return None
        return Located(found, document.value_place(path))

    def constant(self, text: str, place: Place, dialect: str) -> Located:
        """An expression that no file contains (`true` for `provision: true`)."""
        return Located(compile_expression(text, dialect=dialect, parameters={}, functions={}), place)

    def scope(self, document: Document, path: Steps, scope: ScopeFile, dialect: str) -> CompiledScope | None:
        """The scope in whichever of its forms it is written."""
        form = scope.given()[0]
        inner = [*path, form]
        kind = _KINDS[form]
        rule: Any = getattr(scope, form)
        if kind in ("connect-scope", "entra-scoping"):
            rule = [[clause.model_dump(exclude_unset=True) for clause in group] for group in rule]
        if kind == "expression":
            located = self.expression(document, inner, dialect)
            return None if located is None else CompiledScope(self._scope(kind, rule, dialect), located)
        try:
            return CompiledScope(self._scope(kind, rule, dialect), rule=[kind, rule])
        except ExpressionError as error:
            if isinstance(rule, list):
                self._clauses(kind, rule, document, inner)
            else:
                place = document.text_place(inner, error.line, error.column)
                self.diagnostics.error(place, error.message, error.suggestion)
            return None

    def _scope(self, kind: str, rule: object, dialect: str) -> Scope:
        return compile_scope(
            kind, rule, dialect=dialect, parameters=self.parameters, functions=self.extensions.functions
        )

    def _clauses(self, kind: str, groups: list[list[dict[str, Any]]], document: Document, path: Steps) -> None:
        """Every clause by itself, so that each wrong one is said where it stands."""
        for index, group in enumerate(groups):
            for number, clause in enumerate(group):
                try:
                    self._scope(kind, [[clause]], "entra")
                except ExpressionError as error:
                    word = "operator" if str(clause["operator"]) in error.message or "value" not in clause else "value"
                    place = document.value_place([*path, index, number, word])
                    self.diagnostics.error(place, error.message, error.suggestion)


def expression_text(value: object) -> str:
    """A bare number or true in YAML, as the expression that means the same."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def name_place(document: Document, path: Steps, name: str) -> Place:
    """Where an expression or a clause reads the attribute `name`; its start when that cannot be told."""
    node = document.node(path)
    if isinstance(node, List):
        return document.place_of(next(_clauses_over(node, name), node))
    if isinstance(node, Scalar):
        text = str(node.value)
        for match in _TEXT_OR_NAME.finditer(text):
            found = match[1] if match[1] is not None else match[2]
            if found is not None and found.strip() == name:
                line = text.count("\n", 0, match.start()) + 1
                column = match.start() - (text.rfind("\n", 0, match.start()) + 1) + 1
                return document.text_place(path, line, column + (1 if match[1] is not None else 0))
    return document.value_place(path)


def _clauses_over(groups: List, name: str) -> Iterator[Node]:
    for group in groups.items:
        for clause in group.items if isinstance(group, List) else ():
            read = clause.values.get("attribute") if isinstance(clause, Map) else None
            if isinstance(read, Scalar) and read.value == name:
                yield read


def calls_unique(located: Located | None) -> bool:
    """Whether the expression asks for a unique value."""
    return located is not None and any(name.lower() == UNIQUE for name in located.expression.functions)
