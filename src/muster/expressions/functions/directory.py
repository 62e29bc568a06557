"""Functions of distinguished names.

https://learn.microsoft.com/entra/identity/hybrid/connect/reference-connect-sync-functions-reference#dncomponent,
RFC 4514 for how a name is written.
"""

import re

from muster.expressions.errors import EvaluationFault, shown
from muster.expressions.functions.function import Function
from muster.expressions.values import each, need_int, to_text

_PREFIX = re.compile(r"(?:cn|ou|dc|o|l|st|c|street|uid)=", re.IGNORECASE)
_SPECIAL = re.compile(r'[,=+<>;"\\#]')
_HEX = re.compile(r"(?:\\[0-9a-fA-F]{2})+")


def escape_dn(value: object) -> object:
    """`EscapeDN(text)`, `EscapeDNComponent`: the text as a value within a distinguished name (RFC 4514 2.4).

    Escaped are `, = + < > ; " \\ #`, a space at an end, and control characters as their bytes. NULL stays NULL.
    """
    if not isinstance(value, str):
        return each(escape_dn, value)
    text = _SPECIAL.sub(lambda found: "\\" + found.group(), value)
    text = re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\{ord(found.group()):02X}", text)
    if text.startswith(" "):
        text = "\\" + text
    if text.endswith(" ") and not text.endswith("\\ "):
        text = text[:-1] + "\\ "
    return text


def escape_component(value: object) -> object:
    """`EscapeDNComponent` of Entra Connect and MIM, which take the whole component: `cn=` in front is kept as it is."""
    if not isinstance(value, str):
        return each(escape_component, value)
    prefix = _PREFIX.match(value)
    if prefix is None:
        return escape_dn(value)
    return prefix.group() + to_text(escape_dn(value[prefix.end() :]))


def cref(value: object) -> object:
    """`CRef(text)`: the text as a reference. NULL and the empty text are NULL."""
    if isinstance(value, list):
        return [cref(item) for item in value]
    return to_text(value) or None


def dn_component(value: object, number: object) -> object:
    """`DNComponent(dn, number)`: the value of that component, from 1 on the left; NULL when there is none."""
    if not isinstance(value, str):
        return each(dn_component, value, number)
    return _component(_components(value), number)


def dn_component_rev(value: object, number: object, options: object = None) -> object:
    """`DNComponentRev(dn, number, options)`: from 1 on the right; with `"DC"`, components `dc=` are passed over."""
    if not isinstance(value, str):
        return each(dn_component_rev, value, number, options)
    parts = _components(value)[::-1]
    if to_text(options).upper() == "DC":
        parts = [part for part in parts if part[0].lower() != "dc"]
    return _component(parts, number)


def _component(parts: list[tuple[str, str]], number: object) -> str | None:
    wanted = need_int(number, "the number of the DN's component")
    return parts[wanted - 1][1] if 0 < wanted <= len(parts) else None


def _components(dn: str) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    for part in re.split("[,;]", _shielded(dn)):
        kind, equals, value = part.replace("\0", ",").replace("\1", ";").partition("=")
        if not equals:
            raise EvaluationFault(f"{shown(dn)} is no distinguished name")
        out.append((kind.strip(), _unescaped(value.strip())))
    return out


def _shielded(dn: str) -> str:
    out: list[str] = []
    at = 0
    quoted = False
    while at < len(dn):
        letter = dn[at]
        if letter == "\\":
            out.append(dn[at : at + 2].replace(",", "\0").replace(";", "\1"))
            at += 2
            continue
        if letter == '"':
            quoted = not quoted
        elif quoted and letter in ",;":
            letter = "\0" if letter == "," else "\1"
        if letter != '"':
            out.append(letter)
        at += 1
    return "".join(out)


def _unescaped(value: str) -> str:
    plain = _HEX.sub(lambda found: bytes.fromhex(found.group().replace("\\", "")).decode("utf-8", "replace"), value)
    return re.sub(r"\\(.)", r"\1", plain)


_OLD = ("connect", "mim")

FUNCTIONS = (
    Function("EscapeDN", 1, 1, escape_dn),
    Function("EscapeDNComponent", 1, 1, escape_dn),
    Function("EscapeDNComponent", 1, 1, escape_component, dialects=_OLD),
    Function("CRef", 1, 1, cref),
    Function("DNComponent", 2, 2, dn_component),
    Function("DNComponentRev", 2, 3, dn_component_rev),
)
