"""The query options of a request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from muster.server.graph.errors import GraphError, bad_request

MOST: Final = 999
"""Objects of one page."""
_KNOWN: Final = (
    *("select", "expand", "filter", "search", "orderby", "top", "count", "skiptoken", "deltatoken", "format"),
    "skip",
)
_NAME: Final = re.compile(r"[A-Za-z_][\w.]*")


@dataclass(frozen=True, slots=True)
class Expansion:
    """One part of `$expand`: what is shown with each object. `levels` 0: as many as there are."""

    name: str
    select: tuple[str, ...] | None = None
    levels: int = 1


@dataclass(frozen=True, slots=True)
class Options:
    """What a client asks for beyond the path. `raw` are the options as they were sent, without the `$`."""

    raw: Mapping[str, str] = field(default_factory=dict)
    select: tuple[str, ...] | None = None
    expand: tuple[Expansion, ...] = ()
    filter: str | None = None
    search: str | None = None
    order: str | None = None
    descending: bool = False
    top: int | None = None
    count: bool = False
    skip_token: str | None = None
    delta_token: str | None = None


_NONE: Final = Options()


def parse_options(query: str) -> Options:
    """The options of a query string. Raises `GraphError`."""
    if not query:
        return _NONE
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=False, errors="strict", max_num_fields=50)
    except ValueError:
        raise bad_request("The query string cannot be read: it is not UTF-8, or has too many options.") from None
    raw: dict[str, str] = {}
    for key, value in pairs:
        name = key.removeprefix("$").lower()
        if name not in _KNOWN:
            if key.startswith("$"):
                raise bad_request(f"The query parameter '{key}' is not supported.")
            continue
        if name in raw:
            raise bad_request(
                f"Query option '${name}' was specified more than once, but it must be specified at most once."
            )
        if "\x00" in value:
            raise bad_request(f"Query option '${name}' has a NUL character.")
        raw[name] = value
    if "skip" in raw:
        raise GraphError(400, "Request_BadRequest", "'$skip' is not supported by the service.")
    order, descending = _order(raw.get("orderby"))
    return Options(
        raw=raw,
        select=_select(raw.get("select")),
        expand=_expand(raw.get("expand")),
        filter=raw.get("filter") or None,
        search=raw.get("search") or None,
        order=order,
        descending=descending,
        top=_top(raw.get("top")),
        count=_flag(raw.get("count")),
        skip_token=raw.get("skiptoken"),
        delta_token=raw.get("deltatoken"),
    )


def _select(text: str | None) -> tuple[str, ...] | None:
    if not text:
        return None
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name != "*" and not all(_NAME.fullmatch(part) for part in name.split("/")):
            raise bad_request(f"Parsing OData Select and Expand failed: '{name[:100]}' is no property name.")
    return None if "*" in names else names


def _order(text: str | None) -> tuple[str | None, bool]:
    if not text:
        return None, False
    parts = text.split()
    if "," in text or len(parts) > 2 or not _NAME.fullmatch(parts[0]) or parts[1:] not in ([], ["asc"], ["desc"]):
        raise bad_request(f"Invalid $orderby '{text[:100]}': one property is supported, with asc or desc after it.")
    return parts[0], parts[1:] == ["desc"]


def _top(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not 1 <= int(text) <= MOST:
        raise GraphError(
            400,
            "Request_UnsupportedQuery",
            f"Invalid page size specified: '{text[:20]}'. Must be between 1 and {MOST} inclusive.",
        )
    return int(text)


def _flag(text: str | None) -> bool:
    if text is None or text.lower() == "false":
        return False
    if text.lower() != "true":
        raise bad_request(f"Invalid value '{text[:20]}' for $count query option: expected true or false.")
    return True


def _expand(text: str | None) -> tuple[Expansion, ...]:
    if not text:
        return ()
    found = [_expansion(part) for part in _split(text, ",")]
    if len(found) > 1:
        raise GraphError(
            400, "Request_UnsupportedQuery", "Expanding more than one property in a request is not supported."
        )
    return tuple(found)


def _expansion(text: str) -> Expansion:
    name, parenthesis, rest = text.strip().partition("(")
    if not _NAME.fullmatch(name.strip()) or (parenthesis and not rest.endswith(")")):
        raise bad_request(f"Parsing OData Select and Expand failed: '{text[:100]}'.")
    select: tuple[str, ...] | None = None
    levels = 1
    for option in _split(rest[:-1], ";") if parenthesis else ():
        key, _, value = option.strip().partition("=")
        match key.strip().removeprefix("$").lower():
            case "select":
                select = _select(value)
            case "levels" if value == "max":
                levels = 0
            case "levels" if value.isascii() and value.isdigit() and len(value) <= 4 and 1 <= int(value) <= 1000:
                levels = int(value)
            case _:
                raise GraphError(400, "Request_UnsupportedQuery", f"'{option[:100]}' is not supported inside $expand.")
    return Expansion(name.strip(), select, levels)


def _split(text: str, sign: str) -> list[str]:
    """The parts of a text between signs that stand in no parentheses."""
    parts, depth, start = [], 0, 0
    for place, one in enumerate(text):
        depth += (one == "(") - (one == ")")
        if one == sign and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    parts.append(text[start:])
    return parts
