"""The rule text of lifecycle workflows, a part of OData's $filter.

https://learn.microsoft.com/graph/api/resources/identitygovernance-rulebasedsubjectset and OData 4.01 URL conventions
5.1.1. Texts compare case-sensitively; what is absent equals null, differs from everything else and has no order. A path
`employeeOrgData/costCenter` is looked up as "employeeOrgData.costCenter", as it is written, and within the object.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import cast

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

from muster.expressions import compare
from muster.expressions.context import Context
from muster.expressions.errors import ExpressionError, UnknownValue, nearest
from muster.expressions.functions.multivalue import values_of
from muster.expressions.scoping.scope import Scope
from muster.expressions.values import to_text, truth

_GRAMMAR = r"""
start: either
?either: both (OR both)*
?both: unary (AND unary)*
?unary: NOT unary -> negation
      | primary
?primary: "(" either ")"
        | operand COMPARE operand -> comparison
        | operand IN "(" operand ("," operand)* ")" -> membership
        | PATH "(" operand "," operand ")" -> function
        | PATH "(" LAMBDA either ")" -> quantified
        | PATH "(" ")" -> quantified
        | PATH -> condition
?operand: PATH -> path
        | STRING -> text
        | NUMBER -> number
OR.2: /or\b(?![\/:])/i
AND.2: /and\b(?![\/:])/i
NOT.2: /not\b(?![\/:])/i
IN.2: /in\b(?![\/:])/i
COMPARE.2: /(?:eq|ne|gt|ge|lt|le|startswith|endswith|contains)\b(?!\s*[(\/:])/i
LAMBDA.3: /[A-Za-z_]\w*\s*:/
STRING: /'(?:[^']|'')*'/ | /"[^"]*"/
NUMBER: /-?\d+(?:\.\d+)?(?![\w-])/
PATH: /[A-Za-z_][\w.-]*(?:\/[A-Za-z_][\w.-]*)*/
%ignore /\s+/
"""
_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": str.__contains__,
}
_SIGNS = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_WORDS: dict[str, object] = {"null": None, "true": True, "false": False}

Get = Callable[[str], object]
"""Reads an attribute, or the variable of any() or all(), by its path."""
Read = Callable[[Get], object]


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr")


def lifecycle_scope(rule: object) -> Scope:
    """The scope of a rule text. ExpressionError, with line and column, when it is none."""
    if not isinstance(rule, str) or not rule.strip():
        raise ExpressionError("a lifecycle rule is a text such as (department eq 'Marketing')")
    if rule.count("(") > 200 or len(rule) > 50_000:
        raise ExpressionError("the rule is too deep; use in (…) for lists of values")
    try:
        tree = _parser().parse(rule)
    except UnexpectedInput as problem:
        line, column = max(problem.line, 1), max(problem.column, 1)
        raise ExpressionError("the rule is not understood from here on", line, column) from None
    reader = _Reader()
    holds = reader.rule(cast("Tree[Token]", tree.children[0]))

    def test(attributes: Mapping[str, object], _: Context) -> bool:
        return truth(holds(lambda path: _lookup(attributes, path)))

    return Scope(test, frozenset(reader.reads))


def _lookup(attributes: Mapping[str, object], path: str) -> object:
    if "/" not in path:
        return attributes.get(path)
    missing: UnknownValue | None = None
    for name in (path.replace("/", "."), path):
        try:
            found = attributes.get(name)
        except UnknownValue as unknown:
            missing = unknown
            continue
        if found is not None:
            return found
    first, *rest = path.split("/")
    try:
        return _within(attributes.get(first), rest)
    except UnknownValue:
        raise missing or UnknownValue from None


def _within(value: object, names: list[str]) -> object:
    for name in names:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


class _Reader:
    """Turns lark's tree into a test; `reads` are the attributes found in it."""

    def __init__(self) -> None:
        self.reads: set[str] = set()
        self._variables: list[str] = []

    def rule(self, tree: Tree[Token]) -> Read:
        kind = str(tree.data)
        children = tree.children
        if kind in {"either", "both"}:
            parts = [self.rule(cast("Tree[Token]", child)) for child in children[::2]]
            combine = any if kind == "either" else all
            return lambda get: combine(truth(part(get)) for part in parts)
        if kind == "negation":
            inner = self.rule(cast("Tree[Token]", children[1]))
            return lambda get: not truth(inner(get))
        if kind == "comparison":
            return self._comparison(str(children[1]).lower(), self._operand(children[0]), self._operand(children[2]))
        if kind == "membership":
            value = self._operand(children[0])
            choices = [self._operand(child) for child in children[2:]]
            return lambda get: compare.is_in(value(get), *(choice(get) for choice in choices))
        if kind == "function":
            return self._function(cast("Token", children[0]), *map(self._operand, children[1:]))
        if kind == "quantified":
            return self._quantified(children)
        return self._path(str(children[0]))

    def _comparison(self, word: str, left: Read, right: Read) -> Read:
        if word in _FUNCTIONS:
            return self._text_test(_FUNCTIONS[word], left, right)
        holds = compare.COMPARISONS[_SIGNS[word]]
        return lambda get: holds(left(get), right(get))

    def _text_test(self, holds: Callable[[str, str], bool], left: Read, right: Read) -> Read:
        def test(get: Get) -> bool:
            text = right(get)
            return text is not None and any(holds(to_text(item), to_text(text)) for item in values_of(left(get)))

        return test

    def _function(self, name: Token, left: Read, right: Read) -> Read:
        holds = _FUNCTIONS.get(str(name).lower())
        if holds is None:
            known = ("startsWith", "endsWith", "contains", "any")
            message = f"there is no function {name} in a lifecycle rule"
            raise ExpressionError(message, name.line or 1, name.column or 1, nearest(str(name), known))
        return self._text_test(holds, left, right)

    def _quantified(self, children: "list[Token | Tree[Token]]") -> Read:
        token = cast("Token", children[0])
        path, _, quantifier = str(token).rpartition("/")
        if quantifier.lower() not in {"any", "all"} or not path:
            message = "a collection is tested with any, as in otherMails/any(p:startsWith(p, 'A'))"
            raise ExpressionError(message, token.line or 1, token.column or 1)
        collection = self._path(path)
        if len(children) == 1:
            return lambda get: bool(values_of(collection(get)))
        variable = str(children[1]).rstrip(":").strip()
        self._variables.append(variable)
        inner = self.rule(cast("Tree[Token]", children[2]))
        self._variables.pop()
        combine = any if quantifier.lower() == "any" else all

        def test(get: Get) -> bool:
            return combine(truth(inner(_bound(get, variable, item))) for item in values_of(collection(get)))

        return test

    def _operand(self, child: "Token | Tree[Token]") -> Read:
        tree = cast("Tree[Token]", child)
        token = str(tree.children[0])
        if tree.data == "path":
            if token.lower() in _WORDS:
                word = _WORDS[token.lower()]
                return lambda _: word
            return self._path(token)
        constant: object = token[1:-1].replace("''", "'") if tree.data == "text" else float(token)
        return lambda _: constant

    def _path(self, path: str) -> Read:
        if path.lower() in _WORDS:
            word = _WORDS[path.lower()]
            return lambda _: word
        if path.split("/")[0] not in self._variables:
            self.reads.add(path.replace("/", "."))
        return lambda get: get(path)


def _bound(get: Get, variable: str, item: object) -> Get:
    def read(path: str) -> object:
        first, *rest = path.split("/")
        return _within(item, rest) if first == variable else get(path)

    return read
