"""The functions that the compiler writes itself, because they evaluate only what they need, or bind a name.

Documented at the pages named in `functions/__init__.py`. A form gets the call and returns Python code; branches become
Python's own conditional expressions, so that an argument which is not chosen is never evaluated.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from muster.expressions import compare
from muster.expressions.clock import MIRRORED, compare_now
from muster.expressions.context import Context
from muster.expressions.dialects import Dialect
from muster.expressions.dotnet.regex import dotnet_pattern
from muster.expressions.errors import EvaluationFault, ExpressionError
from muster.expressions.functions import replacing
from muster.expressions.functions.dates import SPANS, now
from muster.expressions.functions.flow import iif_each, switch_equal, switch_key, unique
from muster.expressions.functions.inspection import is_present
from muster.expressions.functions.matching import is_match
from muster.expressions.functions.multivalue import values_of
from muster.expressions.nodes import Binary, Call, Literal, Node, Position, Variable
from muster.expressions.values import to_number, to_text


class Bound(Protocol):
    """What the forms need of `Bindings`."""

    def bind(self, value: object) -> str: ...
    def temporary(self) -> str: ...


class Emitter(Protocol):
    """What the forms need of the compiler; `compiler.py` says what each does."""

    @property
    def dialect(self) -> Dialect: ...
    @property
    def bindings(self) -> Bound: ...
    @property
    def reads(self) -> set[str]: ...

    def code(self, node: Node | None) -> str: ...
    def constant(self, value: object) -> str: ...
    def condition(self, node: Node | None) -> str: ...
    def is_boolean(self, node: Node) -> bool: ...
    def is_outermost(self, call: Call) -> bool: ...
    def variable(self, node: Variable, body: Callable[[str], str]) -> str: ...
    def call_bound(self, function: Callable[..., object], *arguments: str, at: Position) -> str: ...
    def needs_clock(self, how: str) -> None: ...


Form = Callable[[Emitter, Call], str]


def _comparison(emitter: Emitter, call: Call) -> str:
    """An infix comparison or MIM's Eq and its kin; the call's name is the sign. Comparing with Now() notes the due."""
    sign = call.name
    left, right = call.arguments
    for value, clock, sense in ((left, right, sign), (right, left, MIRRORED[sign])):
        shift = _now_shift(clock)
        if shift is not None and _now_shift(value) is None:
            emitter.needs_clock("compare")
            arguments = ("c", repr(sense), emitter.code(value), emitter.bindings.bind(shift))
            return emitter.call_bound(compare_now, *arguments, at=call.at)
    if emitter.dialect.maps_operators:
        function: Callable[..., object] = compare.MAPPED[sign]
    elif sign == "=" and isinstance(right, Literal) and isinstance(right.value, str):
        function = compare.eq_text
    else:
        function = compare.COMPARISONS[sign]
    return emitter.call_bound(function, emitter.code(left), emitter.code(right), at=call.at)


def _now_shift(node: Node | None) -> timedelta | None:
    """How far from now this is: `Now()`, or `DateAdd` of a fixed span to it; None when it is something else."""
    if not isinstance(node, Call):
        return None
    name = node.name.lower()
    if name == "now" and not node.arguments:
        return timedelta()
    if name != "dateadd" or len(node.arguments) != 3:
        return None
    interval, count, base = node.arguments
    inner = _now_shift(base)
    if inner is None or not isinstance(interval, Literal) or not isinstance(count, Literal):
        return None
    unit, number = SPANS.get(to_text(interval.value).lower()), to_number(count.value)
    if unit is None or number is None:
        return None
    try:
        return inner + number * unit
    except OverflowError:
        return None


def _now(emitter: Emitter, call: Call) -> str:
    emitter.needs_clock("daily")
    return emitter.call_bound(now, "c", at=call.at)


def _iif(emitter: Emitter, call: Call) -> str:
    condition, yes, no = (*call.arguments, None)[:3]
    if emitter.dialect.maps_operators and isinstance(condition, Binary | Call) and not emitter.is_boolean(condition):
        branches = (f"lambda: {emitter.code(yes)}", f"lambda: {emitter.code(no)}")
        return emitter.call_bound(iif_each, emitter.code(condition), *branches, at=call.at)
    return f"({emitter.code(yes)} if {emitter.condition(condition)} else {emitter.code(no)})"


def _is_condition(emitter: Emitter, node: Node | None) -> bool:
    return isinstance(node, Binary | Call) and emitter.is_boolean(node)


def _switch_entra(emitter: Emitter, call: Call) -> str:
    """`Switch(source, default, key1, value1, …)`; of conditions all through, `Switch(condition, value, …)` as the
    example of IsPresent in the same reference writes it."""
    arguments = call.arguments
    if len(arguments) % 2:
        message = f"Switch expects its keys and values in pairs after source and default, {len(arguments)} given"
        raise ExpressionError(message, call.at.line, call.at.column)
    if len(arguments) > 2 and all(_is_condition(emitter, node) for node in arguments[::2]):
        return _switch_connect(emitter, call)
    source, default, *pairs = arguments
    keys = pairs[::2]
    texts = frozenset(to_text(key.value) for key in keys if isinstance(key, Literal))
    plain = len(keys) == sum(isinstance(key, Literal) for key in keys)
    name = emitter.bindings.temporary()
    read = emitter.code(source)
    if plain:
        read = emitter.call_bound(switch_key, read, emitter.bindings.bind(texts), at=call.at)
    first = f"({name} := {read})"
    parts: list[str] = []
    for key, value in zip(keys, pairs[1::2], strict=True):
        if plain:
            test = f"{first} == {emitter.constant(to_text(key.value if isinstance(key, Literal) else None))}"
        else:
            test = emitter.call_bound(switch_equal, first, emitter.code(key), at=call.at)
        parts.append(f"{emitter.code(value)} if {test} else ")
        first = name
    return f"({''.join(parts)}{emitter.code(default)})"


def _switch_connect(emitter: Emitter, call: Call) -> str:
    """`Switch(condition1, value1, …)`: the value of the first condition that holds; NULL when none does."""
    arguments = call.arguments
    if len(arguments) % 2:
        message = f"Switch expects pairs of a condition and a value, {len(arguments)} arguments given"
        raise ExpressionError(message, call.at.line, call.at.column)
    pairs = zip(arguments[::2], arguments[1::2], strict=True)
    parts = [f"{emitter.code(value)} if {emitter.condition(condition)} else " for condition, value in pairs]
    return f"({''.join(parts)}None)"


def _coalesce(emitter: Emitter, call: Call) -> str:
    """`Coalesce(source1, …, default)`: the first that is neither NULL nor empty; else the last, as it is.

    The reference says NULL only; the SuccessFactors guide's example passes over an empty preferredName too.
    """
    *sources, last = call.arguments
    present = emitter.bindings.bind(is_present)
    parts: list[str] = []
    for source in sources:
        name = emitter.bindings.temporary()
        parts.append(f"{name} if {present}({name} := {emitter.code(source)}) else ")
    return f"({''.join(parts)}{emitter.code(last)})"


def _unique(emitter: Emitter, call: Call) -> str:
    if not emitter.is_outermost(call):
        message = "SelectUniqueValue must be the outermost function; nothing may stand around it"
        raise ExpressionError(message, call.at.line, call.at.column)
    return emitter.call_bound(unique, "c", *map(emitter.code, call.arguments), at=call.at)


def _imported(emitter: Emitter, call: Call) -> str:
    """`ImportedValue("attribute")`: only what an import has confirmed; the name is a text in quotation marks."""
    (argument,) = call.arguments
    if not isinstance(argument, Literal) or not isinstance(argument.value, str):
        message = 'ImportedValue expects the attribute\'s name in quotation marks, as ImportedValue("proxyAddresses")'
        raise ExpressionError(message, call.at.line, call.at.column)
    emitter.reads.add(argument.value)
    return emitter.call_bound(imported_value, "c", "g", ascii(argument.value), at=call.at)


def imported_value(context: Context, get: Callable[[str], object], name: str) -> object:
    """The confirmed value of the attribute; the value itself where nobody tells them apart."""
    return get(name) if context.imported is None else context.imported(name)


def _with(emitter: Emitter, call: Call) -> str:
    """`With($variable, subexpression, expression)`."""
    variable = _variable(call)
    value = emitter.code(call.arguments[1])
    return emitter.variable(variable, lambda name: f"({name} := {value}, {emitter.code(call.arguments[2])})[1]")


def _select(emitter: Emitter, call: Call) -> str:
    """`Select($item, attribute, function)`: what the function makes of each value; NULL is left out."""
    made = emitter.bindings.temporary()
    return _over(emitter, call, lambda _: made, lambda code: f"({made} := {code}) is not None")


def _where(emitter: Emitter, call: Call) -> str:
    """`Where($item, attribute, condition)`: the values for which the condition holds."""
    return _over(emitter, call, lambda item: item, None)


def _over(emitter: Emitter, call: Call, result: Callable[[str], str], keeps: Callable[[str], str] | None) -> str:
    variable = _variable(call)
    _, attribute, body = call.arguments
    values = emitter.bindings.temporary()
    source = f"{emitter.bindings.bind(values_of)}({emitter.code(attribute)})"

    def loop(item: str) -> str:
        test = keeps(emitter.code(body)) if keeps else emitter.condition(body)
        return f"({values} := {source}, [{result(item)} for {item} in {values} if {test}])[1]"

    return emitter.variable(variable, loop)


def _variable(call: Call) -> Variable:
    variable = call.arguments[0]
    if not isinstance(variable, Variable):
        message = f"{call.name} expects a variable first, such as $item"
        raise ExpressionError(message, call.at.line, call.at.column)
    return variable


def _replace_entra(emitter: Emitter, call: Call) -> str:
    """`Replace(source, oldValue, regexPattern, regexGroupName, replacementValue, replacementAttributeName, template)`;
    of three arguments that are all there, Entra Connect's `Replace(string, old, new)`."""
    source, old, pattern, group, new, other, template = (*call.arguments, *[None] * 4)[:7]
    if len(call.arguments) == 3 and old is not None and pattern is not None:
        return _replace_string(emitter, call)
    function: Callable[..., object]
    if old is not None and template is not None:
        function, used = replacing.replace_template, [source, old, template]
    elif old is not None and new is not None:
        function, used = replacing.replace_text, [source, old, new]
    elif pattern is not None and group is not None and other is not None:
        function, used = replacing.replace_from, [source, pattern, group, other]
    elif pattern is not None and group is not None and new is not None:
        function, used = replacing.replace_group, [source, pattern, group, new]
    elif pattern is not None and new is not None:
        function, used = replacing.replace_pattern, [source, pattern, new]
    else:
        message = "Replace expects oldValue with replacementValue or template, or regexPattern with replacementValue"
        raise ExpressionError(message, call.at.line, call.at.column)
    if used[1] is pattern:
        _check_pattern(pattern)
    return emitter.call_bound(function, *map(emitter.code, used), at=call.at)


