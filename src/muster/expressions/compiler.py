"""From nodes to the text of a Python expression, and what is needed beside it.

The text reads attributes with `g("name")` and the context as `c`. What it calls by name is bound in `Bindings`. Marks
around calls say which column of the expression they came from; `unmarked` takes them out again.
"""

from collections.abc import Callable, Mapping

from muster.expressions import compare
from muster.expressions.dialects import Dialect
from muster.expressions.errors import EvaluationFault, ExpressionError, nearest
from muster.expressions.forms import FORMS
from muster.expressions.functions.function import Function
from muster.expressions.nodes import Attribute, Binary, Call, Literal, Node, Position, Variable, operands
from muster.expressions.values import truth

_OPEN, _MIDDLE, _CLOSE = "\x01", "\x02", "\x03"
_ARITHMETIC: dict[str, Callable[[object, object], object]] = {
    "&": compare.concat,
    "+": compare.plus,
    "-": compare.minus,
    "*": compare.times,
}
_CHAINED = {sign: compare.chained(function) for sign, function in _ARITHMETIC.items()}


class Bindings:
    """Names for the objects that generated code uses; one set serves all flows of a program."""

    def __init__(self) -> None:
        self.names: dict[str, object] = {}
        self._known: dict[int, str] = {}
        self._temporaries = 0

    def bind(self, value: object) -> str:
        """The name under which the code finds this very object."""
        name = self._known.get(id(value))
        if name is None:
            name = self._known[id(value)] = f"k{len(self.names)}"
            self.names[name] = value
        return name

    def temporary(self) -> str:
        """A variable that no other part of the code uses."""
        self._temporaries += 1
        return f"t{self._temporaries}"


