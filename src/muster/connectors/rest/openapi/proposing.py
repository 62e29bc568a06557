"""The system file that an OpenAPI document proposes. What a person must decide stands there as a comment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import orjson

from muster.connectors.rest.openapi import finding
from muster.connectors.rest.openapi.document import Document, Node
from muster.connectors.rest.openapi.finding import Found, collections, quoted
from muster.model.errors import ProjectError

DECIDE: Final = "# DECIDE:"
_PLAIN: Final = re.compile(r"[A-Za-z_/][\w/.-]*|\d+")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off"})
_TYPES: Final[Mapping[tuple[str, str], str]] = {
    ("string", "date-time"): "datetime",
    ("string", "date"): "date",
    ("string", "byte"): "binary",
    ("string", ""): "text",
    ("integer", ""): "integer",
    ("number", ""): "decimal",
    ("boolean", ""): "boolean",
}
_REQUESTS: Final = re.compile(r"\{[^{}]+\}")


def propose(document: Document, name: str) -> str:
    """The text of systems/NAME.yaml. Raises `ProjectError` when no list of objects is in the document."""
    found = list(collections(document))
    if not found:
        raise ProjectError(
            f"{document.source}: no list of objects is described there: a GET whose answer is a list, with a POST "
            "beside it or a path for one object below it. Write the file by hand."
        )
    title = _text(document.root.get("info"), "title") or "an application"
    lines = [
        f"# {title}, as {document.source} describes it.",
        "# Decide what is marked DECIDE, remove what is not to be connected, then: muster check --connect",
        "connector: rest",
        "settings:",
        *_settings(document, name),
        "objects:",
    ]
    names: set[str] = set()
    for one in found:
        called = _called(one.path, names)
        names.add(called)
        lines += [f"  {called}:", *(f"    {line}" for line in _object(document, one))]
    return "\n".join(lines) + "\n"


# --- the application


def _settings(document: Document, name: str) -> list[str]:
    servers = document.root.get("servers")
    first = document.follow(servers[0]) if isinstance(servers, list) and servers else {}
    url = str(first.get("url") or "/")
    for variable, said in (first.get("variables") or {}).items():
        url = url.replace(f"{{{variable}}}", str(said.get("default", variable)))
    if urlsplit(document.source).scheme in ("http", "https"):
        url = urljoin(document.source, url)
    lines = []
    if not url.startswith(("http://", "https://")):
        lines.append(f"  {DECIDE} the document does not name the server.")
        url = "https://app.example" + url
    elif first.get("variables"):
        lines.append(f"  {DECIDE} is this your server? The document leaves parts of its address open.")
    return [*lines, f"  url: {scalar(url.rstrip('/'))}", *_login(document, name)]


def _login(document: Document, name: str) -> list[str]:
    components = document.follow(document.root.get("components"))
    schemes = [document.follow(one) for one in document.follow(components.get("securitySchemes")).values()]
    secret = f"'${{secret:{name}}}'"
    known = [line for one in schemes if (line := _scheme(document, one, secret)) is not None]
    if not known:
        return [f"  {DECIDE} how does Muster log in? The document does not say.", "  login: {kind: none}"]
    more = [f"  # or: {one}" for one in known[1:]]
    needs = f"  {DECIDE} the secret {name!r} must be set; it needs the right to list and to write."
    return [needs, f"  {known[0]}", *more]


def _scheme(document: Document, scheme: Node, secret: str) -> str | None:
    kind, how = scheme.get("type"), str(scheme.get("scheme", "")).lower()
    if kind == "http" and how == "bearer":
        return f"login: {{kind: bearer, token: {secret}}}"
    if kind == "http" and how == "basic":
        return f"login: {{kind: basic, user: muster, password: {secret}}}"
    if kind == "apiKey" and scheme.get("in") in ("header", "query"):
        return f"login: {{kind: {scheme['in']}, name: {scalar(scheme.get('name'))}, key: {secret}}}"
    flows = document.follow(scheme.get("flows"))
    flow = document.follow(flows.get("clientCredentials"))
    if kind == "oauth2" and flow.get("tokenUrl"):
        url = str(flow["tokenUrl"])
        if urlsplit(document.source).scheme in ("http", "https"):
            url = urljoin(document.source, url)
        scopes = " ".join(flow.get("scopes") or ())
        asked = f", scope: {scalar(scopes)}" if scopes else ""
        return f"login: {{kind: oauth2, token_url: {scalar(url)}, client_id: muster, client_secret: {secret}{asked}}}"
    return None


# --- one object type


def _object(document: Document, found: Found) -> list[str]:
    parameter = finding.parameter_of(found.one)
    single = document.answered(found.single.get("get", {}))[0] if found.single else {}
    sent = document.sent(found.item.get("post", {}))
    properties = {**document.properties(sent), **document.properties(found.record)}
    attributes, skipped = _attributes(document, properties, sent)
    plain = [name for name, said in attributes.items() if "at" not in said]
    anchor = finding.anchor(plain, parameter)
    lines = []
    if anchor is None:
        anchor = next(iter(attributes), "id")
        lines.append(f"{DECIDE} which attribute names an object for ever? Nothing looks like it.")
    lines.append(f"anchor: {scalar(anchor)}")
    creates = "post" in found.item
    if creates:
        wanted = finding.unique([name for name in plain if name != anchor])
        lines.append(f"{DECIDE} what finds an object again when its create was not answered?")
        lines.append(f"unique: [{scalar(wanted or next((name for name in plain if name != anchor), anchor))}]")
    lines.append("attributes:")
    for name, said in attributes.items():
        lines.append(f"  {scalar(name)}: {_flow(said)}")
    lines += [f"  # {scalar(name)}: left out, a list of objects or an object of objects" for name in skipped]
    lines += _switch(properties)
    lines += _read(document, found)
    lines += _operations(document, found, single)
    for name, path in found.lists.items():
        lines += [
            f"{DECIDE} is {path} a list of references, such as members? Then, with the attribute that names each:",
            "# members:",
            f"#   {name}: {{read: {{request: GET {_holed(path)}}}, value: id, add: …, remove: …}}",
        ]
    others = finding.others_of(found.path)
    if others:
        lines.append(f"{DECIDE} put a value for {', '.join(others)} into the paths.")
    return lines


def _attributes(
    document: Document, properties: Mapping[str, Node], sent: Node
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    required = set(sent.get("required") or ())
    writable = document.properties(sent)
    listed: dict[str, dict[str, Any]] = {}
    skipped: list[str] = []
    for name, schema in properties.items():
        kind = _type(document, schema)
        if kind is not None:
            said: dict[str, Any] = {"type": kind}
            if quoted(name) != name:
                said["at"] = quoted(name)
            if name in required:
                said["required"] = True
            if schema.get("readOnly") or (writable and name not in writable):
                said["writable"] = "never"
            listed[name] = said
            continue
        inner = document.properties(schema) if schema.get("type", "object") == "object" else {}
        deeper = {one: _type(document, each) for one, each in inner.items()}
        if not any(deeper.values()):
            skipped.append(name)
        for one, kind in deeper.items():
            if kind is not None:
                never = {"writable": "never"} if schema.get("readOnly") or inner[one].get("readOnly") else {}
                listed[f"{name}_{one}"] = {"type": kind, "at": f"{quoted(name)}.{quoted(one)}", **never}
    return listed, skipped


def _type(document: Document, schema: Node) -> Any:
    """The attribute's type, in brackets for many values; None for what is no value."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), None)
    if kind is None and ("enum" in schema or "const" in schema):
        kind = "string"
    if kind == "array":
        inner = _type(document, document.schema(schema.get("items")))
        return None if inner is None or isinstance(inner, list) else [inner]
    found = _TYPES.get((str(kind), str(schema.get("format", ""))))
    return found or _TYPES.get((str(kind), ""))


