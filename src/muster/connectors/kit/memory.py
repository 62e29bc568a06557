"""A small, honest connector to a system that lives in this process: for tests, rehearsals and benchmarks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import ClassVar, Final, Self

from pydantic import Field

from muster.connectors.kit.contract import Capabilities, ConnectorSpec, Health, Settings
from muster.connectors.kit.memory_system import MemorySystem, Stored
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.errors import AuthFailed, ProjectError, Throttled, Unreachable, WatermarkExpired
from muster.model.objects import ConnectorObject, EdgePage, Page
from muster.model.schema import ENABLED, ObjectSchema, SystemSchema
from muster.model.secrets import Secret
from muster.model.values import Attribute, Document, Scalar, Value, WrongType, comparable, convert, items, same, shown

PAGE: Final = 5_000


class MemorySettings(Settings):
    """What a system file says."""

    tuning: ClassVar = frozenset({"system"})

    system: str = Field(description="The name under which the program registered the MemorySystem.")
    password: Secret | None = Field(None, description="The password, when the system asks for one.")


class MemoryObject(Settings):
    """What a system file says of one object type."""

    type: str | None = Field(None, description="The object type's name in the system, where it is another one.")


class MemoryConnector:
    """Implements the whole contract against a `MemorySystem`."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        name="memory",
        settings=MemorySettings,
        object_settings=MemoryObject,
        capabilities=Capabilities(reads_changes=True, finds=True, sets_passwords=True, concurrent=False),
        summary="A system inside this process, for tests and rehearsals.",
    )

    def __init__(self, system: str, settings: Settings, objects: Mapping[str, Settings], folder: Path) -> None:
        if not isinstance(settings, MemorySettings):
            raise ProjectError(f"{system}: expected memory settings, found {type(settings).__name__}.")
        self.system = system
        self.folder = folder
        self._settings = settings
        self._types = {
            name: (one.type if isinstance(one, MemoryObject) else None) or name for name, one in objects.items()
        }

    def __enter__(self) -> Self:
        memory = self.memory
        if memory.faults.unreachable:
            raise Unreachable(f"{self.system}: the memory system {memory.name!r} is switched off. Switch it on.")
        if memory.faults.throttled is not None:
            raise Throttled(f"{self.system}: the memory system asks to wait.", memory.faults.throttled)
        if memory.password is not None and self._settings.password != memory.password:
            raise AuthFailed(f"{self.system}: the memory system {memory.name!r} refuses the password. Correct it.")
        memory.sessions += 1
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    @property
    def memory(self) -> MemorySystem:
        """The system that the settings name. Raises `Unreachable` when no such one is registered."""
        try:
            return MemorySystem.named(self._settings.system)
        except KeyError:
            raise Unreachable(f"{self.system}: there is no memory system {self._settings.system!r}.") from None

    def check(self) -> Health:
        """Always well, once connected."""
        return Health(True, f"memory system {self.memory.name!r}, {self.memory.count()} objects")

    def schema(self) -> SystemSchema:
        """The system's own types under the project's names."""
        return SystemSchema(
            {name: self._schema(name) for name in self._types}, self.memory.identities, self.memory.realms
        )

    # --- reading

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        """Everything, or what changed after the watermark."""
        memory = self.memory
        watermark = memory.watermark()
        after = None if since is None else memory.position(since)
        if since is not None and after is None:
            raise WatermarkExpired(f"{self.system}: the memory system no longer knows the watermark. Read everything.")
        handed_out, held = 0, 0
        page = Page()
        for item in self._shown(wanted, after):
            if isinstance(item, EdgePage):
                page.edges.append(item)
                held += len(item.values)
            else:
                page.objects.append(item)
                held += 1
            if held >= memory.page_size:
                yield page
                handed_out += 1
                page, held = Page(), 0
                if memory.faults.break_after_pages == handed_out:
                    raise Unreachable(f"{self.system}: the connection to the memory system broke while reading.")
        page.watermark = watermark
        page.complete_for = frozenset((name, "") for name in wanted) if after is None else frozenset()
        page.last = True
        yield page

    def _shown(self, wanted: Mapping[str, Sequence[str]], after: int | None) -> Iterator[ConnectorObject | EdgePage]:
        """Each object, and after it the pages of its large references."""
        for name, attributes in wanted.items():
            schema = self._schema(name)
            large = [attribute for attribute in attributes if schema.attribute(attribute).large]
            for anchor, stored in self.memory.listed(self._types[name], after):
                if stored is None:
                    yield ConnectorObject(name, anchor, deleted=True)
                    continue
                yield ConnectorObject(name, anchor, _shown(stored, attributes))
                for attribute in large:
                    yield from self._edges(schema, anchor, stored, attribute, after)

    def _edges(
        self, schema: ObjectSchema, anchor: str, stored: Stored, name: str, after: int | None
    ) -> Iterator[EdgePage]:
        if after is not None and stored.born <= after:
            added, removed = stored.edge_changes(name, after)
            if added or removed:
                yield EdgePage(schema.name, anchor, name, added, removed)
            return
        targets = stored.targets(name)
        chunk, last = list(islice(targets, PAGE)), False
        while not last:
            following = list(islice(targets, PAGE))
            last = not following
            yield EdgePage(schema.name, anchor, name, chunk, whole=True, last=last)
            chunk = following

    def get(self, object_type: str, anchor: str) -> ConnectorObject | None:
        """The object with that anchor, whole, or None."""
        stored = self.memory.get(self._types[object_type], anchor)
        if stored is None:
            return None
        return ConnectorObject(object_type, anchor, dict(stored.values))

    def find(self, object_type: str, equal: Mapping[str, Value]) -> Iterator[ConnectorObject]:
        """The objects that have all these values; a many-valued attribute has a value when it is among its values."""
        schema = self._schema(object_type)
        for anchor, stored in self.memory.listed(self._types[object_type], None):
            if stored is not None and all(
                _has(stored.values.get(name), value, schema.attribute(name)) for name, value in equal.items()
            ):
                yield ConnectorObject(object_type, anchor, dict(stored.values))

    def find_any(self, object_type: str, attribute: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
        """The objects that have one of these values."""
        described = self._schema(object_type).attribute(attribute)
        single = {comparable(value, described) for value in values if value is not None and not isinstance(value, list)}
        for item in self.find(object_type, {}):
            have = item.values.get(attribute)
            if any(comparable(one, described) in single for one in items(have)):
                yield item

    def references(self, object_type: str, anchor: str, attribute: str) -> Iterator[EdgePage]:
        """The values of one object."""
        stored = self.memory.get(self._types[object_type], anchor)
        if stored is not None:
            yield from self._edges(self._schema(object_type), anchor, stored, attribute, None)

    # --- writing

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """Each change at once, in the order given."""
        faults = self.memory.faults
        for number, change in enumerate(changes, 1):
            if faults.break_after_changes is not None and number > faults.break_after_changes:
                raise Unreachable(f"{self.system}: the connection to the memory system broke while writing.")
            yield self._write(change)

    def set_password(self, object_type: str, anchor: str, password: Secret, must_change: bool) -> Outcome:
        """Keep the password; one of less than eight characters is refused."""
        stored = self.memory.get(self._types[object_type], anchor)
        if stored is None:
            return Outcome(0, Result.GONE, anchor)
        if len(password.reveal()) < 8:
            return Outcome(0, Result.REJECTED, anchor, reason="a password has at least 8 characters")
        stored.password = password
        stored.must_change = must_change
        return Outcome(0, Result.DONE, anchor)

    def _write(self, change: Change) -> Outcome:
        memory = self.memory
        schema = self._schema(change.type)
        kind = self._types[change.type]
        anchor = change.anchor
        if anchor is not None and memory.faults.retry.get(anchor, 0) > 0:
            memory.faults.retry[anchor] -= 1
            return Outcome(change.key, Result.RETRY, anchor, reason="the memory system is busy", after=0.0)
        if anchor is not None and anchor in memory.faults.reject:
            return Outcome(change.key, Result.REJECTED, anchor, reason="the memory system will not have this object")
        try:
            values, add, remove = _converted(change, schema)
        except WrongType as error:
            return Outcome(change.key, Result.REJECTED, anchor, reason=str(error))
        if change.action is Action.CREATE:
            return self._create(change, schema, kind, values)
        stored = memory.get(kind, anchor) if anchor is not None else None
        if stored is None or anchor is None:
            return Outcome(change.key, Result.GONE, anchor, reason="there is no such object")
        for name, expected in change.expected.items():
            if not same(stored.values.get(name), expected, schema.attribute(name)):
                reason = f"{name} is {shown(stored.values.get(name))}, expected {shown(expected)}"
                return Outcome(change.key, Result.CONFLICT, anchor, reason=reason)
        if change.action is Action.DELETE:
            memory.remove(kind, anchor)
            return Outcome(change.key, Result.DONE, anchor)
        document = _merged(stored.values, values, add, remove, schema)
        refused = memory.refused(kind, anchor, document)
        if refused:
            return Outcome(change.key, Result.REJECTED, anchor, reason=refused)
        memory.put(kind, anchor, document)
        self._write_edges(change, kind, anchor)
        return Outcome(change.key, Result.DONE, anchor)

    def _create(self, change: Change, schema: ObjectSchema, kind: str, values: Document) -> Outcome:
        memory = self.memory
        given = change.anchor if change.anchor is not None else values.get(schema.anchor)
        if given is None and not schema.assigned:
            return Outcome(change.key, Result.REJECTED, reason=f"{schema.anchor} is required")
        anchor = memory.next_anchor() if schema.assigned else str(given)
        if memory.get(kind, anchor) is not None:
            return Outcome(change.key, Result.EXISTS, anchor, reason=f"{schema.anchor} {anchor!r} is taken")
        document = _merged({}, {**values, schema.anchor: anchor}, {}, {}, schema)
        taken = memory.taken(kind, document)
        if taken is not None:
            return Outcome(change.key, Result.EXISTS, taken, reason=f"{schema.naming} is taken")
        refused = memory.refused(kind, anchor, document)
        if refused:
            return Outcome(change.key, Result.REJECTED, None if schema.assigned else anchor, reason=refused)
        memory.put(kind, anchor, document).password = change.password
        self._write_edges(change, kind, anchor)
        answer: Document = {schema.anchor: anchor} if schema.assigned else {}
        return Outcome(change.key, Result.DONE, anchor, answer)

    def _write_edges(self, change: Change, kind: str, anchor: str) -> None:
        for edge in change.edges or ():
            self.memory.put_edges(kind, anchor, edge.attribute, edge.add, edge.remove)

    def _schema(self, name: str) -> ObjectSchema:
        schema = self.memory.types[self._types[name]]
        if schema.name == name:
            return schema
        return replace(schema, name=name)


def _shown(stored: Stored, wanted: Sequence[str]) -> Document:
    values = stored.values
    return {name: values[name] for name in wanted if name in values}


def _has(have: Value, value: Value, attribute: Attribute) -> bool:
    if value is None or isinstance(value, list):
        return same(have, value, attribute)
    return comparable(value, attribute) in {comparable(item, attribute) for item in items(have)}


def _converted(
    change: Change, schema: ObjectSchema
) -> tuple[Document, dict[str, list[Scalar]], dict[str, list[Scalar]]]:
    known = schema.attributes
    if not schema.open:
        for name in {*change.values, *change.add, *change.remove} - known.keys():
            if name != ENABLED or not schema.can_enable:
                raise WrongType(f"there is no attribute {name!r}")
    values: Document = {
        name: value if type(value) is str and value and name not in known else convert(value, schema.attribute(name))
        for name, value in change.values.items()
    }
    add = {name: items(convert(value, schema.attribute(name))) for name, value in change.add.items()}
    remove = {name: items(convert(value, schema.attribute(name))) for name, value in change.remove.items()}
    return values, add, remove


def _merged(
    before: Document,
    values: Document,
    add: Mapping[str, list[Scalar]],
    remove: Mapping[str, list[Scalar]],
    schema: ObjectSchema,
) -> Document:
    document = {**before, **values}
    for name in {*add, *remove}:
        attribute = schema.attribute(name)
        gone = {comparable(item, attribute) for item in remove.get(name, ())}
        kept = {comparable(item, attribute): item for item in items(document.get(name))}
        kept.update((comparable(item, attribute), item) for item in add.get(name, ()))
        document[name] = [item for key, item in kept.items() if key not in gone] or None
    if schema.can_enable:
        document.setdefault(ENABLED, True)
    return {name: value for name, value in document.items() if value is not None}
