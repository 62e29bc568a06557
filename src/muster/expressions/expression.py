"""Compiled expressions: the engine's way in."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from muster.expressions.compiler import Bindings, Compiler
from muster.expressions.context import Context
from muster.expressions.dialects import dialect_of
from muster.expressions.errors import ExpressionError
from muster.expressions.nodes import Attribute, Call, walk
from muster.expressions.parser import parse
from muster.expressions.program import Program
from muster.expressions.results import Result

_NOTHING: Mapping[str, str] = MappingProxyType({})
_NONE: Mapping[str, Callable[..., object]] = MappingProxyType({})
_TESTS = frozenset({"ispresent", "isnull", "isnullorempty"})
Extensions = Mapping[str, Callable[..., object]]


class Expression:
    """One expression, checked and ready.

    `reads`: the attributes it may use, a path `[manager.mail]` as "manager.mail". `plain`: the attribute's name when it
    is nothing but `[name]`. `clock`: "none", "compare" (only compares with Now()) or "daily". `functions`: lower-case
    names used. `tested`: the attributes of which it asks whether they are there. `digest`: equal for equal dialect,
    text and values of the parameters used, whatever the process.
    """

    __slots__ = (
        "_extensions",
        "_node",
        "_program",
        "clock",
        "dialect",
        "digest",
        "functions",
        "plain",
        "reads",
        "tested",
        "text",
    )

    def __init__(self, text: str, dialect: str, parameters: Mapping[str, str], extensions: Extensions) -> None:
        self.text = text
        self.dialect = dialect_of(dialect)
        self._node, used = parse(text, self.dialect, parameters)
        self._extensions = dict(extensions)
        compiler = Compiler(self.dialect, Bindings(), self._extensions)
        compiler.expression(self._node)
        self.reads = frozenset(compiler.reads)
        self.tested = frozenset(
            one.name
            for node in walk(self._node)
            if isinstance(node, Call) and node.name.lower() in _TESTS
            for one in node.arguments
            if isinstance(one, Attribute)
        )
        self.functions = frozenset(node.name.lower() for node in walk(self._node) if isinstance(node, Call))
        self.clock = compiler.clock
        self.plain = self._node.name if isinstance(self._node, Attribute) else None
        parts = [dialect, text, *(f"{name}={used[name]}" for name in sorted(used))]
        self.digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        self._program: Program | None = None

    def __repr__(self) -> str:
        return f"Expression({self.text!r}, dialect={self.dialect.name!r})"

    def code(self, bindings: Bindings) -> str:
        """Its Python code, for a program that binds names in `bindings`."""
        return Compiler(self.dialect, bindings, self._extensions).expression(self._node)

    def evaluate(self, attributes: Mapping[str, object], context: Context) -> Result:
        """The result over these attributes; a `Fault` or `UNKNOWN` instead of any exception."""
        if self._program is None:  # most expressions run as part of their mapping's program, and never alone
            self._program = _program([self])
        return self._program.run(attributes, context)[0]


def compile_expression(
    text: str,
    *,
    dialect: str = "entra",
    parameters: Mapping[str, str] = _NOTHING,
    functions: Extensions = _NONE,
) -> Expression:
    """The expression. ExpressionError, with line and column, when the text is none.

    `parameters` give `%name%` its value; `functions` are the project's own, called with their arguments' values.
    """
    return Expression(text, dialect, parameters, functions)


def compile_program(
    sources: Sequence[str | Expression],
    *,
    dialect: str = "entra",
    parameters: Mapping[str, str] = _NOTHING,
    functions: Extensions = _NONE,
) -> Program:
    """One program for all of them, in order; texts are compiled with these settings, expressions keep their own."""
    return _program(
        [
            source if isinstance(source, Expression) else Expression(source, dialect, parameters, functions)
            for source in sources
        ]
    )


def _program(expressions: Sequence[Expression]) -> Program:
    bindings = Bindings()
    codes = [expression.code(bindings) for expression in expressions]
    try:
        return Program(codes, bindings.names)
    except (SyntaxError, RecursionError, MemoryError) as problem:
        raise ExpressionError(f"the expression is too deep for Python: {problem}; split it in two") from None
