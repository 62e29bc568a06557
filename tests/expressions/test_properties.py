"""What holds for any text, any values and any instant."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muster.expressions import Context, Expression, ExpressionError, Scope, compile_expression, compile_scope

NAMES = "Left Join IIF Switch Now Select Where With Replace CDate DateDiff Word Split Item NULL and not"
MARKS = '( ) , " "a" [x] [y] 1 & = <> < - + * &H1F %p% $i é'
WORDS = [*f"{NAMES} {MARKS}".split(), " ", "\n", "\\"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=14).map("".join) | st.text(max_size=30)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=8)
    | st.datetimes(timezones=st.just(UTC)) | st.dates()
)  # fmt: skip
VALUES = SCALARS | st.lists(SCALARS, max_size=3)
INSTANTS = st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
TICK = timedelta(microseconds=1)


def _compiled(text: str, dialect: str) -> Expression | ExpressionError:
    try:
        return compile_expression(text, dialect=dialect, parameters={"p": "v"})
    except ExpressionError as error:
        return error


@given(text=TEXTS, dialect=st.sampled_from(["entra", "connect", "mim"]), x=VALUES, y=VALUES)
@settings(max_examples=400)
def test_any_text_compiles_or_says_where_not_and_never_raises(text: str, dialect: str, x: object, y: object) -> None:
    made = _compiled(text, dialect)
    if isinstance(made, Expression):
        made.evaluate({"x": x, "y": y}, Context())
        return
    lines = text.split("\n")
    assert 1 <= made.line <= len(lines)
    assert 1 <= made.column <= len(lines[made.line - 1]) + 1


ONE = "CDate CNum CStr CBool CGuid ToLower ToUpper Trim PCase Len NormalizeDiacritics StringFromSid StringFromGuid"
ONE_MORE = "IsCert CertSubject DateFromNum NumFromDate EscapeDN Count RemoveDuplicates IsDate Not ConvertFromBase64"
TWO = "Left Right Mid Append InStr InStrRev BitAnd BitOr Item Split Join In Contains IsBitSet DNComponentRev"
CALLS = [
    *(f"{name}([x])" for name in f"{ONE} {ONE_MORE}".split()),
    *(f"{name}([x],[y])" for name in TWO.split()),
    *(f"[x] {sign} [y]" for sign in ("=", "<>", "<", ">=", "&", "+", "-", "*", "and")),
    'DateAdd("m",[x],[y])',
    'DateDiff("ww",[x],[y])',
    'FormatDateTime([x],,[y],"o")',
    "FormatDateTime([x],[y])",
    'Word([x],[y],",")',
    'Replace([x],,[y],,"$1",,)',
    'PadLeft([x],[y],"0")',
    "IIF([x],[y],1)",
    'Switch([x],[y],"a","b")',
    "[x] <= Now()",
    "AppRoleAssignmentsComplex([x])",
    "SelectUniqueValue([x],[y])",
    "ReplaceChars([x],[y])",
]


@pytest.mark.parametrize("text", CALLS)
@given(x=VALUES, y=VALUES)
@settings(max_examples=40)
def test_evaluation_never_raises(text: str, x: object, y: object) -> None:
    compile_expression(text).evaluate({"x": x, "y": y}, Context())


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters=",", exclude_categories=("Z", "C"))), max_size=6)
)
def test_split_undoes_join(parts: list[str]) -> None:
    made = compile_expression('Split(Join([parts], ","), ",")', dialect="connect")
    assert made.evaluate({"parts": parts}, Context()) == ([] if parts == [""] else parts)
    entra = compile_expression('Split(Join(",", [parts]), ",")')
    expected = [part for part in parts if part]
    assert entra.evaluate({"parts": parts}, Context()) == expected


@given(st.text(max_size=20), st.sampled_from(["connect", "mim", "entra"]))
def test_a_literal_means_itself(text: str, dialect: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"') if dialect == "entra" else text.replace('"', '""')
    assert compile_expression(f'"{quoted}"', dialect=dialect).evaluate({}, Context()) == text


@given(
    when=INSTANTS,
    ahead=st.timedeltas(timedelta(days=-3), timedelta(days=400)) | st.sampled_from([timedelta(), TICK, -TICK]),
    sign=st.sampled_from(["=", "<>", "<", "<=", ">", ">="]),
    clock=st.sampled_from(["Now()", 'DateAdd("d", 7, Now())', 'DateAdd("h", -5, Now())']),
    mirrored=st.booleans(),
)
def test_the_answer_changes_at_due_and_not_before(
    when: datetime, ahead: timedelta, sign: str, clock: str, mirrored: bool
) -> None:
    made = compile_expression(f"{clock} {sign} [d]" if mirrored else f"[d] {sign} {clock}")
    assert made.clock == "compare"
    attributes = {"d": when + ahead}
    context = Context(when)
    answer = made.evaluate(attributes, context)
    assert not context.daily
    if context.due is None:
        assert made.evaluate(attributes, Context(when + timedelta(days=5000))) == answer
    else:
        assert context.due > when
        assert made.evaluate(attributes, Context(context.due - TICK)) == answer
        assert made.evaluate(attributes, Context(context.due)) != answer


def test_other_uses_of_now_are_daily() -> None:
    context = Context()
    made = compile_expression('DateDiff("d", Now(), CDate("2026-01-01")) > 3')
    made.evaluate({}, context)
    assert (made.clock, context.daily, context.due) == ("daily", True, None)
    context.reset()
    assert not context.daily
    assert compile_expression("[a]").clock == "none"
    assert compile_expression("[d] < Now() and Now() <> NULL").clock == "compare"


def test_the_earliest_due_counts() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    context = Context(now)
    compile_expression("[a] > Now() and [b] > Now()").evaluate({"a": "2026-03-01", "b": "2026-02-01"}, context)
    assert context.due == datetime(2026, 2, 1, tzinfo=UTC)


RULE_WORDS = ("a", " eq ", "'x'", "(", ")", " and ", "/any(p:", "in")


def _scope(rule: str) -> Scope | ExpressionError:
    try:
        return compile_scope("lcw-rule", rule)
    except ExpressionError as error:
        return error


@given(st.text(max_size=40) | st.lists(st.sampled_from(RULE_WORDS)).map("".join))
@settings(max_examples=200)
def test_any_lifecycle_rule_compiles_or_is_refused(rule: str) -> None:
    scope = _scope(rule)
    if isinstance(scope, Scope):
        scope.evaluate({"a": "x"}, Context())
    else:
        assert scope.line >= 1
