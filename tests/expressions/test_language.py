"""What the language promises beyond the documented examples, and what compiled expressions tell about themselves."""

from datetime import UTC, datetime
from types import MappingProxyType

import pytest

from muster.expressions import (
    AUTHORITATIVE_NULL,
    IGNORE_FLOW,
    IGNORE_OBJECT,
    UNKNOWN,
    Candidates,
    Context,
    EvaluationFault,
    ExpressionError,
    Fault,
    UnknownValue,
    compile_expression,
    compile_program,
    compile_scope,
    evaluate_cases,
    to_text,
)
from muster.expressions.dotnet import regex

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def value(expression: str, dialect: str = "entra", **attributes: object) -> object:
    return compile_expression(expression, dialect=dialect).evaluate(attributes, Context(NOW))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[none] <> "x"', True),
        ("[none] = NULL", True),
        ('[none] < "x"', False),
        ("[n] > 5", True),
        ("[n] = 12.0", True),
        ("[flag] = True", True),
        ('[yes] = "true"', True),
        ('[text] = "ABC"', False),
        ("[iso] < CDate([later])", True),
        ("[iso] < [later]", True),
        ('1 + 2 * 3 & "x"', "7x"),
        ('[text] = "abc" and not ([n] = 5 or [n] = 6)', True),
        ('[text] = "abc" && ([n] = 5 || [n] = 12)', True),
        ('In([text], "x", "abc")', True),
        ('In([many], "b")', True),
        ('EscapeDN("Smith, John #1")', "Smith\\, John \\#1"),
        ('EscapeDN(" a ")', "\\ a\\ "),
        ("Join(\" \", [none], [none])", None),
        ('Switch([yes], "d", "true", "t")', "t"),
        ("ToUpper([text])", "ABC"),
        ('ToUpper("i", "tr-TR")', "İ"),
        ('"a\\s\\+\\\\b"', "a\\s\\+\\b"),
        ("SingleAppRoleAssignment([roles])", "Admin"),
        ("[many] & \"!\"", ["a!", "b!"]),
        ("ignoreattributeflow", IGNORE_FLOW),
        ("IgnoreObjectFlow()", IGNORE_OBJECT),
        ("AuthoritativeNull", AUTHORITATIVE_NULL),
        ('Replace("x-y", "-", "+")', "x+y"),
        ('Replace([text], , "(?i)B(?<rest>.)", , "${rest}$0", , )', "acbc"),
        ('Replace("Äb1", , "\\p{Lu}", , "_", , )', "_b1"),
        ('Replace("xAyB", , "(?i)a|b", , "-", , )', "x-y-"),
        ('Replace("a{1}b{e}", , "b{e}", , "-", , )', "a{1}-"),
        ('Replace("price 12", , "(?<=p\\w+ )1", , "-", , )', "price -2"),
        ('Replace("aBcA", , "a(?i)b|c", , "-", , )', "--A"),
        ("Replace(\"xx\", , \"(?'n'x)\\k<n>\", , \"<$1>\", , )", "<x>"),
    ],
)  # fmt: skip
def test_values(text: str, expected: object) -> None:
    attributes: dict[str, object] = {
        "n": "12",
        "flag": "TRUE",
        "yes": True,
        "text": "abc",
        "iso": "2026-01-01",
        "later": "2026-02-01T10:00:00Z",
        "many": ["a", "b"],
        "roles": ['{"id":"1","value":"Admin","displayName":"Admin"}'],
    }
    assert compile_expression(text).evaluate(attributes, Context(NOW)) == expected


def test_a_branch_that_is_not_taken_is_not_evaluated() -> None:
    class Partial(dict[str, object]):
        def get(self, key: str, default: object = None) -> object:
            if key == "later":
                raise UnknownValue
            return super().get(key, default)

    results = compile_program(['IIF([a] = "x", [a], [later])', "[later]", 'Coalesce([a], [later])', "[a]"]).run(
        Partial(a="x"), Context()
    )  # fmt: skip
    assert results == ["x", UNKNOWN, "x", "x"]


