"""What the tests of the Active Directory connector share: connectors to a Samba domain, and their own OUs in it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import ldap
from ldap.controls import RequestControl

from muster.connectors.active_directory import ActiveDirectoryConnector
from muster.connectors.active_directory.settings import ActiveDirectorySettings, AdObject
from muster.model.changes import Action, Change, EdgeChange, Outcome
from muster.model.objects import ConnectorObject, EdgePage, Page
from muster.model.secrets import Secret
from muster.model.values import Document
from tests.servers.samba import SambaDc

PASSWORD = Secret("Muster-Pw-2026x")
USER = {"user": {"class": "user"}}
GROUP = {"group": {"class": "group"}}
_numbers = itertools.count(1)


def settings(server: SambaDc, **changed: Any) -> ActiveDirectorySettings:
    values: dict[str, Any] = {
        "urls": [server.url],
        "ca": server.certificate,
        "user": server.bind_dn,
        "password": Secret(server.password),
        "page_size": 3,
        "timeout": 20,
    }
    return ActiveDirectorySettings(**{**values, **changed})


class Ou:
    """An organizational unit of a test's own, and connectors to what is below it."""

    def __init__(self, server: SambaDc) -> None:
        self.server = server
        self.name = f"t{next(_numbers)}"
        self.dn = f"OU={self.name},{server.base}"
        self.admin: Any = server.connect()
        self.make_ou(self.dn)

    def close(self) -> None:
        self.clear()
        self.admin.unbind_s()

    def clear(self) -> None:
        """Take it away with everything in it; a group that is a primary group would stay."""
        with suppress(ldap.NO_SUCH_OBJECT):
            odd = "(&(sAMAccountType=805306368)(!(primaryGroupID=513)))"
            for dn, _ in self.admin.search_s(self.dn, ldap.SCOPE_SUBTREE, odd, ["1.1"]):
                self.set(dn, primaryGroupID="513")
        with suppress(ldap.NO_SUCH_OBJECT):
            self.admin.delete_ext_s(self.dn, [RequestControl("1.2.840.113556.1.4.805", True)])

    def empty(self) -> None:
        """Leave it empty."""
        self.clear()
        self.make_ou(self.dn)

    def make_ou(self, dn: str) -> str:
        self.admin.add_s(dn, [("objectClass", [b"organizationalUnit"])])
        return dn

    def user(self, name: str, where: str | None = None, **values: str) -> str:
        """Make a user behind the connector's back; gives its DN."""
        dn = f"CN={name},{where or self.dn}"
        entry = [("objectClass", [b"user"]), ("sAMAccountName", [f"{self.name}{name}"[:20].encode()])]
        self.admin.add_s(dn, [*entry, *((key, [text.encode()]) for key, text in values.items())])
        return dn

    def contact(self, name: str) -> str:
        dn = f"CN={name},{self.dn}"
        self.admin.add_s(dn, [("objectClass", [b"contact"])])
        return dn

    def group(self, name: str, members: Sequence[str] = (), where: str | None = None) -> str:
        dn = f"CN={name},{where or self.dn}"
        entry = [("objectClass", [b"group"]), ("sAMAccountName", [f"{self.name}{name}".encode()])]
        self.admin.add_s(dn, [*entry, *([("member", [one.encode() for one in members])] if members else [])])
        return dn

    def login(self, name: str, **values: str) -> str:
        """Make a user that can log in with `PASSWORD`; gives its userPrincipalName."""
        dn = f"CN={name},{self.dn}"
        principal = f"{self.name}{name}@{self.server.realm}"
        self.admin.add_s(
            dn,
            [
                ("objectClass", [b"user"]),
                ("sAMAccountName", [f"{self.name}{name}".encode()]),
                ("userPrincipalName", [principal.encode()]),
                ("unicodePwd", [f'"{PASSWORD.reveal()}"'.encode("utf-16-le")]),
                ("userAccountControl", [b"512"]),
                *((key, [text.encode()]) for key, text in values.items()),
            ],
        )
        return principal

    def set(self, dn: str, **values: str | Sequence[str] | None) -> None:
        """Replace attributes behind the connector's back."""
        for name, value in values.items():
            texts = [value] if isinstance(value, str) else value or []
            self.admin.modify_s(dn, [(ldap.MOD_REPLACE, name, [text.encode() for text in texts] or None)])

    def move(self, dn: str, own: str, parent: str | None = None) -> str:
        """Rename or move; gives the new DN."""
        self.admin.rename_s(dn, own, parent)
        return f"{own},{parent or dn.partition(',')[2]}"

    def sid(self, name: str) -> str:
        """The SID of a user of this OU, as the domain's own tool shows it."""
        told = self.server.tool("user", "show", f"{self.name}{name}", "--attributes=objectSid")
        return told.partition("objectSid: ")[2].split()[0]

    def guid(self, dn: str) -> str:
        """The objectGUID of an entry, as Active Directory's tools show it."""
        found = self.admin.search_s(dn, ldap.SCOPE_BASE, "(objectClass=*)", ["objectGUID"])
        return str(UUID(bytes_le=found[0][1]["objectGUID"][0]))

    @contextmanager
    def may_list_what_was_deleted(self, name: str) -> Iterator[None]:
        """A user of this OU may list Deleted Objects and read what is in it."""
        self.server.protect_deleted_objects(self.sid(name))
        try:
            yield
        finally:
            self.server.protect_deleted_objects()

    def entry(self, dn: str, *names: str) -> dict[str, list[str]]:
        found = self.admin.search_ext_s(dn, ldap.SCOPE_BASE, "(objectClass=*)", list(names) or None)
        return {name: [value.decode("utf-8", "replace") for value in values] for name, values in found[0][1].items()}

    def connector(
        self, objects: Mapping[str, Mapping[str, Any]] | None = None, **changed: Any
    ) -> ActiveDirectoryConnector:
        """A connector to the types, below this OU unless they say otherwise."""
        types = {
            name: AdObject.model_validate({"base": self.dn, **one})
            for name, one in (objects or {"user": {"class": "user"}}).items()
        }
        return ActiveDirectoryConnector("ad", settings(self.server, **changed), types, Path("/"))