def _is_match(emitter: Emitter, call: Call) -> str:
    """`IsMatch(value, pattern)`."""
    _check_pattern(call.arguments[1])
    return emitter.call_bound(is_match, *map(emitter.code, call.arguments), at=call.at)


def _check_pattern(pattern: Node | None) -> None:
    if isinstance(pattern, Literal):
        try:
            dotnet_pattern(to_text(pattern.value))
        except EvaluationFault as fault:
            raise ExpressionError(str(fault), pattern.at.line, pattern.at.column) from None


def _replace_string(emitter: Emitter, call: Call) -> str:
    """Entra Connect's and MIM's: in a source that is written out, too, `\\n`, `\\r` and `\\t` name characters."""
    source, old, new = call.arguments
    if isinstance(source, Literal) and isinstance(source.value, str):
        source = Literal(replacing.with_monikers(source.value), source.at)
    return emitter.call_bound(replacing.replace_string, *map(emitter.code, (source, old, new)), at=call.at)


FORMS: dict[str, Form] = {
    "comparison": _comparison,
    "now": _now,
    "iif": _iif,
    "switch_entra": _switch_entra,
    "switch_connect": _switch_connect,
    "coalesce": _coalesce,
    "unique": _unique,
    "imported": _imported,
    "with": _with,
    "select": _select,
    "where": _where,
    "is_match": _is_match,
    "replace_entra": _replace_entra,
    "replace_string": _replace_string,
}
"""Every `form` that a function may name."""
