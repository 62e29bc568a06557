"""What the three dialects do not share, besides their grammars: how texts are written and which functions there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from muster.expressions.errors import ExpressionError, nearest
from muster.expressions.functions import (
    certificates,
    conversion,
    dates,
    directory,
    flow,
    inspection,
    matching,
    multivalue,
    numbers,
    roles,
    text,
)
from muster.expressions.functions.function import Function
from muster.expressions.results import AUTHORITATIVE_NULL, IGNORE_FLOW, IGNORE_OBJECT


@dataclass(frozen=True, slots=True)
class Dialect:
    """One of the languages that the products' administrators know.

    `backslashes`: a text escapes with a backslash (else a quotation mark is doubled). `bare_attributes`: a plain word
    is an attribute. `maps_operators`: an operator over a multi-value answers for each of its values.
    """

    name: str
    functions: Mapping[str, Function]
    backslashes: bool = False
    bare_attributes: bool = False
    maps_operators: bool = False


_FAMILIES = (text, dates, multivalue, flow, directory, certificates, conversion, inspection, matching, numbers, roles)

CONSTANTS: Mapping[str, object] = MappingProxyType(
    {
        "true": True,
        "false": False,
        "null": None,
        "nothing": None,
        "crlf": "\r\n",
        "ignorethisflow": IGNORE_FLOW,
        "ignoreattributeflow": IGNORE_FLOW,
        "ignoreobjectflow": IGNORE_OBJECT,
        "authoritativenull": AUTHORITATIVE_NULL,
        **{
            word.lower(): word
            for word in (
                "vbTextCompare", "vbBinaryCompare", "CaseInsensitive", "CaseSensitive", "Unicode", "ASCII", "UTF8",
                "DC", "SimpleName", "EmailName", "UpnName", "DnsName", "DnsFromAlternativeName", "UrlName",
            )
        },
    }
)  # fmt: skip
"""Words that stand for a value, lower-case, in every dialect."""


def _functions(name: str) -> Mapping[str, Function]:
    table: dict[str, Function] = {}
    for family in _FAMILIES:
        for function in family.FUNCTIONS:
            if not function.dialects:
                table.setdefault(function.name.lower(), function)
            elif name in function.dialects:
                table[function.name.lower()] = function
    return MappingProxyType(table)


DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "entra": Dialect("entra", _functions("entra"), backslashes=True),
        "connect": Dialect("connect", _functions("connect"), maps_operators=True),
        "mim": Dialect("mim", _functions("mim"), bare_attributes=True),
    }
)


def dialect_of(name: str) -> Dialect:
    """The dialect of this name. ExpressionError when there is none."""
    found = DIALECTS.get(name)
    if found is None:
        raise ExpressionError(f"no dialect {name}; there are {', '.join(DIALECTS)}", suggestion=nearest(name, DIALECTS))
    return found