def _switch(properties: Mapping[str, Node]) -> list[str]:
    found = finding.switch(properties)
    if found is None:
        return [f"{DECIDE} which attribute says whether an account is switched on? enabled: NAME"]
    name, on, off = found
    if on is None:
        return [f"enabled: {scalar(name)}"]
    return [f"enabled: {{column: {scalar(name)}, 'on': {scalar(on)}, 'off': {scalar(off)}}}"]


def _read(document: Document, found: Found) -> list[str]:
    lines = ["read:", f"  request: GET {found.path}"]
    if found.items != "@":
        lines.append(f"  items: {scalar(found.items)}")
    pages = finding.paging(document, found)
    if pages is not None:
        lines.append(f"  paging: {_flow(pages)}")
    else:
        lines.append(f"  {DECIDE} has the list several pages? The document does not say. paging: {{by: …}}")
    asked = finding.since(document, found)
    if asked is not None:
        lines.append(f"  {DECIDE} does {asked} tell deletions, too? Then say where: deleted: PATH")
        lines.append(f"  changes: {{parameter: {scalar(asked)}}}")
    return lines


def _operations(document: Document, found: Found, single: Node) -> list[str]:
    lines: list[str] = []
    wrapped = _wrapped(document, single, found.record)
    if found.one is not None and "get" in found.single:
        lines.append(_request("get", "GET", found.one, wrapped))
    if "post" in found.item:
        answer = document.answered(found.item["post"])[0]
        lines.append(_request("create", "POST", found.path, _wrapped(document, answer, found.record)))
    method = next((one for one in ("patch", "put") if one in found.single), None)
    if found.one is not None and method is not None:
        lines.append(_request("update", method.upper(), found.one, wrapped))
        if method == "put":
            lines += [f"{DECIDE} is a PUT the whole record, as it should be?", "sends: whole"]
    if found.one is not None and "delete" in found.single:
        lines.append(_request("delete", "DELETE", found.one, "@"))
    return lines


