"""What `check` finds in one domain: what answers, how changes are found, which rights the login lacks, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import ldap

from muster.connectors.active_directory.delta import Ways
from muster.connectors.active_directory.domain import Domain
from muster.connectors.active_directory.objects import ACCESS_LIST_ONLY, DESCRIPTOR
from muster.connectors.active_directory.rights import CONTROL_ACCESS, READ_PROPERTY, RESET_PASSWORD, granted
from muster.connectors.active_directory.schema import MEMBER, AdType
from muster.connectors.active_directory.settings import Delta
from muster.connectors.active_directory.views import CONTROL

_ACCOUNTS: Final = frozenset({"user", "inetorgperson"})
_MAKEABLE: Final = "allowedChildClassesEffective"


def answers(domain: Domain) -> str:
    """Who answers, and how changes are found."""
    ways = {
        Delta.DIRSYNC: "DirSync",
        Delta.USN: "update sequence numbers (uSNChanged)",
        Delta.NONE: "nothing: every read is a full one",
    }
    return f"{domain.root.host or domain.url} for {domain.called}; changes are found by {ways[Ways(domain).chosen()]}"


def broken(domain: Domain) -> Iterator[str]:
    """What keeps the domain's types from being read."""
    for name, kind in domain.types.items():
        for base in kind.bases:
            if not domain.session.exists(base):
                yield f"{name}: there is no {base!r}, or this login may not see it"


def lacking(domain: Domain) -> Iterator[str]:
    """The rights that the login lacks: those for changes, and those for writing, which a system that is only read
    does without."""
    ways = Ways(domain)
    base = domain.root.base
    if domain.common.delta is not Delta.NONE:
        rights = ways.replicates()
        if not rights:
            yield f"the right 'Replicating Directory Changes' on {base}: without it DirSync shows only what it may read"
        if not ways.shows_deletions(rights=rights):
            yield (
                f"listing CN=Deleted Objects,{base} (List Contents and Read Property): without it deletions cannot be "
                "seen, so that every read is a full one"
            )
    for name, kind in domain.types.items():
        yield from _lacking(domain, name, kind)


def _lacking(domain: Domain, name: str, kind: AdType) -> Iterator[str]:
    found = domain.session.first(kind.bases[0], kind.filter, ["1.1"])
    if found is None:
        return
    dn = found[0]
    descriptor = _descriptor(domain, dn)
    sids = domain.root.sids
    if kind.object_class.lower() in _ACCOUNTS and CONTROL in kind.schema.attributes:
        if not granted(descriptor, sids, CONTROL_ACCESS, (RESET_PASSWORD,)):
            yield f"{name}: the right 'Reset password' (looked at {dn}): passwords cannot be set"
        if not _may_write(domain, dn, CONTROL):
            yield f"{name}: writing {CONTROL} (looked at {dn}): accounts cannot be switched on and off"
    if MEMBER in kind.schema.attributes:
        if not granted(descriptor, sids, READ_PROPERTY, domain.schema.guids(MEMBER)):
            yield f"{name}: reading {MEMBER} (looked at {dn}): groups look empty, and are not taken for it"
        if not _may_write(domain, dn, MEMBER):
            yield f"{name}: writing {MEMBER} (looked at {dn}): memberships cannot be changed"
    for base in kind.bases:
        if kind.object_class.lower() not in _may_make(domain, base):
            yield f"{name}: creating objects in {base}; where its mapping makes them, in the OUs that its dn names"


def _descriptor(domain: Domain, dn: str) -> bytes:
    found = domain.session.search(dn, ldap.SCOPE_BASE, "(objectClass=*)", [DESCRIPTOR], [ACCESS_LIST_ONLY])
    return found[0][1].get(DESCRIPTOR, [b""])[0] if found else b""


def _may_write(domain: Domain, dn: str, attribute: str) -> bool:
    found = domain.session.search(dn, ldap.SCOPE_BASE, "(objectClass=*)", ["allowedAttributesEffective"])
    names = found[0][1].get("allowedAttributesEffective", ()) if found else ()
    return attribute.lower().encode() in {name.lower() for name in names}


def _may_make(domain: Domain, base: str) -> frozenset[str]:
    found = domain.session.search(base, ldap.SCOPE_BASE, "(objectClass=*)", [_MAKEABLE])
    return frozenset(name.decode().lower() for name in (found[0][1].get(_MAKEABLE, ()) if found else ()))
