"""The pages that follow from the code can be made, and say what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from muster.expressions.dialects import DIALECTS
from muster.project.schemas import MODELS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "scripts" / "make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_function_of_every_dialect_stands_in_the_table(pages: ModuleType) -> None:
    text = pages.functions()
    for dialect in DIALECTS.values():
        for function in dialect.functions.values():
            assert f"| `{function.name}(" in text, function.name
    assert "NotImplemented" not in text
    assert "Stands where" not in text


def test_every_key_of_every_file_stands_in_its_table(pages: ModuleType) -> None:
    text = pages.project_folder()
    for model in MODELS.values():
        for name, field in model.model_fields.items():
            if name != "root":
                assert f"| `{field.alias or name}` |" in text, name


def test_every_page_of_a_connector_has_its_keys(pages: ModuleType) -> None:
    assert "| `list_separator` | text |" in pages.connector("flatfile")
    assert "| `refint` | true or false | `false` |" in pages.connector("ldap")


def test_options_show_every_verb(pages: ModuleType) -> None:
    text = pages.options()
    assert "--allow-deletes" in text
    assert "muster expression eval" in text
