"""The script connector: a run of the program for each thing that is asked of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Self, cast

from muster.connectors.kit.contract import Capabilities, ConnectorSpec, Health, Settings
from muster.connectors.script import protocol
from muster.connectors.script.process import Run, command_line
from muster.connectors.script.protocol import Message
from muster.connectors.script.settings import ScriptObject, ScriptSettings
from muster.model.changes import Change, Outcome, Result
from muster.model.errors import IncompleteRead, ProjectError, WatermarkExpired
from muster.model.objects import ConnectorObject, EdgePage, Page, ReadProblem
from muster.model.schema import ENABLED, ObjectSchema, SystemSchema
from muster.model.secrets import Secret
from muster.model.values import Attribute, Value, same

_PAGE: Final = 1_000


class ScriptConnector:
    """A system that a program of one's own reads and writes."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        name="script",
        settings=ScriptSettings,
        object_settings=ScriptObject,
        capabilities=Capabilities(reads_changes=True, finds=True, sets_passwords=True),
        summary="Any program that speaks JSON lines on its standard input and output.",
    )

    def __init__(self, system: str, settings: Settings, objects: Mapping[str, Settings], folder: Path) -> None:
        if not isinstance(settings, ScriptSettings):
            raise ProjectError(f"{system}: expected script settings, found {type(settings).__name__}.")
        self.system = system
        self._settings = settings
        self._folder = folder
        self._called = {name: one.called or name for name, one in objects.items() if isinstance(one, ScriptObject)}
        self._schemas: dict[str, ObjectSchema] | None = None
        self._can: frozenset[str] = frozenset()

    def __enter__(self) -> Self:
        self._schemas = None
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def check(self) -> Health:
        """What the script says of itself, and whether it knows the object types of the system file."""
        told = self._single("check")
        missing = [str(one) for one in told.get("missing") or ()]
        self._types()
        message = str(told.get("message") or "it answers")
        return Health(bool(told.get("ok")), f"{command_line(self._settings.command)}: {message}", missing)

    def schema(self) -> SystemSchema:
        """The object types as the script tells them."""
        return SystemSchema(dict(self._types()))

    # --- reading

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        """Every object, or what changed, as the script tells them."""
        types = self._types()
        if since is not None and ("changes" not in self._can or not since):
            raise WatermarkExpired(f"{self.system}: the script tells no changes. Read everything.")
        asked = {self._called[name]: list(names) for name, names in wanted.items()}
        names = {self._called[name]: name for name in wanted}
        seen: set[tuple[str, str]] = set()
        page = Page()
        end: Message | None = None
        for message in self._answers(protocol.request("read", objects=asked, since=since)):
            if "end" in message:
                end = message
                continue
            name = names.get(str(message.get("object")))
            if name is None or end is not None:
                protocol.strange(self.system, message, f"an object of {', '.join(names)}, then `end`")
            self._add(page, protocol.object_of(types[name], message, wanted[name]))
            if len(page.objects) + len(page.edges) >= _PAGE:
                yield self._without_doubles(page, seen)
                page = Page()
        if end is None:
            raise IncompleteRead(
                f"{self.system}: the script ended a read without a line with `end`. Nothing is inferred."
            )
        yield self._without_doubles(page, seen)
        complete = {names[one] for one in end.get("complete") or () if one in names} if since is None else set()
        watermark = end.get("watermark")
        yield Page(
            watermark=(since or "") if watermark is None else str(watermark),
            complete_for=frozenset((name, "") for name in complete),
            last=True,
        )

    @staticmethod
    def _add(page: Page, found: ConnectorObject | EdgePage | ReadProblem) -> None:
        if isinstance(found, ConnectorObject):
            page.objects.append(found)
        elif isinstance(found, EdgePage):
            page.edges.append(found)
        else:
            page.problems.append(found)

    def _without_doubles(self, page: Page, seen: set[tuple[str, str]]) -> Page:
        """The page, in which each object that comes twice is a problem. Raises when one came before already."""
        times = Counter((one.type, one.anchor) for one in page.objects)
        twice = {place for place, count in times.items() if count > 1}
        again = next((place for place in times if place in seen), None)
        if again is not None:
            raise IncompleteRead(
                f"{self.system}: the script shows {again[0]} {again[1]} twice. Have it show each once."
            )
        seen.update(times)
        if twice:
            page.objects = [one for one in page.objects if (one.type, one.anchor) not in twice]
            page.problems += [ReadProblem(kind, anchor, _DOUBLE) for kind, anchor in sorted(twice)]
        return page

    def get(self, object_type: str, anchor: str) -> ConnectorObject | None:
        """The object with that anchor, or None."""
        schema = self._types()[object_type]
        return next(self.find_any(object_type, schema.anchor, [anchor]), None)

    def find(self, object_type: str, equal: Mapping[str, Value]) -> Iterator[ConnectorObject]:
        """The objects that have these values; what the script gives is compared."""
        schema = self._types()[object_type]
        first = next(iter(equal.items()), None)
        found = self._all(object_type) if first is None else self.find_any(object_type, first[0], [first[1]])
        for one in found:
            if all(_has(one, schema, name, value) for name, value in equal.items()):
                yield one

    def find_any(self, object_type: str, attribute: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
        """The objects that have one of these values: one run of the script for all of them."""
        schema = self._types()[object_type]
        if not values:
            return
        found = self._all(object_type)
        if "find" in self._can:
            asked = protocol.request("find", object=self._called[object_type], attribute=attribute, values=list(values))
            found = self._objects(object_type, asked)
        seen: set[str] = set()
        for one in found:
            if one.anchor not in seen and any(_has(one, schema, attribute, value) for value in values):
                seen.add(one.anchor)
                yield one

    def _all(self, object_type: str) -> Iterator[ConnectorObject]:
        asked = {self._called[object_type]: _small(self._types()[object_type])}
        yield from self._objects(object_type, protocol.request("read", objects=asked, since=None))

    def _objects(self, object_type: str, asked: Message) -> Iterator[ConnectorObject]:
        schema = self._types()[object_type]
        ended = False
        for message in self._answers(asked):
            if "end" in message:
                ended = True
                continue
            found = protocol.object_of(schema, message, _small(schema))
            if isinstance(found, ReadProblem):
                raise IncompleteRead(f"{self.system}: {object_type} {found.anchor}: {found.message}")
            if isinstance(found, ConnectorObject) and not found.deleted:
                yield found
        if not ended:
            raise IncompleteRead(f"{self.system}: the script ended its search without a line with `end`.")

    # --- writing

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """One outcome a change, as the script tells them. Raises when it ends before it told all."""
        self._types()
        writable = "write" in self._can
        waiting: dict[int, str | None] = {}
        run: Run | None = None
        try:
            for change in changes:
                if not writable:
                    yield Outcome(change.key, Result.REJECTED, change.anchor, reason="the script does not write.")
                    continue
                if run is None:
                    run = Run(self.system, self._settings, self._folder)
                    run.send(protocol.request("write"))
                waiting[change.key] = change.anchor
                for line in protocol.change_lines(change, self._called[change.type]):
                    for told in run.send(line):
                        yield self._outcome(told, waiting)
            if run is None:
                return
            run.send({"end": True})
            for told in run.finish():
                yield self._outcome(told, waiting)
            if waiting:
                raise run.died(f"ended without an answer to {len(waiting)} of the changes.")
        finally:
            if run is not None:
                run.end()

    def _outcome(self, told: object, waiting: dict[int, str | None]) -> Outcome:
        message = cast("Message", told)
        protocol.raised(self.system, message)
        key = message.get("key")
        if not isinstance(key, int) or key not in waiting:
            protocol.strange(self.system, message, "the `key` of a change that waits for its outcome")
        return protocol.outcome_of(self.system, message, waiting.pop(key))

    def set_password(self, object_type: str, anchor: str, password: Secret, must_change: bool) -> Outcome:
        """Set one password; it goes over the script's standard input."""
        self._types()
        if "password" not in self._can:
            return Outcome(0, Result.REJECTED, anchor, reason="the script sets no passwords.")
        asked = {"object": self._called[object_type], "anchor": anchor, "must_change": must_change}
        told = self._single("password", **asked, password=password.reveal())
        return protocol.outcome_of(self.system, told, anchor)

    # --- runs

    def _types(self) -> dict[str, ObjectSchema]:
        if self._schemas is None:
            told: dict[str, Message] = {}
            can: frozenset[str] = frozenset()
            for message in self._answers(protocol.request("schema")):
                if "end" in message:
                    can = frozenset(str(one) for one in message.get("can") or ())
                else:
                    told[str(message.get("object"))] = message
            found: dict[str, ObjectSchema] = {}
            for name, called in self._called.items():
                if called not in told:
                    protocol.named(self.system, name, called, sorted(told))
                found[name] = protocol.schema_of(self.system, name, called, told[called], "write" in can)
            self._can, self._schemas = can, found
        return self._schemas

    def _answers(self, asked: Message) -> Iterator[Message]:
        """What one run answers. Raises what it tells as an error."""
        with Run(self.system, self._settings, self._folder) as run:
            for told in [*run.send(asked)]:
                protocol.raised(self.system, cast("Message", told))
                yield cast("Message", told)
            for told in run.finish():
                protocol.raised(self.system, cast("Message", told))
                yield cast("Message", told)

    def _single(self, do: str, **more: Any) -> Message:
        """The one line that a run answers."""
        found = list(self._answers(protocol.request(do, **more)))
        if len(found) != 1:
            raise IncompleteRead(f"{self.system}: the script answered {do!r} with {len(found)} lines, expected one.")
        return found[0]


def _small(schema: ObjectSchema) -> list[str]:
    names = [name for name, one in schema.attributes.items() if not one.large]
    return [*names, ENABLED] if schema.can_enable else names


def _has(one: ConnectorObject, schema: ObjectSchema, name: str, value: Value) -> bool:
    if name == schema.anchor:
        return one.anchor == str(value)
    attribute = schema.attribute(name)
    shows = one.values.get(name)
    if attribute.many and isinstance(shows, list) and not isinstance(value, list):
        single = Attribute(name, attribute.type, exact=attribute.exact)
        return any(same(each, value, single) for each in shows)
    return same(shows, value, attribute)


_DOUBLE: Final = "the script shows several objects with this anchor; none of them is read. Have it show each once."
