"""The Active Directory connector: one session with every domain of a system."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import ClassVar, Self

import ldap

from muster.connectors.active_directory import entries, errors, health, looking
from muster.connectors.active_directory.domain import Domain
from muster.connectors.active_directory.login import told
from muster.connectors.active_directory.reading import Reading
from muster.connectors.active_directory.schema import ANCHOR, AdType
from muster.connectors.active_directory.settings import ActiveDirectorySettings, AdObject
from muster.connectors.active_directory.views import LAST_SET
from muster.connectors.active_directory.writing import AdWriter
from muster.connectors.kit.contract import Capabilities, ConnectorSpec, Health, Settings
from muster.connectors.ldap import dn as dns
from muster.connectors.ldap import errors as ldap_errors
from muster.connectors.ldap.writing import BATCH
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.dn import normal
from muster.model.errors import ProjectError, Unreachable
from muster.model.objects import ConnectorObject, Page
from muster.model.schema import ObjectSchema, SystemSchema
from muster.model.secrets import Secret
from muster.model.values import Value


class ActiveDirectoryConnector:
    """Domains of Active Directory, of Windows and of Samba."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        name="active_directory",
        settings=ActiveDirectorySettings,
        object_settings=AdObject,
        capabilities=Capabilities(reads_changes=True, finds=True, sets_passwords=True, concurrent=True),
        summary="Active Directory: users, groups, contacts, computers and OUs of one or several domains.",
    )

    def __init__(self, system: str, settings: Settings, objects: Mapping[str, Settings], folder: Path) -> None:
        if not isinstance(settings, ActiveDirectorySettings):
            raise ProjectError(f"{system}: expected active_directory settings, found {type(settings).__name__}.")
        self.system = system
        self._objects = {name: one for name, one in objects.items() if isinstance(one, AdObject)}
        self._made = [(name, settings, one, folder) for name, one in settings.each().items()]
        self._domains: list[Domain] = []

    def __enter__(self) -> Self:
        self._domains = [
            Domain(self.system, name, common, one, self._objects, folder) for name, common, one, folder in self._made
        ]
        try:
            for domain in self._domains:
                domain.connect()
            troubles = [domain.trouble for domain in self._domains if domain.trouble is not None]
            if len(troubles) == len(self._domains):
                raise told(troubles)
            if not troubles:
                self._every_base_is_somewhere()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        for domain in self._domains:
            domain.close()
        self._domains = []

    def check(self) -> Health:
        """What answers, whether the bases can be read, how changes are found, and which rights are missing."""
        broken: list[str] = []
        lacking: list[str] = []
        found: list[str] = []
        for domain in self._connected:
            if domain.trouble is not None:
                broken.append(domain.trouble.message.removeprefix(f"{self.system}: "))
                continue
            found.append(health.answers(domain))
            broken.extend(health.broken(domain))
            if not broken:
                lacking.extend(health.lacking(domain))
        return Health(not broken, "; ".join(found), (*broken, *lacking))

    def schema(self) -> SystemSchema:
        """The object types of the system file, as the domains' schemas declare them."""
        types: dict[str, ObjectSchema] = {}
        for domain in self._alive:
            for name, kind in domain.types.items():
                known = types.get(name)
                types[name] = kind.schema if known is None else _joined(known, kind.schema)
        found = {domain.key: domain.identity() for domain in self._alive}
        realms = {normal(domain.root.base): normal(domain.root.forest) for domain in self._alive}
        return SystemSchema(types, {part: identity for part, identity in found.items() if identity is not None}, realms)

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        """Every object, or what changed after the watermark."""
        reading = Reading(self._connected, wanted)
        return reading.whole() if since is None else reading.changes(since)

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """One outcome a change; many are under way at once, domain by domain."""
        domains = self._connected
        if len(domains) == 1:
            yield from AdWriter(domains[0]).write(changes)
            return
        writers = {domain.key: AdWriter(domain) for domain in self._alive}
        source = iter(changes)
        while batch := list(islice(source, BATCH)):
            shares: dict[str, list[Change]] = {}
            for change, where in self._places(batch, writers):
                if isinstance(where, Outcome):
                    yield where
                else:
                    shares.setdefault(where.key, []).append(change)
            for key, share in shares.items():
                yield from writers[key].write(share)

    def get(self, object_type: str, anchor: str) -> ConnectorObject | None:
        """The object with that anchor, or None. Raises what is wrong with a domain in which it might be."""
        for domain, kind in self._of_type(object_type):
            found = looking.get(domain, kind, anchor)
            if found is not None:
                return found
        self._all_answer()
        return None

    def find(self, object_type: str, equal: Mapping[str, Value]) -> Iterator[ConnectorObject]:
        """The objects that have these values, in all domains. Raises what is wrong with one that does not answer."""
        self._all_answer()
        for domain, kind in self._of_type(object_type):
            yield from looking.find(domain, kind, equal)

    def find_any(self, object_type: str, attribute: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
        """The objects that have one of these values, in all domains."""
        self._all_answer()
        for domain, kind in self._of_type(object_type):
            yield from looking.find_any(domain, kind, attribute, values)

    def set_password(self, object_type: str, anchor: str, password: Secret, must_change: bool) -> Outcome:
        """Set unicodePwd; `must_change`: a new one at the next login."""
        for domain, _ in self._of_type(object_type):
            for _, dn in AdWriter(domain).located(object_type, [anchor]):
                return self._set_password(domain, dn, anchor, password, must_change)
        self._all_answer()
        return Outcome(0, Result.GONE, anchor, reason=f"no {object_type} has this {ANCHOR}.")

    def _set_password(self, domain: Domain, dn: str, anchor: str, password: Secret, must_change: bool) -> Outcome:
        mods = [(ldap.MOD_REPLACE, "unicodePwd", [entries.password(password)])]
        if must_change:
            mods.append((ldap.MOD_REPLACE, LAST_SET, [b"0"]))
        try:
            domain.session.connection.modify_s(dn, mods)
        except (ldap.SERVER_DOWN, ldap.CONNECT_ERROR, ldap.TIMEOUT) as error:
            raise ldap_errors.writing(self.system, domain.url, error) from None
        except ldap.LDAPError as error:
            return Outcome(0, errors.result_of(error), anchor, reason=errors.refusal(error, dn))
        return Outcome(0, Result.DONE, anchor)

    # --- domains

    @property
    def _connected(self) -> list[Domain]:
        if not self._domains:
            raise Unreachable(f"{self.system}: not connected.")
        return self._domains

    @property
    def _alive(self) -> list[Domain]:
        return [domain for domain in self._connected if domain.alive]

    def _all_answer(self) -> None:
        """Raises what is wrong with a domain that does not: what was not found may be in there."""
        for domain in self._connected:
            if domain.trouble is not None:
                raise domain.trouble

    def _of_type(self, object_type: str) -> Iterator[tuple[Domain, AdType]]:
        for domain in self._alive:
            kind = domain.types.get(object_type)
            if kind is not None:
                yield domain, kind

    def _places(
        self, batch: Sequence[Change], writers: Mapping[str, AdWriter]
    ) -> Iterator[tuple[Change, Domain | Outcome]]:
        """The domain that each change is for; an outcome where there is none."""
        anchors: dict[str, list[str]] = {}
        for change in batch:
            if change.action is not Action.CREATE and change.anchor is not None:
                anchors.setdefault(change.type, []).append(change.anchor)
        places = {
            (name, anchor): domain
            for name, some in anchors.items()
            for domain, _ in self._of_type(name)
            for anchor, _ in writers[domain.key].located(name, some)
        }
        for change in batch:
            if change.action is Action.CREATE:
                yield change, self._for_new(change)
            else:
                where = places.get((change.type, change.anchor or ""))
                yield change, where or self._nowhere(change, Result.GONE, f"no {change.type} has this {ANCHOR}.")

    def _for_new(self, change: Change) -> Domain | Outcome:
        given = change.values.get("dn")
        for domain, kind in self._of_type(change.type):
            try:
                if domain.holds(str(given) if given else kind.bases[0]):
                    return domain
            except dns.MalformedDn as error:
                return Outcome(change.key, Result.REJECTED, reason=f"{error}.")
        return self._nowhere(change, Result.REJECTED, f"{given} is in none of the domains of this system.")

    def _nowhere(self, change: Change, result: Result, reason: str) -> Outcome:
        """Not found, or, while a domain does not answer, not known."""
        trouble = next((domain.trouble for domain in self._connected if domain.trouble is not None), None)
        if trouble is not None:
            return Outcome(change.key, Result.RETRY, change.anchor, reason=trouble.message)
        return Outcome(change.key, result, change.anchor, reason=reason)

    def _every_base_is_somewhere(self) -> None:
        for name, one in self._objects.items():
            for base in one.bases:
                if not any(domain.holds(base) for domain in self._domains):
                    known = ", ".join(domain.root.base for domain in self._domains)
                    raise ProjectError(
                        f"{self.system}: object {name!r}: the base {base!r} is in none of its domains ({known}). "
                        "Correct `base`."
                    )


def _joined(left: ObjectSchema, right: ObjectSchema) -> ObjectSchema:
    """Of two forests' schemas of one type: what either has."""
    more = {name: one for name, one in right.attributes.items() if name not in left.attributes}
    if not more:
        return left
    return replace(
        left,
        attributes={**left.attributes, **more},
        aliases={**left.aliases, **right.aliases},
        can_enable=left.can_enable or right.can_enable,
    )
