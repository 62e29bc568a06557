"""Which route a path takes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from muster.server.graph.call import Route
from muster.server.graph.errors import GraphError, bad_request

_LONGEST: Final = 4_096
_MOST: Final = 12
_REMEMBERED: Final = 1_024
"""Paths whose route is known: one batch asks for each several times, and a client for the same ones again."""
_TYPES: Final = frozenset(
    {
        "user",
        "group",
        "device",
        "orgContact",
        "directoryObject",
        "application",
        "servicePrincipal",
        "administrativeUnit",
    }
)
_KEYED: Final = re.compile(r"(?P<name>[A-Za-z$.]+)\((?P<key>.*)\)")
_ALTERNATE: Final = re.compile(r"(?P<name>[A-Za-z]+)='(?P<value>(?:[^']|'')*)'")


@dataclass(slots=True)
class _Node:
    routes: dict[str, Route] = field(default_factory=dict)
    children: dict[str, _Node] = field(default_factory=dict)
    variable: _Node | None = None


class Router:
    """A tree of path segments."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        self.find = lru_cache(_REMEMBERED)(self._find)
        """The route, and the variable parts of the path. Raises `GraphError`."""
        for route in routes:
            node = self._root
            for segment in route.path.split("/"):
                if segment == "{}":
                    node.variable = node.variable or _Node()
                    node = node.variable
                else:
                    node = node.children.setdefault(segment.lower(), _Node())
            if route.method in node.routes:
                raise ValueError(f"two routes for {route.method} {route.path}")
            node.routes[route.method] = route

    def _find(self, method: str, path: str) -> tuple[Route, tuple[str, ...]]:
        node = self._root
        keys: list[str] = []
        for segment in segments(path):
            child = node.children.get(segment.lower())
            if child is None and node.variable is not None:
                child = node.variable
                keys.append(segment)
            if child is None:
                raise bad_request(f"Resource not found for the segment '{segment[:100]}'.")
            node = child
        if not node.routes:
            raise bad_request("Resource not found: the path ends too early.")
        route = node.routes.get(method)
        if route is None:
            raise GraphError(
                405,
                "Request_BadRequest",
                "Specified HTTP method is not allowed for the request target.",
                headers={"Allow": ", ".join(sorted(node.routes))},
            )
        return route, tuple(keys)


def segments(path: str) -> list[str]:
    """The parts of a path in one form: `users('x')` as `users`, `x`; types as `graph.user`; functions without `()`."""
    if len(path) > _LONGEST:
        raise GraphError(414, "Request_BadRequest", "The path is too long.")
    found: list[str] = []
    for raw in path.strip("/").split("/"):
        try:
            segment = unquote(raw, errors="strict")
        except UnicodeDecodeError:
            raise bad_request("The path is not UTF-8.") from None
        if not segment or "\x00" in segment:
            raise bad_request("The path has an empty segment.")
        found.extend(_parts(segment))
    if len(found) > _MOST:
        raise bad_request("The path has too many segments.")
    return found


def _parts(segment: str) -> list[str]:
    match = _KEYED.fullmatch(segment)
    if match is not None:
        name, key = _plain(match["name"]), match["key"]
        if not key:
            return [name]
        alternate = _ALTERNATE.fullmatch(key)
        if alternate is not None:
            return [name, f"{alternate['name']}={alternate['value'].replace(chr(39) * 2, chr(39))}"]
        if len(key) >= 2 and key[0] == key[-1] == "'":
            return [name, key[1:-1].replace("''", "'")]
        return [name, key]
    return [_plain(segment)]


def _plain(name: str) -> str:
    """A type keeps a short prefix, so that it is not taken for a key; a function has none."""
    for prefix in ("microsoft.graph.", "graph."):
        if name.lower().startswith(prefix):
            rest = name[len(prefix) :]
            return f"graph.{rest}" if any(rest.lower() == one.lower() for one in _TYPES) else rest
    return name
