"""The system behind the memory connector: objects, edges, a log of changes, and faults to order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import ClassVar
from uuid import uuid4

from muster.model.schema import ObjectSchema
from muster.model.secrets import Secret
from muster.model.values import Document


@dataclass(slots=True)
class Faults:
    """What the system does wrong on purpose.

    `break_after_pages` / `break_after_changes`: the connection breaks after so many. `reject`: anchors that are
    refused. `retry`: anchors that are answered RETRY so many times. `throttled`: seconds that connecting asks for.
    """

    unreachable: bool = False
    throttled: float | None = None
    break_after_pages: int | None = None
    break_after_changes: int | None = None
    reject: set[str] = field(default_factory=set)
    retry: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Stored:
    """One object of the system, made at sequence number `born`.

    `log` has one (sequence, attribute, target, added) for each edge change.
    """

    values: Document
    born: int = 0
    edges: dict[str, MutableMapping[str, None]] = field(default_factory=dict)
    log: list[tuple[int, str, str, bool]] = field(default_factory=list)
    password: Secret | None = None
    must_change: bool = False

    def targets(self, attribute: str) -> Iterator[str]:
        """Everything that one attribute refers to, as it is now, whatever is written meanwhile."""
        return iter(tuple(self.edges.get(attribute, ())))

    def edge_changes(self, attribute: str, after: int) -> tuple[list[str], list[str]]:
        """The targets added to and removed from one attribute after a sequence number."""
        last = {target: added for number, name, target, added in self.log if number > after and name == attribute}
        return [target for target, added in last.items() if added], [t for t, added in last.items() if not added]


class MemorySystem:
    """Any number of object types in dictionaries. Registered by name until `close`; a name is used once."""

    _registered: ClassVar[dict[str, MemorySystem]] = {}

    def __init__(
        self,
        name: str,
        types: Iterable[ObjectSchema],
        *,
        password: Secret | None = None,
        page_size: int = 5_000,
    ) -> None:
        if name in MemorySystem._registered:
            raise ValueError(f"there is a memory system {name!r} already; close it first")
        self.name = name
        self.types: Mapping[str, ObjectSchema] = {schema.name: schema for schema in types}
        self.password = password
        self.page_size = page_size
        self.identities: Mapping[str, str] = {}
        self.realms: Mapping[str, str] = {}
        self.faults = Faults()
        self.sessions = 0
        self._objects: dict[str, dict[str, Stored]] = {kind: {} for kind in self.types}
        self._names: dict[str, dict[str, str]] = {kind: {} for kind in self.types}
        self._changed: dict[str, dict[str, int]] = {kind: {} for kind in self.types}
        self._epoch = uuid4().hex
        self._sequence = 0
        self._oldest = 0
        self._anchors = 0
        MemorySystem._registered[name] = self

    @classmethod
    def named(cls, name: str) -> MemorySystem:
        """The registered system of that name; KeyError without one."""
        return cls._registered[name]

    def close(self) -> None:
        """Forget the system."""
        MemorySystem._registered.pop(self.name, None)

    # --- what tests do behind a connector's back, and what the connector itself does

    def get(self, kind: str, anchor: str) -> Stored | None:
        """The object, or None."""
        return self._objects[kind].get(anchor)

    def put(self, kind: str, anchor: str, values: Document) -> Stored:
        """Create the object, or replace its values; its edges stay."""
        stored = self._objects[kind].get(anchor)
        naming = self.types[kind].naming
        if stored is None:
            stored = self._objects[kind][anchor] = Stored(values, self._sequence + 1)
        else:
            if naming is not None:
                self._names[kind].pop(str(stored.values.get(naming)).casefold(), None)
            stored.values = values
        if naming is not None and naming in values:
            self._names[kind][str(values[naming]).casefold()] = anchor
        self._touch(kind, anchor)
        return stored

    def put_edges(self, kind: str, anchor: str, attribute: str, add: Iterable[str], remove: Iterable[str] = ()) -> None:
        """Add targets to and remove targets from a large attribute; those there already, or not there, are passed."""
        stored = self._objects[kind][anchor]
        edges = stored.edges.setdefault(attribute, {})
        self._touch(kind, anchor)
        for target in add:
            if target not in edges:
                edges[target] = None
                stored.log.append((self._sequence, attribute, target, True))
        for target in remove:
            if target in edges:
                del edges[target]
                stored.log.append((self._sequence, attribute, target, False))

    def remove(self, kind: str, anchor: str) -> None:
        """Delete the object; nothing happens when there is none."""
        stored = self._objects[kind].pop(anchor, None)
        if stored is not None:
            naming = self.types[kind].naming
            if naming is not None:
                self._names[kind].pop(str(stored.values.get(naming)).casefold(), None)
            self._touch(kind, anchor)

    def count(self, kind: str | None = None) -> int:
        """How many objects there are, of one type or of all."""
        return sum(len(objects) for name, objects in self._objects.items() if kind in (None, name))

    def listed(self, kind: str, after: int | None) -> Iterator[tuple[str, Stored | None]]:
        """The objects, or those changed after a position, None for a deleted one; may change meanwhile."""
        objects = self._objects[kind]
        if after is None:
            for anchor in list(objects):
                found = objects.get(anchor)
                if found is not None:
                    yield anchor, found
            return
        recent: list[str] = []
        for anchor, number in reversed(self._changed[kind].items()):
            if number <= after:
                break
            recent.append(anchor)
        for anchor in reversed(recent):
            yield anchor, objects.get(anchor)

    # --- watermarks

    def watermark(self) -> str:
        """Where the log of changes ends now."""
        return f"{self._epoch}:{self._sequence}"

    def position(self, watermark: str) -> int | None:
        """The position that a watermark names; None when it is not this system's, or the log was cut after it."""
        epoch, _, number = watermark.partition(":")
        if epoch != self._epoch or not number.isdigit() or int(number) < self._oldest:
            return None
        return int(number)

    def forget_changes(self) -> None:
        """Cut the log of changes: every watermark handed out so far has expired."""
        self._sequence += 1
        self._oldest = self._sequence
        for changed in self._changed.values():
            changed.clear()

    # --- rules

    def next_anchor(self) -> str:
        """An anchor that was never given before."""
        self._anchors += 1
        return f"m-{self._anchors:06d}"

    def taken(self, kind: str, document: Document) -> str | None:
        """The anchor of the object that has the document's name already, or None."""
        naming = self.types[kind].naming
        return None if naming is None else self._names[kind].get(str(document.get(naming)).casefold())

    def refused(self, kind: str, anchor: str, document: Document) -> str:
        """Why the system will not have the object so; empty when it will."""
        schema = self.types[kind]
        for name, attribute in schema.attributes.items():
            if attribute.required and document.get(name) is None and not (schema.assigned and name == schema.anchor):
                return f"{name} is required"
        owner = self.taken(kind, document)
        return f"{schema.naming} is taken by {owner!r}" if owner not in (None, anchor) else ""

    def _touch(self, kind: str, anchor: str) -> None:
        self._sequence += 1
        changed = self._changed[kind]
        changed.pop(anchor, None)
        changed[anchor] = self._sequence
