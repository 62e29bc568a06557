"""The scope clauses of Entra Connect's synchronization rules.

https://learn.microsoft.com/entra/identity/hybrid/connect/concept-azure-ad-connect-sync-declarative-provisioning#scope
All compare as text, LESSTHAN and its kin too, and case-sensitively as the expression language does. An absent attribute
meets ISNULL and every operator with NOT, as the default rules (`cloudFiltered NOTEQUAL True`) rely on, and no other.
"""

from collections.abc import Callable, Mapping

from muster.expressions.errors import ExpressionError
from muster.expressions.functions.flow import is_empty
from muster.expressions.functions.multivalue import values_of
from muster.expressions.scoping.clauses import Clause, Operator, compile_groups
from muster.expressions.scoping.scope import Scope
from muster.expressions.values import to_number, to_text

Compare = Callable[[str, str], bool]


def connect_scope(rule: object) -> Scope:
    """The scope of clause groups. ExpressionError when they are none."""
    return compile_groups(rule, OPERATORS)


def _text(compare: Compare) -> Operator:
    def operator(wanted: object) -> Clause:
        text = to_text(wanted)
        return lambda value, _: any(compare(_plain(item), text) for item in values_of(value))

    return operator


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else to_text(value)


def _not(operator: Operator) -> Operator:
    def negated(wanted: object) -> Clause:
        clause = operator(wanted)
        return lambda value, context: not clause(value, context)

    return negated


def _equal(value: str, text: str) -> bool:
    return value == text or (text.lower() in {"true", "false"} and value.lower() == text.lower())


def _bit_set(wanted: object) -> Clause:
    flag = to_number(wanted)
    if not isinstance(flag, int):
        raise ExpressionError(f"ISBITSET needs a whole number, not {to_text(wanted)[:60]}")

    def holds(value: object, _: object) -> bool:
        numbers = (to_number(item) for item in values_of(value))
        return any(isinstance(number, int) and number & flag != 0 for number in numbers)

    return holds


def _is_null(_: object) -> Clause:
    return lambda value, _: is_empty(value)


_EQUAL = _text(_equal)
_CONTAINS = _text(lambda value, text: text in value)
_STARTS = _text(str.startswith)
_ENDS = _text(str.endswith)
_MEMBER = _text(lambda value, text: value.lower() == text.lower())

OPERATORS: Mapping[str, Operator] = {
    "EQUAL": _EQUAL,
    "NOTEQUAL": _not(_EQUAL),
    "LESSTHAN": _text(lambda value, text: value < text),
    "LESSTHANOREQUAL": _text(lambda value, text: value <= text),
    "GREATERTHAN": _text(lambda value, text: value > text),
    "GREATERTHANOREQUAL": _text(lambda value, text: value >= text),
    "CONTAINS": _CONTAINS,
    "NOTCONTAINS": _not(_CONTAINS),
    "STARTSWITH": _STARTS,
    "NOTSTARTSWITH": _not(_STARTS),
    "ENDSWITH": _ENDS,
    "NOTENDSWITH": _not(_ENDS),
    "ISNULL": _is_null,
    "ISNOTNULL": _not(_is_null),
    "ISIN": _EQUAL,
    "ISNOTIN": _not(_EQUAL),
    "ISBITSET": _bit_set,
    "ISNOTBITSET": _not(_bit_set),
    "ISMEMBEROF": _MEMBER,
    "ISNOTMEMBEROF": _not(_MEMBER),
}