def test_one_bad_flow_costs_only_itself_and_names_its_column() -> None:
    results = compile_program(["[a]", "Trim(CDate([a]))", 'Left([a], "x")'], functions={}).run({"a": "b"}, Context())
    assert results[0] == "b"
    assert isinstance(results[1], Fault)
    assert results[1].column == 6
    assert "«b» is no date" in results[1].message
    assert isinstance(results[2], Fault)


@pytest.mark.parametrize(
    "text",
    [
        'Replace([a], , "(a|a)+$", , "", , )',
        'Replace([a], , "(?<n>(a|a)+)$", "n", "", , )',
        'Replace("", , "(?<n>(a|a)+)$", "n", , [a], )',
        'IsMatch([a], "(a|a)+$")',
    ],
)
def test_a_pattern_that_never_ends_is_a_fault_of_the_value(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regex, "LONGEST", 0.02)
    result = value(text, a="a" * 40 + "b")
    assert isinstance(result, Fault)
    assert "takes too long on «aaaa" in result.message


def test_a_whole_column_of_such_values_is_soon_done_and_good_ones_among_them_match(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(regex, "LONGEST", 0.02)
    pattern = regex.dotnet_pattern("^(b|b)+$")
    messages: set[str] = set()
    for number in range(50):
        with pytest.raises(EvaluationFault, match="takes too long on «bbbb") as fault:
            pattern.search("b" * 40 + f"c{number}")
        messages.add(str(fault.value).replace(f"c{number}", ""))
        assert pattern.search("bbb")
    assert pattern.patience.limit() == regex.SHORTER
    assert len(messages) == 1, "a value that is looked at twice is told once"
    monkeypatch.setattr(pattern.patience, "since", pattern.patience.since - 61)
    assert pattern.patience.limit() == 0.02, "a minute later it has its time again"


@pytest.mark.parametrize("text", ["((a{1000}){1000}){1000}", r"(?:[\]{5}x]{101}\(){100}", "a{10001}", "((ab){60}){99}"])
def test_a_pattern_that_would_take_all_memory_is_refused_before_it_is_used(text: str) -> None:
    for expression, column in ((f'IsMatch([a], "{text}")', 14), (f'Replace([a], , "{text}", , "", , )', 16)):
        with pytest.raises(ExpressionError, match="is too large: its fixed repeats written out") as error:
            compile_program([expression], functions={})
        assert error.value.column == column


@pytest.mark.parametrize("text", [r"^(\d{1,3}\.){3}\d$", "(a{0,9999}){0,9999}", "a{9999}", r"\{99999}", "[{99999}]"])
def test_a_pattern_of_common_size_is_none_of_them(text: str) -> None:
    regex.dotnet_pattern(text)


def test_a_clause_whose_pattern_never_ends_says_neither_yes_nor_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regex, "LONGEST", 0.02)
    scope = compile_scope("entra-scoping", [[{"attribute": "a", "operator": "REGEX MATCH", "value": "(a|a)+$"}]])
    with pytest.raises(EvaluationFault, match="takes too long"):
        scope.matches({"a": "a" * 40 + "b"}, Context())


@pytest.mark.parametrize("text", ['ConvertFromBase64("QQAAAA==")', 'ConvertFromUTF8Hex("4100")'])
def test_bytes_become_no_text_that_cannot_be_stored(text: str) -> None:
    result = value(text)
    assert isinstance(result, Fault)
    assert "hold a NUL character" in result.message


def test_a_fault_shows_little_of_the_data() -> None:
    result = value("CDate([a])", a="x" * 10_000)
    assert isinstance(result, Fault)
    assert len(result.message) < 200


