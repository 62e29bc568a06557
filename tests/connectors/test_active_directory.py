"""The Active Directory connector on a Samba domain: the conformance kit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import ldap
import pytest

from muster.connectors.active_directory import ActiveDirectoryConnector
from muster.connectors.kit import checks_edges
from muster.connectors.kit.check import Check
from muster.connectors.kit.conformance import CHECKS
from muster.connectors.kit.contract import Connector
from muster.connectors.kit.subject import Subject
from muster.model.secrets import Secret
from muster.model.values import Document
from tests.connectors.domains import Ou
from tests.servers.process import HOST, free_port
from tests.servers.samba import SambaDc

EDGE_CHECKS = [check for check in CHECKS if check.body.__module__ == checks_edges.__name__]


class DomainSubject(Subject):
    connector: ClassVar[type[Connector]] = ActiveDirectoryConnector
    object_type = "user"
    text = "displayName"
    clearable = "department"
    many = "proxyAddresses"
    many_values = ("smtp:one@corp.example", "SMTP:two@corp.example", "smtp:three@corp.example")
    deltas = True
    types: ClassVar[dict[str, Any]] = {"user": {"class": "user"}}
    changed: ClassVar[dict[str, Any]] = {}

    def __init__(self, ou: Ou) -> None:
        self.ou = ou

    def open(self) -> Connector:
        return self.ou.connector(self.types, **self.changed)

    def reset(self) -> None:
        self.ou.empty()

    def sample(self, n: int) -> Document:
        return {
            "dn": f"CN=User {n},{self.ou.dn}",
            "sAMAccountName": f"{self.ou.name}user{n}",
            "displayName": f"User Nr {n}",
            "department": "Sales",
            "proxyAddresses": [f"SMTP:user{n}@corp.example"],
            "accountExpires": "2030-01-31T23:00:00Z",
        }

    def renamed(self, n: int) -> Document | None:
        return {"dn": f"CN=Renamed {n},{self.ou.dn}"}

    def refused(self, n: int) -> Document | None:
        return {**self.sample(n), "manager": f"CN=nobody,{self.ou.dn}"}

    def unreachable(self) -> Connector | None:
        return self.ou.connector(self.types, urls=[f"ldaps://{HOST}:{free_port()}"])

    def wrong_secret(self) -> tuple[Connector, Secret] | None:
        wrong = Secret("wrong-sesame-43")
        return self.ou.connector(self.types, password=wrong), wrong

    def broken_read(self) -> Connector | None:
        for n in range(1, 8):
            self.ou.user(f"u{n}")
        made = self.ou.connector(self.types)
        made.__enter__()
        made.schema()
        session = made._domains[0].session
        session.connection = _BreaksAfter(session.connection, 1)
        return made

    def expired(self) -> str | None:
        return '{"":{"at":"Z2FyYmFnZQ==","how":"dirsync","when":"29991231235959.0Z"}}'


class ByNumberSubject(DomainSubject):
    """Changes found by uSNChanged, as where DirSync is refused."""

    changed: ClassVar[dict[str, Any]] = {"delta": "usn"}

    def expired(self) -> str | None:
        return '{"":{"at":1,"how":"usn","of":"3f2504e0-4f89-41d3-9a0c-0305e82c3301","when":"29991231235959.0Z"}}'


class GroupSubject(DomainSubject):
    """Groups, for what is promised of large references."""

    object_type = "group"
    text = "description"
    large = "member"
    types: ClassVar[dict[str, Any]] = {"group": {"class": "group"}}
    changed: ClassVar[dict[str, Any]] = {"range_size": 700}

    def __init__(self, ou: Ou, contacts: list[str]) -> None:
        super().__init__(ou)
        self.contacts = contacts

    def sample(self, n: int) -> Document:
        return {
            "dn": f"CN=group{n},{self.ou.dn}",
            "sAMAccountName": f"{self.ou.name}group{n}",
            "description": [f"Group {n}"],
        }

    def targets(self, count: int) -> list[str]:
        return self.contacts[:count]


class _BreaksAfter:
    """A connection whose paged results stop coming after some."""

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


@pytest.fixture(scope="module")
def ou_of_kit(samba_server: SambaDc) -> Iterator[Ou]:
    ou = Ou(samba_server)
    yield ou
    ou.close()


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_a_domain_keeps_the_promise(check: Check, ou_of_kit: Ou) -> None:
    _run(check, DomainSubject(ou_of_kit))


@pytest.mark.parametrize("check", [one for one in CHECKS if "delta" in one.name or "watermark" in one.name], ids=str)
def test_a_domain_keeps_the_promise_by_update_numbers(check: Check, ou_of_kit: Ou) -> None:
    _run(check, ByNumberSubject(ou_of_kit))


@pytest.mark.parametrize("check", EDGE_CHECKS, ids=str)
def test_groups_keep_the_promise(check: Check, ou_of_kit: Ou, samba_contacts: list[str]) -> None:
    _run(check, GroupSubject(ou_of_kit, samba_contacts))


LACKS = {"it has no large reference", "it reads no reference of one object alone"}
"""Why some checks of the kit do not apply here. Any other reason is a check that got lost."""


def _run(check: Check, subject: Subject) -> None:
    lacking = check.lacking(subject)
    if lacking:
        assert lacking in LACKS
    else:
        check.run(subject)
