"""Functions that say what a value is.

https://learn.microsoft.com/entra/identity/hybrid/connect/reference-connect-sync-functions-reference (Evaluation)
"""

from datetime import date

from muster.expressions.errors import EvaluationFault
from muster.expressions.functions.conversion import guid_bytes
from muster.expressions.functions.flow import is_empty
from muster.expressions.functions.function import Function
from muster.expressions.values import need_int, to_date, to_number


def is_null(value: object) -> bool:
    """`IsNull(expression)`: whether it is NULL, which for an attribute is that it is absent."""
    return value is None or value == []


def is_present(value: object) -> bool:
    """`IsPresent(expression)`: whether it is neither NULL nor empty."""
    return not is_empty(value)


def is_empty_text(value: object) -> bool:
    """`IsEmpty(expression)`: whether it is there and is the empty text."""
    return value == "" and value is not None


def is_string(value: object) -> bool:
    """`IsString(expression)`: whether CStr can turn it into text."""
    return isinstance(value, str | int | float | date)


def is_numeric(value: object) -> bool:
    """`IsNumeric(expression)`: whether CNum can turn it into a number."""
    return to_number(value) is not None


def is_date(value: object) -> bool:
    """`IsDate(expression)`: whether CDate can turn it into a date."""
    try:
        return to_date(value) is not None
    except EvaluationFault:
        return False


def is_guid(value: object) -> bool:
    """`IsGuid(text)`: whether CGuid can turn it into a GUID."""
    return isinstance(value, str) and guid_bytes(value) is not None


def is_bit_set(value: object, flag: object) -> object:
    """`IsBitSet(value, flag)`: whether a bit of flag is set in value. NULL has no bit set."""
    if isinstance(value, list):
        return [is_bit_set(item, flag) for item in value]
    if value is None or value == "":
        return False
    return need_int(value, "the value of IsBitSet") & need_int(flag, "the flag of IsBitSet") != 0


FUNCTIONS = (
    Function("IsNull", 1, 1, is_null, boolean=True),
    Function("IsNullOrEmpty", 1, 1, is_empty, boolean=True),
    Function("IsPresent", 1, 1, is_present, boolean=True),
    Function("IsEmpty", 1, 1, is_empty_text, boolean=True),
    Function("IsString", 1, 1, is_string, boolean=True),
    Function("IsNumeric", 1, 1, is_numeric, boolean=True),
    Function("IsDate", 1, 1, is_date, boolean=True),
    Function("IsGuid", 1, 1, is_guid, boolean=True),
    Function("IsBitSet", 2, 2, is_bit_set),
)