class Compiler:
    """Writes one expression; an `Emitter` for the forms, which write themselves.

    Afterwards `reads` are the attributes used, and `clock` says how the expression needs the time.
    """

    def __init__(self, dialect: Dialect, bindings: Bindings, extensions: Mapping[str, Callable[..., object]]) -> None:
        self.dialect = dialect
        self.bindings = bindings
        self.reads: set[str] = set()
        self.clock = "none"
        self._extensions = {name.lower(): call for name, call in extensions.items()}
        self._variables: dict[str, str] = {}
        self._outermost: Node | None = None

    def expression(self, node: Node) -> str:
        """The code of the whole expression, marks included."""
        self._outermost = node
        return self.code(node)

    def is_outermost(self, call: Call) -> bool:
        """Whether nothing stands around this call."""
        return self._outermost is call

    def code(self, node: Node | None) -> str:
        """The code of one node; of an omitted argument, None."""
        match node:
            case None:
                return "None"
            case Literal(value):
                return self.constant(value)
            case Attribute(name):
                self.reads.add(name)
                return f"g({name!a})"
            case Variable(name, at):
                if name.lower() not in self._variables:
                    raise _error(f"{name} is given a value by nothing; With, Select and Where do", at)
                return self._variables[name.lower()]
            case Binary():
                return self._binary(node)
            case Call():
                return self._call(node)

    def constant(self, value: object) -> str:
        """The code of a constant."""
        if value is None or isinstance(value, str | bool | int):
            return f"({value})" if isinstance(value, int) and value < 0 else ascii(value)
        return self.bindings.bind(value)

    def condition(self, node: Node | None) -> str:
        """Code that is true when the node holds."""
        if isinstance(node, Literal):
            try:
                return ascii(truth(node.value))
            except EvaluationFault as fault:
                raise _error(str(fault), node.at) from None
        code = self.code(node)
        return code if node is not None and self.is_boolean(node) else f"{self.bindings.bind(truth)}({code})"

    def is_boolean(self, node: Node) -> bool:
        """Whether the node's code is always True or False."""
        if isinstance(node, Literal):
            return isinstance(node.value, bool)
        if isinstance(node, Binary):
            return node.sign in {"and", "or"} or (node.sign in compare.COMPARISONS and not self.dialect.maps_operators)
        if isinstance(node, Call):
            function = self.dialect.functions.get(node.name.lower())
            mapped = function is not None and self.dialect.maps_operators and (function.form or "").startswith("comp")
            return function is not None and function.boolean and not mapped
        return False

    def variable(self, node: Variable, body: Callable[[str], str]) -> str:
        """`body` written with the variable standing for a Python name of its own."""
        inner = self.bindings.temporary()
        name = node.name.lower()
        before = self._variables.get(name)
        self._variables[name] = inner
        made = body(inner)
        if before is None:
            del self._variables[name]
        else:
            self._variables[name] = before
        return made

    def call_bound(self, function: Callable[..., object], *arguments: str, at: Position) -> str:
        """The code of a call, marked with the column it came from."""
        return f"{_OPEN}{at.column}{_MIDDLE}{self.bindings.bind(function)}({', '.join(arguments)}){_CLOSE}"

    def needs_clock(self, how: str) -> None:
        """Note that the expression needs the time: `compare`, or `daily`, which outweighs it."""
        if self.clock != "daily":
            self.clock = how

    def _binary(self, node: Binary) -> str:
        sign = node.sign
        if sign in {"and", "or"}:
            return f"({f' {sign} '.join(map(self.condition, operands(node)))})"
        if sign in compare.COMPARISONS:
            return FORMS["comparison"](self, Call(sign, (node.left, node.right), node.at))
        parts = operands(node)
        function = _ARITHMETIC[sign] if len(parts) == 2 else _CHAINED[sign]
        folded = self._folded(function, parts)
        return folded if folded is not None else self.call_bound(function, *map(self.code, parts), at=node.at)

    def _call(self, call: Call) -> str:
        name = call.name.lower()
        function = self.dialect.functions.get(name)
        if function is None:
            return self._extension(call, name)
        arguments = _fitted(call, function)
        call = Call(call.name, arguments, call.at) if len(arguments) != len(call.arguments) else call
        if function.form:
            form, _, detail = function.form.partition(":")
            if detail:
                return FORMS[form](self, Call(detail, call.arguments, call.at))
            return FORMS[form](self, call)
        folded = self._folded(function.call, call.arguments) if function.steady and not function.context else None
        if folded is not None:
            return folded
        context = ("c",) if function.context else ()
        return self.call_bound(function.call, *context, *map(self.code, call.arguments), at=call.at)

    def _extension(self, call: Call, name: str) -> str:
        extension = self._extensions.get(name)
        if extension is None:
            known = [function.name for function in self.dialect.functions.values()]
            suggestion = nearest(call.name, [*known, *self._extensions])
            raise ExpressionError(f"there is no function {call.name}", call.at.line, call.at.column, suggestion)
        return self.call_bound(extension, *map(self.code, call.arguments), at=call.at)

    def _folded(self, function: Callable[..., object], nodes: "tuple[Node | None, ...] | list[Node]") -> str | None:
        """The result as a constant, when all arguments are constants and it is a plain value; else None."""
        if not nodes or not all(node is None or isinstance(node, Literal) for node in nodes):
            return None
        try:
            result = function(*(node.value if isinstance(node, Literal) else None for node in nodes))
        except (EvaluationFault, ValueError, TypeError, ArithmeticError, LookupError):
            return None
        plain = result is None or isinstance(result, str | bool | int)
        return self.constant(result) if plain and not (isinstance(result, str) and len(result) > 10_000) else None


def _fitted(call: Call, function: Function) -> tuple[Node | None, ...]:
    """The arguments, when there are as many as the function takes; omitted ones at the end may be too many."""
    arguments = call.arguments
    while function.most is not None and len(arguments) > function.most and arguments[-1] is None:
        arguments = arguments[:-1]
    if len(arguments) < function.least or (function.most is not None and len(arguments) > function.most):
        plural = "" if function.expects() == "1" else "s"
        raise _error(f"{function.name} expects {function.expects()} argument{plural}, {len(arguments)} given", call.at)
    return arguments


def _error(message: str, at: Position) -> ExpressionError:
    return ExpressionError(message, at.line, at.column)


def unmarked(code: str) -> tuple[str, list[tuple[int, int, int]]]:
    """The code without marks, and for each marked call where it starts and ends in it and its column."""
    out: list[str] = []
    spans: list[tuple[int, int, int]] = []
    opened: list[tuple[int, int]] = []
    size = 0
    at = 0
    while at < len(code):
        letter = code[at]
        if letter == _OPEN:
            middle = code.index(_MIDDLE, at)
            opened.append((size, int(code[at + 1 : middle])))
            at = middle + 1
        elif letter == _CLOSE:
            start, column = opened.pop()
            spans.append((start, size, column))
            at += 1
        else:
            end = at
            while end < len(code) and code[end] > _CLOSE:
                end += 1
            out.append(code[at:end])
            size += end - at
            at = end
    return "".join(out), spans
