"""JSON Schemas of the project's files, from the same models that validate them; editors complete from these."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from muster.model.errors import ProjectError
from muster.model.values import Attribute
from muster.project.catalogue import ConnectorModels
from muster.project.files.mapping import MappingFile
from muster.project.files.metaverse import MetaverseFile
from muster.project.files.project import ProjectFile
from muster.project.files.role import RoleFile
from muster.project.files.system import SystemFile
from muster.project.files.workflow import WorkflowFile
from muster.project.metaverse import BUILT_IN

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_FOLDER: Final = ".muster/schemas"

MODELS: Final[dict[str, type[BaseModel]]] = {
    "muster": ProjectFile,
    "system": SystemFile,
    "mapping": MappingFile,
    "metaverse": MetaverseFile,
    "role": RoleFile,
    "workflow": WorkflowFile,
}
"""Name of the schema → model of the file."""

FILES: Final[dict[str, str]] = {
    "muster": "muster.yaml",
    "system": "systems/*.yaml",
    "mapping": "mappings/*.yaml",
    "metaverse": "metaverse.yaml",
    "role": "roles/*.yaml",
    "workflow": "workflows/*.yaml",
}
"""Name of the schema → the files it is for."""

_SECRET: Final[dict[str, Any]] = {"type": "string", "pattern": r"\$\{secret:[^{}]+\}"}


MetaverseNames = Mapping[str, Mapping[str, Attribute]]
"""Type name → attribute name → attribute."""


class _Generator(GenerateJsonSchema):
    """A secret is a placeholder in a text; anything else that is no JSON is left open."""

    def is_instance_schema(self, schema: core_schema.IsInstanceSchema) -> JsonSchemaValue:
        return dict(_SECRET) if getattr(schema["cls"], "__name__", "") == "Secret" else {}

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        del schema, error_info
        return {}


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of one model, by the keys that files use."""
    found: dict[str, Any] = model.model_json_schema(by_alias=True, schema_generator=_Generator)
    return found


def schemas(connectors: ConnectorModels, metaverse: MetaverseNames = BUILT_IN) -> dict[str, dict[str, Any]]:
    """All schemas by name. A system's knows each connector's settings, a mapping's the names of the metaverse."""
    made = {name: {"$schema": DRAFT, **schema_of(model)} for name, model in MODELS.items()}
    made["system"] = _with_connectors(made["system"], connectors)
    made["mapping"] = _with_metaverse(made["mapping"], metaverse)
    return made


def write_schemas(folder: Path, connectors: ConnectorModels, metaverse: MetaverseNames = BUILT_IN) -> list[Path]:
    """Write them to `.muster/schemas/`; the paths that were written. Raises `ProjectError` where they cannot be."""
    target = folder / SCHEMA_FOLDER
    written: list[Path] = []
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, schema in schemas(connectors, metaverse).items():
            path = target / f"{name}.json"
            path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            written.append(path)
    except OSError as error:
        where = error.filename or target
        raise ProjectError(
            f"{where} cannot be written: {error.strerror}. Make room or grant the right, then: muster schema"
        ) from error
    return written


def editor_hint(file: str) -> str:
    """The first line by which an editor with the YAML language server finds the schema of a file."""
    depth = "../" * file.count("/")
    kind = next(name for name, pattern in FILES.items() if Path(file).match(pattern))
    return f"# yaml-language-server: $schema={depth}{SCHEMA_FOLDER}/{kind}.json"


def _with_connectors(system: dict[str, Any], connectors: ConnectorModels) -> dict[str, Any]:
    """The system schema, each connector's name deciding what `settings` and `objects` may hold."""
    names = sorted(connectors.names())
    definitions = dict(system.get("$defs", {}))
    branches: list[dict[str, Any]] = []
    for name in names:
        try:
            model = connectors.models(name)
        except ProjectError:
            continue  # a package that cannot be loaded: `muster check` says so where a system uses it
        parts = {}
        for part, part_model in (("settings", model.settings), ("objects", model.object_settings)):
            found = schema_of(part_model)
            inner = found.pop("$defs", {})
            prefix = f"{name}.{part}"
            definitions[prefix] = _renamed(found, prefix)
            definitions |= {f"{prefix}.{key}": _renamed(value, prefix) for key, value in inner.items()}
            parts[part] = {"$ref": f"#/$defs/{prefix}"}
        branches.append(
            {
                "if": {"properties": {"connector": {"const": name}}, "required": ["connector"]},
                "then": {
                    "properties": {
                        "settings": parts["settings"],
                        "objects": {"additionalProperties": {"anyOf": [parts["objects"], {"type": "null"}]}},
                    }
                },
            }
        )
    properties = {**system["properties"], "connector": {**system["properties"]["connector"], "enum": names}}
    return {**system, "$defs": definitions, "properties": properties, "allOf": branches}


def _with_metaverse(mapping: dict[str, Any], metaverse: MetaverseNames) -> dict[str, Any]:
    """The mapping schema, `identity` deciding which names an editor offers for flows and joins."""
    branches = [
        {
            "if": {"properties": {"identity": {"const": kind}}, "required": ["identity"]},
            "then": {
                "properties": {
                    "join": {"items": {"properties": {name: _described(known[name]) for name in sorted(known)}}},
                    "inbound": {
                        "properties": {
                            "flows": {
                                "properties": {
                                    name: {"$ref": "#/$defs/InboundFlowFile", **_described(known[name])}
                                    for name in sorted(known)
                                }
                            }
                        }
                    },
                }
            },
        }
        for kind, known in sorted(metaverse.items())
    ]
    identity = {**mapping["properties"]["identity"], "examples": sorted(metaverse)}
    return {**mapping, "properties": {**mapping["properties"], "identity": identity}, "allOf": branches}


def _described(attribute: Attribute) -> dict[str, Any]:
    kind = f"[{attribute.type}]" if attribute.many else str(attribute.type)
    return {"description": f"{kind}. {attribute.description}".strip(" .") + "."}


def _renamed(value: Any, prefix: str) -> Any:
    """The schema with its references pointing at the connector's own definitions."""
    if isinstance(value, dict):
        return {
            key: f"#/$defs/{prefix}.{item.removeprefix('#/$defs/')}"
            if key == "$ref" and isinstance(item, str)
            else _renamed(item, prefix)
            for key, item in value.items()
        }
    return [_renamed(item, prefix) for item in value] if isinstance(value, list) else value
