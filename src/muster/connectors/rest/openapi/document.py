"""An OpenAPI 3 document (spec.openapis.org/oas/v3.1.1): its operations and schemas, references followed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import orjson
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from muster.model.errors import ProjectError

Node: TypeAlias = Mapping[str, Any]

_PATH: Final = re.compile(r"/[\w{}/.~:@!$&()*+,;=%-]*")
_DEEP: Final = 40
"""So many references in a row are a circle."""


@dataclass(frozen=True, slots=True)
class Document:
    """The document, and where it came from."""

    root: Node
    source: str

    def follow(self, node: object) -> Node:
        """The node, or what it refers to inside the document; empty where there is nothing."""
        for _ in range(_DEEP):
            if not isinstance(node, Mapping):
                return {}
            reference = node.get("$ref")
            if not isinstance(reference, str):
                return node
            node = self._at(reference)
        return {}

    def schema(self, node: object, depth: int = 0) -> Node:
        """A schema with the parts of its `allOf` put together."""
        found = self.follow(node)
        parts = found.get("allOf")
        if not isinstance(parts, list) or depth > _DEEP:
            return found
        merged: dict[str, Any] = {name: value for name, value in found.items() if name != "allOf"}
        properties: dict[str, Any] = dict(_mapping(found.get("properties")))
        required: list[Any] = list(found.get("required") or ())
        for part in parts:
            inner = self.schema(part, depth + 1)
            properties = {**_mapping(inner.get("properties")), **properties}
            required += inner.get("required") or ()
            merged = {**inner, **merged}
        return {**merged, "properties": properties, "required": required}

    def properties(self, schema: object) -> dict[str, Node]:
        """The properties of an object's schema, each with its own."""
        listed = _mapping(self.schema(schema).get("properties"))
        return {str(name): self.schema(one) for name, one in listed.items()}

    def answered(self, operation: Node) -> tuple[Node, Node]:
        """The schema of a successful JSON answer, and its headers."""
        responses = _mapping(operation.get("responses"))
        by_status = {str(status): one for status, one in responses.items()}
        for status in ("200", "201", "2XX", "default"):
            found = self.follow(by_status.get(status))
            if found:
                return self.json(found), _mapping(found.get("headers"))
        return {}, {}

    def sent(self, operation: Node) -> Node:
        """The schema of a JSON body."""
        return self.json(self.follow(operation.get("requestBody")))

    def json(self, holder: Node) -> Node:
        """The schema of the JSON among the media types of a body."""
        for kind, media in _mapping(holder.get("content")).items():
            if "json" in str(kind).lower():
                return self.schema(_mapping(media).get("schema"))
        return {}

    def paths(self) -> Iterator[tuple[str, Node]]:
        """Each path with what can be done there."""
        for path, item in _mapping(self.root.get("paths")).items():
            if _PATH.fullmatch(str(path)):
                yield path, self.follow(item)

    def parameters(self, item: Node, method: str) -> dict[str, Node]:
        """The query parameters of one operation, by name."""
        operation = _mapping(item.get(method))
        both = [*(item.get("parameters") or ()), *(operation.get("parameters") or ())]
        found = [self.follow(one) for one in both]
        return {str(one.get("name")): one for one in found if one.get("in") == "query"}

    def _at(self, reference: str) -> object:
        if not reference.startswith("#/"):
            return None
        node: object = self.root
        for step in reference[2:].split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            node = node.get(name) if isinstance(node, Mapping) else None
        return node


def _mapping(node: object) -> Node:
    return node if isinstance(node, Mapping) else {}


def document(text: bytes, source: str) -> Document:
    """The document of a JSON or YAML text. Raises `ProjectError` for what is none of version 3."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            found = YAML(typ="safe", pure=True).load(text.decode("utf-8"))
        except (YAMLError, UnicodeDecodeError) as error:
            said = " ".join(str(error).split())[:200]
            raise ProjectError(f"{source} is neither JSON nor YAML: {said}") from None
    version = str(found.get("openapi", "")) if isinstance(found, Mapping) else ""
    if isinstance(found, Mapping) and version.startswith("3"):
        return Document(found, source)
    if isinstance(found, Mapping) and "swagger" in found:
        raise ProjectError(
            f"{source} is Swagger {found['swagger']}, expected OpenAPI 3. Convert it first (converter.swagger.io)."
        )
    raise ProjectError(f"{source} is no OpenAPI document: it has no key `openapi`. Give the JSON or YAML file itself.")
