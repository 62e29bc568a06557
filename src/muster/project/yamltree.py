"""YAML 1.2 core, read into a tree in which every key and value knows its line and column.

`NO` and `12:30` are text. Duplicate keys, a second document, merge keys and tags are errors. Anchors and aliases work.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from muster.project.yamlwords import in_words

DEEPEST: Final = 50
LARGEST: Final = 200_000


class YamlError(ValueError):
    """A text that is not the YAML this project reads. `line` and `column` count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. `start` is its index in the source, `style` one of `'`, `"`, `|`, `>` or empty."""

    value: str | int | float | bool | None
    line: int
    column: int
    start: int = 0
    style: str = ""


@dataclass(frozen=True, slots=True)
class Map:
    """Keys and values in the order of the file."""

    keys: dict[str, Scalar]
    values: dict[str, Node]
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class List:
    """Values in the order of the file."""

    items: list[Node]
    line: int
    column: int


Node = Scalar | Map | List
NodeEvent = ScalarEvent | AliasEvent | MappingStartEvent | SequenceStartEvent


@dataclass(slots=True)
class _Reader:
    """Builds nodes from parser events; guards depth and the size that aliases blow up to."""

    events: Iterator[Any]
    anchors: dict[str, tuple[Node, int]] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)

    def node(self, event: NodeEvent, depth: int) -> tuple[Node, int]:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, AliasEvent):
            return self._alias(event, line, column)
        if depth > DEEPEST:
            raise YamlError(f"nested deeper than {DEEPEST} levels", line, column)
        if event.tag is not None and event.tag != "!":
            raise YamlError("a tag (!…) is not read here: leave it out, and quote what must be text", line, column)
        name: str | None = event.anchor
        if name is not None:
            self.open.add(name)
        made: Node
        if isinstance(event, ScalarEvent):
            made, size = _scalar(event), 1
        elif isinstance(event, SequenceStartEvent):
            made, size = self._list(line, column, depth)
        else:
            made, size = self._map(line, column, depth)
        if size > LARGEST:
            raise YamlError(f"more than {LARGEST} values in one file, aliases counted each time", line, column)
        if name is not None:
            self.open.discard(name)
            self.anchors[name] = (made, size)
        return made, size

    def _alias(self, event: AliasEvent, line: int, column: int) -> tuple[Node, int]:
        name = event.anchor
        if name in self.open:
            raise YamlError(f"the alias *{name} stands inside its own anchor", line, column)
        found = self.anchors.get(name)
        if found is None:
            raise YamlError(
                f"the alias *{name} has no anchor &{name} before it; a text that starts with * must be quoted",
                line,
                column,
            )
        return found

    def _list(self, line: int, column: int, depth: int) -> tuple[Node, int]:
        items: list[Node] = []
        total = 1
        while not isinstance(event := next(self.events), SequenceEndEvent):
            item, size = self.node(event, depth + 1)
            items.append(item)
            total += size
        return List(items, line, column), total

    def _map(self, line: int, column: int, depth: int) -> tuple[Node, int]:
        keys: dict[str, Scalar] = {}
        values: dict[str, Node] = {}
        total = 1
        while not isinstance(event := next(self.events), MappingEndEvent):
            key = self._key(event)
            text = str(key.value)
            if text in keys:
                first = keys[text]
                raise YamlError(f"the key `{text}` stands twice; first in line {first.line}", key.line, key.column)
            keys[text] = key
            event = next(self.events)
            if isinstance(event, ScalarEvent) and event.start_mark.index == event.end_mark.index:
                values[text], size = Scalar(None, key.line, key.column, key.start), 1  # nothing after the colon
                continue
            values[text], size = self.node(event, depth + 1)
            total += size
        return Map(keys, values, line, column), total

    @staticmethod
    def _key(event: Event) -> Scalar:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if not isinstance(event, ScalarEvent):
            raise YamlError("a key must be a text; an expression with [ or { must be quoted", line, column)
        if event.value == "<<" and not event.style:
            raise YamlError("merge keys (<<) are not read here: write the keys out", line, column)
        return Scalar(event.value, line, column, event.start_mark.index, event.style or "")


_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS: Final = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_NUMBERS: Final[Sequence[tuple[re.Pattern[str], Callable[[str], int | float]]]] = (
    (re.compile(r"[-+]?[0-9]{1,300}"), int),
    (re.compile(r"0o[0-7]{1,300}"), lambda text: int(text[2:], 8)),
    (re.compile(r"0x[0-9a-fA-F]{1,300}"), lambda text: int(text[2:], 16)),
    (re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(?:inf|Inf|INF)"), lambda text: float(text.replace(".", ""))),
    (re.compile(r"\.(?:nan|NaN|NAN)"), lambda _: float("nan")),
)


def resolve_plain(text: str) -> str | int | float | bool | None:
    """What an unquoted text means in the core schema of YAML 1.2 (section 10.3.2)."""
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text[0] in "+-.0123456789":
        for pattern, made in _NUMBERS:
            if pattern.fullmatch(text):
                return made(text)
    return text


def _scalar(event: ScalarEvent) -> Scalar:
    mark = event.start_mark
    style = event.style or ""
    value = event.value if style else resolve_plain(event.value)
    return Scalar(value, mark.line + 1, mark.column + 1, mark.index, style)


def parse(text: str) -> Node | None:
    """The one document of the text; None when it holds nothing but comments. Raises `YamlError`."""
    reader = YAML(typ="safe", pure=True)
    root: Node | None = None
    documents = 0
    try:
        events = iter(reader.parse(text))
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    message = "a second document (---) starts here: one file holds one"
                    raise YamlError(message, event.start_mark.line + 1, event.start_mark.column + 1)
            elif isinstance(event, NodeEvent):
                root, _ = _Reader(events).node(event, 1)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - (text.rfind("\n", 0, error.position) + 1) + 1
        message = f"the character U+{ord(text[error.position]):04X} cannot stand in a YAML file"
        raise YamlError(message, line, column) from None
    except MarkedYAMLError as error:
        raise YamlError(*_described(error, text)) from None
    return None if isinstance(root, Scalar) and root.value is None else root


def _described(error: MarkedYAMLError, text: str) -> tuple[str, int, int]:
    context = _place(error.context_mark)
    problem = _place(error.problem_mark) or context or (1, 1)
    return in_words(error.context or "", error.problem or "", context, problem, text)


def _place(mark: Any) -> tuple[int, int] | None:
    return (mark.line + 1, mark.column + 1) if isinstance(mark, StringMark) else None


def plain(node: Node) -> Any:
    """The node as dicts, lists and scalars, positions forgotten."""
    if isinstance(node, Map):
        return {key: plain(value) for key, value in node.values.items()}
    if isinstance(node, List):
        return [plain(item) for item in node.items]
    return node.value
