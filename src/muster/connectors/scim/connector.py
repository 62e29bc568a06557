"""The SCIM connector: one session, put together from the files beside this one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, Final

from muster.connectors.kit.contract import Capabilities, ConnectorSpec, Health
from muster.connectors.kit.session import SessionConnector, opened
from muster.connectors.scim import wire
from muster.connectors.scim.reading import Listing, everything, page_of
from muster.connectors.scim.session import Session, json_of
from muster.connectors.scim.settings import ScimObject, ScimSettings
from muster.connectors.scim.wire import ScimType
from muster.connectors.scim.writing import Writer
from muster.model.changes import Action, Change, Outcome
from muster.model.errors import IncompleteRead, WatermarkExpired
from muster.model.objects import ConnectorObject, Page
from muster.model.schema import ENABLED, SystemSchema
from muster.model.secrets import Secret
from muster.model.values import Value, WrongType, comparable_set, same

_TOGETHER: Final = 20
"""So many values are looked for by one request: an address has an end."""


class ScimConnector(SessionConnector[ScimSettings, ScimObject, Session]):
    """A service provider that speaks SCIM 2.0."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        name="scim",
        settings=ScimSettings,
        object_settings=ScimObject,
        capabilities=Capabilities(finds=True, sets_passwords=True, concurrent=True),
        summary="Applications that speak SCIM 2.0 (RFC 7643, RFC 7644).",
    )

    def _connected(self) -> Session:
        return opened(Session(self.system, self._settings, self._folder))

    def check(self) -> Health:
        """What the server says it can do, and whether each resource type can be listed."""
        session = self._session
        missing: list[str] = []
        for name, kind in self._types.items():
            try:
                session.listed_page(kind.endpoint, {"count": 1})
            except IncompleteRead as error:
                missing.append(f"{name}: {error.message}")
        provider = session.provider
        can = [
            "PATCH" if session.patches else "PUT only",
            "filters" if provider.filter else "no filters: looking up reads everything",
            *(["versions"] if provider.etag else []),
            *(["cursors"] if provider.cursor else []),
            *([] if provider.told else ["as RFC 7644 demands, for it shows no /ServiceProviderConfig"]),
        ]
        return Health(not missing, f"SCIM 2.0 at {self._settings.url}: {', '.join(can)}", tuple(missing))

    def schema(self) -> SystemSchema:
        """The object types of the system file, as /ResourceTypes and /Schemas declare them."""
        return SystemSchema({name: kind.schema for name, kind in self._types.items()})

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        """Every object. SCIM tells no deletions, so there is no reading of changes."""
        if since is not None:
            raise WatermarkExpired(f"{self.system}: SCIM tells no deletions, so everything is read.")
        yield from everything(self._session, self._types, wanted)

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """One outcome a change; several are under way at once."""
        return Writer(self._session, self._types).write(changes)

    def get(self, object_type: str, anchor: str) -> ConnectorObject | None:
        """The object with that anchor, or None."""
        session, kind = self._session, self._types[object_type]
        response = session.resource(kind, anchor)
        if response.status_code == 404:
            return None
        resource = json_of(response)
        if not response.is_success or resource is None:
            raise IncompleteRead(
                f"{self.system}: GET {session.path(kind, anchor)} was answered {session.said(response)}."
            )
        found, _, _ = wire.read(kind, resource, _shown(kind))
        return found

    def find(self, object_type: str, equal: Mapping[str, Value]) -> Iterator[ConnectorObject]:
        """The objects that have these values, under the server's own rules.

        A server without filters is read whole. A value of another type matches nothing.
        """
        session, kind = self._session, self._types[object_type]
        anchor = equal.get("id")
        rest = {name: value for name, value in equal.items() if name != "id"}
        if isinstance(anchor, str):
            found = self.get(object_type, anchor)
            if found is not None and all(_has(kind, found, name, value) for name, value in rest.items()):
                yield found
            return
        try:
            asked = " and ".join(wire.equality(kind, name, value) for name, value in rest.items())
        except WrongType:
            return
        filtered = session.provider.filter and bool(asked)
        listing = Listing(session, kind, with_large=False, filter=asked if filtered else None)
        for resources in listing.resources():
            for one in page_of(kind, resources, _shown(kind)).objects:
                if filtered or all(_has(kind, one, name, value) for name, value in rest.items()):
                    yield one

    def find_any(self, object_type: str, attribute: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
        """The objects that have one of these values, some values a request; a server without filters is read once."""
        session, kind = self._session, self._types[object_type]
        if attribute == "id":
            for value in values:
                yield from self.find(object_type, {attribute: value})
            return
        seen: set[str] = set()
        for asked in self._asked(kind, attribute, values):
            listing = Listing(session, kind, with_large=False, filter=asked)
            for resources in listing.resources():
                for one in page_of(kind, resources, _shown(kind)).objects:
                    fits = asked is not None or any(_has(kind, one, attribute, value) for value in values)
                    if fits and one.anchor not in seen:
                        seen.add(one.anchor)
                        yield one

    def _asked(self, kind: ScimType, attribute: str, values: Sequence[Value]) -> Iterator[str | None]:
        """The filters for some values at a time; None: one listing of everything, where the server has no filters."""
        if not self._session.provider.filter:
            yield None
            return
        parts: list[str] = []
        for value in values:
            try:
                parts.append(wire.equality(kind, attribute, value))
            except WrongType:
                continue
        for start in range(0, len(parts), _TOGETHER):
            yield " or ".join(parts[start : start + _TOGETHER])

    def set_password(
        self,
        object_type: str,
        anchor: str,
        password: Secret,
        must_change: bool,  # noqa: ARG002 - SCIM has no word for it
    ) -> Outcome:
        """Write the attribute `password` (RFC 7643 section 4.1.1); `must_change` is not heeded."""
        change = Change(0, object_type, Action.UPDATE, anchor, password=password)
        (outcome,) = self.write([change])
        return outcome

    @property
    def _types(self) -> dict[str, ScimType]:
        return self._session.types(self._objects)


def _shown(kind: ScimType) -> list[str]:
    return [*(name for name, one in kind.schema.attributes.items() if not one.large), ENABLED]


def _has(kind: ScimType, found: ConnectorObject, name: str, value: Value) -> bool:
    attribute = kind.schema.attribute(name)
    has = found.values.get(name)
    if attribute.many and value is not None:
        return comparable_set(value, attribute) <= comparable_set(has, attribute)
    return same(has, value, attribute)
