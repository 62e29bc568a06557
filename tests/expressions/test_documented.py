"""Every worked example of the public documentation that agrees with itself, and the scoping operators."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from muster.expressions import Context, compile_expression, evaluate_cases, scope_cases

CASES = Path(__file__).parent / "cases"


def _cases(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((CASES / name).read_text("utf-8"))
    return found


@pytest.mark.parametrize("case", _cases("documented.json"), ids=lambda case: case["expression"][:40])
def test_example(case: dict[str, Any]) -> None:
    assert evaluate_cases([case]) == [case["expected"]]


@pytest.mark.parametrize("case", _cases("scoping.json"), ids=lambda case: str(case["rule"])[:60])
def test_scope(case: dict[str, Any]) -> None:
    assert scope_cases([case]) == [case["expected"]]


@pytest.mark.parametrize(
    ("expression", "form"),
    [
        ("Guid()", "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        ("RandomNum(100,999)", "[1-9][0-9]{2}"),
        ("RandomString(6,3,0,0,3)", "(?=(.*[0-9]){3})(?=(.*[a-z]){3}).{6}"),
        (
            'RandomString(10,2,2,2,1,"?,")',
            "(?=(.*[0-9]){2})(?=(.*[A-Z]){2})(?=.*[a-z])(?=(.*[^A-Za-z0-9]){2})[^?,]{10}",
        ),
        ('Replace(Mid(ConvertToBase64(Guid()), 1, 5 ), ,"[0-9]", ,"A", , )', "[A-Za-z+/]{5}"),
        (
            'Replace(Replace(Guid(), ,"-", ,"", , ), ,"(.*?)(?<id>[0-9]{4})(.*)", , "D${id}", ,)',
            "D[0-9]{4}|[0-9a-f]{32}",
        ),
    ],
)
def test_drawn_by_lot(expression: str, form: str) -> None:
    assert re.fullmatch(form, str(compile_expression(expression).evaluate({}, Context())))
