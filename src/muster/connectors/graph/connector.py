"""The Graph connector: one session, put together from the files beside this one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

from muster.connectors.graph import health
from muster.connectors.graph.acting import ACTIONS, act
from muster.connectors.graph.answers import refused
from muster.connectors.graph.deleted import Deleted
from muster.connectors.graph.looking import Looking
from muster.connectors.graph.reading import Reading
from muster.connectors.graph.resources import GraphType
from muster.connectors.graph.session import Request, Session
from muster.connectors.graph.settings import GraphObject, GraphSettings
from muster.connectors.graph.writing import Writer
from muster.connectors.kit.contract import Capabilities, ConnectorSpec, Health
from muster.connectors.kit.session import SessionConnector, opened
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.objects import ConnectorObject, Page
from muster.model.schema import SystemSchema
from muster.model.secrets import Secret
from muster.model.values import Value


class GraphConnector(SessionConnector[GraphSettings, GraphObject, Session]):
    """A directory that speaks Microsoft Graph v1.0."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        name="graph",
        settings=GraphSettings,
        object_settings=GraphObject,
        capabilities=Capabilities(
            reads_changes=True, finds=True, sets_passwords=True, concurrent=True, actions=tuple(ACTIONS)
        ),
        summary="Microsoft Entra ID, and Muster's own directory: users, guests, groups, devices, contacts.",
    )

    def _connected(self) -> Session:
        return opened(Session(self.system, self._settings, self._folder))

    def check(self) -> Health:
        """What answered, and which rights are missing: without those to read, nothing works."""
        session, settings = self._session, self._settings
        resources = {name: one.resource for name, one in self._objects.items()}
        where = f"Microsoft Graph at {settings.graph}, tenant {settings.tenant}"
        roles = session.roles
        if roles is None:
            broken = [words for kind in self._types.values() if (words := self._unlistable(kind))]
            return Health(not broken, f"{where}; the token does not say what the application may do", tuple(broken))
        broken = health.unreadable(resources, roles)
        lacking = health.unwritable(resources, roles, own=settings.own)
        return Health(not broken, f"{where}, as {settings.client_id}", (*broken, *lacking))

    def _unlistable(self, kind: GraphType) -> str:
        request = Request("GET", f"{kind.path()}?$top=1&$select=id")
        answer = self._session.send(request)
        return "" if answer.good else f"{kind.name}: {self._session.incomplete(request, answer).message}"

    def schema(self) -> SystemSchema:
        """The object types of the system file, with the directory extensions that are registered."""
        return SystemSchema({name: kind.schema for name, kind in self._types.items()})

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        """Every object, or what changed after the watermark, by delta queries."""
        reading = Reading(self._session, self._types, wanted)
        return reading.whole() if since is None else reading.changes(since)

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """One outcome a change; batches of twenty requests, several under way at once."""
        return Writer(self._session, self._types).write(changes)

    def get(self, object_type: str, anchor: str) -> ConnectorObject | None:
        """The object with that id, or None."""
        return self._looking(object_type).get(anchor)

    def find(self, object_type: str, equal: Mapping[str, Value]) -> Iterator[ConnectorObject]:
        """The objects that have these values; what Graph cannot search by is looked for among all objects."""
        return self._looking(object_type).find(equal)

    def find_any(self, object_type: str, attribute: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
        """The objects that have one of these values, hundreds of values a request."""
        return self._looking(object_type).find_any(attribute, values)

    def find_deleted(self, object_type: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
        """The deleted objects that have one of these source anchors."""
        kind = self._types[object_type]
        return Deleted(self._session, kind).find(values) if kind.schema.restored_by else iter(())

    def set_password(self, object_type: str, anchor: str, password: Secret, must_change: bool) -> Outcome:
        """Set a user's password (https://learn.microsoft.com/graph/api/resources/passwordprofile)."""
        kind = self._types[object_type]
        change = Change(0, object_type, Action.UPDATE, anchor)
        if not kind.takes_passwords:
            return Outcome(0, Result.REJECTED, anchor, reason=f"{object_type}: only users have passwords.")
        profile = {"password": password.reveal(), "forceChangePasswordNextSignIn": must_change}
        path = kind.path(anchor)
        answer = self._session.send(Request("PATCH", path, {"passwordProfile": profile}))
        return Outcome(0, Result.DONE, anchor) if answer.good else refused(change, path, answer)

    def act(self, object_type: str, anchor: str, action: str, parameters: Mapping[str, Value], key: str) -> Outcome:
        """Do one of `ACTIONS` with a user."""
        return act(self._session, self._types[object_type], anchor, action, parameters, key)

    def _looking(self, object_type: str) -> Looking:
        return Looking(self._session, self._types[object_type])

    @property
    def _types(self) -> dict[str, GraphType]:
        return self._session.types(self._objects)
