"""The parts of an expression once it is read: what it means, free of how its dialect writes it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Position:
    """Where something stands in the expression's text; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, a number, a named constant such as True, NULL or IgnoreThisFlow, or a parameter's value."""

    value: object
    at: Position


@dataclass(frozen=True, slots=True)
class Attribute:
    """`[name]`, or `[manager.mail]` which follows a reference."""

    name: str
    at: Position


@dataclass(frozen=True, slots=True)
class Variable:
    """`$item`: a name that With, Select or Where gives a value."""

    name: str
    at: Position


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; an omitted one (`, ,`) is None."""

    name: str
    arguments: "tuple[Node | None, ...]"
    at: Position


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and the sign between them: `& + - * = <> < <= > >= and or`."""

    sign: str
    left: "Node"
    right: "Node"
    at: Position


CHAINED = frozenset({"&", "+", "-", "*", "and", "or"})
"""The signs of which any number may follow one another: `operands` takes them all at once."""

Node: TypeAlias = Literal | Attribute | Variable | Call | Binary


def walk(node: Node | None) -> Iterator[Node]:
    """The node and everything in it, in no particular order."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if found is None:
            continue
        yield found
        if isinstance(found, Call):
            waiting += found.arguments
        elif isinstance(found, Binary):
            waiting += (found.left, found.right)


def operands(node: Binary) -> list[Node]:
    """The operands of a chain `a & b & c` of one sign, from left to right."""
    out = [node.right]
    left = node.left
    while isinstance(left, Binary) and left.sign == node.sign:
        out.append(left.right)
        left = left.left
    return [left, *reversed(out)]
