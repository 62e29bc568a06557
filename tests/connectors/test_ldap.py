"""The LDAP connector on OpenLDAP and 389 Directory Server: the conformance kit, and what is special to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import ldap
import pytest

from muster.connectors.kit import checks_edges
from muster.connectors.kit.check import Check
from muster.connectors.kit.conformance import CHECKS
from muster.connectors.kit.contract import Connector
from muster.connectors.kit.guard import Guard
from muster.connectors.kit.subject import Subject
from muster.connectors.ldap import LdapConnector
from muster.connectors.ldap.settings import LdapObject, LdapSettings
from muster.model.changes import Action, Change, EdgeChange, Outcome, Result
from muster.model.errors import AuthFailed, IncompleteRead, ProjectError, Unreachable, WatermarkExpired
from muster.model.objects import ConnectorObject
from muster.model.secrets import Secret
from muster.model.values import Document, Type
from tests.servers.directory import LdapServer
from tests.servers.ds389 import Ds389
from tests.servers.openldap import OpenLdap
from tests.servers.process import HOST, free_port

USER = {"class": "inetOrgPerson"}
GROUP = {"class": "groupOfNames"}


def settings(server: LdapServer, **changed: Any) -> LdapSettings:
    values: dict[str, Any] = {
        "url": server.url,
        "bind_dn": server.bind_dn,
        "password": Secret(server.password),
        "base": server.base,
        "page_size": 3,
        "timeout": 10,
    }
    return LdapSettings(**{**values, **changed})


def connector(
    server: LdapServer, objects: Mapping[str, Mapping[str, Any]] | None = None, **changed: Any
) -> LdapConnector:
    types = {name: LdapObject.model_validate(one) for name, one in (objects or {"user": USER}).items()}
    return LdapConnector("directory", settings(server, **changed), types, Path("/"))


def person(n: int, server: LdapServer, **more: Any) -> Document:
    return {
        "dn": f"uid=user{n},{server.people}",
        "uid": [f"user{n}"],
        "cn": [f"User {n}"],
        "sn": [f"Nr {n}"],
        "displayName": f"User Nr {n}",
        "title": ["Engineer"],
        "employeeNumber": str(n),
        **more,
    }


def create(key: int, values: Document, type: str = "user", **more: Any) -> Change:
    return Change(key, type, Action.CREATE, None, values, **more)


def update(anchor: str, values: Document | None = None, type: str = "user", key: int = 1, **more: Any) -> Change:
    return Change(key, type, Action.UPDATE, anchor, values or {}, **more)


def written(made: LdapConnector, *changes: Change) -> dict[int, Outcome]:
    with made:
        outcomes = list(made.write(iter(changes)))
    assert sorted(one.key for one in outcomes) == sorted(one.key for one in changes)
    return {one.key: one for one in outcomes}


def one(made: LdapConnector, change: Change) -> Outcome:
    return written(made, change)[change.key]


def read(made: LdapConnector, *names: str, since: str | None = None, type: str = "user") -> dict[str, ConnectorObject]:
    with made:
        return {found.anchor: found for page in made.read({type: names}, since) for found in page.objects}


def mark(made: LdapConnector, *types: str) -> str:
    with made:
        *_, last = made.read({name: ("cn",) for name in types or ("user",)}, None)
    assert last.watermark is not None
    return last.watermark


class DirectorySubject(Subject):
    connector: ClassVar[type[Connector]] = LdapConnector
    object_type = "user"
    text = "displayName"
    clearable = "preferredLanguage"
    many = "title"
    deltas = True
    types: ClassVar[dict[str, Any]] = {"user": USER}

    def __init__(self, server: LdapServer) -> None:
        self.server = server
        self.numbers = 0

    def open(self) -> Connector:
        return connector(self.server, self.types)

    def reset(self) -> None:
        server: Any = self.server
        server.reset()

    def sample(self, n: int) -> Document:
        return person(n, self.server, preferredLanguage="de")

    def renamed(self, n: int) -> Document | None:
        return {"dn": f"uid=renamed{n},{self.server.groups}", "uid": [f"renamed{n}"]}

    def refused(self, n: int) -> Document | None:
        values = self.sample(n)
        del values["sn"]
        return values

    def unreachable(self) -> Connector | None:
        return connector(self.server, self.types, url=f"ldap://{HOST}:{free_port()}")

    def wrong_secret(self) -> tuple[Connector, Secret] | None:
        wrong = Secret("wrong-sesame-43")
        return connector(self.server, self.types, password=wrong), wrong


class OpenLdapSubject(DirectorySubject):
    def expired(self) -> str | None:
        return '{"at":{"dc=acme,dc=example":"rid=000,csn=20200101000000.000000Z#000000#000#000000"},"how":"syncrepl"}'

    def broken_read(self) -> Connector | None:
        server = self.server
        server.add(*[(dn, {k: v for k, v in entry.items()}) for dn, entry in map(_entry, range(1, 8))])
        made = connector(server)
        made.__enter__()
        inner = made._session.connection
        made._session.connection = _BreaksAfter(inner, 1)
        return made


def _entry(n: int) -> tuple[str, dict[str, list[bytes]]]:
    dn = f"uid=user{n},ou=people,dc=acme,dc=example"
    names = {"objectClass": [b"inetOrgPerson"], "uid": [b"user%d" % n], "cn": [b"User %d" % n], "sn": [b"Nr"]}
    return dn, names


class _BreaksAfter:
    """A connection whose results stop coming after some."""

    def __init__(self, inner: Any, results: int) -> None:
        self._inner = inner
        self._left = results

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def result3(self, *args: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise ldap.SERVER_DOWN({"desc": "Can't contact LDAP server"})
        return self._inner.result3(*args)


class GroupSubject(DirectorySubject):
    """Groups, for what is promised of large references."""

    object_type = "group"
    text = "description"
    large = "member"
    types: ClassVar[dict[str, Any]] = {"group": {**GROUP, "placeholder_member": "cn=nobody"}}

    def sample(self, n: int) -> Document:
        return {
            "dn": f"cn=group{n},{self.server.groups}",
            "cn": [f"group{n}"],
            "description": [f"Group {n}"],
        }

    def targets(self, count: int) -> list[str]:
        return [f"uid=t{number},{self.server.people}" for number in range(count)]


@pytest.fixture
def subject(openldap: OpenLdap) -> OpenLdapSubject:
    return OpenLdapSubject(openldap)


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_openldap_keeps_the_promise(check: Check, subject: OpenLdapSubject) -> None:
    _run(check, subject)


@pytest.mark.parametrize(
    "check", [check for check in CHECKS if check.body.__module__ == checks_edges.__name__], ids=str
)
def test_openldap_groups_keep_the_promise(check: Check, openldap: OpenLdap) -> None:
    _run(check, GroupSubject(openldap))


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_ds389_keeps_the_promise(check: Check, ds389: Ds389) -> None:
    _run(check, DirectorySubject(ds389))


def _run(check: Check, subject: Subject) -> None:
    lacking = check.lacking(subject)
    if lacking:
        pytest.skip(lacking)
    check.run(subject)
