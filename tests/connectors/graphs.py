"""The Graph connector pointed at `muster serve`, and what tests do behind its back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from muster.connectors.graph import GraphConnector
from muster.connectors.graph.settings import GraphObject, GraphSettings
from muster.model.secrets import Secret
from muster.model.values import Document
from tests.servers.muster import MusterServer

TYPES = {name: {"resource": name} for name in ("user", "group", "device", "contact")}
PASSWORD = Secret("Wd4-kettle-Tulip")


def settings(server: MusterServer, application: Mapping[str, Any] | None = None, **changed: Any) -> GraphSettings:
    of = application or server.application
    values = {
        "url": server.graph,
        "tenant": of["tenant"],
        "client_id": of["client_id"],
        "secret": Secret(of["secret"]),
        "ca": server.certificate,
        "timeout": 30,
        "page_size": 7,
        **changed,
    }
    return GraphSettings.model_validate(values)


def to(server: MusterServer, application: Mapping[str, Any] | None = None, **changed: Any) -> GraphConnector:
    return made(settings(server, application, **changed))


def made(given: GraphSettings, *names: str) -> GraphConnector:
    types = {name: GraphObject.model_validate(TYPES[name]) for name in names or TYPES}
    return GraphConnector("cloud", given, types, Path("/"))


def person(n: int | str, **more: Any) -> Document:
    return {
        "userPrincipalName": f"user{n}@acme.example",
        "mailNickname": f"user{n}",
        "displayName": f"User {n}",
        "givenName": f"Given {n}",
        "surname": f"Family {n}",
        "jobTitle": "Engineer",
        "employeeId": f"E{n}",
        "onPremisesImmutableId": f"anchor-{n}",
        "extensionAttribute3": f"three-{n}",
        "costCenter": "CC1",
        **more,
    }


def team(n: int | str, **more: Any) -> Document:
    return {"displayName": f"group{n}", "mailNickname": f"group{n}", "description": "a group", **more}


def computer(n: int, **more: Any) -> Document:
    return {
        "displayName": f"PC-{n}",
        "deviceId": f"00000000-0000-4000-8000-{n:012d}",
        "operatingSystem": "Windows",
        "operatingSystemVersion": "10.0",
        "alternativeSecurityIds": ["QUJD"],
        **more,
    }


def external(n: int, **more: Any) -> Document:
    return {"displayName": f"Contact {n}", "mail": f"contact{n}@partner.example", "companyName": "Partner", **more}


def fresh() -> str:
    """A name that nobody has."""
    return f"n{uuid.uuid4().hex[:12]}"


class Graph:
    """The directory by another hand."""

    def __init__(self, server: MusterServer) -> None:
        self.client: httpx.Client = server.authorized()

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.client.request(method, f"/v1.0{path}", json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def all(self, collection: str, select: str = "id") -> list[dict[str, Any]]:
        """Every object of a collection."""
        found: list[dict[str, Any]] = []
        path = f"/v1.0/{collection}?$top=999&$select={select}"
        while path:
            page = self.client.get(path).json()
            found += page["value"]
            path = page.get("@odata.nextLink", "")
        return found

    def empty(self, *collections: str) -> None:
        """Leave nothing of these, deleted or not."""
        for name in collections:
            self._delete([f"/{name}/{one['id']}" for one in self.all(name)])
        for cast in ("user", "group"):
            deleted = [one["id"] for one in self.all(f"directory/deletedItems/microsoft.graph.{cast}")]
            self._delete([f"/directory/deletedItems/{one}" for one in deleted])

    def _delete(self, paths: list[str]) -> None:
        for at in range(0, len(paths), 20):
            requests = [
                {"id": str(number), "method": "DELETE", "url": path} for number, path in enumerate(paths[at : at + 20])
            ]
            self("POST", "/$batch", {"requests": requests})

    def close(self) -> None:
        """No more of it."""
        self.client.close()
