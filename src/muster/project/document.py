"""One file of the project folder: its tree, and the place of any part of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from muster.project.configuration import Place
from muster.project.diagnostics import Diagnostics
from muster.project.yamltext import offset_of, position
from muster.project.yamltree import List, Map, Node, Scalar, YamlError, parse

Steps = Sequence[str | int]
"""Keys and list positions from the root to a part of a file."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file that is YAML, whatever else may be wrong with it. `file` is relative to the project folder."""

    file: str
    name: str
    source: str
    root: Map

    def node(self, path: Steps) -> Node:
        """The deepest part that the path reaches. A step that a short form leaves out is passed over."""
        return self._walk(path)[0]

    def written(self, path: Steps) -> tuple[str | int, ...]:
        """The steps of the path that are written in the file."""
        node: Node = self.root
        found: list[str | int] = []
        for step in path:
            if isinstance(node, Map) and str(step) in node.values:
                node = node.values[str(step)]
            elif isinstance(node, List) and isinstance(step, int) and step < len(node.items):
                node = node.items[step]
            else:
                continue
            found.append(step)
        return tuple(found)

    def has(self, path: Steps) -> bool:
        """Whether every step of the path is written in the file."""
        return self._walk(path)[2]

    def place_of(self, node: Node) -> Place:
        """Where a part of the tree begins."""
        return Place(self.file, node.line, node.column)

    def value_place(self, path: Steps) -> Place:
        """Where the value begins."""
        return self.place_of(self.node(path))

    def key_place(self, path: Steps) -> Place:
        """Where the key of the path's last written step stands; for a list item, the item."""
        node, key, _ = self._walk(path)
        at = key or node
        return Place(self.file, at.line, at.column)

    def text_place(self, path: Steps, line: int, column: int) -> Place:
        """Where a line and column (from 1) of a scalar's own text stand in the file."""
        node = self.node(path)
        if not isinstance(node, Scalar):
            return self.value_place(path)
        return Place(self.file, *position(self.source, node, offset_of(str(node.value), line, column)))

    def _walk(self, path: Steps) -> tuple[Node, Scalar | None, bool]:
        node: Node = self.root
        key: Scalar | None = None
        complete = True
        for step in path:
            if isinstance(node, Map) and str(step) in node.values:
                key = node.keys[str(step)]
                node = node.values[str(step)]
            elif isinstance(node, List) and isinstance(step, int) and step < len(node.items):
                key = None
                node = node.items[step]
            else:
                complete = False
        return node, key, complete


def read_document(folder: Path, file: str, diagnostics: Diagnostics) -> Document | None:
    """The file as a tree of keys; None when it is no such thing, which the diagnostics then say."""
    start = Place(file, 1, 1)
    try:
        data = (folder / file).read_bytes()
    except OSError as error:
        diagnostics.error(start, f"cannot be read: {error.strerror}")
        return None
    try:
        source = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        begin = data.rfind(b"\n", 0, error.start) + 1
        column = len(data[begin : error.start].decode("utf-8")) + 1
        diagnostics.error(
            Place(file, line, column),
            f"not UTF-8: found the byte 0x{data[error.start]:02X}; save the file as UTF-8",
        )
        return None
    try:
        root = parse(source)
    except YamlError as error:
        diagnostics.error(Place(file, error.line, error.column), error.message)
        return None
    if root is None:
        diagnostics.error(start, "the file is empty: expected keys, such as `key: value`")
        return None
    if not isinstance(root, Map):
        found = "a list" if isinstance(root, List) else "a text"
        diagnostics.error(Place(file, root.line, root.column), f"expected keys, such as `key: value`; found {found}")
        return None
    return Document(file, Path(file).stem, source, root)
