"""A change → what Active Directory takes: attributes of a new entry, modifications, numbers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import ldap

from muster.connectors.active_directory.forms import NEVER
from muster.connectors.active_directory.schema import AdType
from muster.connectors.active_directory.views import (
    CONTROL,
    DISABLED,
    GROUP_TYPE,
    LAST_SET,
    NORMAL,
    SCOPES,
    SECURITY,
    VIEWS,
    WORKSTATION,
    signed,
    unsigned,
)
from muster.connectors.ldap import dn as dns
from muster.connectors.ldap import requests
from muster.connectors.ldap.requests import Modification
from muster.model.changes import Change
from muster.model.secrets import Secret
from muster.model.values import Document, Value, WrongType, items, shown

_FORBIDDEN: Final = frozenset('"/\\[]:;|=,+*?<>')
_SCOPE_BITS: Final = sum(SCOPES.values())
_NO_EXPIRY: Final = "accountExpires"


def named(kind: AdType, change: Change) -> Change:
    """A create with the dn that it gets: below the first base where it does not say one. Raises `WrongType`."""
    if change.values.get("dn"):
        return change
    found = items(change.values.get(kind.rdn))
    if not found:
        raise WrongType(f"neither dn nor {kind.rdn} has a value, so the object has no name; give one of the two")
    return replace(change, values={**change.values, "dn": dns.child(kind.rdn.upper(), str(found[0]), kind.bases[0])})


def check(kind: AdType, change: Change, dn: str | None) -> None:
    """Raises `WrongType` for what Active Directory refuses without saying why: long texts, odd characters in names."""
    for name, value in _texts(kind, change, dn):
        limit = kind.limits.get(name)
        length = len(value.encode("utf-16-le")) // 2
        if limit is not None and length > limit:
            raise WrongType(f"{name} has {length} characters, and Active Directory takes {limit}: {shown(value)}")
        if name == "sAMAccountName" and (odd := sorted(_FORBIDDEN.intersection(value))):
            raise WrongType(f"sAMAccountName may not hold {' '.join(odd)}: {shown(value)}")


def _texts(kind: AdType, change: Change, dn: str | None) -> Iterator[tuple[str, str]]:
    parts: Sequence[Mapping[str, Value]] = (change.values, change.add)
    for part in parts:
        for name, value in part.items():
            canonical = kind.aliases.get(name.lower(), name)
            yield from ((canonical, one) for one in items(value) if isinstance(one, str))
    if dn is not None:
        for name, text in dns.rdn_values(dn):
            yield kind.aliases.get(name.lower(), name), text


def plain(kind: AdType, change: Change, dn: str) -> Change:
    """The change without what is written in another way: views, and the attribute that is part of the name.

    Raises `WrongType` where that attribute and the name differ.
    """
    own = {kind.aliases.get(name.lower(), name): text for name, text in dns.rdn_values(dn)}
    values: Document = {}
    for name, value in change.values.items():
        canonical = kind.aliases.get(name.lower(), name)
        if canonical in own:
            wanted = items(value)
            if wanted and str(wanted[0]).casefold() != own[canonical].casefold():
                raise WrongType(f"{name} is {shown(wanted[0])}, and dn names it {shown(own[canonical])}; they are one")
        elif name not in kind.views:
            values[name] = value
    return replace(change, values=values)


def views_in(kind: AdType, values: Document) -> dict[str, dict[str, Value]]:
    """The views that are written, by the attribute in which they stand."""
    found: dict[str, dict[str, Value]] = {}
    for view in VIEWS:
        if view.name in values and view.name in kind.views:
            found.setdefault(view.stored, {})[view.name] = values[view.name]
    return found


def changed(kind: AdType, number: int, values: Mapping[str, Value]) -> int:
    """The number with the values of views in it. Raises `WrongType`."""
    for name, value in values.items():
        try:
            number = kind.views[name].put(number, value)
        except WrongType as error:
            raise WrongType(f"{name}: {error}") from None
    return number


def first_numbers(kind: AdType, change: Change) -> list[tuple[str, list[bytes]]]:
    """userAccountControl, groupType and pwdLastSet of a new object. Raises `WrongType`.

    An account with a password is enabled unless the change says otherwise, one without is not.
    """
    wanted = views_in(kind, change.values)
    given = {kind.aliases.get(name.lower(), name): value for name, value in change.values.items()}
    found: list[tuple[str, list[bytes]]] = []
    if CONTROL in kind.schema.attributes and (CONTROL in wanted or given.get(CONTROL) is None):
        computer = "computer" in kind.classes
        number = WORKSTATION if computer else NORMAL
        if change.password is None and not computer:
            number |= DISABLED
        if given.get(CONTROL) is not None:
            number = int(kind.sent(CONTROL, given[CONTROL])[0])
        found.append((CONTROL, [signed(changed(kind, number, wanted.get(CONTROL, {})), CONTROL)]))
    if GROUP_TYPE in kind.schema.attributes and (GROUP_TYPE in wanted or given.get(GROUP_TYPE) is None):
        number = SCOPES["global"] | SECURITY
        if given.get(GROUP_TYPE) is not None:
            number = unsigned(kind.sent(GROUP_TYPE, given[GROUP_TYPE])[0])
        found.append((GROUP_TYPE, [signed(changed(kind, number, wanted.get(GROUP_TYPE, {})), GROUP_TYPE)]))
    if LAST_SET in wanted and changed(kind, 0, wanted[LAST_SET]) == 0:
        found.append((LAST_SET, [b"0"]))
    return found


def additions(kind: AdType, change: Change, dn: str) -> list[tuple[str, list[bytes]]]:
    """The attributes of a new entry. Raises `WrongType`."""
    numbers = first_numbers(kind, change)
    entry = dict(requests.additions(kind, plain(kind, change, dn), dn, {}))
    entry.update(numbers)
    if change.password is not None:
        entry["unicodePwd"] = [password(change.password)]
    return list(entry.items())


def replacements(kind: AdType, change: Change, dn: str) -> list[Modification]:
    """The modifications that replace attributes, numbers apart. Raises `WrongType`."""
    mods = requests.replacements(kind, plain(kind, change, dn).values)
    never = [str(NEVER).encode()]
    return [(how, name, never if name == _NO_EXPIRY and not sent else sent) for how, name, sent in mods]


def value_changes(kind: AdType, change: Change) -> list[Modification]:
    """The modifications that remove and add single values: what is only spelled anew goes before it comes back.

    Raises `WrongType`.
    """
    mods = requests.value_changes(kind, change.add, change.remove)
    return sorted(mods, key=lambda mod: mod[0] != ldap.MOD_DELETE)


def steps(kind: AdType, stored: str, was: bytes, values: Mapping[str, Value]) -> list[int]:
    """The numbers to write one after the other, from what it was; none when nothing changes. Raises `WrongType`."""
    number = unsigned(was)
    wanted = changed(kind, number, values)
    if wanted == number:
        return []
    before, after = number & _SCOPE_BITS, wanted & _SCOPE_BITS
    if stored == GROUP_TYPE and before != after and SCOPES["universal"] not in (before, after):
        # Between global and domain local there is no direct way.
        return [wanted & ~_SCOPE_BITS | SCOPES["universal"], wanted]
    return [wanted]


def password(secret: Secret) -> bytes:
    """As unicodePwd takes it (MS-ADTS section 3.1.1.3.1.5.1)."""
    return f'"{secret.reveal()}"'.encode("utf-16-le")
