"""A SCIM service over a system in this process: what it answers, and what it asks of the system for that."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from muster.connectors.kit.guard import Guard
from muster.connectors.kit.memory import MemoryConnector, MemoryObject, MemorySettings
from muster.connectors.kit.memory_system import MemorySystem
from muster.model.changes import Change, Outcome
from muster.model.objects import ConnectorObject, EdgePage, Page
from muster.model.schema import ObjectSchema
from muster.model.values import Attribute, Type, Value
from muster.project.configuration import Gateway, Place, Resource, System
from muster.server.scim.call import Answer, Request
from muster.server.scim.live import Live
from muster.server.scim.service import Service
from muster.store.tokens import Token

BASE = "https://gateway.example/scim/app/v2"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_PLACE = Place("systems/app.yaml", 1)
_names = itertools.count(1)

_TEXTS = ("login", "external", "first", "last", "display", "title", "mail", "private", "phone", "street", "city")
USER = ObjectSchema(
    "user",
    "id",
    {
        **{name: Attribute(name, exact=name not in ("login", "mail")) for name in _TEXTS},
        "id": Attribute("id", writable="never"),
        "department": Attribute("department"),
        "number": Attribute("number", Type.INTEGER),
        "manager": Attribute("manager", Type.REFERENCE),
        "roles": Attribute("roles", many=True),
        "flag": Attribute("flag", Type.BOOLEAN),
        "hired": Attribute("hired", Type.DATETIME),
        "badge": Attribute("badge"),
    },
    assigned=True,
    can_enable=True,
)
GROUP = ObjectSchema(
    "group",
    "id",
    {
        "id": Attribute("id", writable="never"),
        "name": Attribute("name", required=True, exact=False),
        "external": Attribute("external"),
        "member": Attribute("member", Type.REFERENCE, many=True, large=True),
    },
    assigned=True,
)
ATTRIBUTES = {
    "userName": "login",
    "externalId": "external",
    "name.givenName": "first",
    "name.familyName": "last",
    "displayName": "display",
    "title": "title",
    "active": "enabled",
    'emails[type eq "work"].value': "mail",
    'emails[type eq "home"].value': "private",
    'phoneNumbers[type eq "work"].value': "phone",
    'addresses[type eq "work"].streetAddress': "street",
    'addresses[type eq "work"].locality': "city",
    "roles": "roles",
    "enterprise.department": "department",
    "enterprise.manager": "manager",
    "urn:acme:User:badge": "badge",
    "urn:acme:User:number": "number",
    "urn:acme:User:flag": "flag",
    "urn:acme:User:hired": "hired",
}
_CORE = "urn:ietf:params:scim:schemas:core:2.0"
GATEWAY = Gateway(
    _PLACE,
    False,
    (
        Resource("User", _PLACE, "user", "Users", f"{_CORE}:User", ATTRIBUTES),
        Resource(
            "Group",
            _PLACE,
            "group",
            "Groups",
            f"{_CORE}:Group",
            {"displayName": "name", "externalId": "external", "members": "member"},
        ),
    ),
)


class _Counting(MemoryConnector):
    """Notes what is asked of the system."""

    asked: Counter[str]

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        self.asked[f"read {','.join(wanted)}"] += 1
        return super().read(wanted, since)

    def get(self, object_type: str, anchor: str) -> ConnectorObject | None:
        self.asked["get"] += 1
        return super().get(object_type, anchor)

    def find(self, object_type: str, equal: Mapping[str, Value]) -> Iterator[ConnectorObject]:
        self.asked[f"find {object_type} {','.join(equal)}"] += 1
        return super().find(object_type, equal)

    def references(self, object_type: str, anchor: str, attribute: str) -> Iterator[EdgePage]:
        self.asked["references"] += 1
        return super().references(object_type, anchor, attribute)

    def write(self, changes: Any) -> Iterator[Outcome]:
        return super().write(self._noted(changes))

    def _noted(self, changes: Any) -> Iterator[Change]:
        for change in changes:
            self.asked["write"] += 1
            yield change


class Inside:
    """The service. `asked` counts what its system was asked since it was cleared."""

    def __init__(self) -> None:
        self.memory = MemorySystem(f"scim{next(_names)}", [USER, GROUP])
        self.asked: Counter[str] = Counter()
        self.closed: str | None = None
        system = System("app", _PLACE, "memory", {}, {"user": {}, "group": {}}, gateway=GATEWAY)
        self.live = Live(system, self._session, MemoryConnector.spec.capabilities)
        self.service = Service("app", self.live, 1_000_000, lambda: self.closed)
        self.token = Token("1", "app", "tests", b"", None, 0, None)

    def _session(self) -> Guard:
        made = _Counting(
            "app",
            MemorySettings(system=self.memory.name, password=None),
            {"user": MemoryObject(type=None), "group": MemoryObject(type=None)},
            Path(),
        )
        made.asked = self.asked
        return Guard(made, system="app")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, of: TracebackType | None) -> None:
        self.memory.close()

    def ask(self, method: str, path: str, body: Any = None, headers: Any = None, **query: str) -> Answer:
        """The answer to one request."""
        pieces = tuple(one for one in path.split("/") if one)
        asked = Request(method, pieces, {k.lower(): v for k, v in query.items()}, headers or {}, body)
        return self.service.answer(BASE, self.token, asked)

    def get(self, path: str, **query: str) -> Any:
        """The document at a path."""
        answer = self.ask("GET", path, **query)
        assert answer.status == 200, answer.body
        return answer.body

    def made(self, endpoint: str, /, **body: Any) -> Any:
        """A new resource."""
        answer = self.ask("POST", endpoint, body)
        assert answer.status == 201, answer.body
        return answer.body

    def user(self, login: str, /, **more: Any) -> Any:
        """A new user."""
        return self.made("Users", userName=login, **more)

    def patch(self, path: str, *operations: Mapping[str, Any]) -> Answer:
        """The answer to a PATCH."""
        return self.ask("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})

    def changed(self, path: str, *operations: Mapping[str, Any]) -> Any:
        """The resource after a PATCH."""
        answer = self.patch(path, *operations)
        assert answer.status in (200, 204), answer.body
        return self.get(path)

    def names(self, text: str, endpoint: str = "Users") -> list[str]:
        """Who fits a filter, by name."""
        found = self.get(endpoint, filter=text, count="500")
        return sorted(one.get("userName") or one["displayName"] for one in found["Resources"])


def refused(answer: Answer, status: int, kind: str | None = None) -> str:
    """It is refused so; in these words."""
    assert answer.status == status, answer.body
    assert answer.body is not None
    assert answer.body.get("scimType") == kind
    return str(answer.body["detail"])
