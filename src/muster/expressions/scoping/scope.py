"""What every way of scoping compiles to."""

from collections.abc import Callable, Mapping

from muster.expressions.context import Context
from muster.expressions.errors import EvaluationFault, UnknownValue
from muster.expressions.expression import Expression
from muster.expressions.results import UNKNOWN, Fault
from muster.expressions.values import truth

Test = Callable[[Mapping[str, object], Context], bool]


class Scope:
    """A rule that an object meets or not. `reads` are the attributes it may use; `clock` and `tested` as of an
    `Expression`.
    """

    __slots__ = ("_test", "clock", "reads", "tested")

    def __init__(
        self, test: Test, reads: frozenset[str], clock: str = "none", tested: frozenset[str] = frozenset()
    ) -> None:
        self._test = test
        self.reads = reads
        self.tested = tested
        self.clock = clock

    def matches(self, attributes: Mapping[str, object], context: Context) -> bool:
        """Whether the object is in scope.

        Raises UnknownValue when that hangs on an attribute not read yet, and EvaluationFault when it cannot be worked
        out: neither yes nor no may be guessed where a wrong no deletes.
        """
        return self._test(attributes, context)

    def evaluate(self, attributes: Mapping[str, object], context: Context) -> object:
        """As `matches`, but answers UNKNOWN or a Fault instead of raising."""
        try:
            return self._test(attributes, context)
        except UnknownValue:
            return UNKNOWN
        except EvaluationFault as fault:
            return Fault(str(fault))


def expression_scope(expression: Expression) -> Scope:
    """In scope is an object for which the expression, as a condition, holds."""

    def test(attributes: Mapping[str, object], context: Context) -> bool:
        result = expression.evaluate(attributes, context)
        if result is UNKNOWN:
            raise UnknownValue
        if isinstance(result, Fault):
            raise EvaluationFault(result.message)
        return truth(result)

    return Scope(test, expression.reads, expression.clock, expression.tested)
