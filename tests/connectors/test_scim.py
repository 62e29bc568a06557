"""The SCIM connector on scim2-server: the conformance kit, and what is special to it."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

from muster.connectors.kit import checks_edges
from muster.connectors.kit.check import Check
from muster.connectors.kit.conformance import CHECKS
from muster.connectors.kit.contract import Connector
from muster.connectors.kit.guard import Guard
from muster.connectors.kit.subject import Subject
from muster.connectors.scim import ScimConnector
from muster.connectors.scim.settings import ScimObject, ScimSettings
from muster.model.changes import Action, Change, EdgeChange, Outcome, Result
from muster.model.errors import AuthFailed, IncompleteRead, ProjectError, Unreachable
from muster.model.objects import Page
from muster.model.secrets import Secret
from muster.model.values import Document, Type
from tests.servers.process import HOST, free_port
from tests.servers.scim import ScimServer

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
WORK = 'emails[type eq "work"].value'
TYPES = {"user": {"resource": "User"}, "group": {"resource": "Group"}}
EDGE_CHECKS = [check for check in CHECKS if check.body.__module__ == checks_edges.__name__]


def connector(url: str, token: str, objects: Mapping[str, Any] | None = None, **changed: Any) -> ScimConnector:
    values = {"url": url, "token": Secret(token), "timeout": 10, "page_size": 3, **changed}
    types = {name: ScimObject.model_validate(one) for name, one in (objects or TYPES).items()}
    return ScimConnector("crm", ScimSettings(**values), types, Path("/"))


def to(server: ScimServer, objects: Mapping[str, Any] | None = None, **changed: Any) -> ScimConnector:
    return connector(server.url, server.token, objects, **changed)


def person(n: int, **more: Any) -> Document:
    return {
        "userName": f"user{n}",
        "externalId": f"E{n}",
        "name.givenName": f"Given {n}",
        "name.familyName": f"Family {n}",
        "displayName": f"User {n}",
        "title": "Engineer",
        WORK: f"user{n}@acme.example",
        f"{ENTERPRISE}:department": "Sales",
        **more,
    }


def create(key: int, values: Document, kind: str = "user", **more: Any) -> Change:
    return Change(key, kind, Action.CREATE, None, values, **more)


def update(anchor: str, values: Document | None = None, kind: str = "user", key: int = 1, **more: Any) -> Change:
    return Change(key, kind, Action.UPDATE, anchor, values or {}, **more)


def written(made: ScimConnector, *changes: Change) -> dict[int, Outcome]:
    with made:
        outcomes = list(made.write(iter(changes)))
    assert sorted(one.key for one in outcomes) == sorted(one.key for one in changes)
    return {one.key: one for one in outcomes}


def one(made: ScimConnector, change: Change) -> Outcome:
    return written(made, change)[change.key]


def pages(made: ScimConnector, *names: str, kind: str = "user") -> list[Page]:
    with made:
        return list(made.read({kind: names}, None))


def shown(server: ScimServer, path: str) -> Any:
    return httpx.get(f"{server.url}{path}", headers=server.headers, trust_env=False).json()


class UserSubject(Subject):
    connector: ClassVar[type[Connector]] = ScimConnector
    object_type = "user"
    text = "displayName"
    clearable = "title"
    many = "entitlements"

    def __init__(self, server: ScimServer) -> None:
        self.server = server

    def open(self) -> Connector:
        return to(self.server)

    def reset(self) -> None:
        self.server.fresh()

    def sample(self, n: int) -> Document:
        return person(n)

    def renamed(self, _n: int) -> Document | None:
        return {"userName": f"renamed{_n}"}

    def refused(self, _n: int) -> Document | None:
        return {**person(_n), "profileUrl": "x", "active": "neither"}

    def unreachable(self) -> Connector | None:
        return connector(f"http://{HOST}:{free_port()}/v2", "token")

    def wrong_secret(self) -> tuple[Connector, Secret] | None:
        wrong = Secret("wrong-sesame-43")
        return connector(self.server.url, wrong.reveal()), wrong


class GroupSubject(UserSubject):
    object_type = "group"
    large = "members"

    def sample(self, n: int) -> Document:
        return {"displayName": f"group{n}", "externalId": f"G{n}"}


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_users_keep_the_promise(check: Check, scim: ScimServer) -> None:
    _run(check, UserSubject(scim))


@pytest.mark.parametrize("check", EDGE_CHECKS, ids=str)
def test_groups_keep_the_promise(check: Check, scim: ScimServer) -> None:
    _run(check, GroupSubject(scim))


def _run(check: Check, subject: Subject) -> None:
    lacking = check.lacking(subject)
    if lacking:
        pytest.skip(lacking)
    check.run(subject)
