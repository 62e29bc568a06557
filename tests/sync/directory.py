"""A memory system that behaves as a directory: a renamed container takes its entries along, and tells nobody."""

from __future__ import annotations

from collections.abc import Iterable

from muster.connectors.kit.memory_system import MemorySystem, Stored
from muster.model import dn
from muster.model.schema import ObjectSchema
from muster.model.values import Document, Type, Value, items

NAME = "dn"


class Directory(MemorySystem):
    """Objects named by `dn`. `keeps`: the server mends the references of other entries to what was renamed, and takes
    those to what was deleted away; neither is a change of the entries that hold them."""

    def __init__(self, name: str, types: Iterable[ObjectSchema], *, keeps: bool) -> None:
        super().__init__(name, types)
        self.keeps = keeps

    def put(self, kind: str, anchor: str, values: Document) -> Stored:
        """Create the entry, or replace its values; a new name moves whatever lies below it."""
        before = self.get(kind, anchor)
        old = None if before is None else before.values.get(NAME)
        new = values.get(NAME)
        stored = super().put(kind, anchor, values)
        if isinstance(old, str) and isinstance(new, str) and dn.normal(old) != dn.normal(new):
            self._carry(old, new)
        return stored

    def remove(self, kind: str, anchor: str) -> None:
        """Delete the entry."""
        before = self.get(kind, anchor)
        super().remove(kind, anchor)
        name = None if before is None else before.values.get(NAME)
        if self.keeps and isinstance(name, str):
            self._drop(dn.normal(name))

    def put_edges(self, kind: str, anchor: str, attribute: str, add: Iterable[str], remove: Iterable[str] = ()) -> None:
        """As any directory does, compare names as names."""
        stored = self.get(kind, anchor)
        there = {} if stored is None else {dn.normal(name): name for name in stored.edges.get(attribute, {})}
        gone = [there.get(dn.normal(name), name) for name in remove]
        super().put_edges(kind, anchor, attribute, [n for n in add if dn.normal(n) not in there], gone)

    def _carry(self, old: str, new: str) -> None:
        """Silently: an entry below a renamed one is no change of that entry."""
        for kind, schema in self.types.items():
            names = [n for n, attribute in schema.attributes.items() if attribute.type is Type.REFERENCE]
            for _, stored in list(self.listed(kind, None)):
                if stored is None:
                    continue
                stored.values = {
                    name: self._named(value, old, new) if name == NAME or (self.keeps and name in names) else value
                    for name, value in stored.values.items()
                }
                if self.keeps:
                    for attribute, targets in stored.edges.items():
                        stored.edges[attribute] = {str(self._named(t, old, new)): None for t in targets}

    def _drop(self, gone: str) -> None:
        for kind, schema in self.types.items():
            names = [n for n, attribute in schema.attributes.items() if attribute.type is Type.REFERENCE]
            for _, stored in list(self.listed(kind, None)):
                if stored is None:
                    continue
                for name in names:
                    left = [one for one in items(stored.values.get(name)) if dn.normal(str(one)) != gone]
                    if name in stored.values:
                        stored.values[name] = left if isinstance(stored.values[name], list) else next(iter(left), None)
                for targets in stored.edges.values():
                    for one in [one for one in targets if dn.normal(one) == gone]:
                        del targets[one]

    def _named(self, value: Value, old: str, new: str) -> Value:
        if isinstance(value, list):
            return [one for item in value for one in [self._named(item, old, new)] if isinstance(one, str)]
        if not isinstance(value, str):
            return value
        parts, top = dn.split(value), dn.split(dn.normal(old))
        if [dn.normal(part) for part in parts[len(parts) - len(top) :]] != top:
            return value
        return ",".join([*parts[: len(parts) - len(top)], new])
