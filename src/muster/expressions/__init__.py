"""The expression language: flows, scopes and conditions in the dialects of Entra, Entra Connect and MIM.

Reading order: `grammar`, `parser` (text to nodes), `compiler` and `forms` (nodes to Python), `program` (many
expressions as one function), `functions/` (a file a family), `scoping/` (who is in scope).
"""

from muster.expressions.cases import evaluate_cases, scope_cases
from muster.expressions.context import Context
from muster.expressions.errors import EvaluationFault, ExpressionError, UnknownValue
from muster.expressions.expression import Expression, compile_expression, compile_program
from muster.expressions.program import Program
from muster.expressions.results import (
    AUTHORITATIVE_NULL,
    IGNORE_FLOW,
    IGNORE_OBJECT,
    UNKNOWN,
    Candidates,
    Fault,
    Result,
    Signal,
    Value,
)
from muster.expressions.scoping.compile import compile_scope
from muster.expressions.scoping.scope import Scope
from muster.expressions.values import to_text

__all__ = [
    "AUTHORITATIVE_NULL",
    "IGNORE_FLOW",
    "IGNORE_OBJECT",
    "UNKNOWN",
    "Candidates",
    "Context",
    "EvaluationFault",
    "Expression",
    "ExpressionError",
    "Fault",
    "Program",
    "Result",
    "Scope",
    "Signal",
    "UnknownValue",
    "Value",
    "compile_expression",
    "compile_program",
    "compile_scope",
    "evaluate_cases",
    "scope_cases",
    "to_text",
]
