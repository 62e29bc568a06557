"""The SCIM connector: one session, put together from the files beside this one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from muster.connectors.kit.contract import Capabilities, ConnectorSpec, Health
from muster.connectors.kit.session import SessionConnector, opened
from muster.connectors.scim.settings import Filters, Patch, ScimObject, ScimSettings
from muster.connectors.scim.wire import ScimType
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.errors import IncompleteRead, WatermarkExpired
from muster.model.later import Later
from muster.model.objects import ConnectorObject, EdgePage, Page
from muster.model.schema import SystemSchema
from muster.model.secrets import Secret
from muster.model.values import Value

# The HTTP client takes long to load: not before there is something to be asked, so that settings are checked at once.
if TYPE_CHECKING:
    from muster.connectors.scim import looking, reading, writing
    from muster.connectors.scim import session as sessions
    from muster.connectors.scim.session import Session
else:
    _PLACE: Final = "muster.connectors.scim"
    looking, reading, writing = Later(f"{_PLACE}.looking"), Later(f"{_PLACE}.reading"), Later(f"{_PLACE}.writing")
    sessions = Later(f"{_PLACE}.session")

_PATCHES: Final = {Patch.RFC: "PATCH", Patch.ACTIVE: "PATCH of `active`, else PUT", Patch.NONE: "PUT only"}
_FILTERS: Final = {
    Filters.RFC: "filters",
    Filters.EQUAL: "filters of one `eq`",
    Filters.NONE: "no filters: looking up reads everything",
}


class ScimConnector(SessionConnector[ScimSettings, ScimObject, "Session"]):
    """A service provider that speaks SCIM 2.0."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        name="scim",
        settings=ScimSettings,
        object_settings=ScimObject,
        capabilities=Capabilities(finds=True, sets_passwords=True, concurrent=True),
        summary="Applications that speak SCIM 2.0 (RFC 7643, RFC 7644).",
    )

    def _connected(self) -> Session:
        return opened(sessions.Session(self.system, self._settings, self._folder))

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
            _PATCHES[session.patch],
            _FILTERS[session.filters],
            *([f"bulks of {session.bulk_size}"] if session.bulk_size > 1 else []),
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
        yield from reading.everything(self._session, self._types, wanted)

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """One outcome a change; several are under way at once."""
        return writing.Writer(self._session, self._types).write(changes)

    def get(self, object_type: str, anchor: str) -> ConnectorObject | None:
        """The object with that anchor, or None."""
        return looking.get(self._session, self._types[object_type], anchor)

    def find(self, object_type: str, equal: Mapping[str, Value]) -> Iterator[ConnectorObject]:
        """The objects that have these values, under the server's own rules.

        A server without filters is read whole. A value of another type matches nothing.
        """
        return looking.find(self._session, self._types[object_type], equal)

    def find_any(self, object_type: str, attribute: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
        """The objects that have one of these values, some values a request; a server without filters is read once."""
        return looking.find_any(self._session, self._types[object_type], attribute, values)

    def references(self, object_type: str, anchor: str, attribute: str) -> Iterator[EdgePage]:
        """The members of one group, and of no other."""
        return looking.references(self._session, self._types[object_type], anchor, attribute)

    def set_password(
        self,
        object_type: str,
        anchor: str,
        password: Secret,
        must_change: bool,  # noqa: ARG002 - SCIM has no word for it
    ) -> Outcome:
        """Write the attribute `password` (RFC 7643 section 4.1.1); `must_change` is not heeded."""
        if not self._session.provider.passwords:
            reason = "the server's /ServiceProviderConfig says that it changes no passwords (`changePassword`)."
            return Outcome(0, Result.REJECTED, anchor, reason=reason)
        change = Change(0, object_type, Action.UPDATE, anchor, password=password)
        (outcome,) = self.write([change])
        return outcome

    @property
    def _types(self) -> dict[str, ScimType]:
        return self._session.types(self._objects)
