"""Requests with holes: `{login}` in a path, a query, a header or a body. Pure.

What fills a hole can never become more than one value: in a path it is percent-encoded (RFC 3986), as the whole of a
query's value it is form-encoded, inside a longer one it is quoted as the hole says (`{login|json}`: "…",
`{login|odata}`: '…'), in a body it is a value of JSON or of a form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import orjson

from muster.model.secrets import Secret

HOLE: Final = re.compile(r"\{(\*|[A-Za-z_][\w.-]*)(?:\|(json|odata))?\}")
OURS: Final = frozenset({"key"})
"""Holes that Muster or the system itself fills, never a person's value."""


class Unfit(ValueError):
    """A value that cannot stand where the template puts it; the message says which and why."""


class Unasked(Unfit):
    """A request that the service's own description does not allow as it is."""


def holes(template: Any) -> Iterator[str]:
    """The names of all holes."""
    if isinstance(template, str):
        yield from (found[1] for found in HOLE.finditer(template))
    elif isinstance(template, Mapping):
        for one in template.values():
            yield from holes(one)
    elif isinstance(template, list | tuple):
        for one in template:
            yield from holes(one)


def unquoted(text: str) -> str | None:
    """The first hole inside a longer text of a query that does not say how it is quoted; None when there is none."""
    if HOLE.fullmatch(text):
        return None
    return next((found[1] for found in HOLE.finditer(text) if found[2] is None and found[1] not in OURS), None)


def path(template: str, known: Mapping[str, Any]) -> str:
    """The path with each value percent-encoded. Raises `Unfit` for one that would change where it leads."""
    filled = HOLE.sub(lambda found: quote(_text(found[1], known), safe=""), template)
    for segment in filled.split("/"):
        if segment in (".", ".."):
            raise Unfit(f"{segment!r} cannot stand in an address")
    return filled


def query(template: Mapping[str, str], known: Mapping[str, Any]) -> dict[str, str]:
    """The parameters; one whose only value is missing is left out."""
    found: dict[str, str] = {}
    for name, text in template.items():
        whole = HOLE.fullmatch(text)
        if whole and known.get(whole[1]) is None:
            continue
        found[name] = HOLE.sub(lambda hole: _literal(_text(hole[1], known), hole[2]), text)
    return found


def headers(template: Mapping[str, str], known: Mapping[str, Any]) -> dict[str, str]:
    """The headers. Raises `Unfit` for a value that no header can hold."""
    found = {name: HOLE.sub(lambda hole: _text(hole[1], known), text) for name, text in template.items()}
    for name, text in found.items():
        if not (text.isascii() and text.isprintable()):
            raise Unfit(f"the header {name} can hold printable ASCII alone")
    return found


def body(template: Any, known: Mapping[str, Any]) -> Any:
    """The body: a hole that is a whole text gives the value as it is; where there is none, its key is left out."""
    if isinstance(template, str):
        whole = HOLE.fullmatch(template)
        if whole and whole[2] is None:
            value = known.get(whole[1])
            return value.reveal() if isinstance(value, Secret) else value
        return HOLE.sub(lambda hole: _literal(_text(hole[1], known), hole[2]), template)
    if isinstance(template, Mapping):
        return {name: body(one, known) for name, one in template.items() if not _missing(one, known)}
    if isinstance(template, list | tuple):
        return [body(one, known) for one in template if not _missing(one, known)]
    return template


def _missing(template: Any, known: Mapping[str, Any]) -> bool:
    whole = HOLE.fullmatch(template) if isinstance(template, str) else None
    return whole is not None and whole[1] not in known


def form(template: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, str]:
    """The body as fields of a form. Raises `Unfit` for what is no single value."""
    filled = body(template, known)
    return {name: _plain(name, value) for name, value in filled.items() if value is not None}


def _text(name: str, known: Mapping[str, Any]) -> str:
    value = known.get(name)
    if value is None or value == "":
        raise Unfit(f"{name} has no value, and the request needs one")
    return _plain(name, value)


def _plain(name: str, value: Any) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise Unfit(f"{name} is no single value")


def _literal(text: str, quoting: str | None) -> str:
    if quoting == "json":
        return orjson.dumps(text).decode()
    if quoting == "odata":
        return "'" + text.replace("'", "''") + "'"
    return text
