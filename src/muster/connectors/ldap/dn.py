"""Distinguished names (RFC 4514): taking apart, comparing, escaping, moving."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, TypeAlias

import ldap
import ldap.dn

Key: TypeAlias = tuple[str, ...]
"""A DN in comparable form: one text an RDN, the object's own first."""

_ROOT: Final[Key] = ()
_PAIR: Final = re.compile(r"\\([0-9A-Fa-f]{2}|.)", re.DOTALL)
_ESCAPED: Final = frozenset(' "#+,;<=>\\')
"""The characters that RFC 4514 lets a backslash stand before."""


class MalformedDn(ValueError):
    """A text that is no distinguished name."""


@lru_cache(maxsize=4_096)
def _key(dn: str) -> Key:
    if not dn:
        return _ROOT
    if "\\" not in dn and '"' not in dn and "+" not in dn:
        own, comma, parent = dn.partition(",")
        kind, equals, value = own.partition("=")
        if not equals or not kind.strip() or (comma and not parent.strip()):
            raise MalformedDn(f"{dn!r} is not a distinguished name such as uid=ann,ou=people,dc=example")
        return (f"{kind.strip().lower()}={_value_key(value)}", *(_key(parent.strip()) if comma else _ROOT))
    try:
        parts = _parts(dn)
    except ldap.DECODING_ERROR:
        raise MalformedDn(f"{dn!r} is not a distinguished name: a character is missing or not escaped") from None
    return tuple("+".join(sorted(f"{kind.lower()}={_value_key(value)}" for kind, value, _ in rdn)) for rdn in parts)


def _parts(dn: str) -> list[list[tuple[str, str, int]]]:
    """The attributes and values, unescaped. Samba shows `?` as `\\?`, which RFC 4514 does not know."""
    found: list[list[tuple[str, str, int]]] = ldap.dn.str2dn(_PAIR.sub(_needed, dn))
    return found


def _needed(pair: re.Match[str]) -> str:
    """The pair as it is, or without a backslash that need not be."""
    escaped = pair[1]
    return pair[0] if len(escaped) == 2 or escaped in _ESCAPED else escaped


def _value_key(value: str) -> str:
    return " ".join(value.split()).casefold()


def key(dn: str) -> Key:
    """The comparable form: types and values without case, spaces gathered. Raises `MalformedDn`."""
    return _key(dn)


def same(left: str, right: str) -> bool:
    """Whether two texts name the same entry; a malformed one is the same as no other."""
    if left == right:
        return True
    try:
        return key(left) == key(right)
    except MalformedDn:
        return False


def below(dn: str, base: str) -> bool:
    """Whether `dn` is `base` or lies below it. Raises `MalformedDn`."""
    own, top = key(dn), key(base)
    return len(own) >= len(top) and own[len(own) - len(top) :] == top


def split(dn: str) -> tuple[str, str]:
    """The text of the object's own RDN and of its parent's DN ("" at the top). Raises `MalformedDn`."""
    if "\\" not in dn and '"' not in dn:
        own, _, parent = dn.partition(",")
        if "=" not in own:
            raise MalformedDn(f"{dn!r} is not a distinguished name")
        return own.strip(" "), parent.strip(" ")
    at = 0
    quoted = False
    while at < len(dn):
        letter = dn[at]
        if letter == "\\":
            at += 1
        elif letter == '"':
            quoted = not quoted
        elif letter == "," and not quoted:
            return _trimmed(dn[:at]), _trimmed(dn[at + 1 :])
        at += 1
    if "=" not in dn:
        raise MalformedDn(f"{dn!r} is not a distinguished name")
    return _trimmed(dn), ""


def _trimmed(part: str) -> str:
    """Without blanks at the ends, but for one that is escaped."""
    found = part.strip(" ")
    slashes = len(found) - len(found.rstrip("\\"))
    return f"{found} " if slashes % 2 else found


def rdn_values(dn: str) -> list[tuple[str, str]]:
    """The attributes of the object's own RDN with their values, unescaped. Raises `MalformedDn`."""
    own, _ = split(dn)
    if "\\" not in own and '"' not in own and "+" not in own and "#" not in own:
        kind, _, value = own.partition("=")
        return [(kind.strip(" "), value.strip(" "))]
    try:
        return [(kind, value) for kind, value, _ in _parts(own)[0]]
    except (ldap.DECODING_ERROR, IndexError):
        raise MalformedDn(f"{own!r} is not a relative distinguished name") from None


def child(attribute: str, value: str, parent: str) -> str:
    """The DN of the object named `attribute=value` below `parent`, escaped by RFC 4514 section 2.4."""
    own = f"{attribute}={ldap.dn.escape_dn_chars(value)}"
    return f"{own},{parent}" if parent else own


def moved(dn: str, old: str, new: str) -> str:
    """The DN of `old` or of an entry below it, after `old` was renamed to `new`."""
    kept: list[str] = []
    rest = dn
    for _ in range(len(key(dn)) - len(key(old))):
        first, rest = split(rest)
        kept.append(first)
    return ",".join([*kept, new])
