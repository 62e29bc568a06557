"""The four ways to say who is in scope, by their names in configuration."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from muster.expressions.errors import ExpressionError, nearest
from muster.expressions.expression import compile_expression
from muster.expressions.scoping.connect import connect_scope
from muster.expressions.scoping.entra import entra_scope
from muster.expressions.scoping.lifecycle import lifecycle_scope
from muster.expressions.scoping.scope import Scope, expression_scope

_KINDS = ("expression", "entra-scoping", "connect-scope", "lcw-rule")
_NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})
_NO_FUNCTIONS: Mapping[str, Callable[..., object]] = MappingProxyType({})


def compile_scope(
    kind: str,
    rule: object,
    *,
    dialect: str = "entra",
    parameters: Mapping[str, str] = _NO_PARAMETERS,
    functions: Mapping[str, Callable[..., object]] = _NO_FUNCTIONS,
) -> Scope:
    """The scope of a rule: "expression" and "lcw-rule" are texts, "entra-scoping" and "connect-scope" clause groups.

    ExpressionError when the rule, or the kind, is none.
    """
    match kind:
        case "expression":
            if not isinstance(rule, str):
                raise ExpressionError("an expression is a text")
            expression = compile_expression(rule, dialect=dialect, parameters=parameters, functions=functions)
            return expression_scope(expression)
        case "entra-scoping":
            return entra_scope(rule)
        case "connect-scope":
            return connect_scope(rule)
        case "lcw-rule":
            return lifecycle_scope(rule)
        case _:
            message = f"there is no kind of scope {kind}; there are {', '.join(_KINDS)}"
            raise ExpressionError(message, suggestion=nearest(kind, _KINDS))