def person(ou: Ou, name: str = "ann", **changed: Any) -> Document:
    """Somebody to be made in the OU."""
    return {"dn": f"CN={name},{ou.dn}", "sAMAccountName": f"{ou.name}{name}", "displayName": name.title(), **changed}


def may_log_in(ou: Ou, name: str, password: Secret) -> bool:
    """Whether the domain takes this password."""
    connection = ldap.initialize(ou.server.url)
    connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(ou.server.certificate))
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    try:
        connection.simple_bind_s(f"{ou.name}{name}@{ou.server.realm}", password.reveal())
    except ldap.INVALID_CREDENTIALS:
        return False
    return True


def create(key: int, values: Document, kind: str = "user", **more: Any) -> Change:
    return Change(key, kind, Action.CREATE, None, values, **more)


def update(anchor: str, values: Document, kind: str = "user", key: int = 1, **more: Any) -> Change:
    return Change(key, kind, Action.UPDATE, anchor, values, **more)


def members(anchor: str, add: Sequence[str] = (), remove: Sequence[str] = (), kind: str = "group") -> Change:
    edges = iter([EdgeChange("member", list(add), list(remove))])
    return Change(1, kind, Action.UPDATE, anchor, edges=edges)


def written(made: ActiveDirectoryConnector, *changes: Change) -> dict[int, Outcome]:
    with made:
        outcomes = list(made.write(iter(changes)))
    assert sorted(one.key for one in outcomes) == sorted(one.key for one in changes)
    return {one.key: one for one in outcomes}


def one(made: ActiveDirectoryConnector, change: Change) -> Outcome:
    return written(made, change)[change.key]


def pages(made: ActiveDirectoryConnector, since: str | None = None, /, **wanted: Sequence[str]) -> list[Page]:
    with made:
        return list(made.read(wanted or {"user": ["cn"]}, since))


def objects(found: Sequence[Page]) -> dict[str, ConnectorObject]:
    return {item.anchor: item for page in found for item in page.objects}


def by_dn(found: Sequence[Page]) -> dict[str, ConnectorObject]:
    return {str(item.values["dn"]): item for page in found for item in page.objects if not item.deleted}


def edges(found: Sequence[Page], anchor: str) -> list[EdgePage]:
    return [edge for page in found for edge in page.edges if edge.anchor == anchor]


def mark(found: Sequence[Page]) -> str:
    watermark = found[-1].watermark
    assert watermark is not None
    return watermark
