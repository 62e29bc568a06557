"""Cases to try expressions and scopes with, as `muster expression eval --cases` and `scope --cases` read them."""

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from types import MappingProxyType

from muster.expressions.context import Context
from muster.expressions.dotnet.parse import parse_date
from muster.expressions.errors import EvaluationFault, ExpressionError, UnknownValue
from muster.expressions.expression import compile_expression
from muster.expressions.results import AUTHORITATIVE_NULL, Candidates, Fault, Signal
from muster.expressions.scoping.compile import compile_scope
from muster.expressions.values import to_text

_NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})
_NO_FUNCTIONS: Mapping[str, Callable[..., object]] = MappingProxyType({})


def evaluate_cases(
    cases: Sequence[Mapping[str, object]],
    *,
    parameters: Mapping[str, str] = _NO_PARAMETERS,
    functions: Mapping[str, Callable[..., object]] = _NO_FUNCTIONS,
) -> list[object]:
    """One JSON-ready result a case `{"expression", "attributes", "dialect"?, "now"?, "taken"?, "parameters"?}`.

    A result is the value (dates as `M/d/yyyy h:mm:ss tt`, bytes in base64), "<IGNORE_FLOW>", "<IGNORE_OBJECT>" or
    `{"error": text}`. `taken` are values in use, whatever their case, for SelectUniqueValue.
    """
    return [_evaluated(case, parameters, functions) for case in cases]


def _evaluated(
    case: Mapping[str, object], parameters: Mapping[str, str], functions: Mapping[str, Callable[..., object]]
) -> object:
    try:
        expression = compile_expression(
            to_text(case.get("expression")),
            dialect=to_text(case.get("dialect") or "entra"),
            parameters={**parameters, **{name: to_text(text) for name, text in _mapping(case, "parameters").items()}},
            functions=functions,
        )
        context = Context(_now(case), unique=_free(case.get("taken")))
        return _json(expression.evaluate(_mapping(case, "attributes"), context))
    except ExpressionError as error:
        return {"error": str(error)}
    except EvaluationFault as fault:
        return {"error": str(fault)}


def scope_cases(cases: Sequence[Mapping[str, object]]) -> list[bool | dict[str, str]]:
    """True or False for each case `{"kind", "rule", "attributes", "dialect"?, "now"?}`, or `{"error": text}`."""
    return [_in_scope(case) for case in cases]


def _in_scope(case: Mapping[str, object]) -> bool | dict[str, str]:
    try:
        dialect = to_text(case.get("dialect") or "entra")
        scope = compile_scope(to_text(case.get("kind")), case.get("rule"), dialect=dialect)
        return scope.matches(_mapping(case, "attributes"), Context(_now(case)))
    except (ExpressionError, EvaluationFault, UnknownValue) as problem:
        return {"error": str(problem)}


def _mapping(case: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = case.get(key)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise ExpressionError(f"{key} of a case must be an object")
    return found


def _now(case: Mapping[str, object]) -> datetime | None:
    text = case.get("now")
    if text is None:
        return None
    found = parse_date(to_text(text))
    if found is None:
        raise ExpressionError("now of a case must be a date in ISO 8601 form")
    return found.astimezone(UTC)


def _free(taken: object) -> Callable[[list[object]], object]:
    used = {to_text(value).casefold() for value in taken} if isinstance(taken, list) else set()

    def first(values: list[object]) -> object:
        for value in values:
            if to_text(value).casefold() not in used:
                return value
        raise EvaluationFault(f"all {len(values)} candidates of SelectUniqueValue are taken")

    return first


def _json(result: object) -> object:
    if isinstance(result, Fault):
        return {"error": result.message}
    if isinstance(result, Signal):
        return None if result is AUTHORITATIVE_NULL else f"<{result.name}>"
    if isinstance(result, Candidates):
        return _json(result.values)
    if isinstance(result, list):
        return [_json(item) for item in result]
    if isinstance(result, bytes):
        return base64.b64encode(result).decode("ascii")
    return to_text(result) if isinstance(result, date) else result
