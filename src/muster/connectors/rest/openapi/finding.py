"""What of an OpenAPI document looks like an object type, and how its list, its key and its switch look."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from muster.connectors.rest.openapi.document import Document, Node

_PARAMETER: Final = re.compile(r"\{([^{}]+)\}")
_UNIQUE: Final = ("login", "username", "user_name", "email", "mail", "emailaddress", "externalid", "name")
_ANCHORS: Final = ("id", "uuid", "guid", "_id", "key")
_ITEMS: Final = ("items", "data", "results", "records", "value", "values", "resources", "content", "rows", "entries")
_TOTALS: Final = ("total", "total_count", "totalcount", "totalresults", "total_results", "count", "totalelements")
_NEXT: Final = ("next", "next_page", "nextlink", "@odata.nextlink", "next_url", "nextpagelink")
_CURSORS: Final = ("next_cursor", "nextcursor", "cursor", "next_token", "nexttoken", "nextpagetoken", "next_page_token")
_SIZES: Final = ("limit", "per_page", "perpage", "page_size", "pagesize", "size", "count", "maxresults", "max_results")
_SINCE: Final = ("updated_since", "modified_since", "updatedsince", "modifiedsince", "since", "updated_after")
_ON: Final = ("active", "enabled")
_OFF: Final = ("inactive", "disabled", "suspended", "deactivated")


@dataclass(slots=True)
class Found:
    """A collection: its path, that of one object, and the schema of a record."""

    path: str
    one: str | None
    item: Node
    single: Node
    items: str
    record: Node
    answer: Node
    headers: Node
    lists: dict[str, str] = field(default_factory=dict)


def collections(document: Document) -> Iterator[Found]:
    """The collections of objects, in the order of the document. Those below an object of another are left out."""
    paths = dict(document.paths())
    for path, item in paths.items():
        if "get" not in item or _PARAMETER.search(path.rstrip("/").rpartition("/")[2]):
            continue
        answer, headers = document.answered(item["get"])
        found = _list_in(document, answer)
        if found is None:
            continue
        items, record = found
        one = next((p for p in paths if _below(p, path)), None)
        if _inside(path, paths) or (one is None and "post" not in item):
            continue
        made = Found(path, one, item, paths.get(one or "", {}), items, record, answer, headers)
        if one is not None:
            made.lists = {p.rpartition("/")[2]: p for p in paths if _list_below(p, one, paths)}
        yield made


def _below(path: str, collection: str) -> bool:
    head, _, last = path.rpartition("/")
    return head == collection.rstrip("/") and _PARAMETER.fullmatch(last) is not None


def _list_below(path: str, one: str, paths: Mapping[str, Node]) -> bool:
    head, _, last = path.rpartition("/")
    return head == one and "{" not in last and "get" in paths[path] and any(_below(p, path) for p in paths)


def _inside(path: str, paths: Mapping[str, Node]) -> bool:
    """Whether a collection stands below an object of another collection."""
    head = path.rstrip("/").rpartition("/")[0]
    return _PARAMETER.search(head.rpartition("/")[2]) is not None and head.rpartition("/")[0] in paths


def _list_in(document: Document, schema: Node, depth: int = 0) -> tuple[str, Node] | None:
    """Where the list is in an answer, and the schema of what it lists."""
    if schema.get("type") == "array" or "items" in schema:
        record = document.schema(schema.get("items"))
        return ("@", record) if document.properties(record) else None
    listed = document.properties(schema)
    order = sorted(listed, key=lambda name: _ITEMS.index(name.lower()) if name.lower() in _ITEMS else len(_ITEMS))
    for name in order:
        inner = listed[name]
        if inner.get("type") == "array":
            record = document.schema(inner.get("items"))
            if document.properties(record):
                return quoted(name), record
        elif depth < 1 and document.properties(inner) and inner.get("type", "object") == "object":
            deeper = _list_in(document, inner, depth + 1)
            if deeper is not None:
                return f"{quoted(name)}.{deeper[0]}", deeper[1]
    return None


def quoted(name: str) -> str:
    """A property's name as a step of a path."""
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else f'"{name}"'


