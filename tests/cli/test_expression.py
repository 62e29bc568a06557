"""`muster expression`: results, faults, files that are not what they should be."""

import json
from pathlib import Path

import pytest

from tests.cli.support import Command
from tests.cli.support import muster as program


def written(folder: Path, value: object, name: str = "cases.json") -> str:
    (folder / name).write_text(json.dumps(value, ensure_ascii=False), "utf-8")
    return name


def test_one_expression_prints_its_value_and_nothing_else(tmp_path: Path) -> None:
    file = written(tmp_path, {"name": "Ζωή", "number": 7})
    assert program("expression", "eval", "[name]", "--attributes", file, folder=tmp_path).out == "Ζωή\n"
    assert program("expression", "eval", "[name]", "--attributes", file, "--json", folder=tmp_path).document == "Ζωή"
    assert program("expression", "eval", 'Split("a b", " ")', folder=tmp_path).document == ["a", "b"]


def test_attributes_come_from_standard_input_too(tmp_path: Path) -> None:
    found = program("expression", "eval", "[a]", "--attributes", "-", folder=tmp_path, stdin='{"a": "b"}')
    assert (found.code, found.out) == (0, "b\n")


def test_a_fault_of_one_expression_is_an_error(tmp_path: Path) -> None:
    found = program("expression", "eval", "Left(", folder=tmp_path)
    assert (found.code, found.out) == (1, "")
    assert found.err.startswith("muster: 1:")
    assert "error" in program("expression", "eval", "Left(", "--json", folder=tmp_path).document


def test_cases_give_a_list_in_their_order_whatever_fails(tmp_path: Path) -> None:
    cases = [
        {"expression": "ToUpper([a])", "attributes": {"a": "x"}},
        {"expression": "Left(", "attributes": {}},
        {"expression": 'SelectUniqueValue("a", "b")', "attributes": {}, "taken": ["A"]},
        {"expression": "IgnoreAttributeFlow", "attributes": {}},
    ]
    found = program("expression", "eval", "--cases", written(tmp_path, cases), folder=tmp_path)
    upper, fault, unique, ignored = found.document
    assert (found.code, upper, unique, ignored) == (0, "X", "b", "<IGNORE_FLOW>")
    assert set(fault) == {"error"}


def test_dialect_and_clock_hold_for_cases_that_do_not_say_their_own(tmp_path: Path) -> None:
    cases: list[dict[str, object]] = [
        {"expression": 'Switch([n] = 1, "one", true, "other")', "attributes": {"n": 1}},
        {"expression": 'Switch([n], "other", "1", "one")', "attributes": {"n": "1"}, "dialect": "entra"},
    ]
    file = written(tmp_path, cases)
    assert program("expression", "eval", "--cases", file, "--dialect", "connect", folder=tmp_path).document == [
        "one",
        "one",
    ]
    clock = 'Now() >= CDate("2030-01-01")'
    assert program("expression", "eval", clock, folder=tmp_path, now="2029-12-31T23:59:59Z").document is False
    found = program("expression", "eval", clock, "--now", "2030-01-01", folder=tmp_path, now="2029-12-31T23:59:59Z")
    assert found.document is True


def test_scopes_give_a_list_of_true_and_false(tmp_path: Path) -> None:
    rule = "department eq 'Marketing'"
    cases = [{"kind": "lcw-rule", "rule": rule, "attributes": {"department": name}} for name in ("Marketing", "IT")]
    assert program("expression", "scope", "--cases", written(tmp_path, cases), folder=tmp_path).document == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("eval",), "either an EXPRESSION or --cases"),
        (("eval", "1", "--cases", "x"), "either an EXPRESSION or --cases"),
        (("eval", "--cases", "absent.json"), "absent.json: cannot be read"),
        (("eval", "--cases", "broken.json"), "broken.json:2:1: this is no JSON"),
        (("eval", "--cases", "object.json"), "expected a JSON list of cases, found an object"),
        (("eval", "--cases", "empty.json"), "case 1 has no 'expression'"),
        (("eval", "1", "--attributes", "list.json"), "expected a JSON object of attributes, found a list"),
        (("eval", "1", "--now", "soon"), "--now: expected an instant"),
        (("scope",), "Give --cases FILE"),
    ],
)
def test_what_cannot_be_used_is_said(
    muster: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.json").write_text("[\n", "utf-8")
    written(tmp_path, {}, "object.json")
    written(tmp_path, [{}], "empty.json")
    written(tmp_path, [], "list.json")
    found = muster("expression", *arguments)
    assert (found.code, found.out) == (1, "")
    assert said in found.err
    assert "Traceback" not in found.err
    assert said in muster("expression", *arguments, "--json").document["errors"][0]["message"]