def _request(operation: str, method: str, path: str, record: str) -> str:
    line = f"{method} {_holed(path)}"
    return f"{operation}: {line}" if record == "@" else f"{operation}: {{request: '{line}', record: {scalar(record)}}}"


def _holed(path: str) -> str:
    """The path with the parameter of the object as the hole of its anchor."""
    return _REQUESTS.sub("{anchor}", path)


def _wrapped(document: Document, answer: Node, record: Node) -> str:
    """Where the object is in the answer about one."""
    wanted = set(document.properties(record))
    listed = document.properties(answer)
    if not listed or len(set(listed) & wanted) * 2 >= len(wanted):
        return "@"
    for name, one in listed.items():
        if len(set(document.properties(one)) & wanted) * 2 >= len(wanted):
            return quoted(name)
    return "@"


# --- text


def _called(path: str, taken: set[str]) -> str:
    """A name for the objects of a path: its last part, of one of them."""
    parts = [part for part in path.split("/") if part and "{" not in part]
    last = re.sub(r"[^A-Za-z0-9_-]", "-", parts[-1] if parts else "object").lower()
    many = last.endswith("s") and not last.endswith("ss")
    name = f"{last[:-3]}y" if last.endswith("ies") else last[:-1] if many else last
    number, called = 2, name
    while called in taken:
        called, number = f"{name}-{number}", number + 1
    return called


def scalar(value: object) -> str:
    """A value as YAML has it."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS and not value.isdigit():
        return value
    return orjson.dumps(value).decode()


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        if set(value) == {"type"}:
            return _flow(value["type"])
        return "{" + ", ".join(f"{scalar(name)}: {_flow(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(one) for one in value) + "]"
    return scalar(value)


def _text(node: object, name: str) -> str:
    found = node.get(name) if isinstance(node, Mapping) else None
    return " ".join(str(found).split())[:100] if found else ""
