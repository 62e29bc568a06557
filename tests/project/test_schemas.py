"""The JSON Schemas say what the loader says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from muster.model.errors import ProjectError
from muster.project.schemas import FILES, MODELS, editor_hint, schema_of, schemas, write_schemas
from muster.project.yamltree import parse, plain
from tests.project.jsonschema import problems
from tests.project.support import BASE, Connectors, load
from tests.project.test_forms import FORMS

EXAMPLES = Path(__file__).parent / "examples"
SCHEMAS = schemas(Connectors())


def kind_of(file: str) -> str:
    return next(kind for kind, pattern in FILES.items() if Path(file).match(pattern))


def read(text: str) -> Any:
    root = parse(text)
    assert root is not None
    return plain(root)


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.yaml")), ids=lambda path: path.name)
def test_every_example_fits_its_schema(path: Path) -> None:
    schema = SCHEMAS[kind_of(path.relative_to(EXAMPLES).as_posix())]
    assert list(problems(read(path.read_text()), schema, schema)) == []


@pytest.mark.parametrize("file", BASE)
def test_the_base_fits(file: str) -> None:
    schema = SCHEMAS[kind_of(file)]
    assert list(problems(read(BASE[file]), schema, schema)) == []


@pytest.mark.parametrize("files", [pytest.param(files, id=name) for name, files in FORMS])
def test_every_short_form_fits(files: dict[str, str]) -> None:
    for file, text in files.items():
        schema = SCHEMAS[kind_of(file)]
        assert list(problems(read(text), schema, schema)) == []


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("muster.yaml", "project:", "proyect:"),
        ("systems/hr.yaml", "flatfile", "flatfil"),
        ("systems/hr.yaml", "anchor:", "ancor:"),
        ("systems/app.yaml", "{url:", "{uri: x, url:"),
        ("mappings/hr-worker.yaml", "project: true", "project: yes"),
        ("mappings/hr-worker.yaml", "precedence: 10", "precedence: -1"),
        ("mappings/app-account.yaml", "'[givenName]'", "{value: '[givenName]', enforce: Once}"),
        ("mappings/app-account.yaml", "'[givenName]'", "[givenName]"),
        ("mappings/app-account.yaml", "'[active]'", "'[active]'\n  deprovision: disabel"),
    ],
)
def test_what_the_loader_refuses_the_schema_refuses(tmp_path: Path, file: str, old: str, new: str) -> None:
    text = BASE[file].replace(old, new)
    assert text != BASE[file]
    schema = SCHEMAS[kind_of(file)]
    assert list(problems(read(text), schema, schema))
    assert load(tmp_path, {file: text}).project is None


def test_the_files_are_written_and_are_json(tmp_path: Path) -> None:
    written = write_schemas(tmp_path, Connectors())
    assert sorted(path.name for path in written) == [
        "mapping.json", "metaverse.json", "muster.json", "role.json", "system.json", "workflow.json",
    ]  # fmt: skip
    for path in written:
        assert path.parent == tmp_path / ".muster/schemas"
        schema = json.loads(path.read_text())
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_a_place_where_they_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / ".muster").write_text("no folder")
    with pytest.raises(ProjectError, match=r"/\.muster/schemas cannot be written: Not a directory\. "):
        write_schemas(tmp_path, Connectors())


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_every_key_has_a_help_line(model: type[BaseModel]) -> None:
    known = [schema_of(model), *schema_of(model).get("$defs", {}).values()]
    options = [option for definition in known for option in definition.get("anyOf", [])]
    for schema in [*known, *options]:
        for name, inner in schema.get("properties", {}).items():
            assert inner.get("description"), name


def test_an_editor_is_offered_the_names_of_the_identity_type() -> None:
    offered = {
        branch["if"]["properties"]["identity"]["const"]: branch["then"]["properties"]["inbound"]["properties"]["flows"]
        for branch in SCHEMAS["mapping"]["allOf"]
    }
    assert offered["person"]["properties"]["displayName"] == {
        "$ref": "#/$defs/InboundFlowFile",
        "description": "text.",
    }
    assert offered["group"]["properties"]["members"]["description"] == (
        "[reference]. Direct members; memberOf is the reverse."
    )


def test_the_hint_for_editors() -> None:
    assert editor_hint("muster.yaml") == "# yaml-language-server: $schema=.muster/schemas/muster.json"
    assert editor_hint("systems/hr.yaml") == "# yaml-language-server: $schema=../.muster/schemas/system.json"
