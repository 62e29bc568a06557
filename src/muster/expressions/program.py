"""One generated Python function for many expressions: what a mapping runs over an object."""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from muster.expressions.compiler import unmarked
from muster.expressions.context import Context
from muster.expressions.errors import EvaluationFault, UnknownValue
from muster.expressions.results import UNKNOWN, Fault, Result

_FILE = "<muster expression>"
_LONGEST = 200
"""How much an unforeseen error may say: it may quote data."""


class Program:
    """Expressions compiled into one function.

    `run` answers with one result an expression, in order. It never raises for what an expression does: a failing one
    has a `Fault` in its place, one that needs an attribute not read yet has `UNKNOWN`, and the others go on.
    """

    __slots__ = ("_run", "_spans", "run", "source")

    def __init__(self, codes: Sequence[str], names: Mapping[str, object]) -> None:
        """`codes` are Python expressions with marks, see `compiler.py`; `names` is what they call by name."""
        lines = ["def run(a, c):", " g = a.get"]
        self._spans: dict[int, list[tuple[int, int, int]]] = {}
        for index, marked in enumerate(codes):
            code, spans = unmarked(marked)
            prefix = f"  r{index} = "
            lines += (" try:", prefix + code, " except Exception as e:", f"  r{index} = caught(e)")
            self._spans[len(lines) - 2] = [(start + len(prefix), end + len(prefix), at) for start, end, at in spans]
        lines.append(f" return [{', '.join(f'r{index}' for index in range(len(codes)))}]")
        self.source = "\n".join(lines) + "\n"
        space: dict[str, object] = {**names, "caught": self._caught}
        # The source is made by the compiler of numbers, quoted texts and names it chose itself: nothing that a project
        # writes reaches it unquoted.
        exec(compile(self.source, _FILE, "exec"), space)  # noqa: S102
        self.run = cast("Callable[[Mapping[str, object], Context], list[Result]]", space["run"])

    def _caught(self, problem: Exception) -> Result:
        """What stands in the place of a result that could not be worked out.

        The generated code hands every Exception here, and that is meant: an extension function of the project, or a
        value of a kind that no function foresaw, must cost this one flow its value and nothing else.
        """
        if isinstance(problem, UnknownValue):
            return UNKNOWN
        text = str(problem)
        if not isinstance(problem, EvaluationFault):
            text = f"{type(problem).__name__}: {text}"[:_LONGEST] if text else type(problem).__name__
        return Fault(text, self._column(problem))

    def _column(self, problem: Exception) -> int:
        """The column of the innermost call that was running when it happened."""
        trace = problem.__traceback__
        column = 1
        while trace is not None:
            code = trace.tb_frame.f_code
            if code.co_filename == _FILE:
                line, _, start, end = list(code.co_positions())[trace.tb_lasti // 2]
                if line is not None and start is not None and end is not None:
                    column = self._narrowest(line, start, end, column)
            trace = trace.tb_next
        return column

    def _narrowest(self, line: int, start: int, end: int, otherwise: int) -> int:
        around = [span for span in self._spans.get(line, ()) if span[0] <= start and end <= span[1]]
        return min(around, key=lambda span: span[1] - span[0])[2] if around else otherwise