@pytest.mark.parametrize(
    ("text", "dialect", "column", "says"),
    [
        ("Jion([a])", "entra", 1, "Join"),
        ("Left([a])", "entra", 1, "expects 2 arguments, 1 given"),
        ("IIF([a]", "entra", 7, "too early"),
        ('"abc', "entra", 1, "does not end"),
        ("foo & 1", "entra", 1, "[foo] for the attribute"),
        ("%nope%", "connect", 1, "no parameter"),
        ('Trim(SelectUniqueValue("a","b"))', "entra", 6, "outermost"),
        ("Switch([a], 1, 2)", "entra", 1, "pairs"),
        ('Replace([a], , "(", , "", , )', "entra", 16, "regular expression"),
        ('Replace([a], , "(?R)", , "", , )', "entra", 16, "unknown group (?R"),
        ("“a”", "entra", 1, "straight"),
        ("$x", "connect", 1, "With, Select and Where"),
        ("   ", "entra", 1, "empty"),
    ],
)
def test_errors_say_where_and_what(text: str, dialect: str, column: int, says: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text, dialect=dialect)
    assert caught.value.column == column
    assert says in str(caught.value)


def test_what_an_expression_tells() -> None:
    made = compile_expression("Join([sep], [manager.mail], HasGrant(%Role%))", parameters={"role": "r", "other": "o"})
    assert made.reads == {"sep", "manager.mail"}
    assert made.plain is None
    assert made.functions == {"join", "hasgrant"}
    assert compile_expression("[ a ]").plain == "a"
    same = compile_expression(made.text, parameters={"role": "r", "other": "changed"})
    assert made.digest == same.digest
    assert made.digest != compile_expression(made.text, parameters={"role": "s"}).digest


def test_the_context_answers() -> None:
    context = Context(NOW, granted=lambda name: name == "crm", imported=lambda name: f"confirmed {name}")
    assert compile_expression('HasGrant("crm")').evaluate({}, context) is True
    assert compile_expression('ImportedValue("a")').evaluate({"a": "x"}, context) == "confirmed a"
    unique = compile_expression('SelectUniqueValue([a], "b", "b", "")')
    assert unique.evaluate({}, context) == Candidates(["b"])
    assert unique.evaluate({"a": "x"}, Context(unique=lambda values: values[-1])) == "b"


def test_the_projects_own_functions() -> None:
    made = compile_expression("twice([a])", functions={"Twice": lambda text: text * 2})
    assert made.evaluate({"a": "x"}, Context()) == "xx"
    assert isinstance(made.evaluate({}, Context()), Fault)


def test_connect_reads_from_left_to_right() -> None:
    assert value('"a" & "b" = "ab"', "connect") is True
    assert isinstance(value('[a] = "x" && [b] = "y"', "connect", a="x", b="y"), Fault)
    assert value('([a] = "x") && ([b] = "y")', "connect", a="x", b="y") is True
    assert value("10-2*3", "connect") == 24


def test_scopes_never_guess() -> None:
    scope = compile_scope("expression", "[n] > 5")
    assert scope.matches(MappingProxyType({"n": 6}), Context())
    with pytest.raises(EvaluationFault):
        scope.matches({"n": "many"}, Context())
    assert isinstance(scope.evaluate({"n": "many"}, Context()), Fault)
    with pytest.raises(ExpressionError) as caught:
        compile_scope("entra-scoping", [[{"attribute": "a", "operator": "EQALS", "value": "x"}]])
    assert caught.value.suggestion == "EQUALS"
    assert compile_scope("lcw-rule", "employeeOrgData/costCenter eq '1'").reads == {"employeeOrgData.costCenter"}


def test_a_case_that_is_no_expression_costs_only_itself() -> None:
    bad, good, taken = evaluate_cases(
        [
            {"expression": "Left("},
            {"expression": "[a]", "attributes": {"a": 1}},
            {"expression": 'SelectUniqueValue("a","b")', "taken": ["A", "B"]},
        ]
    )
    assert isinstance(bad, dict)
    assert good == 1
    assert isinstance(taken, dict)
    assert "taken" in taken["error"]


def test_to_text() -> None:
    assert [to_text(each) for each in (None, True, 5.0, NOW, ["x"])] == ["", "True", "5", "1/1/2026 12:00:00 AM", "x"]
