"""Muster's changes and look-ups → LDAP requests: filters, entries, modifications. Pure, tested without a server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeAlias

import ldap
from ldap.filter import escape_filter_chars

from muster.connectors.ldap import dn as dns
from muster.connectors.ldap.settings import Switch
from muster.connectors.ldap.wire import LdapType, switch_value
from muster.model.changes import Change
from muster.model.schema import ENABLED
from muster.model.values import Document, Scalar, Type, Value, WrongType, items

Modification: TypeAlias = tuple[int, str, "list[bytes] | None"]


# --- filters (RFC 4515)

NOTHING: Final = "(!(objectClass=*))"
"""The filter that finds no entry."""

ANYTHING: Final = "(objectClass=*)"
"""The filter that finds every entry."""


def equality(kind: LdapType, name: str, value: Value) -> str:
    """The filter for objects whose attribute has the value (all of a list; none for NULL). Raises `WrongType`."""
    if name == ENABLED and kind.switch is not None:
        return _switch_filter(kind.switch, value)
    canonical = kind.canonical(name)
    sent = kind.sent(canonical, value)
    if not sent:
        return f"(!({canonical}=*))"
    binary = kind.schema.attributes[canonical].type is Type.BINARY or canonical in kind.forms
    parts = [f"({canonical}={octets(one) if binary else _escaped(one)})" for one in sent]
    return parts[0] if len(parts) == 1 else f"(&{''.join(parts)})"


def _escaped(value: bytes) -> str:
    return str(escape_filter_chars(value.decode()))


def octets(value: bytes) -> str:
    """The bytes as a filter has them."""
    return "".join(f"\\{octet:02x}" for octet in value)


def _switch_filter(switch: Switch, value: Value) -> str:
    sent = switch_value(value, switch)
    name = switch.attribute
    if sent:
        return f"({name}={_escaped(sent[0])})"
    opposite = switch.off if switch.on is None else switch.on
    return f"(!({name}={_escaped((opposite or '').encode())}))"


def any_anchor(kind: LdapType, anchors: Iterable[str]) -> str:
    """The filter for the objects with these anchors; what cannot be an anchor of the type finds nothing."""
    parts: list[str] = []
    for one in anchors:
        with suppress(WrongType):
            parts.append(equality(kind, kind.anchor, one))
    return f"(|{''.join(parts)})" if parts else NOTHING


def assertion(kind: LdapType, expected: Document) -> str | None:
    """`expected` as a filter that a server can assert (RFC 4528); None when only a comparison here can tell."""
    parts: list[str] = []
    for name, value in expected.items():
        if name in ("dn", ENABLED) or isinstance(value, list):
            return None
        canonical = kind.canonical(name)
        if kind.schema.attributes[canonical].many or canonical not in kind.comparable:
            return None
        parts.append(equality(kind, name, value))
    return f"(&{''.join(parts)})" if parts else None


# --- writing


def new_dn(kind: LdapType, change: Change) -> str:
    """The DN of an object to create: as given, or `rdn` below the base. Raises `WrongType`."""
    given = change.values.get("dn")
    if isinstance(given, str) and given:
        try:
            dns.rdn_values(given)
            if not dns.key(given):
                raise dns.MalformedDn("the DN is empty")
        except dns.MalformedDn as error:
            raise WrongType(str(error)) from None
        return given
    named = items(change.values.get(kind.rdn))
    if not named:
        raise WrongType(f"neither dn nor {kind.rdn} has a value, so the object has no name; give one of the two")
    return dns.child(kind.rdn, str(named[0]), kind.base)


def additions(
    kind: LdapType, change: Change, dn: str, members: Mapping[str, Sequence[Scalar]]
) -> list[tuple[str, list[bytes]]]:
    """The attributes of a new entry, with `members` as the first values of large attributes. Raises `WrongType`."""
    attributes = kind.schema.attributes
    entry: dict[str, list[bytes]] = {"objectClass": [one.encode() for one in kind.classes]}
    for name, value in change.values.items():
        if name == "dn" or value is None:
            continue
        if name == ENABLED and kind.switch is not None:
            sent, canonical = switch_value(value, kind.switch), kind.switch.attribute
        else:
            canonical = kind.canonical(name)
            sent = kind.sent(canonical, value)
        if sent:
            entry[canonical] = sent
    for part in (change.add, members):
        for name, more in part.items():
            canonical = kind.canonical(name)
            into = entry.setdefault(canonical, [])
            into.extend(one for one in kind.sent(canonical, list(more)) if one not in into)
    if change.anchor is not None and not kind.schema.assigned:
        entry.setdefault(kind.anchor, [change.anchor.encode()])
    for name, text in dns.rdn_values(dn):
        into = entry.setdefault(kind.aliases.get(name.lower(), name), [])
        if not any(one.decode("utf-8", "replace").casefold() == text.casefold() for one in into):
            into.append(text.encode())
    if kind.placeholder is not None:
        for name, attribute in attributes.items():
            if attribute.large:
                entry.setdefault(name, []).append(kind.placeholder.encode())
    return list(entry.items())


def renamed_dn(kind: LdapType, change: Change, dn: str) -> str | None:
    """Where an update moves the object, None when nowhere: a new `dn`, or a new value of the naming attribute.

    A change that takes the value away which names the object, and adds another, is such a value. Raises `WrongType`.
    """
    given = change.values.get("dn")
    if isinstance(given, str) and given:
        try:
            dns.key(given)
            dns.rdn_values(given)
        except dns.MalformedDn as error:
            raise WrongType(str(error)) from None
        return None if dns.same(given, dn) else given
    if "dn" in change.values:
        raise WrongType("dn is NULL; an object cannot be without a name")
    own = dns.rdn_values(dn)
    name, text = own[0]
    if len(own) > 1:
        return None
    canonical = kind.aliases.get(name.lower())
    if canonical is None:
        return None
    for given_name, value in change.values.items():
        if kind.aliases.get(given_name.lower()) == canonical and value is not None:
            wanted = [str(one) for one in items(value)]
            if wanted and all(one.casefold() != text.casefold() for one in wanted):
                return dns.child(name, wanted[0], dns.split(dn)[1])
    if loses_name(kind, change, dn):
        for given_name, values in change.add.items():
            if kind.aliases.get(given_name.lower()) == canonical and values:
                return dns.child(name, str(values[0]), dns.split(dn)[1])
    return None


def loses_name(kind: LdapType, change: Change, dn: str) -> bool:
    """Whether a change takes away the one value that names the object, and gives no `dn`."""
    if not change.remove:
        return False
    (name, text), *others = dns.rdn_values(dn)
    if others or "dn" in change.values:
        return False
    canonical = kind.aliases.get(name.lower())
    gone = [
        one for taken, some in change.remove.items() if kind.aliases.get(taken.lower()) == canonical for one in some
    ]
    return canonical is not None and any(str(one).casefold() == text.casefold() for one in gone)


def name_left(kind: LdapType, change: Change, dn: str, values: Sequence[bytes]) -> str | None:
    """The DN by another of the naming attribute's `values`, which the change leaves; None when there is none."""
    name, _ = dns.rdn_values(dn)[0]
    canonical = kind.aliases.get(name.lower())
    gone = {
        str(one).casefold()
        for taken, some in change.remove.items()
        if kind.aliases.get(taken.lower()) == canonical
        for one in some
    }
    left = [text for one in values if (text := one.decode("utf-8", "replace")).casefold() not in gone]
    return dns.child(name, left[0], dns.split(dn)[1]) if left else None


