"""Muster's own test by a regular expression, which filter groups have and neither of Microsoft's languages does."""

from muster.expressions.dotnet.regex import dotnet_pattern
from muster.expressions.functions.function import Function
from muster.expressions.functions.multivalue import values_of
from muster.expressions.values import to_text


def is_match(value: object, pattern: object) -> bool:
    """`IsMatch(value, pattern)`: whether the .NET pattern matches somewhere in the value, or in one of several.

    NULL and the empty text match nothing, as in filter groups.
    """
    compiled = dotnet_pattern(to_text(pattern))
    return any(compiled.search(to_text(item)) is not None for item in values_of(value) if item not in (None, ""))


FUNCTIONS = (Function("IsMatch", 2, 2, is_match, boolean=True, form="is_match"),)
"""In every dialect."""
