"""One domain: a session with one of its controllers, what it is called, and its object types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import ldap

from muster.connectors.active_directory import login
from muster.connectors.active_directory.forms import guid_text, sid_text
from muster.connectors.active_directory.schema import AdType, DirectorySchema
from muster.connectors.active_directory.settings import ActiveDirectorySettings, AdObject, DomainSettings
from muster.connectors.ldap import dn as dns
from muster.connectors.ldap.session import Session
from muster.model.errors import SESSION_ENDING, IncompleteRead, MusterError, ProjectError, Unreachable

_ROOT: Final = [
    *("defaultNamingContext", "configurationNamingContext", "schemaNamingContext", "dsServiceName", "dnsHostName"),
    *("highestCommittedUSN", "currentTime", "tokenGroups"),
]


@dataclass(frozen=True, slots=True)
class Root:
    """What the root DSE of a controller says. `forest`: its root domain; `sids`: those of the login and its groups."""

    base: str
    forest: str
    configuration: str
    schema: str
    service: str
    host: str
    usn: int
    now: str
    sids: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Controller:
    """A domain controller. `invocation`: what its numbers of changes (USNs) belong to: its database, until that is
    restored from a backup. Both are empty where the login may not read them."""

    guid: str
    invocation: str


class Domain:
    """One domain of a system, connected or not.

    `trouble`: why it cannot be used. Of several domains, one with trouble does not keep the others from being read.
    """

    def __init__(
        self,
        system: str,
        name: str,
        common: ActiveDirectorySettings,
        settings: DomainSettings,
        objects: Mapping[str, AdObject],
        folder: Path,
    ) -> None:
        self.system = system
        self.name = name
        self.common = common
        self.settings = settings
        self.trouble: MusterError | None = None
        self._objects = objects
        self._folder = folder
        self._session: Session | None = None
        self._root: Root | None = None
        self._schema: DirectorySchema | None = None
        self._types: dict[str, AdType] | None = None

    def connect(self) -> None:
        """Connect to the first controller that answers, and see which domain it is; what goes wrong is its trouble."""
        try:
            self._session = login.opened(self.system, self.common, self.settings, self._folder)
            self._root = self.fresh_root()
        except SESSION_ENDING as error:
            self.fail(error)
        else:
            called = _dns_name(self.root.base)
            if self.name and self.name.lower() != called:
                raise ProjectError(
                    f"{self.system}: domains.{self.name}: {self.url} is a controller of {called}. Correct the name or "
                    "the urls."
                )

    def fail(self, error: MusterError) -> None:
        """From now on it cannot be used."""
        self.close()
        self.trouble = error

    def close(self) -> None:
        """Disconnect; never raises."""
        if self._session is not None:
            self._session.close()
            self._session = None

    @property
    def alive(self) -> bool:
        """Whether it can be used."""
        return self._session is not None

    @property
    def session(self) -> Session:
        """The session. Raises what went wrong."""
        if self._session is None:
            raise self.trouble or Unreachable(f"{self.system}: not connected.")
        return self._session

    @property
    def root(self) -> Root:
        """What the controller said of itself when it was connected."""
        if self._root is None:
            raise self.trouble or Unreachable(f"{self.system}: not connected.")
        return self._root

    @property
    def url(self) -> str:
        """The controller that answered."""
        return self.session.settings.url

    @property
    def called(self) -> str:
        """Its name for messages and watermarks."""
        return self.name or (_dns_name(self._root.base) if self._root is not None else self.system)

    @property
    def key(self) -> str:
        """What a watermark calls it: the same whether it can be reached or not."""
        return self.name.lower()

    @property
    def schema(self) -> DirectorySchema:
        """The forest's schema, as far as the types need it; read once a session."""
        if self._schema is None:
            classes = (one.object_class for one in self._objects.values())
            self._schema = DirectorySchema(self.session, self.root.schema, classes)
        return self._schema

    @property
    def types(self) -> dict[str, AdType]:
        """The object types of the system file that have a base in this domain."""
        if self._types is None:
            found = {name: self._type(name, one) for name, one in self._objects.items()}
            self._types = {name: kind for name, kind in found.items() if kind.bases}
        return self._types

    def fresh_root(self) -> Root:
        """What the controller says of itself now."""
        entries = self.session.search("", ldap.SCOPE_BASE, "(objectClass=*)", _ROOT)
        entry = entries[0][1] if entries else {}
        texts = {name.lower(): values[0].decode("utf-8", "replace") for name, values in entry.items()}
        base = texts.get("defaultnamingcontext")
        if base is None:
            raise IncompleteRead(
                f"{self.system}: {self.url} names no domain, so it is no Active Directory domain controller. For other "
                "LDAP directories there is `connector: ldap`."
            )
        return Root(
            base=base,
            forest=texts.get("rootdomainnamingcontext", base),
            configuration=texts.get("configurationnamingcontext", ""),
            schema=texts.get("schemanamingcontext", ""),
            service=texts.get("dsservicename", ""),
            host=texts.get("dnshostname", ""),
            usn=int(texts.get("highestcommittedusn", 0)),
            now=texts.get("currenttime", ""),
            sids=frozenset(entry.get("tokenGroups", ())),
        )

    def holds(self, dn: str) -> bool:
        """Whether the DN is one of this domain's. Raises `dns.MalformedDn`."""
        return self._root is not None and _domain_of(dn) == dns.key(self._root.base)

    def identity(self) -> str | None:
        """What no other domain is, whatever it is called; None where the login may not read it."""
        entries = self.session.search(self.root.base, ldap.SCOPE_BASE, "(objectClass=*)", ["objectSid", "objectGUID"])
        found = {name.lower(): values[0] for name, values in entries[0][1].items()} if entries else {}
        if "objectsid" not in found or "objectguid" not in found:
            return None
        return f"the domain with SID {sid_text(found['objectsid'])} and objectGUID {guid_text(found['objectguid'])}"

    def controller(self) -> Controller:
        """The controller that answers."""
        names = ["objectGUID", "invocationId"]
        entries = self.session.search(self.root.service, ldap.SCOPE_BASE, "(objectClass=*)", names)
        found = entries[0][1] if entries else {}
        guid, invocation = (guid_text(found[name][0]) if name in found else "" for name in names)
        return Controller(guid, invocation)

    def _type(self, name: str, settings: AdObject) -> AdType:
        own = self.settings.base or self.root.base
        bases = tuple(base for base in settings.bases if self.holds(base)) if settings.bases else (own,)
        if self.settings.base is not None and not self.holds(self.settings.base):
            raise ProjectError(f"{self.system}: base {self.settings.base!r} is not in {self.root.base!r}. Correct it.")
        return self.schema.type_of(self.system, name, settings, self.root.base, bases)


def _domain_of(dn: str) -> dns.Key:
    """The domain that the DN is in: a child domain's DNs end in its parent's, too."""
    key = dns.key(dn)
    at = len(key)
    while at and key[at - 1].startswith("dc="):
        at -= 1
    return key[at:]


def _dns_name(base: str) -> str:
    """DC=corp,DC=example → corp.example."""
    return ".".join(part.partition("=")[2] for part in base.split(",") if part.lower().startswith("dc=")).lower()
