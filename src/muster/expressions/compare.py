"""The comparison operators.

NULL equals only NULL, and orders before and after nothing. A number and a text that is one compare as numbers, a
boolean and the texts true and false as booleans, a date and an ISO text as instants; two texts compare as they are,
case-sensitively, unless both are ISO dates and are put in order.
"""

import operator
from collections.abc import Callable
from datetime import date, datetime
from functools import reduce
from typing import TypeVar

from muster.expressions.errors import EvaluationFault, shown
from muster.expressions.values import iso_date, to_number, to_text, truth


def eq(left: object, right: object) -> bool:
    """Whether both are the same value. Values that cannot be compared are different."""
    if left.__class__ is str and right.__class__ is str:
        return left == right
    if left is None or right is None:
        return left is right
    if isinstance(left, list) or isinstance(right, list):
        return _eq_lists(left, right)
    if isinstance(left, bool) or isinstance(right, bool):
        return _eq_bool(left, right)
    if isinstance(left, datetime | date) or isinstance(right, datetime | date):
        first, second = iso_date(left), iso_date(right)
        return first is not None and first == second
    if isinstance(left, int | float) or isinstance(right, int | float):
        number = to_number(left)
        return number is not None and number == to_number(right)
    return left == right


def eq_text(left: object, text: str) -> bool:
    """`eq` with a text on the right."""
    return left == text if left.__class__ is str else eq(left, text)


def ne(left: object, right: object) -> bool:
    """Whether they are not the same value."""
    return not eq(left, right)


def _eq_lists(left: object, right: object) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(eq, left, right))
    several, one = (left, right) if isinstance(left, list) else (right, left)
    return isinstance(several, list) and len(several) == 1 and eq(several[0], one)


def _eq_bool(left: object, right: object) -> bool:
    flag, other = (left, right) if isinstance(left, bool) else (right, left)
    if isinstance(other, str):
        return other.strip().lower() == ("true" if flag else "false")
    return flag == other


def _order(left: object, right: object) -> int | None:
    """-1, 0 or 1 as `left` comes before, with or after `right`; None when one is NULL and there is no order."""
    if left is None or right is None:
        return None
    if isinstance(left, list) and len(left) == 1:
        return _order(left[0], right)
    if isinstance(right, list) and len(right) == 1:
        return _order(left, right[0])
    if isinstance(left, str) and isinstance(right, str):
        first, second = iso_date(left), iso_date(right)
        return _sign(left, right) if first is None or second is None else _sign(first, second)
    if isinstance(left, datetime | date) or isinstance(right, datetime | date):
        if left == "" or right == "":
            return None
        first, second = iso_date(left), iso_date(right)
        if first is not None and second is not None:
            return _sign(first, second)
        raise _no_order(left if first is None else right, "a date in ISO form; CDate reads other forms")
    if isinstance(left, int | float) or isinstance(right, int | float):
        number, other = to_number(left), to_number(right)
        if number is not None and other is not None:
            return _sign(number, other)
        raise _no_order(left if number is None else right, "a number")
    raise _no_order(left, "a number, a text or a date")


_Ordered = TypeVar("_Ordered", str, datetime, float)


def _sign(left: _Ordered, right: _Ordered) -> int:
    return (left > right) - (left < right)


def _no_order(value: object, what: str) -> EvaluationFault:
    return EvaluationFault(f"{shown(value)} cannot be put in order: it is not {what}")


def lt(left: object, right: object) -> bool:
    """Whether `left` comes before `right`."""
    return _order(left, right) == -1


def le(left: object, right: object) -> bool:
    """Whether `left` comes before `right` or is the same."""
    return _order(left, right) in {-1, 0}


def gt(left: object, right: object) -> bool:
    """Whether `left` comes after `right`."""
    return _order(left, right) == 1


def ge(left: object, right: object) -> bool:
    """Whether `left` comes after `right` or is the same."""
    return _order(left, right) in {0, 1}


Comparison = Callable[[object, object], bool]
COMPARISONS: dict[str, Comparison] = {"=": eq, "<>": ne, "<": lt, "<=": le, ">": gt, ">=": ge}


def spread(function: Callable[[object, object], object], left: object, right: object) -> object:
    """`function` once, or over every value when a side is a list; two lists go in step and must be of one length."""
    if isinstance(left, list):
        if isinstance(right, list):
            if len(left) != len(right):
                raise EvaluationFault(f"{len(left)} values cannot be combined with {len(right)}; pick one with Item")
            return list(map(function, left, right))
        return [function(item, right) for item in left]
    if isinstance(right, list):
        return [function(left, item) for item in right]
    return function(left, right)


def _mapped(compare: Comparison) -> Callable[[object, object], object]:
    def over(left: object, right: object) -> object:
        """The comparison as Entra Connect makes it: for a multi-value, one answer a value."""
        if left.__class__ is list or right.__class__ is list:
            return spread(compare, left, right)
        return compare(left, right)

    return over


MAPPED = {sign: _mapped(compare) for sign, compare in COMPARISONS.items()}


def concat(left: object, right: object) -> object:
    """The texts joined; NULL is nothing, and two NULLs are NULL. A multi-value is joined value by value."""
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    if left is None:
        return right if right is None or isinstance(right, list) else to_text(right)
    if right is None:
        return left if isinstance(left, list) else to_text(left)
    if isinstance(left, list) or isinstance(right, list):
        return spread(concat, left, right)
    return to_text(left) + to_text(right)


def plus(left: object, right: object) -> object:
    """The sum of two numbers; texts are joined."""
    if (isinstance(left, str) and isinstance(right, str)) or left is None or right is None:
        return concat(left, right)
    return _calculate(left, right, operator.add, "+")


def minus(left: object, right: object) -> object:
    """The difference; NULL when a side is NULL."""
    return _calculate(left, right, operator.sub, "-")


def times(left: object, right: object) -> object:
    """The product; NULL when a side is NULL."""
    return _calculate(left, right, operator.mul, "*")


def _calculate(left: object, right: object, function: Callable[[float, float], float], sign: str) -> object:
    if left is None or right is None:
        return None
    if isinstance(left, list) or isinstance(right, list):
        return spread(lambda first, second: _calculate(first, second, function, sign), left, right)
    first, second = to_number(left), to_number(right)
    if first is None or second is None:
        if sign == "+":
            return concat(left, right)
        raise EvaluationFault(f"{shown(left if first is None else right)} is no number, so {sign} has nothing to do")
    return function(first, second)


def chained(function: Callable[[object, object], object]) -> Callable[..., object]:
    """The operator over any number of operands, from left to right."""

    def over(*values: object) -> object:
        return reduce(function, values)

    return over


def is_in(value: object, *choices: object) -> bool:
    """`In(x, a, b, …)`: whether x is one of them. A multi-value is in when one of its values is."""
    if isinstance(value, list):
        return any(is_in(item, *choices) for item in value)
    return any(is_in(value, *item) if isinstance(item, list) else eq(value, item) for item in choices)


def not_(value: object) -> bool:
    """`Not(x)`: False for True and the text true, True for everything else, as Entra documents it."""
    try:
        return not truth(value)
    except EvaluationFault:
        return True