def replacements(kind: LdapType, values: Document) -> list[Modification]:
    """The modifications that replace attributes. Raises `WrongType`."""
    mods: list[Modification] = []
    for name, value in values.items():
        if name == "dn":
            continue
        if name == ENABLED and kind.switch is not None:
            mods.append((ldap.MOD_REPLACE, kind.switch.attribute, switch_value(value, kind.switch) or None))
            continue
        canonical = kind.canonical(name)
        sent = kind.sent(canonical, value)
        if kind.schema.attributes[canonical].large and kind.placeholder is not None:
            sent.append(kind.placeholder.encode())
        mods.append((ldap.MOD_REPLACE, canonical, sent or None))
    return mods


def value_changes(kind: LdapType, add: Mapping[str, Any], remove: Mapping[str, Any]) -> list[Modification]:
    """The modifications that add and remove single values. Raises `WrongType`."""
    mods: list[Modification] = []
    for how, part in ((ldap.MOD_ADD, add), (ldap.MOD_DELETE, remove)):
        for name, values in part.items():
            canonical = kind.canonical(name)
            sent = kind.sent(canonical, list(values), many=True)
            if sent:
                mods.append((how, canonical, sent))
    return mods


def without_name(kind: LdapType, remove: Mapping[str, Any], dn: str) -> dict[str, list[Any]]:
    """`remove` without the values that name the object.

    RFC 4511 section 4.6: those can be removed by a rename only. A server that is asked to refuses the whole change.
    """
    named = {(kind.aliases.get(name.lower(), name), text.casefold()) for name, text in dns.rdn_values(dn)}
    left = {
        name: [one for one in values if (kind.aliases.get(name.lower(), name), str(one).casefold()) not in named]
        for name, values in remove.items()
    }
    return {name: values for name, values in left.items() if values}
