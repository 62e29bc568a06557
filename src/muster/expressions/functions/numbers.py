"""Bits, and what is drawn by lot.

https://learn.microsoft.com/entra/identity/hybrid/connect/reference-connect-sync-functions-reference#bitand and
https://learn.microsoft.com/entra/identity/app-provisioning/functions-for-customizing-application-data#randomstring
"""

import secrets
import string
import uuid

from muster.expressions.errors import EvaluationFault
from muster.expressions.functions.function import Function
from muster.expressions.values import need_int, to_text

_SPECIALS = "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/"
_LONGEST = 256


def bit_and(first: object, second: object) -> object:
    """`BitAnd(a, b)`: the bits that both have. NULL when a is NULL."""
    if isinstance(first, list):
        return [bit_and(item, second) for item in first]
    if first is None or second is None:
        return None
    return need_int(first, "a value of BitAnd") & need_int(second, "a value of BitAnd")


def bit_or(first: object, second: object) -> object:
    """`BitOr(a, b)`: the bits that one of them has. NULL has none."""
    if isinstance(first, list):
        return [bit_or(item, second) for item in first]
    if first is None and second is None:
        return None
    return need_int(first or 0, "a value of BitOr") | need_int(second or 0, "a value of BitOr")


def guid() -> str:
    """`Guid()`: a new random GUID."""
    return str(uuid.uuid4())


def random_num(start: object, end: object) -> int:
    """`RandomNum(start, end)`: a whole number between them, both included."""
    low, high = need_int(start, "the start of RandomNum"), need_int(end, "the end of RandomNum")
    if low > high:
        raise EvaluationFault("RandomNum starts after its end")
    return low + secrets.randbelow(high - low + 1)


def random_string(
    length: object, digits: object, specials: object, capitals: object, small: object, avoid: object = None
) -> str:
    """`RandomString(length, numbers, specials, capitals, lowerCase, avoid)`: at least so many of each kind.

    What is left of the length is filled from the kinds that were asked for, or with letters and numbers.
    """
    wanted = need_int(length, "the length of RandomString")
    shunned = to_text(avoid)
    kinds = [
        (string.digits, need_int(digits or 0, "the count of numbers")),
        (_SPECIALS, need_int(specials or 0, "the count of special characters")),
        (string.ascii_uppercase, need_int(capitals or 0, "the count of capitals")),
        (string.ascii_lowercase, need_int(small or 0, "the count of small letters")),
    ]
    pools = [("".join(letter for letter in pool if letter not in shunned), count) for pool, count in kinds]
    if not 0 < wanted <= _LONGEST or any(count < 0 for _, count in pools) or sum(count for _, count in pools) > wanted:
        raise EvaluationFault(f"RandomString needs a length of 1 to {_LONGEST} that holds all it asks for")
    if any(count and not pool for pool, count in pools):
        raise EvaluationFault("RandomString avoids every character of a kind it asks for")
    out = [secrets.choice(pool) for pool, count in pools for _ in range(count)]
    rest = "".join(pool for pool, count in pools if count) or "".join(pools[index][0] for index in (0, 2, 3))
    if not rest and len(out) < wanted:
        raise EvaluationFault("RandomString avoids every character there is")
    out += [secrets.choice(rest) for _ in range(wanted - len(out))]
    secrets.SystemRandom().shuffle(out)
    return "".join(out)


FUNCTIONS = (
    Function("BitAnd", 2, 2, bit_and),
    Function("BitOr", 2, 2, bit_or),
    Function("Guid", 0, 0, guid, steady=False),
    Function("RandomNum", 2, 2, random_num, steady=False),
    Function("Random", 2, 2, random_num, steady=False),
    Function("RandomString", 5, 6, random_string, steady=False),
)
