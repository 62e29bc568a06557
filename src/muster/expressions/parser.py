"""From the text of an expression to its nodes; what is wrong with the text is said with line and column."""

from collections.abc import Mapping
from functools import lru_cache
from typing import cast

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from muster.expressions.dialects import CONSTANTS, Dialect
from muster.expressions.errors import ExpressionError, nearest
from muster.expressions.grammar import parser_of
from muster.expressions.nodes import CHAINED, Attribute, Binary, Call, Literal, Node, Position, Variable

DEEPEST = 60
"""How many expressions may stand inside one another."""

_SIGNS = {"&&": "and", "||": "or", "==": "=", "!=": "<>"}


def parse(text: str, dialect: Dialect, parameters: Mapping[str, str]) -> tuple[Node, dict[str, str]]:
    """The expression's nodes, and the parameters it used. ExpressionError says where it is none."""
    if not text.strip():
        raise ExpressionError("the expression is empty")
    _check_depth(text)
    reader = _Reader(dialect, parameters)
    return reader.node(cast("Tree[Token]", _tree(dialect.name, text).children[0])), reader.used


@lru_cache(maxsize=1024)
def _tree(dialect: str, text: str) -> "Tree[Token]":
    """The text's parts; whoever reads a project again, as a server does, finds most of its texts unchanged."""
    lark: Lark = parser_of(dialect)
    try:
        return lark.parse(text)
    except UnexpectedInput as problem:
        raise _error(text, problem) from None


def _check_depth(text: str) -> None:
    depth = 0
    quoted = False
    for at, letter in enumerate(text):
        if letter == '"':
            quoted = not quoted
        elif not quoted and letter in "(-":
            depth += letter == "(" or text[at - 1 : at] == "-"
            if depth > 8 * DEEPEST:
                raise _too_deep(Position(text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)))
        elif not quoted and letter == ")":
            depth -= 1


def _too_deep(at: Position) -> ExpressionError:
    return ExpressionError(f"more than {DEEPEST} expressions inside one another; split it in two", at.line, at.column)


def _error(text: str, problem: UnexpectedInput) -> ExpressionError:
    lines = text.split("\n")
    if isinstance(problem, UnexpectedToken) and problem.token.type == "$END":
        message = "the expression ends too early: a ) or an argument is missing"
        return ExpressionError(message, len(lines), max(len(lines[-1]), 1))
    line, column = max(problem.line, 1), max(problem.column, 1)
    if isinstance(problem, UnexpectedCharacters):
        return ExpressionError(_character(lines[line - 1][column - 1]), line, column)
    found = str(problem.token) if isinstance(problem, UnexpectedToken) else ""
    if found.lower() in {"and", "or", "not"}:
        return ExpressionError(f"{found} is no operator of this dialect; use && or ||, or Not(…)", line, column)
    return ExpressionError(f"{found[:40]} was not expected here; is a comma, an operator or a ) missing?", line, column)


def _character(letter: str) -> str:
    if letter in "“”„‟«»":
        return f'{letter} is a typographic quotation mark; texts stand between straight ones, "'
    if letter == '"':
        return "the text that starts here does not end"
    if letter == "[":
        return "the attribute that starts here does not end with ]"
    if letter == "'":
        return 'texts stand between straight double quotation marks, "'
    return f"{letter} was not expected here"


