"""Where a mapping takes only expressions, they answer what the filter groups and clauses they came from do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from muster.expressions import Context, compile_expression, compile_scope
from muster.migration.conditions import Untranslatable, connect_condition, entra_condition
from muster.model.values import Attribute

CONTEXT = Context(datetime(2026, 3, 2, tzinfo=UTC))
TERM = "[{}]".format

ENTRA = [
    ("EQUALS", "Sales"),
    ("NOT EQUALS", "Sales"),
    ("IS NULL", None),
    ("IS NOT NULL", None),
    ("Includes", "ale"),
    ("ENDS_WITH", "les"),
    ("REGEX MATCH", "^S.*s$"),
    ("NOT REGEX MATCH", "^S"),
    ("Greater_Than", "4"),
    ("Greater_Than_OR_EQUALS", "5"),
    ("IS TRUE", None),
    ("IS FALSE", None),
    ("EQUALS", 'a "quoted" \\ one'),
]
CONNECT = [
    ("EQUAL", "Sales"),
    ("NOTEQUAL", "Sales"),
    ("EQUAL", "True"),
    ("NOTEQUAL", "TRUE"),
    ("LESSTHAN", "T"),
    ("GREATERTHANOREQUAL", "Sales"),
    ("CONTAINS", "ale"),
    ("NOTCONTAINS", "ale"),
    ("STARTSWITH", "Sal"),
    ("NOTSTARTSWITH", "Sal"),
    ("ENDSWITH", "les"),
    ("NOTENDSWITH", "les"),
    ("ISNULL", None),
    ("ISNOTNULL", None),
    ("ISBITSET", "2"),
    ("ISNOTBITSET", "2"),
]
VALUES: list[Any] = [None, "", "Sales", "sales", "True", "5", 5, 2, "514", True, False, 'a "quoted" \\ one', "x"]


def clause(operator: str, value: str | None) -> dict[str, Any]:
    return {"attribute": "a", "operator": operator} | ({} if value is None else {"value": value})


def answer(expression: str, attributes: dict[str, Any], dialect: str) -> Any:
    return compile_expression(expression, dialect=dialect).evaluate(attributes, CONTEXT)


@pytest.mark.parametrize(("operator", "wanted"), ENTRA)
def test_a_filter_clause_and_its_expression_agree(operator: str, wanted: str | None) -> None:
    groups = [[clause(operator, wanted)]]
    scope = compile_scope("entra-scoping", groups)
    expression = entra_condition(groups, TERM, lambda _: None)
    for value in VALUES:
        expected = scope.matches({"a": value}, CONTEXT)
        assert answer(expression, {"a": value}, "entra") is expected, (expression, value)


OF_MANY = [
    ("EQUALS", "Sales"),
    ("NOT EQUALS", "Sales"),
    ("REGEX MATCH", "^S"),
    ("NOT REGEX MATCH", "^S"),
    ("IS NULL", None),
]


@pytest.mark.parametrize(("operator", "wanted"), OF_MANY)
def test_they_agree_on_many_values_too(operator: str, wanted: str | None) -> None:
    groups = [[clause(operator, wanted)]]
    scope = compile_scope("entra-scoping", groups)
    expression = entra_condition(groups, TERM, lambda name: Attribute(name, many=True))
    for value in ([], ["Sales"], ["IT", "Sales"], ["IT"], None):
        assert answer(expression, {"a": value}, "entra") is scope.matches({"a": value}, CONTEXT), (expression, value)


@pytest.mark.parametrize(("operator", "wanted"), CONNECT)
def test_a_connect_clause_and_its_expression_agree(operator: str, wanted: str | None) -> None:
    groups = [[clause(operator, wanted)]]
    scope = compile_scope("connect-scope", groups)
    expression = connect_condition(groups)
    numbers = [value for value in VALUES if value is None or str(value).isdecimal()]
    for value in numbers if "BIT" in operator else VALUES:
        expected = scope.matches({"a": value}, CONTEXT)
        assert answer(expression, {"a": value}, "connect") is expected, (expression, value)


def test_groups_keep_their_or_and_their_and() -> None:
    first = [clause("EQUAL", "x"), {"attribute": "b", "operator": "ISNULL"}]
    groups = [first, [{"attribute": "c", "operator": "ISNOTNULL"}]]
    scope, expression = compile_scope("connect-scope", groups), connect_condition(groups)
    for a in ("x", "y"):
        for b in (None, "b"):
            for c in (None, "c"):
                attributes = {"a": a, "b": b, "c": c}
                assert answer(expression, attributes, "connect") is scope.matches(attributes, CONTEXT), attributes


def test_what_has_no_expression_is_named() -> None:
    with pytest.raises(Untranslatable, match="a IS_MEMBER_OF CN=All"):
        entra_condition([[clause("IS_MEMBER_OF", "CN=All")]], TERM, lambda _: None)
    with pytest.raises(Untranslatable, match="there is no operator NEAR"):
        entra_condition([[clause("NEAR", "x")]], TERM, lambda _: None)
    with pytest.raises(Untranslatable, match="ISMEMBEROF"):
        connect_condition([[clause("ISMEMBEROF", "CN=All")]])
