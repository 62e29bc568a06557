"""What connectors have in common whose system file declares the requests: everything but how a request is sent."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from muster.connectors.kit.contract import Health, Settings
from muster.connectors.kit.session import SessionConnector
from muster.connectors.rest import looking, wire
from muster.connectors.rest.asking import Asking
from muster.connectors.rest.batches import Together
from muster.connectors.rest.paging import Listing
from muster.connectors.rest.reading import changed, edges_of, everything
from muster.connectors.rest.wire import RestType
from muster.connectors.rest.writing import Writer
from muster.model.changes import Action, Change, Outcome
from muster.model.errors import IncompleteRead
from muster.model.objects import ConnectorObject, EdgePage, Page
from muster.model.schema import SystemSchema
from muster.model.secrets import Secret
from muster.model.values import Value

SettingsT = TypeVar("SettingsT", bound=Settings)
ObjectT = TypeVar("ObjectT", bound=Settings)


class DeclaredConnector(SessionConnector[SettingsT, ObjectT, Asking]):
    """A connector of which only the requests are particular."""

    @property
    @abstractmethod
    def _types(self) -> Mapping[str, RestType]:
        """The object types by name."""

    @property
    @abstractmethod
    def _place(self) -> str:
        """What answers, in words."""

    def check(self) -> Health:
        """Whether each list can be had, and its first object be read."""
        missing: list[str] = []
        for name, kind in self._types.items():
            try:
                problem = self._first(kind)
            except IncompleteRead as error:
                problem = error.message
            if problem:
                missing.append(f"{name}: {problem}")
        return Health(not missing, self._place, tuple(missing))

    def _first(self, kind: RestType) -> str:
        listing = Listing(self._session, kind.spec.read, {}, lambda record: wire.anchor_of(kind, record))
        records = next(listing.records(), [])
        if not records:
            return ""
        found = wire.read(kind, records[0], kind.small)
        return "" if isinstance(found, ConnectorObject) else found.message

    def schema(self) -> SystemSchema:
        """The object types as the system file declares them."""
        return SystemSchema({name: kind.schema for name, kind in self._types.items()})

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        """Every object; or what changed, of types whose `read` says `changes`."""
        if since is None:
            yield from everything(self._session, self._types, wanted)
        else:
            yield from changed(self._session, self._types, wanted, since)

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """One outcome a change, in order, or some at a time where the application takes batches."""
        yield from Together(self._session, Writer(self._session, self._types)).write(changes)

    def get(self, object_type: str, anchor: str) -> ConnectorObject | None:
        """The object with that anchor, or None."""
        kind = self._types[object_type]
        found = looking.record_of(self._session, kind, anchor)
        if found is None:
            return None
        one = wire.read(kind, found[0], kind.small)
        if isinstance(one, ConnectorObject):
            return one
        raise IncompleteRead(f"{self.system}: {object_type} {anchor}: {one.message}")

    def find(self, object_type: str, equal: Mapping[str, Value]) -> Iterator[ConnectorObject]:
        """The objects that have these values."""
        yield from looking.objects_with(self._session, self._types[object_type], equal)

    def find_any(self, object_type: str, attribute: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
        """The objects that have one of these values: a request a value, or the list once, whichever is declared."""
        kind = self._types[object_type]
        single = attribute in kind.spec.find or (attribute == kind.spec.anchor and kind.spec.get is not None)
        seen: set[str] = set()
        found: Iterator[ConnectorObject]
        if single or not values:
            found = (one for value in values for one in self.find(object_type, {attribute: value}))
        else:
            found = looking.objects_among(self._session, kind, attribute, values)
        for one in found:
            if one.anchor not in seen:
                seen.add(one.anchor)
                yield one

    def references(self, object_type: str, anchor: str, attribute: str) -> Iterator[EdgePage]:
        """The values of a large list of one object; nothing where there is no such object."""
        kind = self._types[object_type]
        found = looking.record_of(self._session, kind, anchor)
        if found is not None:
            yield from edges_of(self._session, kind, anchor, found[0], attribute)

    def set_password(self, object_type: str, anchor: str, password: Secret, must_change: bool) -> Outcome:
        """The request `password` of the system file."""
        change = Change(0, object_type, Action.UPDATE, anchor, password=password)
        return Writer(self._session, self._types).set_password(change, must_change)