class _Reader:
    """Turns lark's tree into nodes, and names into what they stand for."""

    def __init__(self, dialect: Dialect, parameters: Mapping[str, str]) -> None:
        self._dialect = dialect
        self._parameters = parameters
        self._depth = 0
        self.used: dict[str, str] = {}

    def node(self, tree: Tree[Token]) -> Node:
        at = Position(tree.meta.line, tree.meta.column)
        self._depth += 1
        if self._depth > DEEPEST:
            raise _too_deep(at)
        try:
            return self._node(tree, at)
        finally:
            self._depth -= 1

    def _node(self, tree: Tree[Token], at: Position) -> Node:
        kind = str(tree.data)
        children = cast("list[Tree[Token]]", tree.children)
        if kind == "group":
            return self.node(children[0])
        if kind == "call":
            return self._call(tree)
        if kind == "negation":
            return Call("Not", (self.node(children[-1]),), at)
        if kind == "negative":
            operand = self.node(children[0])
            if isinstance(operand, Literal) and isinstance(operand.value, int | float):
                return Literal(-operand.value, at)
            return Binary("-", Literal(0, at), operand, at)
        if len(children) > 1:
            return self._operators(tree)
        return self._leaf(kind, str(tree.children[0]), at)

    def _leaf(self, kind: str, token: str, at: Position) -> Node:
        match kind:
            case "attribute":
                name = token[1:-1].strip()
                if not name:
                    raise ExpressionError("an attribute needs a name between [ and ]", at.line, at.column)
                return Attribute(name, at)
            case "text":
                return Literal(self._unquote(token[1:-1]), at)
            case "number":
                return Literal(self._number(token, at), at)
            case "hexadecimal":
                return Literal(int(token[2:], 16), at)
            case "parameter":
                return Literal(self.parameter(token[1:-1], at), at)
            case "variable":
                return Variable(token, at)
            case _:
                return self._name(token, at)

    def _number(self, token: str, at: Position) -> int | float:
        if "." in token:
            return float(token)
        if len(token) > 40:
            raise ExpressionError("a number has at most 40 digits", at.line, at.column)
        return int(token)

    def _unquote(self, inner: str) -> str:
        """In Entra a backslash before a backslash or `"` takes it as it is; elsewhere `""` is a quotation mark."""
        if not self._dialect.backslashes:
            return inner.replace('""', '"')
        if "\\" not in inner:
            return inner
        out: list[str] = []
        at = 0
        while at < len(inner):
            if inner[at] == "\\" and inner[at + 1 : at + 2] in {"\\", '"'}:
                at += 1
            out.append(inner[at])
            at += 1
        return "".join(out)

    def parameter(self, name: str, at: Position) -> str:
        found = next((known for known in self._parameters if known.lower() == name.lower()), None)
        if found is None:
            hint = nearest(name, self._parameters)
            raise ExpressionError(f"no parameter %{name}% is set in this project", at.line, at.column, hint)
        self.used[found] = self._parameters[found]
        return self._parameters[found]

    def _name(self, word: str, at: Position) -> Node:
        if word.lower() in CONSTANTS:
            return Literal(CONSTANTS[word.lower()], at)
        if self._dialect.bare_attributes:
            return Attribute(word, at)
        hint = f'[{word}] for the attribute or "{word}" for the text'
        message = f"{word} stands for nothing here; write {hint}"
        return self._refuse(message, at, nearest(word, CONSTANTS))

    def _refuse(self, message: str, at: Position, suggestion: str | None) -> Node:
        raise ExpressionError(message, at.line, at.column, suggestion)

    def _call(self, tree: Tree[Token]) -> Node:
        name = cast("Token", tree.children[0])
        at = Position(name.line or 1, name.column or 1)
        slots = cast("list[Tree[Token]]", tree.children[1:])
        arguments = tuple(self.node(cast("Tree[Token]", slot.children[0])) if slot.children else None for slot in slots)
        if arguments == (None,):
            arguments = ()
        word = str(name).lower()
        if word in CONSTANTS and not arguments:
            return Literal(CONSTANTS[word], at)
        if word == "defaultdomain" and not arguments:
            return Literal(self.parameter("DefaultDomain", at), at)
        return Call(str(name), arguments, at)

    def _operators(self, tree: Tree[Token]) -> Node:
        children = tree.children
        left = self.node(cast("Tree[Token]", children[0]))
        turns = 0
        for index in range(1, len(children), 2):
            sign = str(children[index]).lower()
            right = self.node(cast("Tree[Token]", children[index + 1]))
            sign = _SIGNS.get(sign, sign)
            turns += not (isinstance(left, Binary) and left.sign == sign in CHAINED)
            if turns > DEEPEST:
                raise _too_deep(left.at)
            left = Binary(sign, left, right, left.at)
        return left
