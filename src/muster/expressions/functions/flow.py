"""Functions that decide: which of their arguments is the answer, or that there is none.

https://learn.microsoft.com/entra/identity/app-provisioning/functions-for-customizing-application-data#switch and
https://learn.microsoft.com/entra/identity/hybrid/connect/reference-connect-sync-functions-reference#error
"""

from collections.abc import Callable

from muster.expressions.compare import eq, ge, gt, le, lt, ne, not_
from muster.expressions.context import Context
from muster.expressions.errors import EvaluationFault
from muster.expressions.functions.function import Function, written_by_compiler
from muster.expressions.results import IGNORE_FLOW, Candidates, Signal
from muster.expressions.values import to_text, truth


def is_empty(value: object) -> bool:
    """Whether this is NULL, the empty text or a multi-value without values."""
    return value is None or value == "" or value == []


def ignore_flow_if_empty(value: object) -> object:
    """`IgnoreFlowIfNullOrEmpty(expression)`: the value, or that this flow is left alone."""
    return IGNORE_FLOW if is_empty(value) else value


def error(message: object) -> object:
    """`Error(text)`: the flow's fault, in the words of whoever wrote the rule."""
    raise EvaluationFault(to_text(message)[:200])


def switch_key(source: object, keys: frozenset[str]) -> str:
    """What Entra's Switch compares with its keys: NULL is the empty text, a boolean the key that says so."""
    if isinstance(source, str):
        return source
    if isinstance(source, bool):
        word = "true" if source else "false"
        return next((key for key in keys if key.lower() == word), to_text(source))
    if isinstance(source, list) and not source:
        return ""
    return to_text(source)


def switch_equal(source: object, key: object) -> bool:
    """Whether Entra's Switch takes this key, when it is not a plain text."""
    wanted = to_text(key)
    return switch_key(source, frozenset((wanted,))) == wanted


def iif_each(condition: object, yes: Callable[[], object], no: Callable[[], object]) -> object:
    """IIF of Entra Connect: over a multi-value's answers it picks value by value, and drops NULL."""
    if not isinstance(condition, list):
        return yes() if truth(condition) else no()
    if not condition:
        return []
    first, second = yes(), no()
    chosen = [_nth(first if truth(answer) else second, index) for index, answer in enumerate(condition)]
    return [value for value in chosen if value is not None]


def _nth(value: object, index: int) -> object:
    if not isinstance(value, list):
        return value
    if index >= len(value):
        raise EvaluationFault(f"the condition has more answers than the {len(value)} values it chooses from")
    return value[index]


def unique(context: Context, *candidates: object) -> object:
    """`SelectUniqueValue(rule1, rule2, …)`: the first that is free, or all of them when nobody can be asked.

    NULL, empty and repeated candidates are left out; without any the answer is NULL.
    """
    values = list(dict.fromkeys(text for each in candidates if (text := _candidate(each))))
    if not values:
        return None
    offered: list[object] = [*values]
    return Candidates(offered) if context.unique is None else context.unique(offered)


def _candidate(value: object) -> str:
    if isinstance(value, Signal):
        raise EvaluationFault("a candidate of SelectUniqueValue must be a value")
    return to_text(value)


def has_grant(context: Context, name: object) -> bool:
    """`HasGrant(name)`: whether a role gives the identity what has this name."""
    return context.granted is not None and bool(context.granted(to_text(name)))


FUNCTIONS = (
    Function("IIF", 2, 3, written_by_compiler, form="iif"),
    Function("Switch", 2, None, written_by_compiler, form="switch_entra"),
    Function("Switch", 2, None, written_by_compiler, form="switch_connect", dialects=("connect", "mim")),
    Function("Coalesce", 1, None, written_by_compiler, form="coalesce"),
    Function("IgnoreFlowIfNullOrEmpty", 1, 1, ignore_flow_if_empty),
    Function("Error", 1, 1, error, steady=False),
    Function("SelectUniqueValue", 2, None, unique, steady=False, context=True, form="unique"),
    Function("HasGrant", 1, 1, has_grant, steady=False, boolean=True, context=True),
    Function("ImportedValue", 1, 1, written_by_compiler, form="imported"),
    Function("Not", 1, 1, not_, boolean=True),
    Function("Eq", 2, 2, eq, boolean=True, form="comparison:="),
    Function("Equals", 2, 2, eq, boolean=True, form="comparison:="),
    Function("NotEquals", 2, 2, ne, boolean=True, form="comparison:<>"),
    Function("LessThan", 2, 2, lt, boolean=True, form="comparison:<"),
    Function("LessThanOrEquals", 2, 2, le, boolean=True, form="comparison:<="),
    Function("GreaterThan", 2, 2, gt, boolean=True, form="comparison:>"),
    Function("GreaterThanOrEquals", 2, 2, ge, boolean=True, form="comparison:>="),
)
