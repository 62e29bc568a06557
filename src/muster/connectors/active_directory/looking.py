"""Looking objects up in one domain: by anchor, by values, by one of many values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import ldap

from muster.connectors.active_directory.domain import Domain
from muster.connectors.active_directory.forms import FileTime
from muster.connectors.active_directory.objects import Objects
from muster.connectors.active_directory.primary import PrimaryGroups
from muster.connectors.active_directory.schema import AdType
from muster.connectors.ldap import dn as dns
from muster.connectors.ldap import requests
from muster.model.objects import ConnectorObject
from muster.model.schema import ENABLED
from muster.model.values import Value, WrongType

_TOGETHER: Final = 100
"""So many values are looked for by one search."""

_BY_COMPUTING: Final = frozenset({"lockedOut"})
"""Views that no filter can look for exactly."""


def get(domain: Domain, kind: AdType, anchor: str) -> ConnectorObject | None:
    """The object with that anchor, or None."""
    asked = f"(&{kind.filter}{requests.any_anchor(kind, [anchor])})"
    return next(_found(domain, kind, kind.base, ldap.SCOPE_SUBTREE, asked), None)


def find(domain: Domain, kind: AdType, equal: Mapping[str, Value]) -> Iterator[ConnectorObject]:
    """The objects that have these values, under the domain's own rules; a value of another type matches nothing."""
    base, scope = kind.base, ldap.SCOPE_SUBTREE
    parts: list[str] = []
    try:
        for name, value in equal.items():
            if name != "dn":
                parts.append(_equality(kind, name, value))
            elif not isinstance(value, str) or kind.partition(value) is None:
                return
            else:
                base, scope = value, ldap.SCOPE_BASE
    except (WrongType, dns.MalformedDn):
        return
    if scope == ldap.SCOPE_BASE and not domain.session.exists(base):
        return
    for one in _found(domain, kind, base, scope, f"(&{kind.filter}{''.join(parts)})"):
        if all(one.values.get(name) == equal[name] for name in _BY_COMPUTING.intersection(equal)):
            yield one


def find_any(domain: Domain, kind: AdType, attribute: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
    """The objects that have one of these values, some hundred values a search."""
    seen: set[str] = set()
    for one in _any(domain, kind, attribute, values):
        if one.anchor not in seen:
            seen.add(one.anchor)
            yield one


def _any(domain: Domain, kind: AdType, attribute: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
    if attribute == "dn" or attribute in _BY_COMPUTING:
        for value in values:
            yield from find(domain, kind, {attribute: value})
        return
    parts: list[str] = []
    for value in values:
        try:
            parts.append(_equality(kind, attribute, value))
        except WrongType:
            continue
    for start in range(0, len(parts), _TOGETHER):
        asked = "".join(parts[start : start + _TOGETHER])
        yield from _found(domain, kind, kind.base, ldap.SCOPE_SUBTREE, f"(&{kind.filter}(|{asked}))")


def _equality(kind: AdType, name: str, value: Value) -> str:
    view = kind.views.get(name)
    if view is not None:
        return view.found(value) if value is not None else f"(!({view.stored}=*))"
    canonical = kind.canonical(name)
    if value is None and isinstance(kind.forms.get(canonical), FileTime):
        return f"(|(!({canonical}=*))({canonical}=0)({canonical}=9223372036854775807))"
    return requests.equality(kind, name, value)


def _found(domain: Domain, kind: AdType, base: str, scope: int, asked: str) -> Iterator[ConnectorObject]:
    names = [name for name, one in kind.schema.attributes.items() if not one.large]
    objects = Objects(domain, kind, [*names, ENABLED], PrimaryGroups(domain))
    for dn, entry in domain.session.search(base, scope, asked, objects.reader.request):
        if kind.partition(dn) is not None:
            found, _ = objects.one(dn, entry)
            if found is not None:
                yield found
