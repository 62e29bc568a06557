"""What the two LDAP servers share: one tree with people and groups, and an administrator who may do everything."""

import secrets
from abc import abstractmethod
from typing import Any, ClassVar

import ldap

from tests.servers.process import HOST, Server

BASE = "dc=acme,dc=example"
PEOPLE = f"ou=people,{BASE}"
GROUPS = f"ou=groups,{BASE}"

Entry = tuple[str, dict[str, list[bytes]]]

TREE: tuple[Entry, ...] = (
    (BASE, {"objectClass": [b"domain"], "dc": [b"acme"]}),
    (PEOPLE, {"objectClass": [b"organizationalUnit"], "ou": [b"people"]}),
    (GROUPS, {"objectClass": [b"organizationalUnit"], "ou": [b"groups"]}),
)


class LdapServer(Server):
    """A directory with `base`, `people` and `groups`; `bind_dn` and `password` may do everything below `base`."""

    base: ClassVar[str] = BASE
    people: ClassVar[str] = PEOPLE
    groups: ClassVar[str] = GROUPS
    bind_dn: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.password = secrets.token_hex(12)

    @property
    def url(self) -> str:
        return f"ldap://{HOST}:{self.port}"

    def connect(self) -> Any:
        """A python-ldap connection bound as the administrator."""
        connection = ldap.initialize(self.url)
        connection.set_option(ldap.OPT_NETWORK_TIMEOUT, 5)
        connection.simple_bind_s(self.bind_dn, self.password)
        return connection

    def ready(self) -> bool:
        try:
            self.connect().unbind_s()
        except (ldap.SERVER_DOWN, ldap.UNAVAILABLE, ldap.BUSY):
            return False
        return True

    @abstractmethod
    def reset(self) -> None:
        """Back to the empty tree; starts the server if it does not run."""

    def started(self) -> None:
        self.add(*TREE)

    def add(self, *entries: Entry) -> None:
        """Add entries, in their order, as the administrator: pairs of a DN and its attributes."""
        connection = self.connect()
        for dn, attributes in entries:
            connection.add_s(dn, list(attributes.items()))
        connection.unbind_s()
