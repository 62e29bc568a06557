"""The Graph connector on `muster serve`: the conformance kit, for each kind of object."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from muster.connectors.graph import GraphConnector
from muster.connectors.kit.check import Check
from muster.connectors.kit.conformance import CHECKS
from muster.connectors.kit.contract import Connector
from muster.connectors.kit.subject import Subject
from muster.model.changes import Action, Change, Outcome
from muster.model.secrets import Secret
from muster.model.values import Document
from tests.connectors.graphs import PASSWORD, Graph, computer, external, made, person, settings, team
from tests.connectors.sessions import EDGE_CHECKS, keep
from tests.servers.muster import MusterServer
from tests.servers.process import HOST, free_port


class UserSubject(Subject):
    connector: ClassVar[type[Connector]] = GraphConnector
    object_type = "user"
    collection = "users"
    text = "displayName"
    clearable: str | None = "jobTitle"
    many: str | None = "otherMails"
    many_values = ("one@x.example", "two@x.example", "three@x.example")
    deltas = True

    def __init__(self, server: MusterServer, graph: Graph) -> None:
        self.server = server
        self.graph = graph

    def open(self) -> Connector:
        return self._made()

    def _made(self, **changed: Any) -> Connector:
        return made(settings(self.server, **changed), self.object_type)

    def reset(self) -> None:
        self.graph.empty(self.collection)

    def sample(self, n: int) -> Document:
        return person(n)

    def refused(self, _n: int) -> Document | None:
        return {**self.sample(_n), "usageLocation": "nowhere"}

    def unreachable(self) -> Connector | None:
        return self._made(url=f"http://{HOST}:{free_port()}")

    def wrong_secret(self) -> tuple[Connector, Secret] | None:
        wrong = Secret("wrong-sesame-43")
        return self._made(secret=wrong), wrong

    def expired(self) -> str | None:
        since = self.pages()[-1].watermark
        assert since is not None
        return since.replace("deltatoken=", "deltatoken=x")

    def outcomes(self, *changes: Change) -> dict[int, Outcome]:
        for change in changes:
            if change.action is Action.CREATE and change.type == "user":
                change.password = PASSWORD
        return super().outcomes(*changes)


class GroupSubject(UserSubject):
    passwords = False
    object_type = "group"
    collection = "groups"
    clearable = "description"
    many = None
    large = "members"
    known: ClassVar[list[str]] = []

    def sample(self, n: int) -> Document:
        return team(n)

    def refused(self, _n: int) -> Document | None:
        return {**self.sample(_n), "visibility": "nowhere"}

    def targets(self, count: int) -> list[str]:
        missing = count - len(self.known)
        if missing > 0:
            first = len(self.known)
            with made(settings(self.server), "contact") as connector:
                changes = (Change(n, "contact", Action.CREATE, None, external(first + n)) for n in range(missing))
                self.known.extend(str(one.anchor) for one in connector.write(changes))
        return self.known[:count]


class DeviceSubject(UserSubject):
    passwords = False
    object_type = "device"
    collection = "devices"
    clearable = "manufacturer"
    many = "systemLabels"
    many_values = ("one", "two", "three")

    def sample(self, n: int) -> Document:
        return computer(n, manufacturer="ACME")

    def refused(self, _n: int) -> Document | None:
        return {**self.sample(_n), "deviceId": "no guid"}


class ContactSubject(UserSubject):
    passwords = False
    object_type = "contact"
    collection = "contacts"
    clearable = "companyName"
    many = "businessPhones"
    many_values = ("+41 1", "+41 2", "+41 3")

    def reset(self) -> None:
        super().reset()
        GroupSubject.known.clear()

    def sample(self, n: int) -> Document:
        return external(n, city="Bern", mobilePhone=f"+41 79 {n}")

    def refused(self, _n: int) -> Document | None:
        return {**self.sample(_n), "mail": "no address"}


LACKS = {
    "it reads no reference of one object alone",
    "its objects have no other name",
    "its read cannot be broken on purpose",
    "it has no large reference",
    "it has no many-valued attribute",
    "its objects have no switch",
    "its objects have no passwords",
}
"""Why some checks of the kit do not apply here. Any other reason is a check that got lost."""


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_users_keep_the_promise(check: Check, muster_server: MusterServer, graph: Graph) -> None:
    keep(check, UserSubject(muster_server, graph), LACKS)


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_groups_keep_the_promise(check: Check, muster_server: MusterServer, graph: Graph) -> None:
    keep(check, GroupSubject(muster_server, graph), LACKS)


OWN_CHECKS = [check for check in CHECKS if check not in EDGE_CHECKS]


@pytest.mark.parametrize("check", OWN_CHECKS, ids=str)
def test_devices_keep_the_promise(check: Check, muster_server: MusterServer, graph: Graph) -> None:
    keep(check, DeviceSubject(muster_server, graph), LACKS)


@pytest.mark.parametrize("check", OWN_CHECKS, ids=str)
def test_contacts_keep_the_promise(check: Check, muster_server: MusterServer, graph: Graph) -> None:
    keep(check, ContactSubject(muster_server, graph), LACKS)