def parameter_of(one: str | None) -> str | None:
    """The parameter that names an object in its path."""
    found = _PARAMETER.findall((one or "").rpartition("/")[2])
    return found[0] if found else None


def others_of(path: str) -> list[str]:
    """The parameters of a path beside an object's own."""
    return _PARAMETER.findall(path)


def anchor(names: Sequence[str], parameter: str | None) -> str | None:
    """The attribute that names an object for ever, by its name."""
    lower = {name.lower(): name for name in names}
    wanted = [(parameter or "").lower(), *_ANCHORS]
    short = (parameter or "").lower().removesuffix("id").strip("_-")
    wanted += [f"{short}_id", f"{short}id"] if short else []
    return next((lower[name] for name in wanted if name in lower), None)


def unique(names: Sequence[str]) -> str | None:
    """An attribute by which an object may be found again, by its name."""
    lower = {name.lower(): name for name in names}
    return next((lower[name] for name in _UNIQUE if name in lower), None)


def switch(properties: Mapping[str, Node]) -> tuple[str, Any, Any] | None:
    """The attribute that switches an account: its name, and its words for on and off (None: true and false)."""
    for name, schema in properties.items():
        low = name.lower().removeprefix("is").strip("_")
        if schema.get("type") == "boolean" and low in ("active", "enabled"):
            return name, None, None
        if schema.get("type") == "boolean" and low in ("suspended", "disabled", "blocked", "deactivated"):
            return name, False, True
        words = schema.get("enum") or ()
        if low in ("status", "state"):
            on = next((word for word in words if str(word).lower() in _ON), None)
            off = next((word for word in words if str(word).lower() in _OFF), None)
            if on is not None and off is not None:
                return name, on, off
    return None


def paging(document: Document, found: Found) -> dict[str, Any] | None:
    """How the list goes on, as `paging` says it; None when nothing tells."""
    parameters = document.parameters(found.item, "get")
    lower = {name.lower(): name for name in parameters}
    places = dict(_places(document, found.answer))
    size = next((lower[name] for name in _SIZES if name in lower), None)
    more: dict[str, Any] = {"size": size} if size else {}
    limit = document.follow(parameters[size].get("schema")).get("maximum") if size else None
    if isinstance(limit, int) and 0 < limit <= 1000:
        more["count"] = limit
    if any(name.lower() == "link" for name in found.headers):
        return {"by": "link", **more}
    cursor = next((places[name] for name in _CURSORS if name in places), None)
    named = (name for low, name in lower.items() if "cursor" in low or "token" in low or low in ("after", "start"))
    asked = next(named, None)
    if cursor is not None and asked is not None:
        return {"by": "cursor", "parameter": asked, "at": cursor, **more}
    after = next((places[name] for name in _NEXT if name in places), None)
    if after is not None:
        return {"by": "next", "at": after, **more}
    total = next((places[name] for name in _TOTALS if name in places), None)
    if total is not None:
        more["total"] = total
    for by, names in (("offset", ("offset", "skip", "start")), ("page", ("page", "page_number", "pagenumber"))):
        name = next((lower[one] for one in names if one in lower), None)
        if name is not None:
            return {"by": by, "parameter": name, **more}
    return None


def since(document: Document, found: Found) -> str | None:
    """The parameter that asks for what changed."""
    lower = {name.lower(): name for name in document.parameters(found.item, "get")}
    return next((lower[name] for name in _SINCE if name in lower), None)


def _places(document: Document, schema: Node, before: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """The single values of an answer: name in lower case → path."""
    for name, inner in document.properties(schema).items():
        path = f"{before}{quoted(name)}"
        if inner.get("type") not in ("array", "object") and not document.properties(inner):
            yield name.lower(), path
        elif depth < 1 and inner.get("type") != "array":
            yield from _places(document, inner, f"{path}.", depth + 1)
