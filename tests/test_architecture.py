"""What import-linter and ruff cannot say about the layout; the layers themselves are in pyproject.toml."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "muster"


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", sorted(SOURCE.glob("model/**/*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_the_model_needs_nothing_but_the_standard_library(path: Path) -> None:
    foreign = [
        name
        for name in imported(ast.parse(path.read_text("utf-8")))
        if name.split(".")[0] not in sys.stdlib_module_names and name.split(".")[:2] != ["muster", "model"]
    ]
    assert not foreign, f"{path} imports {foreign}"


def test_every_locked_package_comes_from_the_package_index() -> None:
    packages = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))["package"]
    sources = {str(package["source"]) for package in packages if package["name"] != "muster"}
    assert len(sources) == 1, sources
    assert "'registry'" in sources.pop()


def test_every_dependency_has_its_line_in_the_decision() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    groups = [*project["dependency-groups"].values(), *project["project"]["optional-dependencies"].values()]
    wanted = [*project["project"]["dependencies"], *(item for group in groups for item in group)]
    page = (ROOT / "docs" / "decisions" / "0001-dependencies.md").read_text("utf-8").lower()
    names = [text.split(">")[0].split("[")[0] for text in wanted if isinstance(text, str)]
    assert [name for name in names if name.lower() not in page] == []
